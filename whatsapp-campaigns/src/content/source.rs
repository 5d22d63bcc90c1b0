//! What a template's source may hold.
//!
//! Placeholders and conditions, nothing that runs in circles: without loops, assignments and repetition by `*`, and with few joins
//! by `~`, what a source of a known length can make out of values of a known length has an end, also in between, where no writer counts.
use super::problem::What;

/// The statements that may stand in `{% %}`.
const STATEMENTS: [&str; 4] = ["if", "elif", "else", "endif"];

/// The filters that may stand behind `|`.
pub(super) const FILTERS: [&str; 8] =
    ["upper", "lower", "title", "capitalize", "trim", "length", "abs", "round"];

/// So many `~` and `+` in a field: each may copy all that was put together before it.
const JOINS: usize = 64;

/// A source that was looked through.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Source {
    /// Has anything to render.
    pub(super) is_template: bool,
    /// The literal text that is always there: outside of placeholders, comments and conditions.
    pub(super) always: String,
    /// All literal text, and numbers in the place of names: `{{ 1 }}` says 1.
    pub(super) literal: String,
}

/// Looks through a source; says what is not allowed in it.
pub(super) fn scan(source: &str) -> Result<Source, What> {
    let (mut found, mut rest, mut depth, mut joins) = (Source::default(), source, 0_u32, 0);
    while let Some(start) = next_mark(rest) {
        found.literal.push_str(&rest[..start]);
        found.literal.push('\n');
        if depth == 0 {
            found.always.push_str(&rest[..start]);
            found.always.push('\0');
        }
        found.is_template = true;
        let line = line_of(source, rest, start);
        let inside = &rest[start + 2..];
        let end = match rest.as_bytes()[start + 1] {
            b'#' => inside.find("#}").ok_or(What::Unclosed { line })?,
            b'%' => {
                let end = expression_end(inside, "%}", line, &mut joins)?;
                match statement(&inside[..end]) {
                    "if" => depth += 1,
                    "endif" => depth = depth.saturating_sub(1),
                    word if STATEMENTS.contains(&word) => {}
                    _ => return Err(What::Statement { line }),
                }
                end
            }
            _ => {
                let end = expression_end(inside, "}}", line, &mut joins)?;
                let name = inside[..end].trim();
                if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
                    found.literal.push_str(&rest[start..start + end + 4]);
                    found.literal.push('\n');
                }
                end
            }
        };
        rest = &inside[end + 2..];
    }
    found.literal.push_str(rest);
    if depth == 0 {
        found.always.push_str(rest);
    }
    Ok(found)
}

/// Where the next `{{`, `{%` or `{#` is.
fn next_mark(text: &str) -> Option<usize> {
    text.as_bytes().windows(2).position(|pair| pair[0] == b'{' && matches!(pair[1], b'{' | b'%' | b'#'))
}

fn statement(inside: &str) -> &str {
    let inside = inside.trim_start_matches(['-', '+']).trim_start();
    inside.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// Where an expression ends, outside of its strings. Braces are not allowed in it, so that its end is where it looks to be.
///
/// The template language finds out about unknown filters and tests when it comes to them, and it may come to them first in the
/// middle of a campaign: so they are looked for here.
fn expression_end(inside: &str, close: &str, line: usize, joins: &mut usize) -> Result<usize, What> {
    let (mut quote, mut escaped, mut word, mut before) = (None, false, None, b' ');
    for (place, byte) in inside.bytes().enumerate() {
        if let Some(open) = quote {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                _ if byte == open => quote = None,
                _ => {}
            }
            continue;
        }
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            word.get_or_insert(place);
            continue;
        }
        if let Some(start) = word.take() {
            is_known(&inside[start..place], before, line)?;
            before = b'a';
        }
        match byte {
            b'"' | b'\'' => quote = Some(byte),
            _ if inside.as_bytes()[place..].starts_with(close.as_bytes()) => return Ok(place),
            b'*' => return Err(What::Repetition { line }),
            b'{' | b'}' => return Err(What::Braces { line }),
            b'~' | b'+' if *joins >= JOINS => return Err(What::Joins { line }),
            b'~' | b'+' => *joins += 1,
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
    }
    Err(What::Unclosed { line })
}

/// Is this word of an expression allowed, behind this character?
fn is_known(word: &str, before: u8, line: usize) -> Result<(), What> {
    match word {
        "is" => Err(What::Test { line }),
        _ if before == b'|' && !FILTERS.contains(&word) => Err(What::Filter { line }),
        _ => Ok(()),
    }
}

fn line_of(source: &str, rest: &str, start: usize) -> usize {
    let place = source.len() - rest.len() + start;
    source.as_bytes()[..place].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_that_is_always_there() {
        let always = |source| scan(source).map(|found| found.always.replace('\0', "|"));
        assert_eq!(always("plain { } text"), Ok("plain { } text".into()));
        assert_eq!(always("a {{ b }} c {# d #} e"), Ok("a | c | e".into()));
        assert_eq!(always("a{% if b %}c{% if d %}e{% endif %}f{%- else -%}g{% endif %}h"), Ok("a|h".into()));
        assert_eq!(always("{{ this|upper }}{{ a | round(1)|abs }}"), Ok("||".into()));
        assert_eq!(always(r#"{{ "}} ' {{" }}x{{ 'a\'}}' }}"#), Ok("|x|".into()));
    }

    #[test]
    fn what_runs_in_circles_or_never_ends_is_refused() {
        for (source, fault) in [
            ("\n{% for a in b %}{% endfor %}", What::Statement { line: 2 }),
            ("{%+ set a = b ~ b %}", What::Statement { line: 1 }),
            ("{% iffy %}", What::Statement { line: 1 }),
            ("{% raw %}", What::Statement { line: 1 }),
            ("{{ 'x' * 100000000 }}", What::Repetition { line: 1 }),
            ("{% if a ** 9 %}{% endif %}", What::Repetition { line: 1 }),
            (&"{{ a ~ a ~ a }}".repeat(33), What::Joins { line: 1 }),
            ("{{ {'a': 1} }}", What::Braces { line: 1 }),
            ("{{ a|reverse }}", What::Filter { line: 1 }),
            ("{% if a == 'b' %}{{ c | safe }}{% endif %}", What::Filter { line: 1 }),
            ("{% if a is defined %}{% endif %}", What::Test { line: 1 }),
            ("a\n\n{{ 'b }}", What::Unclosed { line: 3 }),
            ("{# a", What::Unclosed { line: 1 }),
            ("{% if a", What::Unclosed { line: 1 }),
        ] {
            assert_eq!(scan(source), Err(fault), "{source}");
        }
    }

    proptest! {
        #[test]
        fn it_never_panics(source in r#"([{}%#*"'\\a é\n]|if|endif){0,40}"#) {
            let _ = scan(&source);
        }
    }
}
