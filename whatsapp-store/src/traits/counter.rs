use async_trait::async_trait;

/// Counters for analytics.
#[async_trait]
pub trait CounterStore {}
