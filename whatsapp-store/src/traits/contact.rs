use crate::{ContactRecord, Result, Suppression, WorkspaceId};

/// Which contacts are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactQuery {
    /// Only those with this tag.
    pub tag: Option<String>,
    /// Only those with each of these words at the start of a word of their name, or of their number; upper and lower case are
    /// the same. What is all digits and what people put between digits is taken for one number. Text without any word
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
    /// People who can be written to, and who must not be written to.
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

        /// The contacts with those numbers, in the order asked for, `None` where there is none. One call to the database: ask
        /// for some thousands at most.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn contacts_by_phone(
            &self,
            workspace: &WorkspaceId,
            phones: &[String],
        ) -> Result<Vec<Option<ContactRecord>>>;

        /// A page of contacts: by the time they were made, the newest first; by id, falling, within a millisecond. Those made
        /// in between two pages neither repeat nor hide others. Tags go by an index; `words` and `opted_out` are looked for in one
        /// contact after the other until the page is full.
        ///
        /// # Errors
        /// When they cannot be read. A cursor that is none of this store's is [`ErrorKind::BadCursor`](crate::ErrorKind::BadCursor).
        async fn contacts(&self, workspace: &WorkspaceId, query: &ContactQuery) -> Result<ContactPage>;

        /// All tags that some contact has, in byte order. Counts them: it takes longer the more contacts have tags.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn contact_tags(&self, workspace: &WorkspaceId) -> Result<Vec<TagCount>>;

        /// Those of the addresses that must not be written to, in byte order.
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
