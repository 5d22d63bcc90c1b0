//! The words with which people stop and start, and whether marketing says how to stop it.
//!
//! A message stops when it is nothing but stop words and courtesies: `STOP`, `¡Baja!`, `Please stop, thank you`. It holds
//! whatever language the campaign was in. What follows of it (suppression, one confirmation, pending rows cancelled) is the
//! scheduler's. People opt in by a word that the workspace chose ([`ReplyRules`]), and are told what they agreed to; the
//! start words of a language alone agree to nothing. What is not clear is for a person to read.
mod ambiguous;
mod fold;
mod hear;
mod hint;
mod polite;
mod rules;
mod scope;
mod words;

pub use self::{
    ambiguous::AMBIGUOUS_WORDS,
    hear::{Hearing, TakenAs, wish},
    rules::{AmbiguousWords, OptIn, ReplyRules, RuleError},
    words::{LANGUAGES, Language},
};
pub(crate) use hint::has_opt_out_hint;
pub(crate) use scope::{ScopeVerdict, names as scope_names, verdict as scope_verdict};

/// What somebody asks for with one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wish {
    /// No more messages.
    Stop,
    /// Messages again.
    Start,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_word_of_every_language_is_heard_however_it_is_written() {
        for language in &LANGUAGES {
            assert!(!language.stop.is_empty() && !language.start.is_empty(), "{}", language.code);
            let all = language.stop.iter().map(|word| (word, Wish::Stop));
            for (word, expected) in all.chain(language.start.iter().map(|word| (word, Wish::Start))) {
                for written in [
                    (*word).to_owned(),
                    word.to_uppercase(),
                    format!("  {}.\n", word.to_lowercase()),
                    format!("\u{200f}“{word}”!! 🙏"),
                ] {
                    assert_eq!(wish(&written), Some(expected), "{} {written}", language.code);
                }
            }
        }
    }

    #[test]
    fn the_shipped_languages() {
        let codes: Vec<_> = LANGUAGES.iter().map(|language| language.code).collect();
        for code in ["en", "es", "pt", "fr", "de", "it", "nl", "id", "hi", "ar", "tr", "ru"] {
            assert!(codes.contains(&code), "{code}");
        }
    }

    #[test]
    fn other_spellings_of_the_same() {
        for written in [
            "ＳＴＯＰ",
            "arreter",
            "arre\u{302}ter",
            "desabonner",
            "IPTAL",
            "iptal",
            "İptal",
            "çık",
            "cik",
            "ÇIK",
            "opt-out",
            "Opt Out",
            "nao quero mais",
            "الغاء الاشتراك",
            "إلغاء  الإشتراك",
            "تــوقف",
            "ОТПИСАТЬСЯ",
            "s\u{200b}top",
        ] {
            assert_eq!(wish(written), Some(Wish::Stop), "{written}");
        }
    }

    #[test]
    fn what_is_no_wish() {
        for written in [
            "",
            " ",
            "!!",
            "🛑",
            "ok",
            "yes",
            "no",
            "stop it please",
            "don't stop",
            "do not cancel my order",
            "stopp mal kurz",
            "the end",
            "fine",
            "baja california",
            "durduk",
            "cancel my appointment",
            "start with the second page",
        ] {
            assert_eq!(wish(written), None, "{written}");
        }
        assert_eq!(wish(&format!("stop{}", " ".repeat(600))), None);
    }

    proptest! {
        #[test]
        fn it_never_panics_and_hears_only_what_is_alone(text in "\\PC{0,40}") {
            let _ = wish(&text);
            prop_assert_eq!(wish(&format!("stop {text}x7")), None);
        }
    }
}
