//! The references of one comparison: a range of blocks, in both forms that the kernels read.

use super::distances::LANES;
use super::nibbles::Nibbles;
use std::ops::Range;

/// A range of blocks of one set's references.
pub(in crate::comparison) struct References<'a> {
    /// Words of a code: 4, 8 or 16.
    pub(in crate::comparison) words: usize,
    /// The set's blocks, `words` words of eight codes each.
    pub(in crate::comparison) blocks: &'a [[u64; LANES]],
    /// The same by nibbles.
    pub(in crate::comparison) nibbles: &'a Nibbles,
    /// Which blocks are meant.
    pub(in crate::comparison) range: Range<usize>,
}

impl References<'_> {
    pub(super) fn blocks_of<const W: usize>(&self, range: Range<usize>) -> &[[[u64; LANES]; W]] {
        &self.blocks.as_chunks::<W>().0[range]
    }
}
