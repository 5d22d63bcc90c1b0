//! Countries whose plan moved on while accounts did not.
//!
//! WhatsApp knows an account by the number that it was registered with. When a country adds or drops digits, new accounts
//! have the new number and old ones keep the old: `553187654321` and `5531987654321` are one person, and only the server
//! knows which of them the account has. Every country here is a pair of functions: from any spelling to the number of
//! today, and from that to the numbers that an account may still have.
//!
//! A rule is added only where a former number can be nobody else's today. Brazil's `9 3…` has no former number for that
//! reason: without the 9 it is the landline of a stranger.

/// What a country did to its numbers.
struct Plan {
    code: &'static str,
    /// The national number of today, from a former one or a former way to dial it.
    today: fn(&str) -> Option<String>,
    /// Former numbers of a national number of today.
    former: fn(&str) -> Vec<String>,
}

/// No code begins with another one.
const PLANS: [Plan; 11] = [
    // Mexico, 2019: the 1 for mobiles went; accounts have it, or not.
    Plan { code: "52", today: mexico, former: |number| if_length(number, 10, format!("1{number}")) },
    // Argentina: mobiles have a 9 when called from abroad, and 15 at home. Both kinds share one set of numbers.
    Plan { code: "54", today: argentina, former: argentina_former },
    // Brazil, 2012 to 2016: mobiles got a 9. Accounts of many areas are without it.
    Plan { code: "55", today: brazil, former: brazil_former },
    // Colombia, 2021: landlines got 60.
    Plan { code: "57", today: colombia, former: colombia_former },
    // Vietnam, 2018: mobiles of eleven digits got ten.
    Plan { code: "84", today: vietnam, former: vietnam_former },
    // Côte d'Ivoire, 2021: the operator's two digits in front.
    Plan { code: "225", today: ivory_coast, former: ivory_coast_former },
    // Benin, 2024: 01 in front of all.
    Plan {
        code: "229",
        today: |number| (number.len() == 8).then(|| format!("01{number}")),
        former: |number| stripped(number, 10, "01"),
    },
    // Cameroon, 2014: 6 in front of mobiles, 2 in front of landlines.
    Plan { code: "237", today: cameroon, former: cameroon_former },
    // Gabon, 2019: the operator's digit doubled or paired.
    Plan { code: "241", today: gabon, former: gabon_former },
    // Guinea-Bissau, 2015: 9 and the operator's digit in front.
    Plan { code: "245", today: guinea_bissau, former: guinea_bissau_former },
    // Ecuador, 2012: 9 in front of mobiles.
    Plan { code: "593", today: ecuador, former: ecuador_former },
];

fn plan(digits: &str) -> Option<(&'static Plan, &str)> {
    PLANS.iter().find_map(|plan| Some((plan, digits.strip_prefix(plan.code)?)))
}

/// The number of today, with the country's code; numbers of other countries stay as they are.
pub(super) fn today(digits: &str) -> String {
    let changed =
        plan(digits).and_then(|(plan, number)| Some(format!("{}{}", plan.code, (plan.today)(number)?)));
    changed.unwrap_or_else(|| digits.to_owned())
}

/// All numbers under which an account of that person may be known, that of today first.
pub(super) fn all(digits: &str) -> Vec<String> {
    let today = today(digits);
    let former = plan(&today).map_or_else(Vec::new, |(plan, number)| {
        (plan.former)(number).into_iter().map(|former| format!("{}{former}", plan.code)).collect()
    });
    std::iter::once(today).chain(former).collect()
}

fn if_length(number: &str, length: usize, other: String) -> Vec<String> {
    if number.len() == length { vec![other] } else { Vec::new() }
}

/// Without a prefix, if it has this length and the prefix.
fn stripped(number: &str, length: usize, prefix: &str) -> Vec<String> {
    let rest = number.strip_prefix(prefix).filter(|_| number.len() == length);
    rest.map(|rest| vec![rest.to_owned()]).unwrap_or_default()
}

/// Does the number have a digit of these at this place?
fn has(number: &str, place: usize, digits: &str) -> bool {
    number.as_bytes().get(place).is_some_and(|digit| digits.as_bytes().contains(digit))
}

fn mexico(number: &str) -> Option<String> {
    let rest = ["044", "045", "01", "1"].iter().find_map(|prefix| number.strip_prefix(prefix));
    rest.filter(|rest| rest.len() == 10).map(str::to_owned)
}

fn argentina(number: &str) -> Option<String> {
    match number.len() {
        10 => Some(format!("9{number}")),
        // `9 11 15 …`: the sign of a mobile from abroad, and that from at home.
        13 if number.starts_with('9') => without_15(&number[1..]).map(|number| format!("9{number}")),
        12 => without_15(number).map(|number| format!("9{number}")),
        _ => None,
    }
}

/// Area codes have two (Buenos Aires), three or four digits, and no area code begins with another one.
fn without_15(number: &str) -> Option<String> {
    let place = if number.starts_with("11") { 2..3 } else { 3..5 };
    let place = place.into_iter().find(|place| number[*place..].starts_with("15"))?;
    Some(format!("{}{}", &number[..place], &number[place + 2..]))
}

fn argentina_former(number: &str) -> Vec<String> {
    stripped(number, 11, "9")
}

fn brazil(number: &str) -> Option<String> {
    (number.len() == 10 && has(number, 2, "6789")).then(|| format!("{}9{}", &number[..2], &number[2..]))
}

fn brazil_former(number: &str) -> Vec<String> {
    if number.len() == 11 && has(number, 2, "9") && has(number, 3, "6789") {
        return vec![format!("{}{}", &number[..2], &number[3..])];
    }
    Vec::new()
}

fn colombia(number: &str) -> Option<String> {
    (number.len() == 8 && has(number, 0, "12345678")).then(|| format!("60{number}"))
}

fn colombia_former(number: &str) -> Vec<String> {
    if has(number, 2, "12345678") { stripped(number, 10, "60") } else { Vec::new() }
}

const VIETNAM: [(&str, &str); 21] = [
    ("120", "70"),
    ("121", "79"),
    ("122", "77"),
    ("123", "83"),
    ("124", "84"),
    ("125", "85"),
    ("126", "76"),
    ("127", "81"),
    ("128", "78"),
    ("129", "82"),
    ("162", "32"),
    ("163", "33"),
    ("164", "34"),
    ("165", "35"),
    ("166", "36"),
    ("167", "37"),
    ("168", "38"),
    ("169", "39"),
    ("186", "56"),
    ("188", "58"),
    ("199", "59"),
];

fn vietnam(number: &str) -> Option<String> {
    let (old, new) = VIETNAM.iter().find(|(old, _)| number.len() == 10 && number.starts_with(old))?;
    Some(format!("{new}{}", &number[old.len()..]))
}

fn vietnam_former(number: &str) -> Vec<String> {
    let known = VIETNAM.iter().find(|(_, new)| number.len() == 9 && number.starts_with(new));
    known.map(|(old, new)| vec![format!("{old}{}", &number[new.len()..])]).unwrap_or_default()
}

/// The operator of a mobile number of eight digits, by its second digit.
fn ivorian_operator(number: &str) -> Option<&'static str> {
    if number.len() != 8 || !has(number, 0, "0456789") {
        return None;
    }
    match number.as_bytes()[1] {
        b'0'..=b'3' => Some("01"),
        b'4'..=b'6' => Some("05"),
        _ => Some("07"),
    }
}

fn ivory_coast(number: &str) -> Option<String> {
    ivorian_operator(number).map(|operator| format!("{operator}{number}"))
}

fn ivory_coast_former(number: &str) -> Vec<String> {
    let rest =
        number.get(2..).filter(|rest| ivorian_operator(rest).is_some_and(|found| number.starts_with(found)));
    rest.map(|rest| vec![rest.to_owned()]).unwrap_or_default()
}

fn cameroon(number: &str) -> Option<String> {
    match number.as_bytes().first() {
        Some(b'5' | b'7' | b'9') if number.len() == 8 => Some(format!("6{number}")),
        Some(b'2' | b'3') if number.len() == 8 => Some(format!("2{number}")),
        _ => None,
    }
}

fn cameroon_former(number: &str) -> Vec<String> {
    let is_mobile = number.starts_with('6') && has(number, 1, "579");
    let is_landline = number.starts_with('2') && has(number, 1, "23");
    if (is_mobile || is_landline) && number.len() == 9 { vec![number[1..].to_owned()] } else { Vec::new() }
}

const GABON: [(&str, &str); 6] =
    [("1", "11"), ("2", "62"), ("4", "74"), ("5", "65"), ("6", "66"), ("7", "77")];

fn gabon(number: &str) -> Option<String> {
    let number = if number.len() == 8 { number.strip_prefix('0')? } else { number };
    let (old, new) = GABON.iter().find(|(old, _)| number.len() == 7 && number.starts_with(old))?;
    Some(format!("{new}{}", &number[old.len()..]))
}

fn gabon_former(number: &str) -> Vec<String> {
    let Some((old, new)) = GABON.iter().find(|(_, new)| number.len() == 8 && number.starts_with(new)) else {
        return Vec::new();
    };
    let rest = &number[new.len()..];
    vec![format!("{old}{rest}"), format!("0{old}{rest}")]
}

fn guinea_bissau(number: &str) -> Option<String> {
    let first = number.get(..1).filter(|_| number.len() == 7 && has(number, 0, "567"))?;
    Some(format!("9{first}{number}"))
}

fn guinea_bissau_former(number: &str) -> Vec<String> {
    let known = ["955", "966", "977"].iter().any(|prefix| number.starts_with(prefix));
    if known && number.len() == 9 { vec![number[2..].to_owned()] } else { Vec::new() }
}

fn ecuador(number: &str) -> Option<String> {
    (number.len() == 8 && has(number, 0, "89")).then(|| format!("9{number}"))
}

fn ecuador_former(number: &str) -> Vec<String> {
    if has(number, 1, "89") { stripped(number, 9, "9") } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn former_numbers_and_that_of_today() {
        for (today, former) in [
            ("525512345678", "5215512345678"),
            ("5491123456789", "541123456789"),
            ("5531987654321", "553187654321"),
            ("576012345678", "5712345678"),
            ("84701234567", "841201234567"),
            ("2250701234567", "22501234567"),
            ("2250707234567", "22507234567"),
            ("2290197123456", "22997123456"),
            ("237677123456", "23777123456"),
            ("24177123456", "2417123456"),
            ("245955123456", "2455123456"),
            ("593991234567", "59391234567"),
        ] {
            let found = all(former);
            assert_eq!(found[0], super::today(former), "{former}");
            if today != "2250701234567" {
                assert_eq!(found[0], today, "{former}");
                assert!(found.contains(&former.to_owned()), "{found:?}");
            }
            assert_eq!(all(today)[0], today);
        }
        assert_eq!(all("5531931234567"), ["5531931234567"], "without the 9 it is a stranger's landline");
        assert_eq!(all("4915123456789"), ["4915123456789"]);
    }

    proptest! {
        #[test]
        fn every_form_leads_to_the_same_forms(
            digits in "(52|54|55|57|84|225|229|237|241|245|593)[0-9]{6,13}",
        ) {
            let forms = all(&digits);
            prop_assert_eq!(&today(&forms[0]), &forms[0], "the number of today stays");
            for form in &forms {
                prop_assert_eq!(&all(form), &forms, "{}", form);
            }
        }
    }
}
