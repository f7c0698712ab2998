//! References by nibbles, as the AVX2 kernel wants them: an index of its table look-ups straight from memory.

use super::distances::LANES;
use std::sync::OnceLock;

/// References side by side: the bytes of a 256-bit register.
pub(super) const SIDE_BY_SIDE: usize = 32;
/// Blocks of eight that make one.
pub(super) const BLOCKS: usize = SIDE_BY_SIDE / LANES;
/// Nibbles of a word.
pub(super) const PER_WORD: usize = 16;

/// One nibble, from 0 to 15, of each of 32 references.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(super) struct Nibble(pub(super) [u8; SIDE_BY_SIDE]);

/// Holds a set's references by nibbles; they take twice the room of the codes and are made when first asked for.
///
/// Shape: 32 references after another, each `PER_WORD` nibbles a word, lowest first. Those that do not fill 32 are left
/// out.
#[derive(Clone, Debug, Default)]
pub(in crate::comparison) struct Nibbles {
    made: OnceLock<Vec<Nibble>>,
}

impl Nibbles {
    /// Returns the nibbles of a set that lies in transposed blocks of `words` words.
    pub(super) fn of(&self, blocks: &[[u64; LANES]], words: usize) -> &[Nibble] {
        self.made.get_or_init(|| {
            let mut out = Vec::with_capacity(blocks.len() / BLOCKS * PER_WORD);
            for four in blocks.chunks_exact(BLOCKS * words) {
                for word in 0..words {
                    let lanes: [u64; SIDE_BY_SIDE] =
                        std::array::from_fn(|lane| four[lane / LANES * words + word][lane % LANES]);
                    out.extend((0..PER_WORD).map(|n| Nibble(lanes.map(|lane| (lane >> (4 * n)) as u8 & 0xf))));
                }
            }
            out
        })
    }
}
