//! Words around a wish that change nothing about it.

/// Please, thanks, greetings and the like, in the languages of the stop words.
const POLITE: [&str; 96] = [
    "please",
    "pls",
    "plz",
    "thank you",
    "thanks",
    "thank u",
    "thx",
    "ty",
    "now",
    "ok",
    "okay",
    "hi",
    "hello",
    "hey",
    "sorry",
    "kindly",
    "sir",
    "madam",
    "immediately",
    "asap",
    "all",
    "por favor",
    "porfa",
    "gracias",
    "ya",
    "hola",
    "ahora",
    "muchas gracias",
    "favor",
    "obrigado",
    "obrigada",
    "agora",
    "ola",
    "oi",
    "s'il vous plaît",
    "s'il te plaît",
    "svp",
    "stp",
    "merci",
    "merci beaucoup",
    "bonjour",
    "maintenant",
    "bitte",
    "danke",
    "danke schön",
    "vielen dank",
    "hallo",
    "sofort",
    "jetzt",
    "per favore",
    "per piacere",
    "grazie",
    "grazie mille",
    "ciao",
    "subito",
    "alstublieft",
    "aub",
    "graag",
    "dank u",
    "dank je",
    "bedankt",
    "nu",
    "tolong",
    "mohon",
    "terima kasih",
    "makasih",
    "sekarang",
    "कृपया",
    "धन्यवाद",
    "शुक्रिया",
    "من فضلك",
    "لو سمحت",
    "شكرا",
    "شكرا لك",
    "lütfen",
    "teşekkürler",
    "teşekkür ederim",
    "sağol",
    "artık",
    "hemen",
    "пожалуйста",
    "спасибо",
    "здравствуйте",
    "привет",
    "будь ласка",
    "дякую",
    "proszę",
    "dziękuję",
    "dzięki",
    "natychmiast",
    "请",
    "謝謝",
    "谢谢",
    "お願いします",
    "ありがとう",
    "ありがとうございます",
];

/// Is it one of them? It is folded already.
pub(super) fn is_polite(folded: &str) -> bool {
    known().contains(folded)
}

/// The longest of them has so many words.
pub(super) const LONGEST: usize = 4;

fn known() -> &'static std::collections::HashSet<String> {
    static KNOWN: std::sync::OnceLock<std::collections::HashSet<String>> = std::sync::OnceLock::new();
    KNOWN.get_or_init(|| {
        POLITE
            .iter()
            .map(|word| super::fold::words(word))
            .chain(["부탁드립니다", "감사합니다"].map(super::fold::words))
            .collect()
    })
}
