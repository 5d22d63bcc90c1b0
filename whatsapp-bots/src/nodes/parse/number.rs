//! Numbers, as people write them.
/// `12`, `-1,5`, `1.234,5`, `1,234.5`, `1 234`: a mark that stands once is the decimal one, unless three digits follow it.
pub(super) fn number(text: &str) -> Option<f64> {
    if text.len() > 40 {
        return None;
    }
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'')).collect();
    let below = digits.strip_prefix(['-', '\u{2212}']);
    let digits = below.unwrap_or(digits.strip_prefix('+').unwrap_or(&digits));
    let is_known = |c: char| c.is_ascii_digit() || c == '.' || c == ',';
    if !digits.starts_with(|c: char| c.is_ascii_digit()) || !digits.chars().all(is_known) {
        return None;
    }
    let (decimal, group) = match (digits.rfind('.'), digits.rfind(',')) {
        (Some(point), Some(comma)) if point > comma => (Some('.'), Some(',')),
        (Some(_), Some(_)) => (Some(','), Some('.')),
        (Some(_), None) if digits.matches('.').count() > 1 => (None, Some('.')),
        (None, Some(_)) if digits.matches(',').count() > 1 => (None, Some(',')),
        (Some(_), None) => (Some('.'), None),
        // 1,234 is as good as never 1.234.
        (None, Some(comma)) if digits.len() - comma == 4 && !digits.starts_with('0') => (None, Some(',')),
        (None, Some(_)) => (Some(','), None),
        (None, None) => (None, None),
    };
    let whole = decimal.map_or(digits, |mark| digits.rsplit_once(mark).map_or(digits, |(whole, _)| whole));
    if let Some(group) = group {
        let mut groups = whole.split(group);
        let first = groups.next()?;
        if first.is_empty() || first.len() > 3 || groups.any(|group| group.len() != 3) {
            return None;
        }
    }
    let plain: String = digits.chars().filter(|c| Some(*c) != group).collect();
    let number: f64 = plain.replace(',', ".").parse().ok().filter(|number: &f64| number.is_finite())?;
    Some(if below.is_some() { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (text, expected) in [
            ("12", 12.0),
            ("-1,5", -1.5),
            ("12.5", 12.5),
            ("1.234,5", 1234.5),
            ("1,234.5", 1234.5),
            ("1,234", 1234.0),
            ("0,125", 0.125),
            ("1.234.567", 1_234_567.0),
            ("1 234", 1234.0),
            ("+7", 7.0),
        ] {
            assert_eq!(number(text), Some(expected), "{text}");
        }
        for text in
            ["", "-", "twelve", "1e9", "inf", "NaN", "1.2.3", "1,23,4", "12 years", ".5", &"9".repeat(41)]
        {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
