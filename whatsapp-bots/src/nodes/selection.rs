//! Which options of a menu an answer picks: by id, label or word, by a number, by a line of the menu that was copied, and by several of these.
use std::{collections::HashSet, sync::OnceLock};

use unicode_normalization::UnicodeNormalization;

use crate::{fold, numbers::readable};

/// Characters of the longest answer that is looked at beyond labels.
const LONGEST: usize = 200;
/// Words beside a number that are no courtesy, at most: with more, the number is about something else.
const MOST_WORDS: usize = 3;

/// What an option is called, folded.
#[derive(Debug)]
pub(super) struct Called {
    /// Its label, in all languages, and its words.
    pub(super) names: Vec<String>,
    /// Its label with its description, as a line of the menu shows it.
    pub(super) line: String,
    /// Its label with its punctuation.
    pub(super) plain: String,
}

/// Words that choose, that ask nicely, or that stand before a number: they say nothing of their own.
const FILLERS: &str = "please pls plz thanks thank you number no nr num option choice item answer the one i d want take would like choose pick ok okay \
    por favor opcion numero la el las los quiero gracias elijo escojo opcao quero um uma o a os as obrigado obrigada gostaria \
    bitte nummer die der das den danke ich nehme mochte hatte gern gerne option wahle svp s il vous plait numero le les merci je prends veux choix \
    per favore grazie opzione vorrei scelgo il lo alstublieft graag optie lutfen secenek numara tesekkurler istiyorum \
    пожалуйста вариант номер пункт спасибо выбираю хочу мне будь ласка варіант prosze opcja dziekuje poprosze wybieram numer \
    tolong pilihan nomor terima kasih saya mau pilih xin chon so lua toi muon cam on vang \
    رقم خيار الخيار من فضلك لو سمحت شكرا اريد اختار الرقم कृपया विकल्प नंबर धन्यवाद मुझे चाहिए \
    第 个 號 号 番 番目 번 번째 번이요 번요 선택 옵션 お願いします ください を で です 请 我要 我选 选 选项 選 選項 選択 ข้อ หมายเลข เลือก ครับ ค่ะ คะ ขอ \
    st nd rd th er e ere eme ieme ste te ая ый й я ое го";

/// Words between choices.
const JOINERS: &str = "and y e und et og och ja en i oraz a и й та ve ile dan va at na و और एवं এবং ও và lan plus également auch \
    और व மற்றும் และ กับ 和 跟 与 與 と や 및 와 과 하고 랑 번과 번와 번하고";

/// Words that turn a number into something else: no choice, one of two, or a range.
const TWISTERS: &str = "not dont t never except without but or to through until than nicht kein keine ohne außer oder bis pas ne sans sauf ou jusqu não nao ni ou \
    o sin salvo excepto menos hasta não ate senza non tranne oppure не без кроме или до nie bez lub albo niet geen zonder of tot değil veya \
    haric bukan jangan tidak kecuali atau không khong hoặc trừ ليس لا بدون الا او أو नहीं मत या ikke inte eller utan";
/// The same in scripts that are written without spaces.
const TWISTING: [&str; 16] = [
    "不",
    "别",
    "非",
    "没",
    "除了",
    "或",
    "以外",
    "ない",
    "なし",
    "または",
    "ไม่",
    "หรือ",
    "ยกเว้น",
    "말고",
    "아니",
    "또는",
];

fn set(list: &str) -> HashSet<String> {
    list.split_whitespace()
        .flat_map(|word| fold::words(word).split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn is_filler(word: &str) -> bool {
    static SET: OnceLock<HashSet<String>> = OnceLock::new();
    SET.get_or_init(|| set(FILLERS)).contains(word)
}

fn is_joiner(word: &str) -> bool {
    static SET: OnceLock<HashSet<String>> = OnceLock::new();
    SET.get_or_init(|| set(JOINERS)).contains(word)
}

fn is_twister(word: &str) -> bool {
    static SET: OnceLock<HashSet<String>> = OnceLock::new();
    SET.get_or_init(|| set(TWISTERS)).contains(word)
        || TWISTING.iter().any(|part| word.contains(&fold::words(part)))
}

/// The one option that an answer picks; `None` when it picks none, or several.
pub(super) fn one(said: &str, options: &[Called]) -> Option<usize> {
    let said = prepared(said)?;
    one_of(&said, options)
}

/// All options that an answer picks, in the order of the menu; `None` when there is something else in it.
pub(super) fn several(said: &str, options: &[Called]) -> Option<Vec<usize>> {
    let said = prepared(said)?;
    if let Some(one) = one_of(&said, options) {
        return Some(vec![one]);
    }
    let mut picked = listed(&said, options).or_else(|| numbered(&said, options))?;
    picked.sort_unstable();
    picked.dedup();
    (!picked.is_empty()).then_some(picked)
}

fn prepared(said: &str) -> Option<String> {
    let said = said.trim();
    if said.len() > LONGEST * 4 || said.chars().count() > LONGEST {
        return None;
    }
    let said: String = said.nfkc().collect();
    Some(readable(&said).trim().to_owned())
}

fn one_of(said: &str, options: &[Called]) -> Option<usize> {
    let (folded, plain) = (fold::words(said), fold::plain(said));
    // `-2` and `2` are the same words, and not the same number.
    let is_signed = !runs(said).iter().all(|run| run.is_plain(said));
    let is_number = is_signed && folded.chars().all(|c| c.is_ascii_digit() || c == ' ');
    let exact = || options.iter().position(|option| !plain.is_empty() && option.plain == plain);
    let by_name = |name: &str| named(name, options).filter(|_| !is_number);
    exact()
        .or_else(|| by_name(&folded))
        .or_else(|| by_name(&without_fillers(&folded)))
        .or_else(|| by_number(said, options))
}

fn named(folded: &str, options: &[Called]) -> Option<usize> {
    if folded.is_empty() {
        return None;
    }
    options.iter().position(|option| option.line == folded || option.names.iter().any(|name| name == folded))
}

fn without_fillers(folded: &str) -> String {
    let words: Vec<_> = folded.split(' ').filter(|word| !is_filler(word)).collect();
    words.join(" ")
}

/// The option of the only number in an answer: alone, with the option's label, or with a few words that say nothing else.
fn by_number(said: &str, options: &[Called]) -> Option<usize> {
    let runs = runs(said);
    let [run] = &runs[..] else { return None };
    let place = run.place(said, options.len())?;
    let rest = fold::words(&format!("{} {}", &said[..run.start], &said[run.end..]));
    if rest.is_empty() || named(&rest, options) == Some(place) {
        return Some(place);
    }
    let others = without_fillers(&rest);
    if others.is_empty() {
        return Some(place);
    }
    // Something else is chosen as well: `1 and Medium`.
    if others.contains(' ') && others.split(' ').any(is_joiner) {
        return None;
    }
    let number = (place + 1).to_string();
    let is_other = options.iter().enumerate().any(|(other, option)| {
        let is_named = option.names.iter().any(|name| !name.is_empty() && fold::holds(&others, name));
        // The number may be a part of what an option is called: `5 GB`.
        let counts = option.names.iter().any(|name| name.split(' ').any(|word| word == number));
        (is_named && other != place) || counts
    });
    (!is_other && says_little(&others)).then_some(place)
}

/// Are these few words, and none that turns a number into something else?
fn says_little(words: &str) -> bool {
    let weight = |word: &str| match word.chars().any(fold::is_unspaced) {
        true => word.chars().count().div_ceil(3),
        false => 1,
    };
    let words: Vec<_> = words.split(' ').filter(|word| !word.is_empty()).collect();
    words.iter().all(|word| !is_twister(word))
        && words.iter().map(|word| weight(word)).sum::<usize>() <= MOST_WORDS
}

/// The options of a list with marks or words between its parts.
fn listed(said: &str, options: &[Called]) -> Option<Vec<usize>> {
    let is_between =
        |c: char| matches!(c, ',' | ';' | '\n' | '&' | '+' | '/' | '|' | '、' | '،' | '؛' | '•' | '·');
    let mut picked = Vec::new();
    for part in said.split(is_between).map(str::trim).filter(|part| !part.is_empty()) {
        match one_of(part, options) {
            Some(place) => picked.push(place),
            None => {
                for part in joined(part)? {
                    picked.push(one_of(&part, options)?);
                }
            }
        }
    }
    Some(picked)
}

/// The parts of a text between words such as `and`; `None` when there are no such words.
fn joined(text: &str) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    for word in text.split_whitespace() {
        if is_joiner(&fold::words(word)) {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push_str(word);
            part.push(' ');
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    (parts.len() > 1 || parts.first().is_some_and(|part| part.trim() != text)).then_some(parts)
}

/// The options of the numbers in an answer that says little else.
fn numbered(said: &str, options: &[Called]) -> Option<Vec<usize>> {
    let runs = runs(said);
    // `1 - 3` is a range.
    let is_dash = |pair: &[Run]| matches!(said[pair[0].end..pair[1].start].trim(), "-" | "–" | "—" | "~");
    if runs.len() < 2 || runs.windows(2).any(is_dash) {
        return None;
    }
    let picked = runs.iter().map(|run| run.place(said, options.len())).collect::<Option<Vec<_>>>()?;
    let rest: String = said.chars().map(|c| if c.is_ascii_digit() { ' ' } else { c }).collect();
    let rest = fold::words(&rest);
    // `o` is an article in one language, and `or` in another.
    if rest.split(' ').any(is_twister) {
        return None;
    }
    let rest = without_fillers(&rest);
    let words: Vec<_> = rest.split(' ').filter(|word| !is_joiner(word)).collect();
    says_little(&words.join(" ")).then_some(picked)
}

/// Digits in a row.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: usize,
    end: usize,
}

fn runs(text: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find(|c: char| c.is_ascii_digit()).map(|place| from + place) {
        let end = text[start..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |place| start + place);
        runs.push(Run { start, end });
        from = end;
    }
    runs
}

impl Run {
    /// The place of the option with that number.
    fn place(self, text: &str, count: usize) -> Option<usize> {
        let number: usize = text[self.start..self.end].parse().ok()?;
        (self.is_plain(text) && number <= count).then(|| number.checked_sub(1)).flatten()
    }

    /// Is it a whole number without a sign that stands alone? `-2`, `2.5`, `1-3`, `2:30`, `20%`, `$2` and `A2` are not.
    fn is_plain(self, text: &str) -> bool {
        let (before, behind) = (&text[..self.start], &text[self.end..]);
        self.ends_alone(behind) && self.begins_alone(before)
    }

    fn ends_alone(self, behind: &str) -> bool {
        let mut next = behind.chars();
        match next.next() {
            Some('.' | ':' | '-' | '–' | '⁄' | '٫' | '\'') => {
                !next.next().is_some_and(|c| c.is_ascii_digit())
            }
            Some('%' | '٪' | '‰' | '$' | '€' | '£' | '₹' | '¥') => false,
            Some(c) if c.is_alphabetic() && !is_free(c) => {
                let word: String = behind.chars().take_while(|c| c.is_alphabetic()).collect();
                is_filler(&fold::words(&word))
            }
            _ => true,
        }
    }

    fn begins_alone(self, before: &str) -> bool {
        let mut last = before.chars().rev();
        match last.next() {
            // A hyphen hangs on a word; a minus does not.
            Some('-' | '–' | '−') => {
                last.next().is_some_and(|c| c.is_alphabetic() || matches!(c, ')' | '.'))
            }
            Some('.' | ':' | '⁄' | '٫' | '\'') => !last.next().is_some_and(|c| c.is_ascii_digit()),
            Some('$' | '€' | '£' | '₹' | '¥' | '+') => {
                last.next().is_some_and(|c| c.is_ascii_digit() || c == ' ')
            }
            Some(c) if c.is_alphabetic() && !is_free(c) => {
                let word: String = before.chars().rev().take_while(|c| c.is_alphabetic()).collect();
                let word = fold::words(&word.chars().rev().collect::<String>());
                (word.len() > 1 && is_filler(&word)) || (!word.is_ascii() && is_joiner(&word))
            }
            _ => true,
        }
    }
}

/// May a number stand directly beside that letter?
fn is_free(c: char) -> bool {
    fold::is_unspaced(c) || fold::is_hangul(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn menu() -> Vec<Called> {
        ["Small", "Large", "Extra large", "None of these", "Two pieces"]
            .iter()
            .map(|label| called(label))
            .collect()
    }

    fn called(label: &str) -> Called {
        let name = fold::words(label);
        Called { line: name.clone(), names: vec![name], plain: fold::plain(label) }
    }

    #[test]
    fn one_number_is_one_choice() {
        for said in [
            "2",
            " 2 ",
            "2.",
            "2)",
            "(2)",
            "#2",
            "# 2",
            "2️⃣",
            "２",
            "②",
            "٢",
            "२",
            "๒",
            "2 - Large",
            "2. Large",
            "2) Large",
            "2: Large",
            "2 Large",
            "Large (2)",
            "*2*",
            "2 please",
            "2, please",
            "2 bitte",
            "option 2",
            "Option 2 please",
            "opción 2",
            "número 2",
            "№2",
            "nº 2",
            "n° 2",
            "no. 2",
            "No.2",
            "number 2",
            "2nd",
            "the 2nd one",
            "la 2",
            "quiero la 2",
            "die 2 bitte",
            "第2个",
            "2番",
            "2번",
            "2번이요",
            "2番でお願いします",
            "вариант 2",
            "رقم ٢",
            "خيار ٢ من فضلك",
            "विकल्प २",
            "ข้อ 2 ครับ",
            "\u{200e}2\u{200f}",
            "02",
            "I'd like option 2 please",
            "option-2",
            "large",
            "Large please",
            "2 🙏",
            "2!",
        ] {
            assert_eq!(one(said, &menu()), Some(1), "{said}");
        }
    }

    #[test]
    fn other_numbers_are_no_choice() {
        for said in [
            "",
            "-2",
            "−2",
            "- 2.5",
            "2.5",
            "2,5",
            "12",
            "0",
            "-0",
            "6",
            "2-3",
            "2:30",
            "1/2",
            "2%",
            "$2",
            "A2",
            "2x",
            "2 or 3",
            "1 and 3",
            "1,3",
            "1 y 3",
            "1 3",
            "2 Small",
            "not 2",
            "nicht die 2",
            "не 2",
            "anything but 2",
            "we are 2 people and want to come tomorrow",
            "2 to 3",
            "不要2",
            "22",
            "2.2",
            "+49 2",
            "½",
        ] {
            assert_eq!(one(said, &menu()), None, "{said}");
        }
        let sizes: Vec<_> = ["5 GB", "2 GB", "1 GB"].map(called).into();
        assert_eq!(
            (one("1 GB", &sizes), one("the 1 GB plan", &sizes), one("1", &sizes)),
            (Some(2), None, Some(0))
        );
        let degrees: Vec<_> = ["-2", "2", "2.5"].map(called).into();
        assert_eq!(
            ["-2", "2", "2.5", "3"].map(|said| one(said, &degrees)),
            [Some(0), Some(1), Some(2), Some(2)]
        );
    }

    #[test]
    fn several_are_picked_where_they_may_be() {
        for said in [
            "1 and 3",
            "1,3",
            "1, 3",
            "1 y 3",
            "1 e 3",
            "1 und 3",
            "1 et 3",
            "1 и 3",
            "1 ve 3",
            "1 dan 3",
            "1 và 3",
            "1 & 3",
            "1+3",
            "1 3",
            "3 1",
            "1/3",
            "1; 3",
            "1\n3",
            "1、3",
            "１，３",
            "١ و ٣",
            "١ و٣",
            "١، ٣",
            "१ और ३",
            "1和3",
            "1と3",
            "1번과 3번",
            "1 และ 3",
            "options 1 and 3 please",
            "1. Small\n3. Extra large",
            "Small, Extra large",
            "Small and Extra large",
            "1 and extra large",
            "#1 #3",
            "1️⃣ 3️⃣",
            "1, 3 and 1",
            "1 and 3, please",
        ] {
            assert_eq!(several(said, &menu()), Some(vec![0, 2]), "{said}");
        }
        assert_eq!(several("2", &menu()), Some(vec![1]));
        assert_eq!(several("1, 2 and 3", &menu()), Some(vec![0, 1, 2]));
        for said in [
            "1 or 3",
            "1 and 9",
            "1-3",
            "1 - 3",
            "1 – 3",
            "1.3",
            "1 and Medium",
            "1 to 3",
            "not 1 and 3",
            "",
            "-1, 3",
            "1 and 3 people of us come at noon",
        ] {
            assert_eq!(several(said, &menu()), None, "{said}");
        }
    }
}
