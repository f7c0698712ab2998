//! Every pair of fixed-length templates through the kernels, in units.

use super::scorer::{Comparator, Compared, Scorer};
use super::{Counts, SampleSet};
use crate::Error;
use biopay_biometrics::comparison::{CodeSet, Counted, Kernel, Span, VectorSet, cosine_bin, cosine_of_bin};
use biopay_biometrics::{BitString, Template};

/// The number of units of every evaluation. Shards consist of units, and an interruption costs at most one.
pub const UNITS: usize = 64;
/// The number of templates from which the tail's limit is estimated.
const PILOT: usize = 4_096;
/// The wanted number of pairs in the tail of all units together, by the pilot's estimate.
const TAIL_AIM: f64 = 50_000.0;

/// The comparison of every pair of a set.
pub struct Exhaustive<'a> {
    set: &'a SampleSet,
    packed: Packed,
    /// The acquired samples; packed templates have their order.
    acquired: Vec<usize>,
    tail_from: f32,
    kernel: Kernel,
}

enum Packed {
    Bits(CodeSet),
    Reals(VectorSet),
}

impl<'a> Exhaustive<'a> {
    /// Returns whether the kernels compare a set's templates: real-valued forms, and binary ones of up to 1,024 bits.
    pub fn takes(set: &SampleSet, comparator: Comparator) -> bool {
        let first = || set.fixed_length().ok()?.iter().flatten().next();
        match comparator {
            Comparator::Minutiae => false,
            Comparator::FixedLength => true,
            Comparator::FixedLengthBinary => first().is_none_or(|template| template.bits().len() <= CodeSet::BITS_MAX),
        }
    }

    /// Packs a set's templates.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if the samples or the comparator are not of fixed length.
    pub fn new(set: &'a SampleSet, comparator: Comparator) -> Result<Self, Error> {
        let templates = set.fixed_length()?;
        let acquired: Vec<usize> = (0..set.len()).filter(|&i| templates[i].is_some()).collect();
        let present = || templates.iter().flatten();
        let packed = match comparator {
            Comparator::Minutiae => {
                return Err(Error::Usage(
                    "the minutiae comparator compares no fixed-length templates: use --comparator fixed-length".into(),
                ));
            }
            Comparator::FixedLength => Packed::Reals(VectorSet::new(present().map(Template::real))),
            Comparator::FixedLengthBinary => Packed::Bits(CodeSet::new(present().map(Template::bits))),
        };
        let mut out = Self { set, packed, acquired, tail_from: f32::INFINITY, kernel: Kernel::best() };
        out.tail_from = out.pilot(present());
        Ok(out)
    }

    /// Compares one unit's pairs. The first unit also counts the pairs that cannot be compared.
    pub fn unit(&self, unit: usize, progress: &(dyn Fn(u64) + Sync)) -> Counts {
        let span = Span::triangle(self.acquired.len()).shard(unit, UNITS).expect("units count to UNITS");
        let counted = self.count(&span, self.tail_from, progress);
        let mut counts = Counts::default();
        counts.tail_above(self.tail_from.next_down());
        self.add_scores(&counted, &mut counts);
        if unit == 0 {
            self.move_mated(&mut counts);
            self.add_failures(&mut counts);
        }
        counts
    }

    fn count(&self, span: &Span, tail_from: f32, progress: &(dyn Fn(u64) + Sync)) -> Counted {
        match &self.packed {
            Packed::Bits(codes) => {
                let below = (0..=codes.bits()).take_while(|&d| agreement(d, codes.bits()) >= tail_from).count();
                codes.count(codes, span, self.kernel, below, progress)
            }
            Packed::Reals(vectors) => vectors.count(vectors, span, first_bin(tail_from), progress),
        }
    }

    fn score(&self, bin: usize) -> f32 {
        match &self.packed {
            Packed::Bits(codes) => agreement(bin, codes.bits()),
            Packed::Reals(_) => cosine_of_bin(bin),
        }
    }

    /// Adds all pairs as non-mated; the mated ones among them are moved once.
    fn add_scores(&self, counted: &Counted, counts: &mut Counts) {
        for (bin, &pairs) in counted.counts.iter().enumerate() {
            counts.add_non_mated(self.score(bin), pairs);
        }
        for &(a, b, bin) in &counted.tail {
            let (a, b) = (self.subject(a as usize), self.subject(b as usize));
            if a != b {
                counts.keep(a, b, self.score(bin as usize));
            }
        }
    }

    /// Compares the few mated pairs again one by one, and moves them out of the count of all pairs.
    ///
    /// The counts of single units may owe pairs to one another until all are merged.
    fn move_mated(&self, counts: &mut Counts) {
        for (i, j) in self.mated_pairs() {
            let score = self.packed_score(i, j);
            counts.add_mated(self.subject(i), score, 1);
            counts.owe_non_mated(score);
        }
    }

    fn mated_pairs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let mine = move |i: usize| {
            let later = i + 1..self.acquired.len();
            later.take_while(move |&j| self.subject(j) == self.subject(i)).map(move |j| (i, j))
        };
        (0..self.acquired.len()).flat_map(mine)
    }

    /// Counts the mated and non-mated pairs with a sample that was not acquired.
    fn add_failures(&self, counts: &mut Counts) {
        let mut acquired = vec![0u64; self.set.subject_count()];
        self.acquired.iter().for_each(|&i| acquired[self.set.subjects()[i] as usize] += 1);
        let pairs = |n: u64| n * n.saturating_sub(1) / 2;
        let (mut mated, mut mated_acquired) = (0, 0);
        for (subject, samples) in self.set.samples_of_subjects().iter().enumerate() {
            let all = pairs(samples.len() as u64);
            let compared = pairs(acquired[subject]);
            if all > compared {
                counts.add_mated(subject as u32, f32::NEG_INFINITY, all - compared);
            }
            (mated, mated_acquired) = (mated + all, mated_acquired + compared);
        }
        let all = pairs(self.set.len() as u64) - mated;
        let compared = pairs(self.acquired.len() as u64) - mated_acquired;
        counts.add_non_mated(f32::NEG_INFINITY, all - compared);
    }

    fn packed_score(&self, i: usize, j: usize) -> f32 {
        match &self.packed {
            Packed::Bits(codes) => self.score(codes.distance(i, codes, j) as usize),
            Packed::Reals(vectors) => self.score(cosine_bin(vectors.cosine(i, vectors, j))),
        }
    }

    fn subject(&self, packed: usize) -> u32 {
        self.set.subjects()[self.acquired[packed]]
    }

    /// Estimates the score above which the wanted number of pairs lies, from an evenly spaced part of the set.
    fn pilot<'t>(&self, templates: impl Iterator<Item = &'t Template>) -> f32 {
        let step = self.acquired.len().div_ceil(PILOT).max(1);
        let some: Vec<&Template> = templates.step_by(step).collect();
        let span = Span::triangle(some.len());
        let counts = match &self.packed {
            Packed::Bits(_) => {
                let codes = CodeSet::new(some.iter().map(|t| -> &BitString { t.bits() }));
                codes.count(&codes, &span, self.kernel, 0, &|_| {}).counts
            }
            Packed::Reals(_) => {
                let vectors = VectorSet::new(some.iter().map(|t| t.real()));
                vectors.count(&vectors, &span, usize::MAX, &|_| {}).counts
            }
        };
        let wanted = TAIL_AIM * span.pairs() as f64 / Span::triangle(self.acquired.len()).pairs().max(1) as f64;
        let mut from_best: Vec<(f32, u64)> = counts.iter().enumerate().map(|(bin, &n)| (self.score(bin), n)).collect();
        from_best.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut sum = 0;
        let reached = from_best.iter().find(|(_, n)| {
            sum += n;
            sum as f64 > wanted
        });
        reached.map_or(f32::NEG_INFINITY, |(score, _)| score.next_up())
    }
}

impl Scorer for Exhaustive<'_> {
    fn compare(&self, reference: usize, probe: usize) -> Compared {
        let packed = |sample: usize| self.acquired.binary_search(&sample);
        let score = match (packed(reference), packed(probe)) {
            (Ok(a), Ok(b)) => self.packed_score(a, b),
            _ => f32::NEG_INFINITY,
        };
        Compared { score, accepted: None }
    }

    fn is_enrolled(&self, reference: usize) -> bool {
        self.acquired.binary_search(&reference).is_ok()
    }

    fn is_acquired(&self, probe: usize) -> bool {
        self.acquired.binary_search(&probe).is_ok()
    }
}

fn agreement(distance: usize, bits: usize) -> f32 {
    1.0 - distance as f32 / bits as f32
}

/// Returns the first bin whose score is at least `score`.
fn first_bin(score: f32) -> usize {
    if score == f32::INFINITY {
        return usize::MAX;
    }
    let near = cosine_bin(score.max(-1.0)).saturating_sub(1);
    (near..=near + 2).find(|&bin| cosine_of_bin(bin) >= score).unwrap_or(near + 2)
}
