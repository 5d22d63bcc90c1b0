//! Stop words that are also ordinary answers.
use std::{collections::HashSet, sync::OnceLock};

use super::fold;

/// Words that end messages when they stand alone, and mean something else in a conversation: language, word, meaning. A
/// workspace chooses what becomes of them: see [`AmbiguousWords`](super::AmbiguousWords).
pub const AMBIGUOUS_WORDS: [(&str, &str, &str); 40] = [
    ("en", "cancel", "an order or an appointment"),
    ("en", "end", "the end of a chat"),
    ("en", "quit", "to leave a menu"),
    ("en", "revoke", "to take something back"),
    ("es", "alto", "tall, loud"),
    ("es", "baja", "low, a sick leave"),
    ("es", "parar", "to stop somewhere"),
    ("es", "salir", "to leave a menu, to go out"),
    ("es", "cancelar", "an order or an appointment"),
    ("pt", "parar", "to stop somewhere"),
    ("pt", "sair", "to leave a menu, to go out"),
    ("pt", "cancelar", "an order or an appointment"),
    ("pt", "remover", "something from a cart"),
    ("fr", "arrêt", "a bus stop, a sick leave"),
    ("de", "beenden", "a chat"),
    ("de", "abmeldung", "from a course"),
    ("it", "basta", "that is enough"),
    ("it", "ferma", "it stops here"),
    ("it", "annulla", "an order or an appointment"),
    ("it", "cancella", "an order or an appointment"),
    ("nl", "stoppen", "to stop somewhere"),
    ("nl", "opzeggen", "a contract"),
    ("nl", "beëindigen", "a chat"),
    ("id", "batal", "an order"),
    ("id", "keluar", "to leave a menu, to go out"),
    ("hi", "बंद", "closed"),
    ("hi", "रुको", "wait"),
    ("hi", "हटाएं", "something from a cart"),
    ("ar", "إلغاء", "an order"),
    ("ar", "قف", "wait"),
    ("tr", "dur", "wait"),
    ("tr", "ret", "to refuse an offer"),
    ("tr", "iptal", "an order"),
    ("tr", "çık", "to leave a menu"),
    ("ru", "отмена", "an order"),
    ("ru", "хватит", "that is enough"),
    ("uk", "скасувати", "an order"),
    ("pl", "koniec", "the end of a chat"),
    ("pl", "anuluj", "an order"),
    ("ko", "그만", "that is enough"),
];

/// Is it one of them? It is folded already.
pub(super) fn is_ambiguous(folded: &str) -> bool {
    static KNOWN: OnceLock<HashSet<String>> = OnceLock::new();
    KNOWN
        .get_or_init(|| AMBIGUOUS_WORDS.iter().map(|(_, word, _)| fold::words(word)).collect())
        .contains(folded)
}
