use crate::{AccountId, PersonAddress, PersonRecord, Result};

store_trait! {
    forward_person;
    /// What accounts know of people: one record per person, found by either address.
    pub trait PersonStore {
        /// The person behind each address, in the order asked for; `None` for each unknown address. Two addresses of one person give
        /// its record twice.
        ///
        /// # Errors
        /// When any of them cannot be read.
        async fn people(
            &self,
            account: &AccountId,
            addresses: &[PersonAddress],
        ) -> Result<Vec<Option<PersonRecord>>>;
    }
}
