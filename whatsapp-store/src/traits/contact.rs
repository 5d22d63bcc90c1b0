use crate::{ContactRecord, Result, Suppression, WorkspaceId};

/// Selects contacts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactQuery {
    /// Only those with this tag.
    pub tag: Option<String>,
    /// Only those with each of these words at the start of a word of their name, or of their number, ignoring case. Digits
    /// with usual separators between them are taken for one number. Text without any word
    /// finds nothing.
    pub words: Option<String>,
    /// Only those that have opted out, or only those that have not.
    pub opted_out: Option<bool>,
    /// Only those behind this cursor, which came with the page before.
    pub before: Option<String>,
    /// As in [`MessageQuery`](crate::MessageQuery).
    pub limit: u32,
}

/// One page of contacts, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactPage {
    /// The contacts.
    pub contacts: Vec<ContactRecord>,
    /// Where the next page starts; `None` at the end. Opaque.
    pub next: Option<String>,
}

/// A tag, and how many contacts have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagCount {
    /// The tag.
    pub tag: String,
    /// At least 1.
    pub contacts: u64,
}

store_trait! {
    forward_contact;
    /// People who can be written to, and suppressed addresses.
    pub trait ContactStore {
        /// One contact.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn contact(&self, workspace: &WorkspaceId, id: &str) -> Result<Option<ContactRecord>>;

        /// The contact with that number.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn contact_by_phone(&self, workspace: &WorkspaceId, phone: &str) -> Result<Option<ContactRecord>>;

        /// The contact with that LID.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn contact_by_lid(&self, workspace: &WorkspaceId, lid: &str) -> Result<Option<ContactRecord>>;

        /// The contacts with those numbers, in the order asked for; `None` for a number without a contact. One call to the database:
        /// ask for some thousands at most.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn contacts_by_phone(
            &self,
            workspace: &WorkspaceId,
            phones: &[String],
        ) -> Result<Vec<Option<ContactRecord>>>;

        /// A page of contacts by creation time, the newest first; within a millisecond, by id, descending. Contacts made
        /// between two pages neither repeat nor hide others. Tags use an index; `words` and `opted_out` are checked
        /// contact by contact until the page is full.
        ///
        /// # Errors
        /// When they cannot be read. An invalid cursor is [`ErrorKind::BadCursor`](crate::ErrorKind::BadCursor).
        async fn contacts(&self, workspace: &WorkspaceId, query: &ContactQuery) -> Result<ContactPage>;

        /// All tags in use, in byte order, with their counts. It takes longer the more contacts have tags.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn contact_tags(&self, workspace: &WorkspaceId) -> Result<Vec<TagCount>>;

        /// Those of the addresses that are suppressed, in byte order.
        ///
        /// # Errors
        /// When they cannot be read. Then write to none of them.
        async fn suppressed(&self, workspace: &WorkspaceId, addresses: &[String]) -> Result<Vec<String>>;

        /// Suppressions by address in byte order, those behind `after`, at most `limit` (as in
        /// [`MessageQuery`](crate::MessageQuery)).
        ///
        /// # Errors
        /// When they cannot be read.
        async fn suppressions(
            &self,
            workspace: &WorkspaceId,
            after: Option<&str>,
            limit: u32,
        ) -> Result<Vec<Suppression>>;
    }
}
