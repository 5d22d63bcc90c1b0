//! What people agree to, and what that covers.
use super::Consent;

/// What messages are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// They offer something.
    Marketing,
    /// They are about something that the person has begun: an order, an appointment, a question.
    Service,
}

/// The scopes that everybody knows. A workspace may use any other word, which covers itself.
const SCOPES: [(&str, Purpose); 15] = [
    (Consent::MARKETING, Purpose::Marketing),
    ("news", Purpose::Marketing),
    ("newsletter", Purpose::Marketing),
    ("offers", Purpose::Marketing),
    ("promotions", Purpose::Marketing),
    ("events", Purpose::Marketing),
    ("surveys", Purpose::Marketing),
    (Consent::SERVICE, Purpose::Service),
    ("utility", Purpose::Service),
    ("support", Purpose::Service),
    ("orders", Purpose::Service),
    ("reminders", Purpose::Service),
    ("appointments", Purpose::Service),
    ("transactional", Purpose::Service),
    ("authentication", Purpose::Service),
];
/// Covers all that there is.
const ALL: &str = "all";

impl Purpose {
    /// The purpose of a scope that everybody knows.
    pub fn of_scope(scope: &str) -> Option<Self> {
        SCOPES.iter().find(|(known, _)| is_same(known, scope)).map(|(_, purpose)| *purpose)
    }
}

impl Consent {
    /// The scope of offers in general.
    pub const MARKETING: &str = "marketing";
    /// The scope of messages about what the person has begun.
    pub const SERVICE: &str = "service";

    /// Does it cover messages of that scope? Case does not matter.
    ///
    /// 1. A scope covers itself, and `all` covers every scope.
    /// 2. `marketing` covers `news`, `newsletter`, `offers`, `promotions`, `events` and `surveys`. Each of these covers messages that name no
    ///    more than `marketing`, and none of the others.
    /// 3. `service` and its like (`utility`, `support`, `orders`, `reminders`, `appointments`, `transactional`, `authentication`) are covered by
    ///    each scope named here.
    /// 4. Another word is covered by itself and by `all` alone.
    pub fn covers(&self, scope: &str) -> bool {
        if is_same(&self.scope, scope) || is_same(&self.scope, ALL) {
            return true;
        }
        match (Purpose::of_scope(&self.scope), Purpose::of_scope(scope)) {
            (Some(_), Some(Purpose::Service)) => true,
            (Some(Purpose::Marketing), Some(Purpose::Marketing)) => {
                is_same(&self.scope, Self::MARKETING) || is_same(scope, Self::MARKETING)
            }
            _ => false,
        }
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one.trim().eq_ignore_ascii_case(other.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consent_covers_what_it_says() {
        for (given, wanted, covers) in [
            ("marketing", "marketing", true),
            (" Marketing ", "MARKETING", true),
            ("marketing", "news", true),
            ("news", "marketing", true),
            ("news", "offers", false),
            ("news", "news", true),
            ("marketing", "orders", true),
            ("orders", "marketing", false),
            ("orders", "news", false),
            ("service", "orders", true),
            ("orders", "service", true),
            ("all", "club", true),
            ("club", "club", true),
            ("club", "marketing", false),
            ("marketing", "club", false),
            ("club", "orders", false),
            ("", "marketing", false),
        ] {
            let consent = Consent { scope: given.into(), source: "form".into(), at: 1, evidence: None };
            assert_eq!(consent.covers(wanted), covers, "{given:?} and {wanted:?}");
        }
    }
}
