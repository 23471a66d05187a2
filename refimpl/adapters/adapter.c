// sorting.swap in C: answers JSON lines, one request a line. Put your own functions where it says YOURS.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
enum { MOST = 4096 };  // numbers in an array
typedef struct { int n; char shape[64]; union { double x[MOST]; uint64_t bits[MOST]; }; } Array;
static Array a, b, beta, lo, hi, glo, ghi;

// YOURS: one entry of the value; its gradients from the cotangents glo and ghi, which replace a and b, and add to gbeta.
static void swap(double a, double b, double beta, double *lo, double *hi) {
    double p = 1 / (1 + exp(beta * (a - b)));
    *lo = p * a + (1 - p) * b, *hi = (1 - p) * a + p * b;
}
static void swap_pullback(double *a, double *b, double beta, double *gbeta, double glo, double ghi) {
    double p = 1 / (1 + exp(beta * (*a - *b))), q = p * (1 - p) * (glo - ghi) * (*a - *b);
    *gbeta += (*b - *a) * q;
    *a = p * glo + (1 - p) * ghi - beta * q;
    *b = (1 - p) * glo + p * ghi + beta * q;
}

static const char *find(const char *s, const char *key, char begin) {  // what follows key: begin, blanks aside
    while (s && (s = strstr(s, key)) && (s += strlen(key) + strspn(s + strlen(key), ": ")))
        if (*s == begin) return s + 1;
    return NULL;
}
static const char *get(const char *s, Array *to) {  // {"dtype": "f64", "shape": [2], "hex": "..."}; returns what follows
    const char *shape = find(s, "\"shape\"", '['), *hex = find(s, "\"hex\"", '"');
    if (!shape || !hex || snprintf(to->shape, 64, "[%.*s]", (int)strcspn(shape, "]"), shape) > 63) return NULL;
    if ((to->n = (int)strcspn(hex, "\"") / 16) > MOST) return NULL;  // 16 hexadecimal digits a number
    for (int i = 0; i < to->n; i++, hex += 16) to->bits[i] = strtoumax(memcpy((char[17]){0}, hex, 16), NULL, 16);
    return hex;
}
static void put(const char *before, const Array *y, const char *after) {
    printf("%s{\"dtype\": \"f64\", \"shape\": %s, \"hex\": \"", before, y->shape);
    for (int i = 0; i < y->n; i++) printf("%016" PRIx64, y->bits[i]);
    printf("\"}%s", after);
}
int main(void) {
    char *line = NULL;
    for (size_t room = 0, id; getline(&line, &room, stdin) > 0; fflush(stdout)) {
        const char *cdf = find(line, "\"cdf\"", '"'), *g = find(line, "\"cotangents\"", '['), *at = strstr(line, "\"id\"");
        if (!at || sscanf(at, "\"id\" : %zu", &id) != 1) {  // the handshake: {"hello": true, "protocol": 1}
            puts("{\"protocol\": 1, \"name\": \"adapter.c\", \"ops\": [\"sorting.swap\"], \"dtypes\": [\"f64\"]}");
        } else if (!cdf || strncmp(cdf, "logistic\"", 9) || !get(find(line, "\"a\"", '{'), &a) ||
                   !get(find(line, "\"b\"", '{'), &b) || !get(find(line, "\"beta\"", '{'), &beta) || beta.n != 1 ||
                   (g && !get(get(g, &glo), &ghi)) || strcmp(a.shape, b.shape)) {
            printf("{\"id\": %zu, \"skip\": \"logistic only, a and b of one shape, one beta, n <= %d\"}\n", id, MOST);
        } else {
            double gbeta = 0;
            lo = hi = a;
            for (int i = 0; i < a.n; i++) swap(a.x[i], b.x[i], beta.x[0], &lo.x[i], &hi.x[i]);
            for (int i = 0; g && i < a.n; i++) swap_pullback(&a.x[i], &b.x[i], beta.x[0], &gbeta, glo.x[i], ghi.x[i]);
            printf("{\"id\": %zu, ", id), put("\"outputs\": [", &lo, ", "), put("", &hi, "]");
            beta.x[0] = gbeta;
            if (g) put(", \"grads\": {\"a\": ", &a, ", \"b\": "), put("", &b, ", \"beta\": "), put("", &beta, "}");
            puts("}");
        }
    }
}
