//! Texts with `@path` and `@( … )`, as our templates.
use super::{
    Import, functions,
    paths::{Path, ROOTS, first_word},
};
use crate::import::{
    Code,
    draft::{literal, quoted},
};

/// Bytes of one expression.
const LONGEST: usize = 2_000;
/// How deep an expression may be.
const DEPTH: usize = 32;

/// Marks a value that is to be JSON.
pub(super) const JSON: &str = " | json";

/// A part of a text.
enum Piece {
    Literal(String),
    /// An expression of ours; none where theirs was not understood.
    Expression(Option<String>),
}

impl<'j> Import<'j> {
    /// A text as a template of ours.
    pub(super) fn template(&mut self, source: &str, path: &str, node: &str) -> String {
        let mut out = String::new();
        for piece in self.pieces(source, path, node) {
            match piece {
                Piece::Literal(text) => literal(&text, &mut out),
                Piece::Expression(Some(expression)) => {
                    let shown = self.without_json(expression, path, node);
                    out.push_str(&shown.map(|shown| format!("{{{{ {shown} }}}}")).unwrap_or_default());
                }
                Piece::Expression(None) => {}
            }
        }
        out
    }

    /// Our templates have no `json`; a list or an object is shown as JSON in any case.
    fn without_json(&mut self, expression: String, path: &str, node: &str) -> Option<String> {
        if !expression.contains(JSON) {
            return Some(expression);
        }
        match expression.strip_suffix(JSON).filter(|value| !value.contains(JSON)) {
            Some(value) => {
                self.draft.note(Code::I201, path, node, "a value stands here as a text, not as JSON");
                Some(value.to_owned())
            }
            None => {
                let why = "`json` within an expression was not understood; nothing stands in its place";
                self.draft.note(Code::I103, path, node, why);
                None
            }
        }
    }

    /// JSON as a text, with placeholders in quotes where values stand, and with `none` for what was not understood.
    pub(super) fn json_template(&mut self, source: &str, none: &str, path: &str, node: &str) -> String {
        let mut out = String::new();
        for piece in self.pieces(source, path, node) {
            match piece {
                Piece::Literal(text) => out.push_str(&text),
                // Within quotes it is a part of a text; `json` stands where a value does.
                Piece::Expression(Some(expression)) => match expression.strip_suffix(JSON) {
                    Some(value) => out.push_str(&format!("\"{{{{ {value} }}}}\"")),
                    None => out.push_str(&format!("{{{{ {expression} }}}}")),
                },
                Piece::Expression(None) => out.push_str(none),
            }
        }
        out
    }

    /// An expression of ours for a text that is one expression of theirs and nothing else.
    pub(super) fn operand(&mut self, source: &str, path: &str, node: &str) -> Option<String> {
        match &mut self.pieces(source, path, node)[..] {
            [Piece::Expression(expression)] => {
                expression.take().filter(|expression| !expression.contains(JSON))
            }
            [Piece::Literal(text)] => Some(quoted(text)),
            _ => None,
        }
    }

    fn pieces(&mut self, source: &str, path: &str, node: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = source;
        while let Some((before, after)) = rest.split_once('@') {
            text.push_str(before);
            if let Some(behind) = after.strip_prefix('@') {
                text.push('@');
                rest = behind;
                continue;
            }
            let found = match after.strip_prefix('(') {
                Some(inside) => closing(inside).map(|end| (&inside[..end], &inside[end + 1..])),
                None => simple(after),
            };
            let Some((inside, behind)) = found else {
                text.push('@');
                rest = after;
                if after.starts_with('(') {
                    // It is never closed, and nor is what is in it.
                    break;
                }
                continue;
            };
            if !text.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut text)));
            }
            pieces.push(Piece::Expression(self.expression(inside, path, node)));
            rest = behind;
        }
        text.push_str(rest);
        if !text.is_empty() {
            pieces.push(Piece::Literal(text));
        }
        pieces
    }

    fn expression(&mut self, source: &str, path: &str, node: &str) -> Option<String> {
        let mut reader = Reader { rest: source, import: self, about: None };
        let value = if source.len() > LONGEST { None } else { reader.comparison(0) };
        let value = value.filter(|_| reader.rest.trim().is_empty());
        let about = reader.about;
        if value.is_none() {
            let why = "an expression was not understood; nothing stands in its place";
            self.draft.note(Code::I103, path, node, why);
        } else if let Some(why) = about {
            self.draft.note(Code::I201, path, node, why);
        }
        value
    }
}

/// An operand that is read as a number: what people wrote is a text.
fn as_number(value: &str) -> String {
    let is_number = value.parse::<serde_json::Number>().is_ok();
    if is_number { value.to_owned() } else { format!("({value} | number)") }
}

fn is_constant(value: &str) -> bool {
    matches!(value, "none" | "true" | "false")
}

/// An operand that is read as a text.
fn as_text(value: &str) -> String {
    if value.starts_with('\'') { value.to_owned() } else { format!("({value} ~ '')") }
}

/// Where the parenthesis closes that is open before the text.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut is_quoted) = (0_usize, false);
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'(' if !is_quoted => depth += 1,
            b')' if !is_quoted && depth == 0 => return Some(place),
            b')' if !is_quoted => depth -= 1,
            _ => {}
        }
    }
    None
}

/// A path at the start of a text, and what is behind it.
fn simple(text: &str) -> Option<(&str, &str)> {
    let root = first_word(text);
    if !ROOTS.contains(&root.to_ascii_lowercase().as_str()) {
        return None;
    }
    let mut end = root.len();
    while let Some(key) = text[end..].strip_prefix('.').map(first_word).filter(|key| !key.is_empty()) {
        end += 1 + key.len();
    }
    Some(text.split_at(end))
}

struct Reader<'s, 'i, 'j> {
    rest: &'s str,
    import: &'i mut Import<'j>,
    about: Option<&'static str>,
}

impl Reader<'_, '_, '_> {
    fn comparison(&mut self, depth: usize) -> Option<String> {
        let mut left = self.joined(depth)?;
        while let Some(operator) = self.one_of(&[
            ("<>", "!="),
            ("!=", "!="),
            ("<=", "<="),
            (">=", ">="),
            ("=", "=="),
            ("<", "<"),
            (">", ">"),
        ]) {
            let right = self.joined(depth)?;
            left = match operator {
                // They compare these as texts, and the others as numbers.
                "==" | "!=" if is_constant(&left) || is_constant(&right) => {
                    format!("({left} {operator} {right})")
                }
                "==" | "!=" => format!("({} {operator} {})", as_text(&left), as_text(&right)),
                _ => format!("({} {operator} {})", as_number(&left), as_number(&right)),
            };
        }
        Some(left)
    }

    fn joined(&mut self, depth: usize) -> Option<String> {
        let mut left = self.sum(depth)?;
        while self.one_of(&[("&", "~")]).is_some() {
            left = format!("({left} ~ {})", self.sum(depth)?);
        }
        Some(left)
    }

    fn sum(&mut self, depth: usize) -> Option<String> {
        let mut left = self.product(depth)?;
        while let Some(operator) = self.one_of(&[("+", "+"), ("-", "-")]) {
            let right = self.product(depth)?;
            left = format!("({} {operator} {})", as_number(&left), as_number(&right));
        }
        Some(left)
    }

    fn product(&mut self, depth: usize) -> Option<String> {
        let mut left = self.value(depth)?;
        while let Some(operator) = self.one_of(&[("*", "*"), ("/", "/")]) {
            let right = self.value(depth)?;
            left = match operator {
                "*" => format!("({} | times({}))", as_number(&left), as_number(&right)),
                _ => format!("({} / {})", as_number(&left), as_number(&right)),
            };
        }
        Some(left)
    }

    fn value(&mut self, depth: usize) -> Option<String> {
        if depth > DEPTH {
            return None;
        }
        self.rest = self.rest.trim_start();
        let first = self.rest.chars().next()?;
        match first {
            '"' => self.text(),
            '(' => {
                self.rest = &self.rest[1..];
                let inside = self.comparison(depth + 1)?;
                self.one_of(&[(")", ")")])?;
                Some(format!("({inside})"))
            }
            '0'..='9' => {
                let end =
                    self.rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(self.rest.len());
                let (number, rest) = self.rest.split_at(end);
                number.parse::<serde_json::Number>().ok()?;
                self.rest = rest;
                Some(number.to_owned())
            }
            'a'..='z' | 'A'..='Z' | '_' => self.named(depth),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<String> {
        let mut out = String::new();
        let mut rest = self.rest.strip_prefix('"')?;
        loop {
            let end = rest.find(['"', '\\'])?;
            out.push_str(&rest[..end]);
            let (mark, after) = (rest.as_bytes()[end], &rest[end + 1..]);
            if mark == b'"' {
                self.rest = after;
                return Some(quoted(&out));
            }
            let escaped = after.chars().next()?;
            out.push(if escaped == 'n' { '\n' } else { escaped });
            rest = &after[escaped.len_utf8()..];
        }
    }

    fn named(&mut self, depth: usize) -> Option<String> {
        let word = first_word(self.rest);
        let behind = &self.rest[word.len()..];
        match word.to_ascii_lowercase().as_str() {
            "true" => return self.constant("true", behind),
            "false" => return self.constant("false", behind),
            "null" => return self.constant("none", behind),
            _ => {}
        }
        if let Some(inside) = behind.trim_start().strip_prefix('(') {
            let function = word.to_ascii_lowercase();
            self.rest = inside;
            let arguments = self.arguments(depth + 1)?;
            let call = functions::call(&function, &arguments)?;
            self.about = call.about.or(self.about);
            return Some(call.expression);
        }
        let end = path_end(self.rest);
        let (path, rest) = self.rest.split_at(end);
        self.rest = rest;
        match self.import.path(&path.replace("[\"", ".").replace("\"]", "")) {
            Path::Ours(path) => Some(path),
            Path::About(path, why) => {
                self.about = Some(why);
                Some(path)
            }
            Path::None => None,
        }
    }

    fn constant(&mut self, ours: &str, rest: &str) -> Option<String> {
        let skipped = self.rest.len() - rest.len();
        self.rest = &self.rest[skipped..];
        Some(ours.to_owned())
    }

    fn arguments(&mut self, depth: usize) -> Option<Vec<String>> {
        let mut arguments = Vec::new();
        if self.one_of(&[(")", ")")]).is_some() {
            return Some(arguments);
        }
        loop {
            arguments.push(self.comparison(depth)?);
            match self.one_of(&[(",", ","), (")", ")")])? {
                "," => {}
                _ => return Some(arguments),
            }
        }
    }

    fn one_of(&mut self, signs: &[(&str, &'static str)]) -> Option<&'static str> {
        self.rest = self.rest.trim_start();
        let (theirs, ours) = signs.iter().find(|(theirs, _)| self.rest.starts_with(theirs))?;
        self.rest = &self.rest[theirs.len()..];
        Some(ours)
    }
}

/// Where a path ends: `results.a.value`, `trigger.params.list[0].code`.
fn path_end(text: &str) -> usize {
    let mut end = first_word(text).len();
    loop {
        let rest = &text[end..];
        let step = if let Some(key) = rest.strip_prefix('.').map(first_word).filter(|key| !key.is_empty()) {
            1 + key.len()
        } else if rest.starts_with('[') {
            match rest.find(']') {
                Some(close) => close + 1,
                None => return end,
            }
        } else {
            return end;
        };
        end += step;
    }
}
