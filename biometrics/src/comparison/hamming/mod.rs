//! Hamming kernels: one block of probes against blocks of references, counted by distance.
//!
//! Sources: Muła, Kurz and Lemire 2018, "Faster population counts using AVX2 instructions" (the nibble table); Warren
//! 2013, "Hacker's Delight", chapter 5 (counts within a word).

use std::ops::Range;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))] // the AVX2 kernel alone asks for them
mod nibbles;
mod portable;

pub(super) use nibbles::Nibbles;

/// References in one block: the 64-bit lanes of the widest vector register.
pub(super) const LANES: usize = 8;

/// A way to count differing bits. All of them give the same counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Sums within words; needs nothing of the processor.
    Portable,
    /// The scalar `popcnt` instruction.
    #[cfg(target_arch = "x86_64")]
    Popcnt,
    /// A table of distances a nibble in 256-bit registers.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// `VPOPCNTQ` on 512-bit registers.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Kernel {
    /// Lists the kernels that this processor can run, slowest first.
    pub fn available() -> Vec<Self> {
        let mut out = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("popcnt") {
                out.push(Self::Popcnt);
            }
            if is_x86_feature_detected!("avx2") {
                out.push(Self::Avx2);
            }
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vpopcntdq") {
                out.push(Self::Avx512);
            }
        }
        out
    }

    /// Returns the fastest kernel that this processor can run.
    pub fn best() -> Self {
        *Self::available().last().expect("the portable kernel is always there")
    }

    /// Returns the name used in reports and benchmarks.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Popcnt => "popcnt",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "avx512-vpopcntdq",
        }
    }

    /// Compares every probe with every reference.
    ///
    /// Shape: `probes` row by row, `words` words each.
    pub(super) fn visit(self, probes: &[u64], references: &References<'_>, visitor: &mut impl Visitor) {
        match references.words {
            4 => self.visit_width::<4>(probes, references, visitor),
            8 => self.visit_width::<8>(probes, references, visitor),
            16 => self.visit_width::<16>(probes, references, visitor),
            _ => unreachable!("code sets are padded to 4, 8 or 16 words"),
        }
    }

    fn visit_width<const W: usize>(self, probes: &[u64], references: &References<'_>, visitor: &mut impl Visitor) {
        let (probes, _) = probes.as_chunks::<W>();
        let blocks = || references.blocks_of::<W>(references.range.clone());
        match self {
            Self::Portable => portable::visit(probes, blocks(), visitor),
            #[cfg(target_arch = "x86_64")]
            Self::Popcnt => x86::visit_popcnt(probes, blocks(), visitor),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::visit(probes, references, visitor),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => x86::visit_avx512(probes, blocks(), visitor),
        }
    }
}

/// A range of blocks of one set's references.
pub(super) struct References<'a> {
    /// Words of a code: 4, 8 or 16.
    pub(super) words: usize,
    /// The set's blocks, `words` words of eight codes each.
    pub(super) blocks: &'a [[u64; LANES]],
    /// The same by nibbles.
    pub(super) nibbles: &'a Nibbles,
    /// Which blocks are meant.
    pub(super) range: Range<usize>,
}

impl References<'_> {
    fn blocks_of<const W: usize>(&self, range: Range<usize>) -> &[[[u64; LANES]; W]] {
        &self.blocks.as_chunks::<W>().0[range]
    }
}

/// The distances of one probe to a block of references, four to a word, the first lowest: a counter takes them out with
/// one load for four.
pub(super) type Distances = [u64; LANES / 4];

fn packed(distances: [u16; LANES]) -> Distances {
    let word = |w: usize| (0..4).map(|i| u64::from(distances[4 * w + i]) << (16 * i)).sum();
    std::array::from_fn(word)
}

/// Lists a block's distances in the order of its references.
#[inline(always)]
pub(super) fn unpacked(distances: &Distances) -> [u16; LANES] {
    std::array::from_fn(|lane| (distances[lane / 4] >> (16 * (lane % 4))) as u16)
}

/// A receiver of the distances of one probe to a block of references. Always inlined, into code compiled for other
/// processors.
pub(super) trait Visitor {
    fn visit(&mut self, probe: usize, block: usize, distances: &Distances);
}

/// Distances that a tally holds: one more than the widest code has bits, rounded up to a power of two.
const TALLY_BINS: usize = 2_048;

/// A count of distances with a histogram for each lane: neighbouring pairs often have the same distance, and a counter
/// incremented again before its last value is stored waits for it. Together the histograms' busy parts fit in the first
/// cache.
pub(super) struct Tally {
    /// The padding keeps equal distances of neighbouring lanes out of the same cache set.
    counts: Box<[[u32; TALLY_BINS + 16]; LANES]>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { counts: Box::new([[0; TALLY_BINS + 16]; LANES]) }
    }

    /// Adds the sum over all histograms to `counts`, which has an entry for every distance that was seen.
    pub(super) fn add_to(&self, counts: &mut [u64]) {
        for lane in self.counts.iter() {
            counts.iter_mut().zip(lane).for_each(|(sum, &count)| *sum += u64::from(count));
        }
    }
}

impl Visitor for Tally {
    #[inline(always)]
    fn visit(&mut self, _: usize, _: usize, distances: &Distances) {
        for (lane, distance) in self.counts.iter_mut().zip(unpacked(distances)) {
            // The mask changes nothing, and spares a bounds check a pair.
            lane[usize::from(distance) & (TALLY_BINS - 1)] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::BitString;
    use crate::comparison::{CodeSet, Kernel, Span};
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn codes(seed: u64, len: usize, bits: usize) -> Vec<BitString> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..len).map(|_| BitString::from_bits((0..bits).map(|_| rng.random::<bool>()))).collect()
    }

    fn plain(codes: &[BitString], bits: usize) -> Vec<u64> {
        let mut counts = vec![0; bits + 1];
        for (i, a) in codes.iter().enumerate() {
            codes[i + 1..].iter().for_each(|b| counts[a.hamming(b) as usize] += 1);
        }
        counts
    }

    proptest! {
        #[test]
        fn every_kernel_counts_what_the_plain_loop_counts(
            seed: u64,
            len in 0usize..80,
            bits in prop_oneof![Just(256usize), Just(511), Just(512), Just(1000), Just(1024)],
        ) {
            let codes = codes(seed, len, bits);
            let set = CodeSet::new(&codes);
            let expected = plain(&codes, if len == 0 { 0 } else { bits });
            for kernel in Kernel::available() {
                let counts = set.count(&set, &Span::triangle(len), kernel, 0, &|_| {}).counts;
                prop_assert_eq!(&counts, &expected, "{}", kernel.name());
            }
        }
    }

    proptest! {
        #[test]
        fn every_kernel_finds_the_nearest_pairs(seed: u64, rows in 0usize..40, columns in 0usize..40, limit in 200u32..270) {
            let (a, b) = (codes(seed, rows, 512), codes(!seed, columns, 512));
            let (row_set, column_set) = (CodeSet::new(&a), CodeSet::new(&b));
            let mut expected = Vec::new();
            for (i, x) in a.iter().enumerate() {
                let near = b.iter().enumerate().map(|(j, y)| (i as u32, j as u32, x.hamming(y)));
                expected.extend(near.filter(|n| n.2 <= limit));
            }
            for kernel in Kernel::available() {
                let span = Span::rectangle(rows, columns);
                let mut found = row_set.count(&column_set, &span, kernel, limit as usize + 1, &|_| {}).tail;
                found.sort_unstable();
                prop_assert_eq!(&found, &expected, "{}", kernel.name());
            }
        }
    }

    #[test]
    fn the_extremes_are_counted() {
        let (zeros, ones) = (BitString::zeros(1024), BitString::from_bits((0..1024).map(|_| true)));
        let set = CodeSet::new([&zeros, &ones, &ones]);
        for kernel in Kernel::available() {
            let counts = set.count(&set, &Span::triangle(3), kernel, 0, &|_| {}).counts;
            assert_eq!((counts[0], counts[1024]), (1, 2), "{}", kernel.name());
        }
    }
}
