// sorting.swap in Rust: answers JSON lines, one request a line. Put your own functions where it says YOURS.
use std::io::{self, BufRead, Write};
const HELLO: &str = r#"{"protocol": 1, "name": "adapter.rs", "ops": ["sorting.swap"], "dtypes": ["f64"]}"#;
#[rustfmt::skip]
struct Array { shape: String, x: Vec<f64> } // the shape as it came, for example [2, 3]

// YOURS: one entry of the value, and of the gradients of a, b, beta from the cotangents of the outputs.
fn swap(a: f64, b: f64, beta: f64) -> (f64, f64) {
    let p = 1.0 / (1.0 + (beta * (a - b)).exp());
    (p * a + (1.0 - p) * b, (1.0 - p) * a + p * b)
}
fn swap_pullback(a: f64, b: f64, beta: f64, glo: f64, ghi: f64) -> (f64, f64, f64) {
    let p = 1.0 / (1.0 + (beta * (a - b)).exp());
    let q = p * (1.0 - p) * (glo - ghi) * (a - b);
    (p * glo + (1.0 - p) * ghi - beta * q, (1.0 - p) * glo + p * ghi + beta * q, (b - a) * q)
}

// What follows `"key": begin`, blanks aside.
fn find<'a>(text: &'a str, key: &str, begin: &str) -> Option<&'a str> {
    let key = format!("\"{key}\"");
    text.match_indices(&key).find_map(|(at, _)| text[at + key.len()..].trim_start_matches([':', ' ']).strip_prefix(begin))
}
// {"dtype": "f64", "shape": [2], "hex": "..."}, 16 hexadecimal digits a number; and what follows.
fn array(text: &str) -> Option<(Array, &str)> {
    let shape = format!("[{}]", find(text, "shape", "[")?.split(']').next()?);
    let (hex, rest) = find(text, "hex", "\"")?.split_once('"')?;
    let number = |i| u64::from_str_radix(hex.get(16 * i..16 * i + 16)?, 16).ok().map(f64::from_bits);
    Some((Array { shape, x: (0..hex.len() / 16).map(number).collect::<Option<_>>()? }, rest))
}
fn shown(shape: &str, x: impl Iterator<Item = f64>) -> String {
    let hex: String = x.map(|number| format!("{:016x}", number.to_bits())).collect();
    format!("{{\"dtype\": \"f64\", \"shape\": {shape}, \"hex\": \"{hex}\"}}")
}
fn answer(line: &str) -> Option<String> {
    let (a, _) = array(find(line, "a", "{")?)?;
    let (b, _) = array(find(line, "b", "{")?)?;
    let (beta, _) = array(find(line, "beta", "{")?)?;
    if !find(line, "cdf", "\"")?.starts_with("logistic\"") || a.shape != b.shape || beta.shape != "[]" {
        return None;
    }
    let y: Vec<_> = a.x.iter().zip(&b.x).map(|(&a, &b)| swap(a, b, beta.x[0])).collect();
    let (lo, hi) = (shown(&a.shape, y.iter().map(|y| y.0)), shown(&a.shape, y.iter().map(|y| y.1)));
    let Some(cotangents) = find(line, "cotangents", "[") else { return Some(format!("\"outputs\": [{lo}, {hi}]")) };
    let (glo, rest) = array(cotangents)?;
    let (ghi, _) = array(rest)?;
    let g: Vec<_> = (0..a.x.len()).map(|i| swap_pullback(a.x[i], b.x[i], beta.x[0], glo.x[i], ghi.x[i])).collect();
    let (ga, gb) = (shown(&a.shape, g.iter().map(|g| g.0)), shown(&a.shape, g.iter().map(|g| g.1)));
    let gbeta = shown("[]", std::iter::once(g.iter().map(|g| g.2).sum()));
    Some(format!("\"outputs\": [{lo}, {hi}], \"grads\": {{\"a\": {ga}, \"b\": {gb}, \"beta\": {gbeta}}}"))
}
fn main() {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let skip = || "\"skip\": \"logistic only, a and b of one shape, one beta\"".to_string();
        match find(&line, "id", "").map(|rest| rest.split([',', '}']).next().unwrap_or("0")) {
            Some(id) => println!("{{\"id\": {id}, {}}}", answer(&line).unwrap_or_else(skip)),
            None => println!("{HELLO}"),
        }
        io::stdout().flush().unwrap();
    }
}
