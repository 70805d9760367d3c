//! JSON answers in a form that can be compared.

/// Members whose values depend on the clock or the machine, and why.
const LEFT_OUT: [(&str, &str); 5] = [
    ("age_ms", "wall clock minus stream time"),
    ("uptime_seconds", "wall clock"),
    ("checkpoint_age_seconds", "wall clock"),
    ("loaded", "wall clock"),
    ("digest", "of ports and paths too"),
];

/// Lays JSON out with a value a line, keeping the order and the text of every token. Values that
/// depend on the clock become `~`.
pub(super) fn laid_out(json: &str) -> String {
    let mut out = String::new();
    let mut depth = 0;
    let mut rest = json.trim_end();
    while let Some(character) = rest.chars().next() {
        let end = if character == '"' { end_of_text(rest) } else { character.len_utf8() };
        let (token, after) = rest.split_at(end);
        rest = after;
        match token {
            "{" | "[" if rest.starts_with(['}', ']']) => {
                out.push_str(token);
                out.push_str(&rest[..1]);
                rest = &rest[1..];
            }
            "{" | "[" => {
                depth += 1;
                out.push_str(token);
                new_line(&mut out, depth);
            }
            "}" | "]" => {
                depth -= 1;
                new_line(&mut out, depth);
                out.push_str(token);
            }
            "," => {
                out.push_str(token);
                new_line(&mut out, depth);
            }
            _ => {
                out.push_str(token);
                let is_left_out = LEFT_OUT.iter().any(|(name, _)| token == format!("\"{name}\""));
                if is_left_out && let Some(value) = rest.strip_prefix(':') {
                    out.push_str(":~");
                    rest = &value[value.find([',', '}']).expect("a value has an end")..];
                }
            }
        }
    }
    out.push('\n');
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.push_str(&" ".repeat(depth));
}

/// Returns the length in bytes of the text with quotes at the front of `rest`.
fn end_of_text(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            '"' if !is_escaped => return at + 1,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    rest.len()
}

#[test]
fn laid_out_keeps_tokens_and_leaves_out_ages() {
    let json = r#"{"b":{"x":1.50,"e":[]},"age_ms":-17,"a":["q,\"",null]}"#;
    let expected = "{\n \"b\":{\n  \"x\":1.50,\n  \"e\":[]\n },\n \"age_ms\":~,\n \"a\":[\n  \"q,\\\"\",\n  null\n ]\n}\n";
    assert_eq!(laid_out(json), expected);
}
