//! Currencies beside a number.

/// Abbreviations and words that stand for a currency, in lower case and without points, beside the codes of ISO 4217 and the currency
/// signs of Unicode.
const WORDS: &[&str] = &[
    "rp",
    "rs",
    "re",
    "tl",
    "kr",
    "fr",
    "sfr",
    "ft",
    "lei",
    "leu",
    "zł",
    "zl",
    "kč",
    "kc",
    "лв",
    "руб",
    "р",
    "грн",
    "ден",
    "дин",
    "din",
    "km",
    "rm",
    "dh",
    "dhs",
    "bs",
    "gs",
    "ksh",
    "tsh",
    "ush",
    "sh",
    "birr",
    "s/",
    "b/",
    "euro",
    "euros",
    "eur",
    "dollar",
    "dollars",
    "円",
    "元",
    "块",
    "圓",
    "원",
    "บาท",
    "đ",
    "đồng",
    "dong",
    "vnđ",
    "रु",
    "रुपये",
    "টাকা",
    "ريال",
    "درهم",
    "دينار",
    "جنيه",
    "ج م",
    "د إ",
    "ر س",
    "тенге",
];

/// The codes of ISO 4217 that are in use.
const CODES: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
    CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR \
    ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR \
    MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD \
    SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// What stands behind whole amounts in place of a fraction: `50,-`, `500/-`.
const NO_FRACTION: [&str; 10] = ["/-", ",-", ".-", ",–", ".–", ",—", ".—", ",--", "/=", "-/"];

/// A number without the currency beside it; `None` when something else stands there. It may stand on one side only.
pub(super) fn without_currency(text: &str) -> Option<&str> {
    let is_digit = |c: char| c.is_ascii_digit();
    let first = text.find(is_digit)?;
    let last = text.rfind(is_digit)? + 1;
    let (before, behind) = (&text[..first], &text[last..]);
    // A sign behind the currency is the number's.
    let unsigned = before.trim_end_matches(['-', '+', '\u{2212}']);
    let behind = without_fraction(behind.trim());
    match (is_currency(unsigned), is_currency(behind)) {
        _ if unsigned.trim().is_empty() && behind.is_empty() => Some(&text[unsigned.len()..last]),
        (true, _) if behind.is_empty() => Some(&text[unsigned.len()..last]),
        (_, true) if unsigned.trim().is_empty() => Some(&text[unsigned.len()..last]),
        _ => None,
    }
}

fn without_fraction(behind: &str) -> &str {
    let rest = NO_FRACTION.iter().find_map(|mark| behind.strip_prefix(mark));
    rest.unwrap_or(behind).trim()
}

fn is_currency(text: &str) -> bool {
    let text = text.trim();
    let word = text.trim_matches(|c: char| is_sign(c) || c.is_whitespace());
    // Some dollars have letters before their sign, such as `R$` and `US$`.
    if text.contains(is_sign) && word.chars().count() <= 3 && word.chars().all(char::is_alphabetic) {
        return true;
    }
    let word = word.trim_matches('.').trim();
    let plain = word.to_lowercase().replace('.', " ");
    WORDS.contains(&plain.trim()) || CODES.split_whitespace().any(|code| code.eq_ignore_ascii_case(word))
}

/// Is it one of the currency signs of Unicode (general category `Sc`)?
fn is_sign(c: char) -> bool {
    matches!(c,
        '$' | '¢'..='¥' | '֏' | '؋' | '\u{7fe}'..='\u{7ff}' | '৲' | '৳' | '৻' | '૱' | '௹' | '฿' | '៛'
        | '\u{20a0}'..='\u{20cf}' | '\u{a838}' | '﷼' | '﹩' | '＄' | '￠' | '￡' | '￥' | '￦')
}
