//! Text as it is compared: without case, accents, punctuation and what cannot be seen.
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::numbers::{ascii_digit, is_invisible};

mod particles;

/// Bytes of a text that are looked at: nobody's answer is compared beyond.
const LONGEST: usize = 4096;

/// The words of a text, folded, with one space between them.
pub(crate) fn words(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(LONGEST)];
    let mut folded = String::with_capacity(text.len());
    if text.is_ascii() {
        text.chars().for_each(|c| push(&mut folded, c.to_ascii_lowercase()));
    } else {
        text.nfkd()
            .filter(|c| !is_dropped(*c))
            // Through upper case: ß is ss, the final sigma is a sigma, and a dotless i is an i.
            .flat_map(char::to_uppercase)
            .flat_map(char::to_lowercase)
            .filter(|c| !is_dropped(*c))
            .for_each(|c| push(&mut folded, c));
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// A text as values are compared: folded, with its punctuation, without spaces around it.
pub(crate) fn plain(text: &str) -> String {
    let text = text.trim();
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkd()
        .filter(|c| !is_dropped(*c))
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .map(ascii_digit)
        .collect()
}

fn push(folded: &mut String, c: char) {
    let c = ascii_digit(c);
    if c.is_alphanumeric() || is_combining_mark(c) {
        folded.push(c);
    } else if !folded.is_empty() && !folded.ends_with(' ') {
        folded.push(' ');
    }
}

/// Accents of Latin, Greek and Cyrillic, vowel signs and the stroke of Arabic, and what cannot be seen.
fn is_dropped(c: char) -> bool {
    is_invisible(c)
        || matches!(c,
            '\u{300}'..='\u{36f}' | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}'
            | '\u{20d0}'..='\u{20ff}')
}

/// Is it a letter of a script that is written without spaces between words: Han, Kana, Bopomofo, Yi, Thai, Lao, Tibetan, Myanmar,
/// Khmer, and their relatives?
pub(crate) fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{f00}'..='\u{fff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{1950}'..='\u{19ff}' | '\u{1a20}'..='\u{1aaf}' | '\u{1b00}'..='\u{1b7f}' | '\u{2e80}'..='\u{2fdf}'
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{312f}' | '\u{31a0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{a000}'..='\u{a4cf}' | '\u{a980}'..='\u{a9df}' | '\u{a9e0}'..='\u{a9ff}'
        | '\u{aa60}'..='\u{aadf}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Is it Hangul, as syllables or in parts?
pub(crate) fn is_hangul(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11ff}' | '\u{3131}'..='\u{318e}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}')
}

/// Does a folded text begin with folded words, as whole words?
pub(crate) fn begins_with(text: &str, words: &str) -> bool {
    text.strip_prefix(words).is_some_and(|rest| ends_a_word(words, rest))
}

/// Does a folded text hold folded words, as whole words?
pub(crate) fn holds(text: &str, words: &str) -> bool {
    !words.is_empty() && text.match_indices(words).any(|(place, _)| is_whole(text, place, words))
}

/// Do folded words stand at a place of a folded text as whole words?
pub(crate) fn is_whole(text: &str, place: usize, words: &str) -> bool {
    begins_a_word(&text[..place], words) && ends_a_word(words, &text[place + words.len()..])
}

/// Are folded words found in other places than between spaces?
pub(crate) fn needs_no_spaces(c: char) -> bool {
    is_unspaced(c) || is_hangul(c)
}

/// Does a word begin behind a text? Between letters of a script without spaces, one does anywhere.
fn begins_a_word(before: &str, words: &str) -> bool {
    let (Some(last), Some(first)) = (before.chars().next_back(), words.chars().next()) else { return true };
    // An accent that stands alone belongs to the letter before it.
    last == ' ' || ((is_unspaced(last) || is_unspaced(first)) && !is_combining_mark(first))
}

/// Does a word end before a text?
fn ends_a_word(words: &str, rest: &str) -> bool {
    let (Some(last), Some(next)) = (words.chars().next_back(), rest.chars().next()) else { return true };
    if next == ' ' {
        return true;
    }
    if is_hangul(next) {
        let word = rest.split(' ').next().unwrap_or_default();
        return particles::follow(word);
    }
    (is_unspaced(last) || is_unspaced(next)) && !is_combining_mark(next)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_the_same() {
        for (text, folded) in [
            ("  Straße—ΣΤΟΠς ", "strasse στοπσ"),
            ("Crème  brûlée!", "creme brulee"),
            ("İıIi", "iiii"),
            ("2\u{fe0f}\u{20e3}", "2"),
            ("बंद करें।", "बंद करें"),
            ("!!", ""),
        ] {
            assert_eq!(words(text), folded);
        }
        assert!(holds("a bus stop here", "bus stop") && !holds("a bus stopped", "bus stop"));
        assert!(begins_with("buy now", "buy") && !begins_with("buyer", "buy"));
    }

    fn hears(text: &str, word: &str) -> bool {
        holds(&words(text), &words(word))
    }

    #[test]
    fn words_are_found_where_no_spaces_are_written() {
        for (text, word) in [
            ("我想预约明天", "预约"),
            ("我想預約明天", "預約"),
            ("明日の予約をお願いします", "予約"),
            ("キャンセルしたいです", "キャンセル"),
            ("อยากจองคิวพรุ่งนี้", "จอง"),
            ("ຂ້ອຍຢາກຈອງມື້ອື່ນ", "ຈອງ"),
            ("ខ្ញុំចង់កក់ទុកថ្ងៃស្អែក", "កក់ទុក"),
            ("မနက်ဖြန်ဘိုကင်လုပ်ချင်တယ်", "ဘိုကင်"),
            ("我想book明天", "book"),
            ("请帮我查VIP卡", "VIP"),
            ("예약을 하고 싶어요", "예약"),
            ("내일 예약하고싶어요", "예약"),
            ("예약이요", "예약"),
            ("VIP를 원해요", "vip"),
            ("취소해 주세요", "취소"),
        ] {
            assert!(hears(text, word), "{text}");
        }
    }

    #[test]
    fn words_keep_their_borders_where_spaces_are_written() {
        for (text, word) in [
            ("stopped", "stop"),
            ("nonstop", "stop"),
            ("разбронировать", "брон"),
            ("예약 부탁", "예"),
            ("네일 받고 싶어요", "네"),
            ("각각", "가"),
            ("がんばる", "か"),
            ("กำ", "ก"),
            ("bookings", "book"),
            ("مواعيد", "موا"),
        ] {
            assert!(!hears(text, word), "{text}");
        }
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in "\\PC{0,30}") {
            let once = words(&text);
            prop_assert_eq!(words(&once), once);
        }
    }
}
