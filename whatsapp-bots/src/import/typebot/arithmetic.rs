//! The values of `Set variable`: constants, texts with variables, and sums; anything else is code.
use super::texts::Variables;
use crate::import::draft::quoted;

/// How deep parentheses may be.
const DEPTH: usize = 32;

/// A sum as an expression of ours; `None` when it is something else, or has no variable in it.
pub(super) fn arithmetic(source: &str, variables: &Variables) -> Option<String> {
    if !source.contains("{{") || source.len() > 2_000 {
        return None;
    }
    let mut reader = Reader { rest: source, variables, operators: 0 };
    let value = reader.sum(0)?;
    (reader.rest.trim().is_empty() && reader.operators > 0).then_some(value)
}

struct Reader<'s> {
    rest: &'s str,
    variables: &'s Variables,
    operators: usize,
}

impl<'s> Reader<'s> {
    fn sum(&mut self, depth: usize) -> Option<String> {
        let mut left = self.product(depth)?;
        while let Some(operator) = self.one_of(&['+', '-']) {
            let right = self.product(depth)?;
            left = format!("{left} {operator} {right}");
        }
        Some(left)
    }

    fn product(&mut self, depth: usize) -> Option<String> {
        let mut left = self.value(depth)?;
        while let Some(operator) = self.one_of(&['*', '/', '%']) {
            let right = self.value(depth)?;
            // Our expressions have no `*`, which repeats texts there.
            left = match operator {
                '*' => format!("({left} | times({right}))"),
                _ => format!("({left} {operator} {right})"),
            };
        }
        Some(left)
    }

    fn value(&mut self, depth: usize) -> Option<String> {
        self.rest = self.rest.trim_start();
        if let Some(after) = self.rest.strip_prefix("{{") {
            let (name, rest) = after.split_once("}}")?;
            self.rest = rest;
            let name = self.variables.named(name)?;
            // Without a value it counts as 0, and a text that is a number counts as one, as they did.
            return Some(format!("({name} | default(0) | number)"));
        }
        if let Some(after) = self.rest.strip_prefix('(') {
            if depth == DEPTH {
                return None;
            }
            self.rest = after;
            let inside = self.sum(depth + 1)?;
            self.rest = self.rest.trim_start().strip_prefix(')')?;
            return Some(format!("({inside})"));
        }
        let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        number.parse::<serde_json::Number>().ok()?;
        self.rest = rest;
        Some(number.to_owned())
    }

    fn one_of(&mut self, operators: &[char]) -> Option<char> {
        self.rest = self.rest.trim_start();
        let first = self.rest.chars().next().filter(|c| operators.contains(c))?;
        self.rest = &self.rest[first.len_utf8()..];
        self.operators += 1;
        Some(first)
    }
}

/// A text with variables as one expression: that of the variable alone keeps its type.
pub(super) fn joined(source: &str, variables: &Variables) -> String {
    let mut parts = Vec::new();
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, behind)) = after.split_once("}}") else { break };
        if !before.is_empty() {
            parts.push(quoted(before));
        }
        parts.extend(variables.named(name).map(str::to_owned));
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(quoted(rest));
    }
    if parts.is_empty() { "''".to_owned() } else { parts.join(" ~ ") }
}

/// Is it program code rather than a text? Signs that texts do not have.
pub(super) fn is_code(source: &str) -> bool {
    const SIGNS: [&str; 19] = [
        "=>",
        "return ",
        "function",
        "const ",
        "let ",
        "new ",
        "JSON.",
        "Math.",
        "await ",
        "typeof ",
        "Number(",
        "String(",
        "parseInt(",
        "parseFloat(",
        ".map(",
        ".length",
        ".split(",
        ".replace(",
        " ? ",
    ];
    let outside = without_placeholders(source);
    SIGNS.iter().any(|sign| outside.contains(sign)) && outside.contains(['(', '.', '=', ';', ':', '{'])
        || outside.lines().any(|line| line.trim_end().ends_with(';'))
}

fn without_placeholders(source: &str) -> String {
    let mut out = String::new();
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        rest = after.split_once("}}").map_or("", |(_, behind)| behind);
    }
    out.push_str(rest);
    out
}

/// Without the quotes around the whole of it.
pub(super) fn unquoted(source: &str) -> &str {
    for quote in ['"', '\'', '`'] {
        let inside = source.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        if let Some(inside) = inside.filter(|inside| !inside.contains(quote)) {
            return inside;
        }
    }
    source
}
