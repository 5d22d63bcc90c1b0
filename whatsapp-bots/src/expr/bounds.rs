//! How large things may be.

/// Bytes of a template or an expression.
pub(crate) const SOURCE: usize = 16 * 1024;
/// Bytes that a template may become.
pub(crate) const RENDERED: usize = 16 * 1024;
/// Bytes of a value that is kept.
pub(crate) const KEPT: usize = 16 * 1024;
