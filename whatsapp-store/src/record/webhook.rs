//! Webhook endpoints and deliveries.

/// Writes of this domain.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WebhookChange {}
