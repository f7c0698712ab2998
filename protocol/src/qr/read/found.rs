//! The result of one reader, and the limit that all of them share.

/// How many candidate symbols in one image are decoded before giving up.
pub(super) const CANDIDATES_MAX: usize = 8;

/// A symbol that a reader decoded.
pub(super) struct Found {
    pub(super) payload: Vec<u8>,
    /// The symbol's version, 1 to 40.
    pub(super) version: u8,
}
