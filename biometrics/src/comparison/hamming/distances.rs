//! Distances of one probe to a block of references, and whoever is told of them.

/// References in one block: the 64-bit lanes of the widest vector register.
pub(in crate::comparison) const LANES: usize = 8;

/// The distances of one probe to a block of references, four to a word, the first lowest: a counter takes them out with
/// one load for four.
pub(in crate::comparison) type Distances = [u64; LANES / 4];

#[inline]
pub(super) fn packed(distances: [u16; LANES]) -> Distances {
    let word = |w: usize| (0..4).map(|i| u64::from(distances[4 * w + i]) << (16 * i)).sum();
    std::array::from_fn(word)
}

/// Lists a block's distances in the order of its references.
#[inline(always)]
pub(in crate::comparison) fn unpacked(distances: &Distances) -> [u16; LANES] {
    std::array::from_fn(|lane| (distances[lane / 4] >> (16 * (lane % 4))) as u16)
}

/// A receiver of the distances of one probe to a block of references. Always inlined, into code compiled for other
/// processors.
pub(in crate::comparison) trait Visitor {
    fn visit(&mut self, probe: usize, block: usize, distances: &Distances);
}

/// Distances that a tally holds: one more than the widest code has bits, rounded up to a power of two.
const TALLY_BINS: usize = 2_048;

/// A count of distances with a histogram for each lane: neighbouring pairs often have the same distance, and a counter
/// incremented again before its last value is stored waits for it. Together the histograms' busy parts fit in the first
/// cache.
pub(in crate::comparison) struct Tally {
    /// The padding keeps equal distances of neighbouring lanes out of the same cache set.
    counts: Box<[[u32; TALLY_BINS + 16]; LANES]>,
}

impl Tally {
    pub(in crate::comparison) fn new() -> Self {
        Self { counts: Box::new([[0; TALLY_BINS + 16]; LANES]) }
    }

    /// Adds the sum over all histograms to `counts`, which has an entry for every distance that was seen.
    pub(in crate::comparison) fn add_to(&self, counts: &mut [u64]) {
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
