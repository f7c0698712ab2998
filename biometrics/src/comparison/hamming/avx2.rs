//! The kernel for AVX2: per probe and nibble a table of the 16 distances, looked up for 32 references at once.
//!
//! Per 32 references and byte that is two look-ups and two additions, whose index comes straight from memory; splitting
//! a difference into nibbles and counting those takes eight operations. The idea of distances by look-ups in registers
//! is André, Kermarrec and Le Scouarnec 2015, "Cache locality is not enough: high-performance nearest neighbor search
//! with product quantization fast scan"; here the tables are exact.
#![allow(unsafe_code)] // vector instructions exist only behind a feature check, which `visit` makes

use super::distances::{Distances, Visitor};
use super::nibbles::{BLOCKS, Nibble, PER_WORD, SIDE_BY_SIDE};
use super::references::References;
use super::x86;
use std::arch::x86_64::*;
use std::ops::Range;

/// Probes and sets of 32 references that are compared together: eight sums stay in registers, and each load from memory
/// serves several.
const PROBES: usize = 2;
const SETS: usize = 4;
/// Words whose differing bits a byte has room for: 128, so that two such bytes add up in one instruction.
const WORDS: usize = 2;

/// The place in [`TABLES`] where the table for a probe's nibble begins.
type Offset = u8;

/// Distances of a probe's nibble from 0 to 15, table after table.
static TABLES: Tables = Tables(tables());

#[repr(align(16))]
struct Tables([[u8; 16]; 16]);

const fn tables() -> [[u8; 16]; 16] {
    let mut out = [[0; 16]; 16];
    let mut i = 0;
    while i < 256 {
        out[i / 16][i % 16] = ((i / 16) ^ (i % 16)).count_ones() as u8;
        i += 1;
    }
    out
}

/// Compares every probe with every reference of a range of blocks.
pub(super) fn visit<const W: usize>(probes: &[[u64; W]], references: &References<'_>, visitor: &mut impl Visitor) {
    assert!(is_x86_feature_detected!("avx2"));
    let Range { start, end } = references.range.clone();
    let sets = start.div_ceil(BLOCKS)..end / BLOCKS;
    let one_by_one = |blocks: Range<usize>, visitor: &mut _| {
        let mut visitor = Shifted { visitor, by: blocks.start - start };
        x86::visit_avx2(probes, references.blocks_of(blocks), &mut visitor);
    };
    if sets.is_empty() {
        return one_by_one(start..end, visitor);
    }
    one_by_one(start..sets.start * BLOCKS, visitor);
    one_by_one(sets.end * BLOCKS..end, visitor);
    let nibbles = references.nibbles.of(references.blocks, W);
    let nibbles = &nibbles[sets.start * PER_WORD * W..sets.end * PER_WORD * W];
    let mut visitor = Shifted { visitor, by: sets.start * BLOCKS - start };
    // SAFETY: the feature was checked on the first line.
    unsafe { visit_sets::<W>(probes, nibbles, &mut visitor) }
}

/// A visitor that passes distances on with other blocks' numbers.
struct Shifted<'a, V> {
    visitor: &'a mut V,
    by: usize,
}

impl<V: Visitor> Visitor for Shifted<'_, V> {
    #[inline(always)]
    fn visit(&mut self, probe: usize, block: usize, distances: &Distances) {
        self.visitor.visit(probe, block + self.by, distances);
    }
}

#[target_feature(enable = "avx2")]
fn visit_sets<const W: usize>(probes: &[[u64; W]], nibbles: &[Nibble], visitor: &mut impl Visitor) {
    let mut offsets: Vec<Offset> = vec![0; probes.len() * PER_WORD * W];
    for (word, out) in probes.iter().flatten().zip(offsets.as_chunks_mut::<PER_WORD>().0) {
        *out = std::array::from_fn(|n| ((word >> (4 * n)) as u8 & 0xf) << 4);
    }
    let (per_set, per_probe) = (PER_WORD * W, PER_WORD * W);
    for (number, sets) in nibbles.chunks(SETS * per_set).enumerate() {
        let block = number * SETS * BLOCKS;
        for (pair, offsets) in offsets.chunks(PROBES * per_probe).enumerate() {
            let probe = pair * PROBES;
            if sets.len() == SETS * per_set && offsets.len() == PROBES * per_probe {
                compare::<W, PROBES, SETS>(offsets, sets, (probe, block), visitor);
                continue;
            }
            for (i, offsets) in offsets.chunks_exact(per_probe).enumerate() {
                for (j, set) in sets.chunks_exact(per_set).enumerate() {
                    compare::<W, 1, 1>(offsets, set, (probe + i, block + j * BLOCKS), visitor);
                }
            }
        }
    }
}

/// Compares P probes with S sets of references and hands the distances to the visitor.
#[target_feature(enable = "avx2")]
#[inline]
fn compare<const W: usize, const P: usize, const S: usize>(
    offsets: &[Offset],
    sets: &[Nibble],
    (probe, block): (usize, usize),
    visitor: &mut impl Visitor,
) {
    assert!(offsets.len() == P * PER_WORD * W && sets.len() == S * PER_WORD * W);
    let ones = _mm256_set1_epi8(1);
    let mut totals = [[[_mm256_setzero_si256(); 2]; S]; P];
    for word in (0..W).step_by(2 * WORDS) {
        let first = sums::<W, P, S>(offsets, sets, word);
        let second = sums::<W, P, S>(offsets, sets, word + WORDS);
        for (totals, (first, second)) in totals.iter_mut().zip(first.iter().zip(&second)) {
            for (total, (&a, &b)) in totals.iter_mut().zip(first.iter().zip(second)) {
                // Byte pairs of first and second, added up: references 0 to 7 and 16 to 23, then the others.
                total[0] = _mm256_add_epi16(total[0], _mm256_maddubs_epi16(_mm256_unpacklo_epi8(a, b), ones));
                total[1] = _mm256_add_epi16(total[1], _mm256_maddubs_epi16(_mm256_unpackhi_epi8(a, b), ones));
            }
        }
    }
    let mut distances = [[[Distances::default(); BLOCKS]; S]; P];
    for (distances, totals) in distances.iter_mut().flatten().zip(totals.iter().flatten()) {
        let parts = totals.map(|total| [_mm256_castsi256_si128(total), _mm256_extracti128_si256::<1>(total)]);
        for (i, distances) in distances.iter_mut().enumerate() {
            // SAFETY: the array has room for eight u16, 16 bytes; the store needs no alignment.
            unsafe { _mm_storeu_si128(distances.as_mut_ptr().cast(), parts[i % 2][i / 2]) };
        }
    }
    // Taken out of vector registers one by one the distances would keep the vector units busy.
    let distances = std::hint::black_box(&distances);
    for (i, distances) in distances.iter().enumerate() {
        for (j, distances) in distances.iter().flatten().enumerate() {
            visitor.visit(probe + i, block + j, distances);
        }
    }
}

/// Adds up the differing bits of two words from `word` on, in bytes.
#[target_feature(enable = "avx2")]
#[inline]
fn sums<const W: usize, const P: usize, const S: usize>(
    offsets: &[Offset],
    sets: &[Nibble],
    word: usize,
) -> [[__m256i; S]; P] {
    let mut sums = [[_mm256_setzero_si256(); S]; P];
    for n in word * PER_WORD..(word + WORDS) * PER_WORD {
        let table = |probe: usize| {
            // SAFETY: `compare` checked the length; an offset is a multiple of 16 up to 240, and TABLES is aligned.
            unsafe {
                let offset = usize::from(*offsets.get_unchecked(probe * PER_WORD * W + n));
                _mm256_broadcastsi128_si256(_mm_load_si128(TABLES.0.as_ptr().byte_add(offset).cast()))
            }
        };
        let tables: [__m256i; P] = std::array::from_fn(table);
        for set in 0..S {
            // SAFETY: `compare` checked the length; nibbles are aligned to 32 bytes.
            let index = unsafe { _mm256_load_si256(sets.get_unchecked(set * PER_WORD * W + n).0.as_ptr().cast()) };
            for (sums, &table) in sums.iter_mut().zip(&tables) {
                sums[set] = _mm256_add_epi8(sums[set], _mm256_shuffle_epi8(table, index));
            }
        }
    }
    sums
}

const _: () = assert!(size_of::<Nibble>() == SIDE_BY_SIDE && 8 * 8 * WORDS <= 128, "two bytes' sum fits in 256");
