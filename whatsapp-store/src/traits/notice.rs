use crate::{AccountId, NoticeRecord, Result};

store_trait! {
    forward_notice;
    /// Notices of accounts that are kept for a later version.
    pub trait NoticeStore {
        /// A page of the notices of a kind, the oldest first, then by id: those behind `after` (the id of the last one of the page
        /// before), or the first page. An id that is not there finds nothing. For `limit` see [`page_limit`](crate::page_limit).
        ///
        /// # Errors
        /// When they cannot be read.
        async fn notices(
            &self,
            account: &AccountId,
            kind: &str,
            after: Option<&str>,
            limit: u32,
        ) -> Result<Vec<NoticeRecord>>;
    }
}
