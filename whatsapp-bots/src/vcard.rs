//! The telephone numbers of a contact card.

/// Numbers of one card that are looked at.
const MOST: usize = 16;
/// Bytes of a card that are looked at.
const LONGEST: usize = 64 * 1024;

/// The numbers of a vCard, as they stand on it; those that WhatsApp knows first, with their calling code.
pub(crate) fn phones(card: &str) -> Vec<String> {
    let card = &card[..card.floor_char_boundary(LONGEST)];
    // A line that begins with a space goes on with the one before.
    let lines = card.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "");
    let (mut known, mut others) = (Vec::new(), Vec::new());
    for (property, value) in lines.lines().filter_map(|line| line.split_once(':')).take(1_000) {
        let mut parts = property.split(';');
        let name = parts.next().unwrap_or_default();
        // With a group before it: `item1.TEL`.
        if !name.rsplit('.').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("tel")) {
            continue;
        }
        let id =
            parts.filter_map(|part| part.split_once('=')).find(|(key, _)| key.eq_ignore_ascii_case("waid"));
        known.extend(id.map(|(_, digits)| format!("+{}", digits.trim_matches('"'))));
        others.push(value.trim().to_owned());
    }
    known.append(&mut others);
    known.truncate(MOST);
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_card() {
        let card = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:;Ana;;;\r\nFN:Ana\r\nitem1.TEL;type=CELL;waid=4917604069010:+49 176\r\n  04069010\r\n\
            TEL;TYPE=work:030 1234567\r\nEMAIL:a@b.org\r\nEND:VCARD";
        assert_eq!(phones(card), ["+4917604069010", "+49 176 04069010", "030 1234567"]);
        assert_eq!(phones("TEL;VALUE=uri:tel:+1-212-555-2368"), ["tel:+1-212-555-2368"]);
        assert!(phones("").is_empty() && phones("TEL").is_empty() && phones("NOTE:TEL:1").is_empty());
    }
}
