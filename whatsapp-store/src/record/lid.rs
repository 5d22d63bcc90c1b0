//! People are known by phone number and by linked id; both name the same person.
/// One person's two users, without server or device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LidMapping {
    /// The user part of the linked id.
    pub lid: String,
    /// The phone number's digits.
    pub pn: String,
}
