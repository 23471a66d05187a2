/* Golden vectors without a JSON library. Prints every number as "op id field index hex", after decoding it.
   cc -O2 read.c -o read && ./read refimpl/vectors/sorting.swap.json ...
   A file is a JSON array, the header on its first line, then one case a line; an array in it is {"dtype","hex","shape"}. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The k-th number in "hex": sixteen digits are the bits of a double, eight those of a float. */
static double number(const char *hex, int digits, int k) {
    char text[17] = {0};
    memcpy(text, hex + k * digits, digits);
    uint64_t bits = strtoull(text, NULL, 16); uint32_t half = (uint32_t)bits;
    double wide; float single;
    memcpy(&wide, &bits, 8);
    memcpy(&single, &half, 4);
    return digits == 16 ? wide : single;
}

static void show(double x, int digits) {
    float single = (float)x; uint32_t half; uint64_t bits;
    memcpy(&half, &single, 4);
    memcpy(&bits, &x, 8);
    if (digits == 16) printf("%016" PRIx64 "\n", bits); else printf("%08" PRIx32 "\n", half);
}

static void read_case(const char *op, const char *line) {
    int id = atoi(strstr(line, "\"id\":") + 5), depth = 0, item[16] = {0}, digits = 16;
    char key[16][64] = {{0}};
    for (const char *p = line; *p; p++) {
        if (*p == '{' || *p == '[') { depth++; item[depth] = 0; key[depth][0] = 0; }
        else if (*p == '}' || *p == ']') depth--;
        else if (*p == ',') item[depth]++;
        if (*p != '"') continue;
        const char *start = ++p;
        while (*p != '"') p += *p == '\\' ? 2 : 1;
        int size = (int)(p - start);
        if (p[1] == ':') { snprintf(key[depth], 64, "%.*s", size, start); continue; }
        if (depth == 3 && !strcmp(key[3], "dtype")) digits = strncmp(start, "f32", 3) ? 16 : 8;
        if (depth != 3 || strcmp(key[3], "hex")) continue;
        for (int k = 0; k < size / digits; k++) {
            if (key[2][0]) printf("%s %d %s.%s %d ", op, id, key[1], key[2], k);
            else printf("%s %d %s.%d %d ", op, id, key[1], item[2], k);
            show(number(start, digits, k), digits);
        }
    }
}

int main(int count, char **files) {
    char *line = NULL, op[64] = ""; size_t room = 0;
    for (int k = 1; k < count; k++) {
        FILE *file = fopen(files[k], "r");
        if (!file) { perror(files[k]); return 2; }
        while (getline(&line, &room, file) > 0)
            if (line[0] == '[') sscanf(strstr(line, "\"op\":\"") + 6, "%63[^\"]", op);
            else if (line[0] == '{') read_case(op, line);
        fclose(file);
    }
}
