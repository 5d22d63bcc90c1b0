use proptest::prelude::*;

use super::*;

fn digits(text: &str, home: &str) -> Result<String, PhoneError> {
    parse(text, home.parse().ok()).map(|phone| phone.to_string())
}

#[test]
fn a_number_in_many_shapes_is_one_number() {
    for text in [
        "+49 1512 3456789",
        "0049 1512 3456789",
        "011 49 1512 3456789",
        "+0049 1512 3456789",
        "01512/3456789",
        "1512 3456789",
        "491512-3456789",
        "+49 (0)1512 345.6789",
        "0049 (0) 1512 3456789",
        "(+49) 1512 3456789",
        "\u{202a}+49\u{a0}1512\u{2011}3456789\u{202c}",
        "\u{2068}+49 1512\u{200d}3456789\u{2069}",
        "\u{61c}+49\u{202f}1512\u{2007}3456789\u{feff}",
        "'015123456789",
        "=\"015123456789\"",
        "4915123456789.0",
        "tel:+49-1512-3456789",
        "Tel.: +49 1512 3456789",
        "whatsapp:+4915123456789",
        "+٤٩١٥١٢٣٤٥٦٧٨٩",
        "＋４９１５１２３４５６７８９",
        "+𝟒𝟗𝟏𝟓𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
        "4\u{fe0f}\u{20e3}915123456789",
    ] {
        assert_eq!(digits(text, "DE").as_deref(), Ok("4915123456789"), "{text}");
    }
    for text in ["4915123456789", "+4915123456789", "00 49 1512 3456789", "011 49 1512 3456789"] {
        for home in ["", "US", "BR"] {
            assert_eq!(digits(text.trim_start_matches("49"), "DE").as_deref(), Ok("4915123456789"), "{text}");
            if home.is_empty() || !text.starts_with('4') {
                assert_eq!(digits(text, home).as_deref(), Ok("4915123456789"), "{text} {home}");
            }
        }
    }
    assert_eq!(digits("(11) 96123-4567", "BR").as_deref(), Ok("5511961234567"));
    assert_eq!(digits("06 12345678", "IT").as_deref(), Ok("390612345678"), "a zero that belongs to it stays");
    assert_eq!(digits("+39 (0)6 12345678", "").as_deref(), Ok("390612345678"));
    assert_eq!(digits("+39 (0)347 1234567", "").as_deref(), Ok("393471234567"), "and one that does not goes");
}

#[test]
fn an_account_with_a_former_number_is_the_same_person() {
    for (text, home, person) in [
        ("5215512345678", "", "525512345678"),
        ("+52 1 55 1234 5678", "", "525512345678"),
        ("044 55 1234 5678", "MX", "525512345678"),
        ("01 55 1234 5678", "MX", "525512345678"),
        ("55 1234 5678", "MX", "525512345678"),
        ("553187654321", "", "5531987654321"),
        ("+55 31 98765-4321", "", "5531987654321"),
        ("(31) 8765-4321", "BR", "5531987654321"),
        ("551130123456", "", "551130123456"),
        ("541123456789", "", "5491123456789"),
        ("+54 9 11 2345-6789", "", "5491123456789"),
        ("011 15 2345-6789", "AR", "5491123456789"),
        ("+54 11 15 2345 6789", "", "5491123456789"),
        ("+54 9 11 15 2345 6789", "", "5491123456789"),
        ("+229 97 12 34 56", "", "2290197123456"),
        ("+225 07 23 45 67", "", "2250707234567"),
        ("0120 123 4567", "VN", "84701234567"),
        ("+237 77 12 34 56", "", "237677123456"),
        ("+57 1 234 5678", "", "576012345678"),
        ("+593 9 123 4567", "", "593991234567"),
    ] {
        assert_eq!(digits(text, home).as_deref(), Ok(person), "{text} {home}");
    }
    assert!(is_same("553187654321", "5531987654321") && !is_same("5531987654321", "5531987654322"));
    assert_eq!(forms("1234567890@lid"), ["1234567890@lid"]);
}

#[test]
fn what_is_no_number_says_why() {
    for (text, why) in [
        ("", PhoneError::Empty),
        (" - ", PhoneError::Empty),
        ("+", PhoneError::Empty),
        ("n/a", PhoneError::Letters),
        ("0800 FLOWERS", PhoneError::Letters),
        ("030 123456 ext. 5", PhoneError::Letters),
        ("*31#015123456789", PhoneError::Characters),
        ("015123456789; 015123456780", PhoneError::Several),
        ("+4915123456789 +4915123456780", PhoneError::Several),
        ("4.91512E+11", PhoneError::Rounded),
        ("4,91512E+11", PhoneError::Rounded),
        ("+999 123456789", PhoneError::UnknownCountry),
        ("12", PhoneError::TooShort),
        ("+55 11 91", PhoneError::TooShort),
        ("+49 1512 3456789 12345", PhoneError::TooLong),
        ("123456789012345678901234567890123", PhoneError::TooLong),
        ("+1 555 000 1234", PhoneError::NotAssigned),
        ("49 7145 993045", PhoneError::Ambiguous),
        ("+4917604069010@s.whatsapp.net", PhoneError::Address),
        ("123456789012345@lid", PhoneError::Address),
    ] {
        assert_eq!(digits(text, "DE"), Err(why), "{text}");
    }
    assert_eq!(digits("0151 23456789", ""), Err(PhoneError::NoCountry), "whose country?");
    assert!(PhoneError::NoCountry.to_string().contains("region"), "and what to do");
    for zeros in ["00000000", "0", "+0000000000", "000"] {
        assert!(digits(zeros, "").is_err() && digits(zeros, "DE").is_err(), "{zeros}");
    }
}

#[test]
fn regions() {
    assert_eq!("br".parse::<Region>().map(|region| region.code().to_owned()).as_deref(), Ok("BR"));
    for text in ["", "X", "BRA", "ZZ", "49", "001"] {
        assert_eq!(text.parse::<Region>(), Err(UnknownRegion), "{text}");
    }
    assert_eq!(Phone(4_915_123_456_789).region(), "DE".parse().ok());
    assert_eq!(Phone(14_165_550_123).region(), "CA".parse().ok(), "one of those that share a code");
    assert_eq!(Phone(7).region(), None);
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in "\\PC{0,40}|[0-9+ ()./-]{0,24}|(52|54|55|225|229)[0-9]{8,11}") {
        for home in ["", "DE", "US", "BR", "IT", "MX", "AR", "VN", "CI"] {
            if let Ok(found) = parse(&text, home.parse().ok()) {
                let digits = found.to_string();
                prop_assert!((5..=15).contains(&digits.len()), "{}", digits);
                for form in found.forms() {
                    prop_assert!(parse(&form, None) == Ok(found), "an address of a person is that person: {}", form);
                }
            }
        }
    }
}
