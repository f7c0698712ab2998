//! What the figures of a run are held against.

mod document;
pub mod requirement;
pub mod threshold;

#[cfg(test)]
pub(crate) use document::RunIdentity;
pub(crate) use document::judged;
pub use document::{Document, schema};
