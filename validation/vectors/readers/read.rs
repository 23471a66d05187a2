// Golden vectors without a JSON crate. Prints every number as "op id field index hex", after decoding it.
// rustc -O read.rs && ./read refimpl/vectors/sorting.swap.json ...
// A file is a JSON array, the header on its first line, then one case a line; an array in it is {"dtype","hex","shape"}.

/// What follows `name` in a line, up to the next of `,"}`.
fn after<'a>(line: &'a str, name: &str) -> &'a str {
    let rest = &line[line.find(name).expect("a canonical line") + name.len()..];
    &rest[..rest.find(|c| ",\"}".contains(c)).unwrap_or(rest.len())]
}

/// The bits of a number, by way of the number itself.
fn shown(hex: &str) -> String {
    if hex.len() == 16 {
        let x = f64::from_bits(u64::from_str_radix(hex, 16).expect("hexadecimal digits"));
        format!("{:016x}", x.to_bits())
    } else {
        let x = f32::from_bits(u32::from_str_radix(hex, 16).expect("hexadecimal digits"));
        format!("{:08x}", x.to_bits())
    }
}

fn read_case(op: &str, line: &str) {
    let id = after(line, "\"id\":");
    let (mut keys, mut items, mut digits) = (vec![""], vec![0], 16);
    let (bytes, mut at) = (line.as_bytes(), 0);
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => { keys.push(""); items.push(0); }
            b'}' | b']' => { keys.pop(); items.pop(); }
            b',' => *items.last_mut().unwrap() += 1,
            b'"' => {
                let start = at + 1;
                at = start;
                while bytes[at] != b'"' { at += if bytes[at] == b'\\' { 2 } else { 1 }; }
                let text = &line[start..at];
                let depth = keys.len() - 1;
                if bytes[at + 1] == b':' { keys[depth] = text; }
                else if depth == 3 && keys[3] == "dtype" { digits = if text == "f32" { 8 } else { 16 }; }
                else if depth == 3 && keys[3] == "hex" {
                    let name = if keys[2].is_empty() { items[2].to_string() } else { keys[2].to_string() };
                    for k in 0..text.len() / digits {
                        println!("{op} {id} {}.{name} {k} {}", keys[1], shown(&text[k * digits..(k + 1) * digits]));
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
}

fn main() {
    for file in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&file).unwrap_or_else(|why| panic!("{}: {}", file, why));
        let op = after(&text, "\"op\":\"");
        text.lines().filter(|line| line.starts_with('{')).for_each(|line| read_case(op, line));
    }
}
