//! Does a text say how to stop it?
//!
//! It does when it uses words for exactly that (`unsubscribe`, `sich abmelden`), or when a stop word in capitals or quotes stands
//! near a verb for answering (`Reply STOP`). `Don't stop the music` says nothing of the kind. This finds what was forgotten;
//! it does not judge what was written.
use std::sync::OnceLock;

use super::{LANGUAGES, fold};

/// So many words from the verb to the stop word, or the other way round.
const NEAR: usize = 6;

/// Looks for the hint in the text that every recipient gets.
pub(crate) fn has_opt_out_hint(text: &str) -> bool {
    let folded = fold::words(text);
    if known().says.iter().any(|says| begins_a_word(&folded, says)) {
        return true;
    }
    text.split(['.', '!', '?', '。', '।', '؟', '\n']).any(|sentence| {
        let words = words(sentence);
        let answers: Vec<_> = (0..words.len()).filter(|place| words[*place].is_answer()).collect();
        (0..words.len()).any(|place| {
            is_stop(&words[place..]) && answers.iter().any(|answer| answer.abs_diff(place) <= NEAR)
        })
    })
}

/// Does a folded text use words for ending messages, such as `unsubscribe`?
pub(super) fn speaks_of_ending(folded: &str) -> bool {
    known().says.iter().any(|says| begins_a_word(folded, says))
        || known()
            .stop
            .iter()
            .filter(|stop| stop.len() > 1)
            .any(|stop| begins_a_word(folded, &stop.join(" ")))
}

/// Is it in the text, at the beginning of a word? Chinese, Japanese and Korean do not set words apart.
fn begins_a_word(folded: &str, says: &str) -> bool {
    let is_east_asian = says.starts_with(|c: char| c >= '\u{1100}');
    folded.match_indices(says).any(|(place, _)| is_east_asian || place == 0 || folded[..place].ends_with(' '))
}

struct Known {
    says: Vec<String>,
    answer: Vec<String>,
    stop: Vec<Vec<String>>,
}

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let folded = |list: fn(&super::Language) -> &'static [&'static str]| {
            LANGUAGES.iter().flat_map(move |language| list(language).iter().map(|word| fold::words(word)))
        };
        let split = |word: String| word.split(' ').map(str::to_owned).collect();
        Known {
            says: folded(|language| language.says).collect(),
            answer: folded(|language| language.answer).collect(),
            stop: folded(|language| language.stop).map(split).collect(),
        }
    })
}

struct Word {
    folded: String,
    /// In capitals, in quotes, or of a script that has no capitals.
    stands_out: bool,
}

impl Word {
    fn is_answer(&self) -> bool {
        known().answer.iter().any(|answer| self.folded.starts_with(answer.as_str()))
    }
}

/// Do these words begin with a stop word that stands out?
fn is_stop(words: &[Word]) -> bool {
    known().stop.iter().any(|stop| {
        words.len() >= stop.len()
            && stop.iter().zip(words).all(|(stop, word)| word.stands_out && *stop == word.folded)
    })
}

fn words(sentence: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let (mut word, mut before, mut quoted) = (String::new(), ' ', false);
    for c in sentence.chars().chain([' ']) {
        if fold::is_of_word(c) {
            word.push(c);
        } else {
            if !word.is_empty() {
                let is_large = word.chars().count() > 1 && !word.chars().any(char::is_lowercase);
                words.push(Word { folded: fold::words(&word), stands_out: is_large || quoted });
                word.clear();
            }
            if is_quote(c) {
                // Behind a word it closes, elsewhere it opens.
                quoted = !fold::is_of_word(before);
            }
        }
        before = c;
    }
    words
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | '\'' | '‘' | '‚' | '*' | '_' | '「' | '『')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there() {
        for text in [
            "Sale! Reply STOP to end.",
            "Text \"stop\" to leave",
            "To opt-out, tap below",
            "New shoes. You can unsubscribe any time.",
            "Responde BAJA si no quieres más",
            "Responda *sair* para não receber",
            "Envoyez STOP au 36111",
            "Pour vous désabonner : STOP",
            "Antworte mit STOP, um keine Angebote mehr zu bekommen",
            "Zum Abmelden genügt ein Wort",
            "Rispondi STOP",
            "Stuur STOP om te stoppen",
            "Balas BERHENTI",
            "बंद करने के लिए STOP भेजें",
            "संदेश रोकने के लिए 'बंद करें' लिखें",
            "أرسل إيقاف",
            "Çıkmak için RET yazıp gönderin",
            "Ответьте СТОП",
            "回复TD退订",
        ] {
            assert!(has_opt_out_hint(text), "{text}");
        }
    }

    #[test]
    fn it_is_missing() {
        for text in [
            "",
            "Don't stop the music! Reply now.",
            "Our sale comes to an end. Send this to a friend.",
            "STOP",
            "Bus stop sale, only today",
            "BIG WEEK END",
            "Adopt outfits of this spring",
            "Reply to win",
            "Responde y gana. La rebaja BAJA los precios",
        ] {
            assert!(!has_opt_out_hint(text), "{text}");
        }
    }
}
