//! Populations whose error rates are known.
//!
//! A mated score is N(4, 1), lowered by what is its subject's own; a non-mated score is N(0, 1), raised by what is both
//! subjects' own. Rates at a threshold therefore are normal tails.

use biopay_reports::Manifest;
use biopay_reports::records::{Comparison, FAILURE_TO_ACQUIRE};
use biopay_reports::run_folder::Records;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution, StandardNormal};

/// The mean of mated scores.
const MATED: f64 = 4.0;
/// How much lower the scores of goats are, and their share of the subjects.
const GOATS: (f64, f64) = (1.5, 0.1);

/// A kind of people and of comparisons between them.
#[derive(Clone, Copy, Debug)]
pub struct Population {
    pub name: &'static str,
    pub subjects: u32,
    /// Captures of a subject; the first is the reference.
    pub captures: u32,
    /// The share of a mated score's variance that is its subject's own.
    pub own: f64,
    /// The share of a non-mated score's variance that is the reference subject's, and the probe subject's.
    pub shared: (f64, f64),
    /// Whether a subject is as easily matched as a reference and as a probe.
    pub is_same_on_both_sides: bool,
    /// Whether every tenth subject is a goat.
    pub has_goats: bool,
    /// Whether every fifth pair is missing, and every tenth subject has half of the captures.
    pub has_holes: bool,
    /// Share of probes that are not acquired; it differs between subjects.
    pub fta: f64,
}

impl Population {
    /// People with differences of a usual size.
    pub fn usual(subjects: u32, captures: u32) -> Self {
        Self {
            name: "wolves and lambs",
            subjects,
            captures,
            own: 0.3,
            shared: (0.1, 0.1),
            is_same_on_both_sides: true,
            has_goats: false,
            has_holes: false,
            fta: 0.0,
        }
    }

    pub fn goats(subjects: u32, captures: u32) -> Self {
        Self { name: "goats", has_goats: true, ..Self::usual(subjects, captures) }
    }

    pub fn one_side(subjects: u32, captures: u32) -> Self {
        Self {
            name: "one side heavier",
            shared: (0.2, 0.02),
            is_same_on_both_sides: false,
            ..Self::usual(subjects, captures)
        }
    }

    pub fn holes(subjects: u32, captures: u32) -> Self {
        Self { name: "lists with holes", has_holes: true, ..Self::usual(subjects, captures) }
    }

    pub fn unacquired(subjects: u32, captures: u32) -> Self {
        Self { name: "failures to acquire", fta: 0.05, ..Self::usual(subjects, captures) }
    }

    pub fn alike(subjects: u32, captures: u32) -> Self {
        Self { name: "equal subjects", own: 0.0, shared: (0.0, 0.0), ..Self::usual(subjects, captures) }
    }

    /// The true FMR at a threshold.
    pub fn fmr(&self, threshold: f64) -> f64 {
        upper_tail(threshold)
    }

    /// The true FNMR at a threshold.
    pub fn fnmr(&self, threshold: f64) -> f64 {
        let sheep = upper_tail(MATED - threshold);
        if !self.has_goats {
            return sheep;
        }
        (1.0 - GOATS.1) * sheep + GOATS.1 * upper_tail(MATED - GOATS.0 - threshold)
    }

    /// The true FNMR where the FMR is `fmr`.
    pub fn fnmr_at(&self, fmr: f64) -> f64 {
        self.fnmr(solved(|t| fmr - self.fmr(t)))
    }

    /// The true equal error rate.
    pub fn equal_error_rate(&self) -> f64 {
        self.fmr(solved(|t| self.fnmr(t) - self.fmr(t)))
    }

    /// The threshold with an FMR.
    pub fn threshold(&self, fmr: f64) -> f64 {
        solved(|t| fmr - self.fmr(t))
    }

    /// Draws the comparisons of a run, as a scheme for each threshold: `t0`, `t1`, and so on.
    pub fn draw(&self, seed: u64, thresholds: &[f64]) -> Records {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let people: Vec<[f64; 3]> = (0..self.subjects).map(|_| [normal(), normal(), normal()]).collect();
        let mut records = Records::default();
        let mut add = |reference: u32, probe: u32, score: Option<f64>| {
            for (i, threshold) in thresholds.iter().enumerate() {
                records.comparisons.push(Comparison {
                    scheme: format!("t{i}"),
                    reference_subject: reference,
                    probe_subject: probe,
                    reference_device: String::new(),
                    probe_device: String::new(),
                    score: score.map(|s| s as f32),
                    accepted: score.is_some_and(|s| s as f32 >= *threshold as f32),
                    failure: score.is_none().then(|| FAILURE_TO_ACQUIRE.to_owned()),
                    probe_capture: None,
                });
            }
        };
        let goats = (f64::from(self.subjects) * GOATS.1).round() as u32;
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
        let fta = Beta::new(10.0 * self.fta.max(1e-9), 10.0 * (1.0 - self.fta)).unwrap();
        let mut acquired = Vec::new();
        for a in 0..self.subjects {
            let captures = if self.has_holes && a % 10 == 0 { self.captures.div_ceil(2) } else { self.captures };
            // The share of goats is exact, so that the truth is that of the population and not of the draw.
            let is_goat = self.has_goats && a < goats;
            let mean = MATED - if is_goat { GOATS.0 } else { 0.0 } + self.own.sqrt() * people[a as usize][2];
            let lost = if self.fta > 0.0 { fta.sample(&mut rng) } else { 0.0 };
            acquired.push(rng.random::<f64>() >= lost);
            for probe in 1..captures.max(2) {
                let is_lost = if probe == 1 { !acquired[a as usize] } else { rng.random::<f64>() < lost };
                add(a, a, (!is_lost).then(|| mean + (1.0 - self.own).sqrt() * normal()));
            }
        }
        for a in 0..self.subjects {
            for b in (a + 1..self.subjects).filter(|b| !self.has_holes || (a + b) % 5 != 0) {
                let of_probe = people[b as usize][if self.is_same_on_both_sides { 0 } else { 1 }];
                let shared = self.shared.0.sqrt() * people[a as usize][0] + self.shared.1.sqrt() * of_probe;
                let score = shared + (1.0 - self.shared.0 - self.shared.1).sqrt() * normal();
                add(a, b, acquired[b as usize].then_some(score));
            }
        }
        records
    }
}

/// Returns the upper tail of the standard normal distribution.
fn upper_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / std::f64::consts::SQRT_2)
}

/// Finds where a rising function is 0.
fn solved(rising: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (-10.0, 14.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if rising(middle) < 0.0 { low = middle } else { high = middle }
    }
    low
}

/// The manifest of a run that has nothing but these rows.
pub fn manifest() -> Manifest {
    serde_json::from_value(serde_json::json!({
        "schema": biopay_reports::manifest::SCHEMA, "scenario_name": "coverage", "scenario": {}, "seed": 1,
        "clock": "virtual", "program": "coverage", "command": "", "started_unix_s": 0, "duration_us": 1_000_000,
        "machine": {"platform": "", "processor": "", "cores": 1}, "completion": "complete", "handsets": 1,
        "notes": [], "artefacts": {}, "digest": "",
    }))
    .unwrap()
}
