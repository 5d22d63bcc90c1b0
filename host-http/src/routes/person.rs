//! Whose chat a text means: a phone number in any spelling, or an address.
use whatsapp_campaigns::person::{self, PhoneError};
use whatsapp_core::jid::{Jid, Server};
use whatsapp_store::AccountId;

use crate::{
    app::App,
    error::{ApiError, ApiResult},
};

/// The chat that a field of a request names. Of the forms of a number that WhatsApp may know a person by, the one that there is a chat
/// with; else the one that was written.
///
/// # Errors
/// Names the field, and says what is wrong with it.
pub(super) async fn chat(app: &App, account: &AccountId, field: &str, text: &str) -> ApiResult<Jid> {
    let wrong = |why: &dyn std::fmt::Display| ApiError::bad_request(format!("{field}: {why}"));
    if text.contains('@') {
        return address(text).map_err(|why| wrong(&why));
    }
    let forms = forms(text).map_err(|error| wrong(&error))?;
    for form in forms.iter().filter(|_| forms.len() > 1) {
        let jid = Jid::pn(form.as_str());
        if app.store.chat(account, &jid.to_string()).await?.is_some() {
            return Ok(jid);
        }
    }
    Ok(Jid::pn(forms.into_iter().next().unwrap_or_default()))
}

/// The digits that a number may be known by, those that were written first.
fn forms(text: &str) -> Result<Vec<String>, PhoneError> {
    let written: String = text.chars().filter(char::is_ascii_digit).collect();
    match person::parse(text, None) {
        Ok(phone) => {
            let mut forms = phone.forms();
            if let Some(place) = forms.iter().position(|form| *form == written) {
                forms.swap(0, place);
            }
            Ok(forms)
        }
        // The network knows better which numbers there are than the plan of a year ago.
        Err(PhoneError::NotAssigned) if !written.starts_with('0') => Ok(vec![written]),
        Err(error) => Err(error),
    }
}

/// An address as it is: of a person, by number or LID, or of a group.
fn address(text: &str) -> Result<Jid, String> {
    let jid: Jid = text.trim().parse().map_err(|error| format!("{error}"))?;
    let digits = |most: usize| {
        (5..=most).contains(&jid.user.len()) && jid.user.bytes().all(|byte| byte.is_ascii_digit())
    };
    match jid.server {
        Server::User | Server::Legacy if digits(15) && !jid.user.starts_with('0') => {
            Ok(Jid::pn(jid.user.as_str()))
        }
        Server::User | Server::Legacy => {
            Err("an address by number has digits with the country's code first, such as 4917604069010@s.whatsapp.net".to_owned())
        }
        Server::Lid if !digits(20) => Err("a LID has digits alone".to_owned()),
        _ => Ok(jid.to_non_device()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_copy_them() {
        for (text, digits) in [
            ("+49 (0)176 04069010", "4917604069010"),
            ("0049 1760 4069010", "4917604069010"),
            ("\u{202a}+49\u{a0}176 04069010\u{202c}", "4917604069010"),
            ("+1 (555) 000-0001", "15550000001"),
            ("15550000001", "15550000001"),
            ("5215512345678", "5215512345678"),
            ("553187654321", "553187654321"),
        ] {
            assert_eq!(forms(text).unwrap()[0], digits, "{text}");
        }
        for wrong in ["", "0176 04069010", "00000000", "abc", "123", "+49 176 04069010, +49 176 04069011"] {
            assert!(forms(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses() {
        for (text, jid) in [
            ("4917604069010@s.whatsapp.net", "4917604069010@s.whatsapp.net"),
            ("4917604069010@c.us", "4917604069010@s.whatsapp.net"),
            ("284028779365994@lid", "284028779365994@lid"),
            ("120363000000000001@g.us", "120363000000000001@g.us"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), jid);
        }
        for wrong in [
            "+4917604069010@s.whatsapp.net",
            "abc@s.whatsapp.net",
            "0176@s.whatsapp.net",
            "@s.whatsapp.net",
            "x@lid",
            "1@nowhere",
        ] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
