//! What people agree to.
use crate::content::Category;

/// Scopes that everybody knows, and whether they cover marketing. A workspace has others as soon as a contact agreed to them.
const SCOPES: [(&str, bool); 16] = [
    ("marketing", true),
    ("news", true),
    ("newsletter", true),
    ("offers", true),
    ("promotions", true),
    ("events", true),
    ("surveys", true),
    ("all", true),
    ("utility", false),
    ("service", false),
    ("support", false),
    ("orders", false),
    ("reminders", false),
    ("appointments", false),
    ("transactional", false),
    ("authentication", false),
];

/// What is known of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScopeVerdict {
    /// It covers the messages.
    Fits,
    /// It is for other messages.
    OtherPurpose,
    /// It is none of those that everybody knows: does a contact have it?
    Unknown,
}

/// Does a consent to this cover such messages?
pub(crate) fn verdict(scope: &str, category: Category) -> ScopeVerdict {
    let known = SCOPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(scope.trim()));
    match known {
        None => ScopeVerdict::Unknown,
        Some((_, false)) if category == Category::Marketing => ScopeVerdict::OtherPurpose,
        Some(_) => ScopeVerdict::Fits,
    }
}

/// The names of the scopes that cover such messages.
pub(crate) fn names(category: Category) -> String {
    let fits = SCOPES.iter().filter(|(name, _)| verdict(name, category) == ScopeVerdict::Fits);
    fits.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_covers_what_it_says() {
        use Category::{Marketing, Utility};
        for (scope, category, wanted) in [
            ("marketing", Marketing, ScopeVerdict::Fits),
            ("Marketing", Marketing, ScopeVerdict::Fits),
            ("utility", Marketing, ScopeVerdict::OtherPurpose),
            ("utility", Utility, ScopeVerdict::Fits),
            ("marketing", Utility, ScopeVerdict::Fits),
            ("nothing-at-all", Marketing, ScopeVerdict::Unknown),
        ] {
            assert_eq!(verdict(scope, category), wanted, "{scope}");
        }
        assert!(names(Marketing).contains("marketing") && !names(Marketing).contains("orders"));
    }
}
