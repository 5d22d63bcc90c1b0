use crate::{AccountId, PersonAddress, PersonRecord, Result};

store_trait! {
    forward_person;
    /// What accounts know of people: one record per person, found by either of the two addresses.
    pub trait PersonStore {
        /// The person behind each address, in the order asked; `None` for each that is unknown. Two addresses of one person give
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
