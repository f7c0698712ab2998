//! Hamming kernels: one block of probes against blocks of references, counted by distance.
//!
//! Sources: Muła, Kurz and Lemire 2018, "Faster population counts using AVX2 instructions" (the nibble table); Warren
//! 2013, "Hacker's Delight", chapter 5 (counts within a word).

use super::codes::LANES;

#[cfg(target_arch = "x86_64")]
mod x86;

mod portable;

/// Names a way to count differing bits. All of them give the same counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Sums within words; needs nothing of the processor.
    Portable,
    /// The scalar `popcnt` instruction.
    #[cfg(target_arch = "x86_64")]
    Popcnt,
    /// A table of nibbles in 256-bit registers.
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
    /// Shape: `probes` row by row, `words` words each; `references` block by block, `words` words of eight each.
    pub(super) fn visit(self, words: usize, probes: &[u64], references: &[[u64; LANES]], visitor: &mut impl Visitor) {
        match words {
            4 => self.visit_width::<4>(probes, references, visitor),
            8 => self.visit_width::<8>(probes, references, visitor),
            16 => self.visit_width::<16>(probes, references, visitor),
            _ => unreachable!("code sets are padded to 4, 8 or 16 words"),
        }
    }

    fn visit_width<const W: usize>(self, probes: &[u64], references: &[[u64; LANES]], visitor: &mut impl Visitor) {
        let (probes, _) = probes.as_chunks::<W>();
        let (references, _) = references.as_chunks::<W>();
        match self {
            Self::Portable => portable::visit(probes, references, visitor),
            #[cfg(target_arch = "x86_64")]
            Self::Popcnt => x86::visit_popcnt(probes, references, visitor),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => x86::visit_avx2(probes, references, visitor),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => x86::visit_avx512(probes, references, visitor),
        }
    }
}

/// Takes the distances of one probe to a block of references. Always inlined, into code compiled for other processors.
pub(super) trait Visitor {
    fn visit(&mut self, probe: usize, block: usize, distances: &[u16; LANES]);
}

/// Distances that a tally holds: one more than the widest code has bits, rounded up to a power of two.
const TALLY_BINS: usize = 2_048;
/// Histograms a lane, taken in turn by the probes.
const TALLY_TURNS: usize = 4;

/// Counts distances in many histograms: neighbouring pairs often have the same distance, and a counter incremented
/// again before its last value is stored waits for it.
pub(super) struct Tally {
    /// The padding keeps equal distances of neighbouring lanes out of the same cache set.
    counts: Box<[[[u32; TALLY_BINS + 16]; LANES]; TALLY_TURNS]>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { counts: Box::new([[[0; TALLY_BINS + 16]; LANES]; TALLY_TURNS]) }
    }

    /// Adds the sum over all histograms to `counts`, which has an entry for every distance that was seen.
    pub(super) fn add_to(&self, counts: &mut [u64]) {
        for lane in self.counts.iter().flatten() {
            counts.iter_mut().zip(lane).for_each(|(sum, &count)| *sum += u64::from(count));
        }
    }
}

impl Visitor for Tally {
    #[inline(always)]
    fn visit(&mut self, probe: usize, block: usize, distances: &[u16; LANES]) {
        for (lane, &distance) in self.counts[(probe + 2 * block) % TALLY_TURNS].iter_mut().zip(distances) {
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
