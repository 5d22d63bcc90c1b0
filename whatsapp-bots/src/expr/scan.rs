//! A look at template source before minijinja gets it: refuses what could run in circles or make much of little.

/// Why a template or an expression is none. `Display` says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Why {
    #[error("line {0}: of the statements only if, elif, else, endif, for and endfor are allowed")]
    Statement(usize),
    #[error("line {0}: `*` is not allowed; write `a | times(b)`")]
    Repetition(usize),
    #[error(
        "line {0}: there are the filters upper, lower, title, capitalize, trim, length, abs, round, int, float, first, last, \
         join, replace, default, times, word, counterpart, urlencode, number and find_number"
    )]
    Filter(usize),
    #[error("line {0}: there are no tests with `is`; compare with ==, !=, <, > and `in`")]
    Test(usize),
    #[error("line {0}: more than 64 of ~ and +; divide it")]
    Joins(usize),
    #[error("line {0}: a brace within a placeholder or an expression; put it into quotes")]
    Braces(usize),
    #[error("line {0}: this placeholder, statement or text in quotes is not closed")]
    Unclosed(usize),
    #[error("line {0}: this is not the template language; a placeholder is {{{{ name }}}}")]
    Syntax(usize),
    #[error("longer than 16 KiB; divide it")]
    TooLong,
    #[error("a loop within a loop; put one of them into a variable first")]
    Nested,
}

pub(super) const FILTERS: [&str; 21] = [
    "upper",
    "lower",
    "title",
    "capitalize",
    "trim",
    "length",
    "abs",
    "round",
    "int",
    "float",
    "first",
    "last",
    "join",
    "replace",
    "default",
    "times",
    "word",
    "counterpart",
    "urlencode",
    "number",
    "find_number",
];
const STATEMENTS: [&str; 6] = ["if", "elif", "else", "endif", "for", "endfor"];
const JOINS: usize = 64;

/// Looks at a template.
pub(super) fn template(source: &str) -> Result<(), Why> {
    if source.len() > super::SOURCE {
        return Err(Why::TooLong);
    }
    let (mut place, mut joins, mut loops) = (0, 0, 0_usize);
    while let Some(found) = source[place..].find(['{']) {
        let start = place + found;
        let line = line_of(source, start);
        let inside = &source[start + 1..];
        let close = match inside.bytes().next() {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            Some(b'#') => {
                let end = inside.find("#}").ok_or(Why::Unclosed(line))?;
                place = start + 1 + end + 2;
                continue;
            }
            _ => {
                place = start + 1;
                continue;
            }
        };
        let inside = &inside[1..];
        if close == "%}" {
            statement(inside, line, &mut loops)?;
        }
        let end = within(inside, Some(close), line, &mut joins)?;
        place = start + 2 + end + 2;
    }
    Ok(())
}

/// Looks at an expression.
pub(super) fn expression(source: &str) -> Result<(), Why> {
    if source.len() > super::SOURCE {
        return Err(Why::TooLong);
    }
    within(source, None, 1, &mut 0).map(|_| ())
}

fn statement(inside: &str, line: usize, loops: &mut usize) -> Result<(), Why> {
    let word = inside.trim_start_matches(['-', '+']).trim_start();
    let word = &word[..word.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(word.len())];
    match word {
        "for" if *loops > 0 => return Err(Why::Nested),
        "for" => *loops += 1,
        "endfor" => *loops = loops.saturating_sub(1),
        _ => {}
    }
    if STATEMENTS.contains(&word) { Ok(()) } else { Err(Why::Statement(line)) }
}

/// Where it ends.
fn within(inside: &str, close: Option<&str>, line: usize, joins: &mut usize) -> Result<usize, Why> {
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
            known(&inside[start..place], before, line)?;
            before = b'a';
        }
        match byte {
            b'"' | b'\'' => quote = Some(byte),
            _ if close.is_some_and(|close| inside.as_bytes()[place..].starts_with(close.as_bytes())) => {
                return Ok(place);
            }
            b'*' => return Err(Why::Repetition(line)),
            b'{' | b'}' => return Err(Why::Braces(line)),
            b'~' | b'+' if *joins >= JOINS => return Err(Why::Joins(line)),
            b'~' | b'+' => *joins += 1,
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
    }
    match word.filter(|_| close.is_none() && quote.is_none()) {
        _ if close.is_some() || quote.is_some() => Err(Why::Unclosed(line)),
        Some(start) => known(&inside[start..], before, line).map(|()| inside.len()),
        None => Ok(inside.len()),
    }
}

/// Is this word allowed, behind this character?
fn known(word: &str, before: u8, line: usize) -> Result<(), Why> {
    match word {
        "is" => Err(Why::Test(line)),
        "recursive" => Err(Why::Statement(line)),
        _ if before == b'|' && !FILTERS.contains(&word) => Err(Why::Filter(line)),
        _ => Ok(()),
    }
}

fn line_of(source: &str, place: usize) -> usize {
    source.as_bytes()[..place].iter().filter(|byte| **byte == b'\n').count() + 1
}
