//! Hamming kernels: one block of probes against blocks of references, counted by distance.
//!
//! Sources: Muła, Kurz and Lemire 2018, "Faster population counts using AVX2 instructions" (the nibble table); Warren
//! 2013, "Hacker's Delight", chapter 5 (counts within a word).

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod x86;

mod distances;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))] // the AVX2 kernel alone asks for them
mod nibbles;
mod portable;
mod references;

pub(super) use distances::{Distances, LANES, Tally, Visitor, unpacked};
pub(super) use nibbles::Nibbles;
pub(super) use references::References;

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
