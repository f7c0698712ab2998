//! What limits counted, kept in the store: the sum of what all its servers tell it.

use super::Stored;

/// A difference that one server tells the store. Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitChange {
    /// The limit.
    pub name: &'static str,
    /// A keyed hash of who is limited.
    pub key: [u8; Self::KEY_BYTES],
    /// How much longer failures count, from now on where none count; negative where more were taken back.
    pub by_ms: i64,
    /// Until when they count at least, since 1970.
    pub at_least_ms: i64,
}

impl LimitChange {
    /// The length of a key.
    pub const KEY_BYTES: usize = 16;
}

/// What the store has of one limit and key. Times are in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitRow {
    /// The limit.
    pub name: String,
    /// A keyed hash of who is limited.
    pub key: [u8; LimitChange::KEY_BYTES],
    /// Until when failures count.
    pub until_ms: i64,
    /// When that was changed.
    pub changed_ms: i64,
}

/// The part of a store that keeps what limits counted.
pub trait LimitStore: Send + Sync {
    /// Adds differences up, and returns the sums.
    fn merge_limits(&self, now_ms: i64, changes: Vec<LimitChange>) -> Stored<Vec<LimitRow>>;

    /// Lists what was changed since a time and still counts.
    fn limits_since(&self, changed_ms: i64, now_ms: i64) -> Stored<Vec<LimitRow>>;

    /// Removes what no longer counts.
    fn forget_limits(&self, now_ms: i64) -> Stored<()>;
}
