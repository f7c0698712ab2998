//! Dictionary attacks: a few templates or payloads that many people's enrolments accept.
//!
//! - **MasterPrints** ([`greedy_cover`]): of an adversary's templates the few that together are accepted by the most
//!   training enrolments. Roy, Memon and Ross 2017, "MasterPrint".
//! - **Wolf** (the cover's first): the one that the most accept. Une, Otsuka and Imai 2007, "Wolf attack probability".
//! - **Evolved templates** ([`evolve`]): no sample of anybody, but a template that is changed until the most accept it.
//!   Bontrager, Roy, Togelius, Memon and Ross 2018, "DeepMasterPrints", hit 23 % of subjects enrolled with partial prints
//!   at an FMR of 0.1 %, and 77 % at 1 %.
//! - **Fixed codes** ([`worst_code`]): a payload that is changed until the most accept it, whatever template it belongs to.
//!
//! **Knows.** Enrolments of other people (the training part); of the target what [`Stolen`] says. **Measures.** The share of
//! subjects of a held-out part that one of three tries hits, over the share that three random tries hit.
//! **Measured** (`cargo test --release -p biopay-datasets --test attack dictionary -- --nocapture`) on 400 held-out embeddings:
//! of 600 candidates three MasterPrints hit 20 at an FMR of 1 % (12.8 by chance), the wolf alone 9 (4.3) and an evolved template
//! 7; at 0.1 % 2 (1.2 by chance), which tells nothing yet: far from what partial prints allow, because each subject is enrolled
//! once, and whole. A code space of 69 % ones opens to one fixed code at 141 of 200, 3,525 times its FAR; a balanced one at none.
//! **Control.** A code space that is biased: a fixed code is then near to everybody. Subjects of training part, held-out part
//! and candidates must be disjoint.

use super::{Factors, Stolen, Target, TemplateModel};
use crate::scheme::{ComparisonDecision, Scheme};
use crate::{BitString, QrPayload, Template};
use rand::Rng;
use rand::seq::SliceRandom;

/// How fast a verdict's worth grows with its score: by e at .025, half the spread of non-mated scores.
const SHARPNESS: f32 = 40.0;

/// Which targets accept which candidate.
///
/// Shape: a string for each candidate, a bit for each target.
pub type Coverage = Vec<BitString>;

/// A dictionary's success on held-out subjects, beside that of random tries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hits {
    /// Subjects that an entry hits.
    pub hit: u32,
    /// Subjects attacked.
    pub subjects: u32,
    /// The share that as many random candidates hit: the attack's baseline, measured on the same subjects.
    pub by_chance: f64,
}

impl Hits {
    /// Returns the share that is hit.
    pub fn share(&self) -> f64 {
        f64::from(self.hit) / f64::from(self.subjects.max(1))
    }

    /// Returns how many times the share by chance that is; infinite where chance hits nobody and the dictionary does.
    pub fn lift(&self) -> f64 {
        if self.hit == 0 { 0.0 } else { self.share() / self.by_chance }
    }
}

/// Presents every candidate to every target; `own` is the adversary's enrolment.
pub fn coverage(
    scheme: &dyn Scheme,
    candidates: &[Template],
    targets: &[Target],
    stolen: Stolen,
    own: &Target,
) -> Coverage {
    let factors: Vec<Factors> = targets.iter().map(|target| stolen.factors(target, own)).collect();
    let row = |candidate| {
        let accepts = |(target, factors): (&Target, &Factors)| accepts(scheme, target, factors, candidate);
        BitString::from_bits(targets.iter().zip(&factors).map(accepts))
    };
    candidates.iter().map(row).collect()
}

/// Presents every payload to every target.
pub fn coverage_of_payloads(scheme: &dyn Scheme, payloads: &[QrPayload], targets: &[Target]) -> Coverage {
    let row = |payload| BitString::from_bits(targets.iter().map(|target| target.verify(scheme, payload).accepted));
    payloads.iter().map(row).collect()
}

/// Chooses candidates one after another, each the one that the most training targets accept that accept none before;
/// ties go to the one that the most accept at all, and then to the earlier.
///
/// Returns their indices, the wolf first. Source: Chvátal 1979 (the greedy cover's bound).
pub fn greedy_cover(training: &Coverage, size: usize) -> Vec<usize> {
    let mut covered = BitString::zeros(training.first().map_or(0, BitString::len));
    let mut chosen: Vec<usize> = Vec::new();
    for _ in 0..size.min(training.len()) {
        let gain = |row: &BitString| (0..row.len()).filter(|&i| row.bit(i) && !covered.bit(i)).count();
        let left = (0..training.len()).filter(|i| !chosen.contains(i));
        let best = left.max_by_key(|&i| (gain(&training[i]), training[i].count_ones(), usize::MAX - i));
        let Some(best) = best else { break };
        (0..covered.len()).filter(|&i| training[best].bit(i)).for_each(|i| covered.set(i, true));
        chosen.push(best);
    }
    chosen
}

/// Counts the held-out targets that one of the entries hits, beside what as many random rows of `random` hit.
pub fn hits(entries: &Coverage, random: &Coverage) -> Hits {
    let subjects = entries.first().map_or(0, BitString::len);
    let hit = (0..subjects).filter(|&i| entries.iter().any(|row| row.bit(i))).count();
    let missed = |target: usize| {
        let accepted = random.iter().filter(|row| row.bit(target)).count();
        // None of `entries.len()` rows drawn without replacement is one of the accepted.
        let chance = |k: usize| (random.len() - accepted).saturating_sub(k) as f64 / (random.len() - k).max(1) as f64;
        (0..entries.len().min(random.len())).map(chance).product::<f64>()
    };
    let by_chance = (0..subjects).map(|target| 1.0 - missed(target)).sum::<f64>() / subjects.max(1) as f64;
    Hits { hit: hit as u32, subjects: subjects as u32, by_chance }
}

/// Changes a template towards where the most people are: a step is kept when it raises what the training targets' verdicts
/// are worth together. Their number alone would be too coarse to follow, and would fit the few that accept.
///
/// `factors` has one entry a target.
pub fn evolve(
    scheme: &dyn Scheme,
    training: &[Target],
    factors: &[Factors],
    (start, population): (&Template, &TemplateModel),
    steps: u32,
    rng: &mut dyn Rng,
) -> Template {
    let fitness = |template: &Template| -> f32 {
        let verdict = |(target, factors): (&Target, &Factors)| {
            let payload = factors.payload(scheme, template).ok()?;
            Some(worth(target.verify(scheme, &payload)))
        };
        training.iter().zip(factors).filter_map(verdict).sum()
    };
    let mut best = (start.clone(), fitness(start));
    let mut size = 0.3f32;
    for _ in 0..steps {
        let candidate = population.near(&best.0, size, rng);
        let found = fitness(&candidate);
        let is_better = found > best.1;
        if is_better {
            best = (candidate, found);
        }
        size = (size * if is_better { 1.3 } else { 0.95 }).clamp(0.02, 0.5);
    }
    best.0
}

/// Changes a payload bit by bit until the most training targets accept it, starting from each bit's majority in their
/// payloads; useless where every record's payload is keyed by itself.
///
/// Shape: bits after the first `header_bytes` of the body are free.
pub fn worst_code(
    scheme: &dyn Scheme,
    training: &[Target],
    header_bytes: usize,
    passes: u32,
    rng: &mut dyn Rng,
) -> Option<QrPayload> {
    let mut best = majority(training, header_bytes)?;
    let fitness = |payload: &QrPayload| -> f32 { training.iter().map(|t| worth(t.verify(scheme, payload))).sum() };
    let mut best_fitness = fitness(&best);
    let mut bits: Vec<usize> = (8 * header_bytes..8 * best.body.len()).collect();
    for _ in 0..passes {
        bits.shuffle(rng);
        for &bit in &bits {
            best.body[bit / 8] ^= 1 << (bit % 8);
            let found = fitness(&best);
            if found > best_fitness {
                best_fitness = found;
            } else {
                best.body[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }
    Some(best)
}

/// Returns the payload of each bit's majority, under the first target's header.
fn majority(training: &[Target], header_bytes: usize) -> Option<QrPayload> {
    let mut out = training.first()?.enrolment.payload.clone();
    for byte in header_bytes..out.body.len() {
        for bit in 0..8 {
            let of = |target: &&Target| target.enrolment.payload.body.get(byte).is_some_and(|b| b >> bit & 1 == 1);
            let ones = training.iter().filter(of).count();
            let mask = 1u8 << bit;
            out.body[byte] = if 2 * ones > training.len() { out.body[byte] | mask } else { out.body[byte] & !mask };
        }
    }
    Some(out)
}

/// Returns what a verdict is worth to whoever wants to be accepted by many: more the nearer it is to acceptance, so that
/// the tail of the scores decides. Without a score it is worth its acceptance.
fn worth(verdict: ComparisonDecision) -> f32 {
    verdict.score.map_or(f32::from(u8::from(verdict.accepted)), |score| libm::expf(SHARPNESS * score))
}

fn accepts(scheme: &dyn Scheme, target: &Target, factors: &Factors, template: &Template) -> bool {
    factors.payload(scheme, template).is_ok_and(|payload| target.verify(scheme, &payload).accepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&str]) -> Coverage {
        rows.iter().map(|row| BitString::from_bits(row.chars().map(|c| c == '1'))).collect()
    }

    #[test]
    fn a_cover_takes_the_wolf_first_and_then_whom_it_left() {
        let training = rows(&["111000", "110100", "000110", "000001"]);
        assert_eq!(greedy_cover(&training, 3), [0, 2, 3]);
        assert_eq!(greedy_cover(&training, 9).len(), 4);
    }

    #[test]
    fn hits_are_counted_beside_chance() {
        let random = rows(&["1000", "0000", "0000", "0001"]);
        let found = hits(&rows(&["1100", "0010"]), &random);
        // Two of four rows at random hit a target of one row with 1/2, and two of the four targets have one.
        assert_eq!((found.hit, found.subjects), (3, 4));
        assert!((found.by_chance - 0.25).abs() < 1e-12 && (found.lift() - 3.0).abs() < 1e-12);
    }
}
