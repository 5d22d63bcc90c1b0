//! A format's code, cut into pieces.

/// A piece of a format.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// Text that is always there.
    Literal(String),
    /// A place for a digit: `0`, `#` or `?`.
    Digit(char),
    Point,
    Comma,
    Percent,
    /// `E+` or `E-`: is the plus shown?
    Exponent(bool),
    Slash,
    /// `@`: the text itself.
    Text,
    General,
    /// `yyyy`, `mm` and the like.
    Date(char, usize),
    /// `[h]`, `[mm]`: not cut off at a day or an hour.
    Elapsed(char, usize),
    /// `AM/PM`: what stands before and after noon.
    HalfDay(&'static str, &'static str),
}

/// For which numbers a section is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Condition {
    sign: &'static str,
    bound: f64,
}

impl Condition {
    pub(super) fn holds(self, value: f64) -> bool {
        match self.sign {
            "<=" => value <= self.bound,
            ">=" => value >= self.bound,
            "<>" => value != self.bound,
            "<" => value < self.bound,
            ">" => value > self.bound,
            _ => value == self.bound,
        }
    }
}

/// A part of a format, between semicolons.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Section {
    pub(super) tokens: Vec<Token>,
    pub(super) condition: Option<Condition>,
}

impl Section {
    pub(super) fn is_date(&self) -> bool {
        self.tokens
            .iter()
            .any(|token| matches!(token, Token::Date(..) | Token::Elapsed(..) | Token::HalfDay(..)))
    }

    fn literal(&mut self, character: char) {
        match self.tokens.last_mut() {
            Some(Token::Literal(text)) => text.push(character),
            _ => self.tokens.push(Token::Literal(character.to_string())),
        }
    }
}

pub(super) fn sections(code: &str) -> Vec<Section> {
    let (mut sections, mut section, mut rest) = (Vec::new(), Section::default(), code);
    while let Some(character) = rest.chars().next() {
        if character == ';' {
            sections.push(std::mem::take(&mut section));
            rest = &rest[1..];
        } else {
            rest = take(rest, character, &mut section);
        }
    }
    sections.push(section);
    sections
}

/// Takes one piece; what is left.
fn take<'a>(rest: &'a str, character: char, section: &mut Section) -> &'a str {
    let after = &rest[character.len_utf8()..];
    let token = match character {
        '"' => {
            let end = after.find('"').unwrap_or(after.len());
            after[..end].chars().for_each(|c| section.literal(c));
            return after.get(end + 1..).unwrap_or_default();
        }
        '\\' | '_' | '*' => {
            let Some(next) = after.chars().next() else { return after };
            match character {
                '\\' => section.literal(next),
                '_' => section.literal(' '),
                _ => {}
            }
            return &after[next.len_utf8()..];
        }
        '[' => {
            let end = after.find(']').unwrap_or(after.len());
            bracket(&after[..end], section);
            return after.get(end + 1..).unwrap_or_default();
        }
        '0' | '#' | '?' => Token::Digit(character),
        '.' => Token::Point,
        ',' => Token::Comma,
        '%' => Token::Percent,
        '/' => Token::Slash,
        '@' => Token::Text,
        'E' | 'e' if after.starts_with(['+', '-']) => {
            section.tokens.push(Token::Exponent(after.starts_with('+')));
            return &after[1..];
        }
        _ => return word(rest, character, section),
    };
    section.tokens.push(token);
    after
}

/// `General`, `AM/PM`, the letters of dates; everything else is itself.
fn word<'a>(rest: &'a str, character: char, section: &mut Section) -> &'a str {
    let starts = |word: &str| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let token = if starts("general") {
        (Token::General, 7)
    } else if starts("am/pm") {
        (Token::HalfDay("AM", "PM"), 5)
    } else if starts("a/p") {
        (if rest.starts_with('a') { Token::HalfDay("a", "p") } else { Token::HalfDay("A", "P") }, 3)
    } else {
        let letter = character.to_ascii_lowercase();
        let count = rest.chars().take_while(|c| c.to_ascii_lowercase() == letter).count();
        match letter {
            'd' | 'm' | 'y' | 'h' | 's' => (Token::Date(letter, count), count),
            'e' => (Token::Date('y', 4), count),
            _ => {
                section.literal(character);
                return &rest[character.len_utf8()..];
            }
        }
    };
    section.tokens.push(token.0);
    &rest[token.1..]
}

/// What stands in brackets: a currency, a condition, time that is not cut off; colours are nothing.
fn bracket(inside: &str, section: &mut Section) {
    if let Some(currency) = inside.strip_prefix('$') {
        currency.split('-').next().unwrap_or_default().chars().for_each(|c| section.literal(c));
        return;
    }
    for sign in ["<=", ">=", "<>", "<", ">", "="] {
        if let Some(bound) = inside.strip_prefix(sign) {
            section.condition = bound.trim().parse().ok().map(|bound| Condition { sign, bound });
            return;
        }
    }
    let letter = inside.chars().next().unwrap_or(' ').to_ascii_lowercase();
    if matches!(letter, 'h' | 'm' | 's') && inside.chars().all(|c| c.to_ascii_lowercase() == letter) {
        section.tokens.push(Token::Elapsed(letter, inside.len()));
    }
}
