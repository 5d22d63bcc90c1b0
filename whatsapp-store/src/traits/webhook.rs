use async_trait::async_trait;

/// Webhook endpoints and deliveries.
#[async_trait]
pub trait WebhookStore {}
