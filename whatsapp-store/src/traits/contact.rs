use async_trait::async_trait;

/// People who can be written to, their consent, and who must not be written to.
#[async_trait]
pub trait ContactStore {}
