//! From a message to what it asks for.
//!
//! The rule: a message stops when nothing is left of it but stop words and courtesies, as in `Please stop`, `STOP STOP` and
//! `Stop. Thank you 🙏`. A message that says more (`stop sending me this`, `I want to unsubscribe`) is for a person to read.
//! One in which a stop word is only a word among others (`don't stop`, `where does the bus stop`) is neither.
use std::{collections::HashMap, sync::OnceLock};

use super::{AmbiguousWords, LANGUAGES, ReplyRules, Wish, ambiguous::is_ambiguous, fold, hint, polite};

/// Longer messages, in bytes, are not looked at: no wish comes near it.
const LONGEST: usize = 512;
/// Words in the longest stop or start phrase, and a few more for what people add.
const PHRASE: usize = 4;
/// A message of more words that begins with a stop word is a sentence about something else.
const SHORT: usize = 10;

/// What a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hearing {
    /// Nothing of the kind.
    Nothing,
    /// No more messages.
    Stop,
    /// Messages again, by a word of the workspace.
    Start,
    /// Perhaps one of them: a person has to read it.
    AskPerson,
}

/// What a whole message asks for, in any of the [`LANGUAGES`], whatever a workspace decides.
///
/// Case, accents, punctuation, emoji and courtesies do not matter.
///
/// ```
/// use whatsapp_campaigns::consent::{Wish, wish};
///
/// assert_eq!(wish(" Stop!! 🙏"), Some(Wish::Stop));
/// assert_eq!(wish("Please stop. Thank you"), Some(Wish::Stop));
/// assert_eq!(wish("¡DARME DE BAJA!"), Some(Wish::Stop));
/// assert_eq!(wish("where does the bus stop"), None);
/// ```
pub fn wish(text: &str) -> Option<Wish> {
    if text.len() > LONGEST {
        return None;
    }
    phrases(&fold::words(text), &|phrase| known().get(phrase).copied()).map(|(wish, _)| wish)
}

/// What a conversation takes a message for, while it goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TakenAs {
    /// Nothing: no conversation goes on, or the message answers nothing.
    #[default]
    Nothing,
    /// A word that starts a conversation.
    Trigger,
    /// An answer to an open question.
    Answer,
    /// One of the options that were offered, or a command of the conversation.
    Choice,
    /// An edit of a message that a conversation had taken: it is no answer any more.
    Edit,
}

impl ReplyRules {
    /// What a message asks for that a conversation may take for something else.
    ///
    /// A choice is that choice and nothing else, whatever its words. Anything else that a conversation takes stops by a word that
    /// means nothing else, such as `STOP`, and not by an ambiguous one (see [`AMBIGUOUS_WORDS`](super::AMBIGUOUS_WORDS)). Nobody opts
    /// in by an answer; a word that opts in may start a conversation, too. An edit of something that was taken may only correct it, so
    /// that what may mean a stop is for a person to read.
    pub fn hear_taken(&self, text: &str, taken: TakenAs) -> Hearing {
        if taken == TakenAs::Nothing {
            return self.hear(text);
        }
        if taken == TakenAs::Choice || text.len() > LONGEST {
            return Hearing::Nothing;
        }
        let folded = fold::words(text);
        if taken == TakenAs::Trigger && self.opts_in(&folded) {
            return Hearing::Start;
        }
        match phrases(&folded, &|phrase| known().get(phrase).copied()) {
            Some((Wish::Stop, false)) => Hearing::Stop,
            Some((Wish::Stop, true)) if taken == TakenAs::Edit => Hearing::AskPerson,
            None if taken == TakenAs::Edit && may_stop(&folded) => Hearing::AskPerson,
            _ => Hearing::Nothing,
        }
    }

    /// What a message asks for, as this workspace decided.
    pub fn hear(&self, text: &str) -> Hearing {
        if text.len() > LONGEST {
            return Hearing::Nothing;
        }
        let folded = fold::words(text);
        if self.opts_in(&folded) {
            return Hearing::Start;
        }
        match phrases(&folded, &|phrase| known().get(phrase).copied()) {
            Some((Wish::Stop, true)) if self.ambiguous == AmbiguousWords::AskPerson => Hearing::AskPerson,
            Some((Wish::Stop, _)) => Hearing::Stop,
            // Nobody agreed to anything by a word that the workspace did not choose.
            Some((Wish::Start, _)) => Hearing::AskPerson,
            None if may_stop(&folded) => Hearing::AskPerson,
            None => Hearing::Nothing,
        }
    }

    fn opts_in(&self, folded: &str) -> bool {
        let Some(opt_in) = &self.opt_in else { return false };
        let words: Vec<String> = opt_in.words.iter().map(|word| fold::words(word)).collect();
        let is_word = |phrase: &str| words.iter().any(|word| word == phrase).then_some(Wish::Start);
        words.iter().any(|word| word == folded) || phrases(folded, &is_word).is_some()
    }
}

/// The one wish of a text that has nothing but phrases of it and courtesies, and whether all its phrases are ambiguous.
fn phrases(folded: &str, known: &dyn Fn(&str) -> Option<Wish>) -> Option<(Wish, bool)> {
    let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    let (mut place, mut found) = (0, None::<(Wish, bool)>);
    while place < words.len() {
        let most = (words.len() - place).min(PHRASE.max(polite::LONGEST));
        let phrase = |length: usize| words[place..place + length].join(" ");
        let wish = (1..=most).rev().find_map(|length| Some((length, known(&phrase(length))?)));
        if let Some((length, wish)) = wish {
            let is_vague = is_ambiguous(&phrase(length));
            found = match found {
                Some((other, _)) if other != wish => return None,
                Some((_, all)) => Some((wish, all && is_vague)),
                None => Some((wish, is_vague)),
            };
            place += length;
        } else {
            place += (1..=most).rev().find(|length| polite::is_polite(&phrase(*length)))?;
        }
    }
    found
}

/// Does a message that says more than a wish begin with one, or speak of ending messages? `Don't` in front turns it round.
fn may_stop(folded: &str) -> bool {
    let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    if words.is_empty() || words.len() > 3 * SHORT || words.iter().any(|word| NOT.contains(word)) {
        return false;
    }
    let mut place = 0;
    while let Some(length) = (1..=polite::LONGEST.min(words.len() - place))
        .rev()
        .find(|n| polite::is_polite(&words[place..place + n].join(" ")))
    {
        place += length;
    }
    let rest = &words[place..];
    let begins = (1..=PHRASE.min(rest.len())).any(|length| {
        let phrase = rest[..length].join(" ");
        known().get(&phrase) == Some(&Wish::Stop) && !is_ambiguous(&phrase)
    });
    (begins && rest.len() <= SHORT && !FALSE_STARTS.iter().any(|start| folded_begins(rest, start)))
        || hint::speaks_of_ending(folded)
}

fn folded_begins(words: &[&str], start: &str) -> bool {
    words.join(" ").starts_with(start)
}

/// `Don't`, in the forms that are left of it once it is folded.
const NOT: [&str; 5] = ["don", "dont", "never", "won", "wont"];
/// Sentences that begin like a wish and are none.
const FALSE_STARTS: [&str; 5] = ["stop by", "stop at", "stop in", "stop over", "stop here"];

fn known() -> &'static HashMap<String, Wish> {
    static KNOWN: OnceLock<HashMap<String, Wish>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let mut known = HashMap::new();
        for language in &LANGUAGES {
            known.extend(language.start.iter().map(|word| (fold::words(word), Wish::Start)));
        }
        // Last, so that a word that is both in two languages stops.
        for language in &LANGUAGES {
            known.extend(language.stop.iter().map(|word| (fold::words(word), Wish::Stop)));
        }
        known
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::OptIn;

    #[test]
    fn a_stop_word_with_courtesies_stops() {
        for text in [
            "please stop",
            "Please, stop!",
            "STOP STOP",
            "stop stop stop",
            "Stop. Thank you",
            "stop!!!",
            "Stop 🙏",
            "ok stop now please",
            "unsubscribe, thanks",
            "Hi, please remove me. Thanks!",
            "por favor baja",
            "BAJA, gracias",
            "stop svp",
            "Bitte abmelden",
            "stopp bitte, danke",
            "Pare, por favor",
            "basta grazie",
            "Стоп, пожалуйста",
            "lütfen dur",
            "من فضلك توقف",
            "कृपया बंद करें",
            "tolong berhenti",
        ] {
            assert_eq!(wish(text), Some(Wish::Stop), "{text}");
            assert_eq!(ReplyRules::default().hear(text), Hearing::Stop, "{text}");
        }
    }

    #[test]
    fn other_sentences_do_not_stop() {
        for text in [
            "don't stop",
            "Don't stop!",
            "bus stop",
            "where does the bus stop?",
            "stop by tomorrow",
            "please",
            "thank you",
            "non stop",
            "please don't cancel my order",
            "cancel my appointment",
            "baja california",
            "the end of the street",
            "no stop",
        ] {
            assert_eq!(wish(text), None, "{text}");
            assert_eq!(ReplyRules::default().hear(text), Hearing::Nothing, "{text}");
        }
    }

    #[test]
    fn what_says_more_is_for_a_person() {
        for text in [
            "stop sending me messages",
            "stop it",
            "No more messages from you please",
            "je veux ne plus recevoir de messages",
            "ich möchte keine Nachrichten mehr von euch",
            "Please stop writing to me",
            "I want to unsubscribe",
            "how can I opt out?",
            "quiero darme de baja",
            "ich möchte mich abmelden",
            "start",
            "START STOP?",
        ] {
            let hearing = ReplyRules::default().hear(text);
            assert!(hearing == Hearing::AskPerson || text == "START STOP?", "{text}: {hearing:?}");
        }
    }

    #[test]
    fn a_workspace_chooses_how_to_opt_in_and_what_ambiguous_words_do() {
        let opt_in = OptIn {
            words: vec!["Join offers".into()],
            scope: "marketing".into(),
            confirmation: "You get our offers now. Reply STOP to end.".into(),
        };
        let rules = ReplyRules {
            opt_in: Some(opt_in.clone()),
            ambiguous: AmbiguousWords::AskPerson,
            ..ReplyRules::default()
        };
        rules.check().unwrap();
        for (text, wanted) in [
            ("JOIN OFFERS", Hearing::Start),
            ("join offers, please!", Hearing::Start),
            ("start", Hearing::AskPerson),
            ("join", Hearing::Nothing),
            ("don't join offers", Hearing::Nothing),
            ("cancel", Hearing::AskPerson),
            ("stop", Hearing::Stop),
            ("cancel stop", Hearing::Stop),
        ] {
            assert_eq!(rules.hear(text), wanted, "{text}");
        }
        for (wrong, says) in [
            (OptIn { words: vec![], ..opt_in.clone() }, "one word"),
            (OptIn { words: vec!["Stop".into()], ..opt_in.clone() }, "`Stop`"),
            (OptIn { words: vec!["ok".into()], ..opt_in.clone() }, "`ok`"),
            (OptIn { scope: " ".into(), ..opt_in.clone() }, "scope"),
            (OptIn { confirmation: "Thanks".into(), ..opt_in }, "confirmation"),
        ] {
            let error = ReplyRules { opt_in: Some(wrong), ..ReplyRules::default() }.check().unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}
