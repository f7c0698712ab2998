//! Binary templates packed for exhaustive comparison.

use super::hamming::{Distances, Kernel, LANES, Nibbles, References, Tally, Visitor, unpacked};
use super::pairs::{Compare, Counted, Span};
use crate::BitString;
use std::ops::Range;

/// Words that kernels are compiled for: 256, 512 and 1024 bits. Shorter codes are padded with zeros, which never differ.
const WIDTHS: [usize; 3] = [4, 8, 16];

/// Binary templates of one length, by row and in transposed blocks.
///
/// Shape: `len` codes of `bits` bits, at most 1024.
#[derive(Clone, Debug)]
pub struct CodeSet {
    bits: usize,
    words: usize,
    len: usize,
    /// Code by code: `words` words each.
    rows: Vec<u64>,
    /// Block by block, word by word: the same word of eight codes. The last block is filled up with zeros.
    blocks: Vec<[u64; LANES]>,
    nibbles: Nibbles,
}

impl CodeSet {
    /// The most bits of a code.
    pub const BITS_MAX: usize = 1_024;

    /// Packs codes; panics when their lengths differ or exceed 1024 bits.
    pub fn new<'a>(codes: impl IntoIterator<Item = &'a BitString>) -> Self {
        let mut codes = codes.into_iter().peekable();
        let bits = codes.peek().map_or(0, |code| code.len());
        let words = WIDTHS.into_iter().find(|w| w * 64 >= bits).expect("codes have at most 1024 bits");
        let mut rows = Vec::new();
        for code in codes {
            assert_eq!(code.len(), bits, "codes of different lengths");
            let start = rows.len();
            rows.extend_from_slice(code.words());
            rows.resize(start + words, 0);
        }
        let len = rows.len() / words;
        let blocks = transpose(&rows, words, len);
        Self { bits, words, len, rows, blocks, nibbles: Nibbles::default() }
    }

    /// Returns the number of codes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are no codes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the bits of a code; distances are 0 to this.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// Returns the Hamming distance of a code and one of another set. Units: differing bits.
    pub fn distance(&self, a: usize, others: &Self, b: usize) -> u32 {
        self.row(a).iter().zip(others.row(b)).map(|(x, y)| (x ^ y).count_ones()).sum()
    }

    /// Counts the Hamming distances of a span's pairs, on all cores, and collects the pairs with less than
    /// `tail_below` differing bits: rows are codes of this set, columns of `columns` (the same set again for a
    /// triangle).
    ///
    /// Shape: entry d of the counts is the number of pairs with d differing bits. `progress` hears of pairs as they are
    /// done. Panics when the sets' lengths are not the span's, or their codes differ in length.
    pub fn count(
        &self,
        columns: &Self,
        span: &Span,
        kernel: Kernel,
        tail_below: usize,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Counted {
        span.count(&HammingPairs::new(self, columns, span, kernel), 0..tail_below, progress)
    }

    fn row(&self, index: usize) -> &[u64] {
        &self.rows[index * self.words..][..self.words]
    }
}

struct HammingPairs<'a> {
    rows: &'a CodeSet,
    columns: &'a CodeSet,
    kernel: Kernel,
}

impl<'a> HammingPairs<'a> {
    fn new(rows: &'a CodeSet, columns: &'a CodeSet, span: &Span, kernel: Kernel) -> Self {
        assert_eq!((rows.len, columns.len), span.sizes(), "the span is of other sets");
        assert!(!span.is_triangle() || std::ptr::eq(rows, columns), "a triangle has one set");
        assert!(rows.bits == columns.bits || rows.len * columns.len == 0, "codes of different lengths");
        Self { rows, columns, kernel }
    }

    fn visit(&self, rows: Range<usize>, blocks: Range<usize>, visitor: &mut impl Visitor) {
        let words = self.rows.words;
        let probes = &self.rows.rows[rows.start * words..rows.end * words];
        let CodeSet { blocks: all, nibbles, .. } = self.columns;
        let references = References { words, blocks: all, nibbles, range: blocks };
        self.kernel.visit(probes, &references, visitor);
    }
}

impl Compare for HammingPairs<'_> {
    type Tally = Tally;

    fn bins(&self) -> usize {
        self.rows.bits + 1
    }

    fn bin(&self, a: usize, b: usize) -> usize {
        self.rows.distance(a, self.columns, b) as usize
    }

    fn tally(&self) -> Tally {
        Tally::new()
    }

    fn count_blocks(
        &self,
        rows: Range<usize>,
        blocks: Range<usize>,
        keep: &Range<usize>,
        tally: &mut Tally,
        tail: &mut Vec<(u32, u32, u32)>,
    ) {
        if keep.is_empty() {
            return self.visit(rows, blocks, tally);
        }
        let origin = (rows.start, blocks.start * LANES);
        self.visit(rows, blocks, &mut Nearest::new(tally, origin, keep.end.min(self.bins()) as u16, tail));
    }

    fn add(&self, tally: &Tally, counts: &mut [u64]) {
        tally.add_to(counts);
    }
}

/// A visitor that counts, and keeps the pairs below a distance.
struct Nearest<'a> {
    tally: &'a mut Tally,
    origin: (usize, usize),
    below: u16,
    /// What brings `below`, and no less, to [`TOP_BITS`] when it is added in each lane.
    lift: u64,
    found: &'a mut Vec<(u32, u32, u32)>,
}

/// The top bit of each lane of a word of [`Distances`]: distances stay far below it.
const TOP_BITS: u64 = 0x8000_8000_8000_8000;

impl<'a> Nearest<'a> {
    fn new(tally: &'a mut Tally, origin: (usize, usize), below: u16, found: &'a mut Vec<(u32, u32, u32)>) -> Self {
        let lift = u64::from(0x8000 - below) * 0x0001_0001_0001_0001;
        Self { tally, origin, below, lift, found }
    }

    /// Hardly ever needed: kept out of the loop over all pairs.
    #[cold]
    #[inline(never)]
    fn keep(&mut self, probe: usize, block: usize, distances: &Distances) {
        let distances = unpacked(distances);
        let near = distances.iter().enumerate().filter(|&(_, &d)| d < self.below);
        let (row, column) = (self.origin.0 + probe, self.origin.1 + block * LANES);
        self.found.extend(near.map(|(lane, &d)| (row as u32, (column + lane) as u32, u32::from(d))));
    }
}

impl Visitor for Nearest<'_> {
    #[inline(always)]
    fn visit(&mut self, probe: usize, block: usize, distances: &Distances) {
        self.tally.visit(probe, block, distances);
        // Four lanes at a time: all of them reach their top bit unless one is below.
        let reached = distances.iter().fold(TOP_BITS, |all, four| all & (four + self.lift));
        if reached != TOP_BITS {
            self.keep(probe, block, distances);
        }
    }
}

fn transpose(rows: &[u64], words: usize, len: usize) -> Vec<[u64; LANES]> {
    let mut blocks = vec![[0; LANES]; len.div_ceil(LANES) * words];
    for (code, row) in rows.chunks_exact(words).enumerate() {
        for (word, &value) in row.iter().enumerate() {
            blocks[code / LANES * words + word][code % LANES] = value;
        }
    }
    blocks
}
