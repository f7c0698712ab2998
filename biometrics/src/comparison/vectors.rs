//! Real-valued templates packed for exhaustive comparison by cosine.

use super::hamming::LANES;
use super::pairs::{Compare, Counted, Span};
use std::ops::Range;

/// The dimensions are padded to a multiple of this with zeros; sums run in this many lanes on every processor, so that
/// all of them give the same bits.
const SUM_LANES: usize = 16;
/// Steps of the cosine from -1 to 1: each is 2⁻¹⁴.
const STEPS: usize = 1 << 15;

/// The number of different scores that a cosine is rounded to.
pub const COSINE_BINS: usize = STEPS + 1;

/// Returns the score that a cosine is counted under, 0 for -1; larger is more similar.
pub fn cosine_bin(cosine: f32) -> usize {
    (((cosine + 1.0) * (STEPS as f32 / 2.0) + 0.5).max(0.0) as usize).min(STEPS)
}

/// Returns the middle of the cosines that are counted under a score.
pub fn cosine_of_bin(bin: usize) -> f32 {
    bin as f32 / (STEPS as f32 / 2.0) - 1.0
}

/// Unit vectors of one dimension.
///
/// Shape: `len` vectors of `dimension` values, row by row.
#[derive(Clone, Debug)]
pub struct VectorSet {
    stride: usize,
    len: usize,
    rows: Vec<f32>,
}

impl VectorSet {
    /// Packs vectors of unit norm; panics when their dimensions differ.
    pub fn new<'a>(vectors: impl IntoIterator<Item = &'a [f32]>) -> Self {
        let mut vectors = vectors.into_iter().peekable();
        let dimension = vectors.peek().map_or(0, |v| v.len());
        let stride = dimension.next_multiple_of(SUM_LANES).max(SUM_LANES);
        let mut rows = Vec::new();
        for vector in vectors {
            assert_eq!(vector.len(), dimension, "vectors of different dimensions");
            let start = rows.len();
            rows.extend_from_slice(vector);
            rows.resize(start + stride, 0.0);
        }
        Self { stride, len: rows.len() / stride, rows }
    }

    /// Returns the number of vectors.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are no vectors.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the cosine of a vector and one of another set, in [-1, 1], larger is more similar.
    pub fn cosine(&self, a: usize, others: &Self, b: usize) -> f32 {
        dot(self.row(a), others.row(b))
    }

    /// Counts the cosines of a span's pairs, on all cores, and collects the pairs counted under at least `tail_from`:
    /// rows are vectors of this set, columns of `columns` (the same set again for a triangle).
    ///
    /// Shape: [`COSINE_BINS`] counts, see [`cosine_bin`]. `progress` hears of pairs as they are done. Panics when the
    /// sets' lengths are not the span's, or their dimensions differ.
    pub fn count(&self, columns: &Self, span: &Span, tail_from: usize, progress: &(dyn Fn(u64) + Sync)) -> Counted {
        span.count(&CosinePairs::new(self, columns, span), tail_from..COSINE_BINS, progress)
    }

    fn row(&self, index: usize) -> &[f32] {
        &self.rows[index * self.stride..][..self.stride]
    }
}

struct CosinePairs<'a> {
    rows: &'a VectorSet,
    columns: &'a VectorSet,
}

impl<'a> CosinePairs<'a> {
    fn new(rows: &'a VectorSet, columns: &'a VectorSet, span: &Span) -> Self {
        assert_eq!((rows.len, columns.len), span.sizes(), "the span is of other sets");
        assert!(!span.is_triangle() || std::ptr::eq(rows, columns), "a triangle has one set");
        assert!(rows.stride == columns.stride || rows.len * columns.len == 0, "vectors of different dimensions");
        Self { rows, columns }
    }

    fn visit(&self, rows: Range<usize>, blocks: Range<usize>, mut visit: impl FnMut(usize, usize, usize)) {
        let columns = blocks.start * LANES..blocks.end * LANES;
        let mut cosines = vec![0.0; columns.len()];
        let references = &self.columns.rows[columns.start * self.columns.stride..columns.end * self.columns.stride];
        for a in rows {
            dots(self.rows.row(a), references, &mut cosines);
            cosines.iter().zip(columns.clone()).for_each(|(&cosine, b)| visit(a, b, cosine_bin(cosine)));
        }
    }
}

impl Compare for CosinePairs<'_> {
    type Tally = Vec<u32>;

    fn bins(&self) -> usize {
        COSINE_BINS
    }

    fn bin(&self, a: usize, b: usize) -> usize {
        cosine_bin(self.rows.cosine(a, self.columns, b))
    }

    fn tally(&self) -> Vec<u32> {
        vec![0; COSINE_BINS]
    }

    fn count_blocks(
        &self,
        rows: Range<usize>,
        blocks: Range<usize>,
        keep: &Range<usize>,
        tally: &mut Vec<u32>,
        tail: &mut Vec<(u32, u32, u32)>,
    ) {
        self.visit(rows, blocks, |a, b, bin| {
            tally[bin] += 1;
            if bin >= keep.start {
                tail.push((a as u32, b as u32, bin as u32));
            }
        });
    }

    fn add(&self, tally: &Vec<u32>, counts: &mut [u64]) {
        counts.iter_mut().zip(tally).for_each(|(sum, &count)| *sum += u64::from(count));
    }
}

/// Multiplies one vector with every row, by the widest instructions there are.
fn dots(probe: &[f32], references: &[f32], out: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        return x86::dots_avx512(probe, references, out);
    } else if is_x86_feature_detected!("avx2") {
        return x86::dots_avx2(probe, references, out);
    }
    dots_plain(probe, references, out);
}

#[inline(always)]
fn dots_plain(probe: &[f32], references: &[f32], out: &mut [f32]) {
    for (reference, out) in references.chunks_exact(probe.len()).zip(out) {
        *out = dot(probe, reference);
    }
}

/// Multiplies in sixteen lanes and adds them up as a tree, products rounded before they are added.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; SUM_LANES];
    let ((a, _), (b, _)) = (a.as_chunks::<SUM_LANES>(), b.as_chunks::<SUM_LANES>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..SUM_LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let mut width = SUM_LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    #![allow(unsafe_code)] // the same plain loop, compiled for wider registers behind a feature check

    use super::dots_plain;

    pub(super) fn dots_avx512(probe: &[f32], references: &[f32], out: &mut [f32]) {
        assert!(is_x86_feature_detected!("avx512f"));
        // SAFETY: the feature was checked on the line above.
        unsafe { avx512(probe, references, out) }
    }

    pub(super) fn dots_avx2(probe: &[f32], references: &[f32], out: &mut [f32]) {
        assert!(is_x86_feature_detected!("avx2"));
        // SAFETY: the feature was checked on the line above.
        unsafe { avx2(probe, references, out) }
    }

    #[target_feature(enable = "avx512f")]
    fn avx512(probe: &[f32], references: &[f32], out: &mut [f32]) {
        dots_plain(probe, references, out);
    }

    #[target_feature(enable = "avx2")]
    fn avx2(probe: &[f32], references: &[f32], out: &mut [f32]) {
        dots_plain(probe, references, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn vectors(len: usize, dimension: usize) -> Vec<Vec<f32>> {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut one = || {
            let v: Vec<f32> = (0..dimension).map(|_| rng.random_range(-1.0..1.0)).collect();
            let norm = v.iter().map(|x| x * x).sum::<f32>().sqrt();
            v.into_iter().map(|x| x / norm).collect()
        };
        (0..len).map(|_| one()).collect()
    }

    #[test]
    fn the_histogram_counts_every_pair_under_its_cosine() {
        for dimension in [3, 16, 100, 128] {
            let vectors = vectors(61, dimension);
            let set = VectorSet::new(vectors.iter().map(Vec::as_slice));
            let mut expected = vec![0; COSINE_BINS];
            for (i, j) in (0..61).flat_map(|i| (i + 1..61).map(move |j| (i, j))) {
                let exact: f64 = vectors[i].iter().zip(&vectors[j]).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                assert!((f64::from(set.cosine(i, &set, j)) - exact).abs() < 1e-6);
                expected[cosine_bin(set.cosine(i, &set, j))] += 1;
            }
            let counted = set.count(&set, &Span::triangle(61), cosine_bin(0.2), &|_| {});
            assert_eq!(counted.counts, expected);
            assert_eq!(counted.tail.len() as u64, expected[cosine_bin(0.2)..].iter().sum::<u64>());
        }
    }

    #[test]
    fn every_width_of_registers_gives_the_same_bits() {
        let vectors = vectors(33, 128);
        let set = VectorSet::new(vectors.iter().map(Vec::as_slice));
        let (mut wide, mut plain) = (vec![0.0; 33], vec![0.0; 33]);
        dots(set.row(0), &set.rows, &mut wide);
        dots_plain(set.row(0), &set.rows, &mut plain);
        assert_eq!(wide, plain);
    }

    #[test]
    fn a_bin_holds_the_cosines_around_its_middle() {
        for cosine in [-1.0, -0.3, 0.0, 0.457, 1.0] {
            assert!((cosine_of_bin(cosine_bin(cosine)) - cosine).abs() <= 1.0 / STEPS as f32 + 1e-7);
        }
        assert_eq!((cosine_bin(-1.1), cosine_bin(1.1), cosine_bin(f32::NAN)), (0, STEPS, 0));
    }
}
