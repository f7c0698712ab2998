//! Where the finger lies: fits learnt ridge-flow patterns to a sample's ridge flow.
//!
//! A sample's doubled ridge angles are compared, at every position and rotation on a grid, with a few dozen mean
//! patterns under a von Mises model; the best fits are refined. No singular point needs to be seen, so that arches and
//! partial prints get a pose as well. Source: the alignment by learnt templates is after Yang, Feng and Zhou 2014
//! (localized dictionaries, pose by voting); the directional statistics are Mardia and Jupp 2000, chapter 3.

use super::frame::{Flow, Pose};
use super::parameters::{
    POSE_ANGLE_STEP, POSE_ANGLES, POSE_CANDIDATES, POSE_CONCENTRATION_MAX, POSE_EVIDENCE, POSE_KMEANS_ROUNDS,
    POSE_LATTICE, POSE_PATTERNS, POSE_REFINEMENTS, POSE_SHIFT_COLUMNS, POSE_SHIFT_ROWS, POSE_SHIFT_STEP,
};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// Cells between two observations: 32 pixels when all positions are tried, 16 when a pose is refined.
const COARSE_STEP: usize = 4;
const FINE_STEP: usize = 2;

/// Holds the mean flow patterns and the pose's prior.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PoseModel {
    /// `[lattice point][3][POSE_PATTERNS]`: concentration times doubled-angle cosine and sine, and the log normaliser.
    table: Vec<f32>,
    /// Logarithm of each pattern's share.
    log_shares: Vec<f32>,
    /// Mean and precision of the finger-frame position of the visible area's centre, and of the rotation.
    centre: [f32; 2],
    centre_precision: [f32; 2],
    angle_precision: f32,
}

/// One subject's flow on the lattice, in the finger's true frame: doubled-angle sums and how often each was seen.
pub(super) struct SubjectFlow {
    pub(super) cosine: Vec<f32>,
    pub(super) sine: Vec<f32>,
    pub(super) seen: Vec<f32>,
}

struct Observation {
    x: f32,
    y: f32,
    cosine: f32,
    sine: f32,
}

/// A pose with its log posterior.
#[derive(Clone, Copy)]
pub(super) struct Candidate {
    pub(super) pose: Pose,
    pub(super) score: f32,
    pattern: usize,
}

impl PoseModel {
    /// Says whether the tables have the shape that this version works with.
    pub(super) fn is_well_formed(&self) -> bool {
        self.table.len() == POSE_LATTICE.len() * 3 * POSE_PATTERNS && self.log_shares.len() == POSE_PATTERNS
    }

    /// Finds the most probable pose.
    pub(super) fn find(&self, flow: &Flow) -> Pose {
        let fine = observe(flow, FINE_STEP);
        let centre = middle(&fine);
        let mut candidates = self.scan(&observe(flow, COARSE_STEP), centre);
        candidates.truncate(POSE_CANDIDATES);
        let refined = candidates.into_iter().map(|candidate| self.refine(candidate, &fine, centre));
        let best = refined.reduce(|best, next| if next.score > best.score { next } else { best });
        best.map_or(Pose { x: centre.0, y: centre.1, angle: 0.0 }, |candidate| candidate.pose)
    }

    /// Scores every pose on the coarse grid and returns them best first.
    fn scan(&self, observations: &[Observation], centre: (f32, f32)) -> Vec<Candidate> {
        let mut out = Vec::new();
        for turn in -POSE_ANGLES..=POSE_ANGLES {
            let angle = turn as f32 * POSE_ANGLE_STEP;
            for row in -POSE_SHIFT_ROWS..=POSE_SHIFT_ROWS {
                for column in -POSE_SHIFT_COLUMNS..=POSE_SHIFT_COLUMNS {
                    let shift = (column as f32 * POSE_SHIFT_STEP, row as f32 * POSE_SHIFT_STEP);
                    let origin = self.origin_for(centre, shift, angle);
                    out.push(self.best_pattern(origin, observations, centre));
                }
            }
        }
        out.sort_by(|a, b| b.score.total_cmp(&a.score));
        out
    }

    /// Returns the pose whose frame sees the visible area's centre at its usual place plus a shift.
    fn origin_for(&self, centre: (f32, f32), shift: (f32, f32), angle: f32) -> Pose {
        let turned = Pose { x: centre.0, y: centre.1, angle };
        let (x, y) = turned.to_image(-(self.centre[0] + shift.0), -(self.centre[1] + shift.1));
        Pose { x, y, angle }
    }

    fn best_pattern(&self, pose: Pose, observations: &[Observation], centre: (f32, f32)) -> Candidate {
        let fits = self.fits(pose, observations);
        let scale = POSE_EVIDENCE * (COARSE_STEP * COARSE_STEP) as f32;
        let scored = fits.iter().zip(&self.log_shares).map(|(fit, share)| fit * scale + share).enumerate();
        let (pattern, score) = scored.fold((0, f32::MIN), |best, next| if next.1 > best.1 { next } else { best });
        Candidate { pose, score: score + self.log_prior(pose, centre), pattern }
    }

    /// Sums each pattern's log likelihood over the observations.
    fn fits(&self, pose: Pose, observations: &[Observation]) -> [f32; POSE_PATTERNS] {
        let mut sums = [0.0f32; POSE_PATTERNS];
        let (sin, cos) = pose.angle.sin_cos();
        let (sin2, cos2) = (2.0 * sin * cos, cos * cos - sin * sin);
        for o in observations {
            let (dx, dy) = (o.x - pose.x, o.y - pose.y);
            let Some(point) = POSE_LATTICE.nearest(cos * dx + sin * dy, cos * dy - sin * dx) else { continue };
            let (c, s) = (o.cosine * cos2 + o.sine * sin2, o.sine * cos2 - o.cosine * sin2);
            let entry = &self.table[point * 3 * POSE_PATTERNS..][..3 * POSE_PATTERNS];
            let (cosines, rest) = entry.split_at(POSE_PATTERNS);
            let (sines, norms) = rest.split_at(POSE_PATTERNS);
            for k in 0..POSE_PATTERNS {
                sums[k] += c * cosines[k] + s * sines[k] - norms[k];
            }
        }
        sums
    }

    fn fit(&self, pose: Pose, observations: &[Observation], pattern: usize) -> f32 {
        let (sin, cos) = pose.angle.sin_cos();
        let (sin2, cos2) = (2.0 * sin * cos, cos * cos - sin * sin);
        let mut sum = 0.0;
        for o in observations {
            let (dx, dy) = (o.x - pose.x, o.y - pose.y);
            let Some(point) = POSE_LATTICE.nearest(cos * dx + sin * dy, cos * dy - sin * dx) else { continue };
            let (c, s) = (o.cosine * cos2 + o.sine * sin2, o.sine * cos2 - o.cosine * sin2);
            let at = point * 3 * POSE_PATTERNS + pattern;
            let table = &self.table;
            sum += c * table[at] + s * table[at + POSE_PATTERNS] - table[at + 2 * POSE_PATTERNS];
        }
        sum
    }

    fn log_prior(&self, pose: Pose, centre: (f32, f32)) -> f32 {
        let (u, v) = pose.to_finger(centre.0, centre.1);
        let (du, dv) = (u - self.centre[0], v - self.centre[1]);
        let [pu, pv] = self.centre_precision;
        -0.5 * (du * du * pu + dv * dv * pv + pose.angle * pose.angle * self.angle_precision)
    }

    /// Climbs to the best pose nearby with ever smaller steps.
    fn refine(&self, start: Candidate, observations: &[Observation], centre: (f32, f32)) -> Candidate {
        let scale = POSE_EVIDENCE * (FINE_STEP * FINE_STEP) as f32;
        let score = |pose: Pose| {
            self.fit(pose, observations, start.pattern) * scale
                + self.log_shares[start.pattern]
                + self.log_prior(pose, centre)
        };
        let mut best = Candidate { score: score(start.pose), ..start };
        for (shift, turn) in POSE_REFINEMENTS {
            let around = best.pose;
            for step in 0..27 {
                let offset = |axis: i32| (step / 3i32.pow(axis as u32) % 3 - 1) as f32;
                let pose = Pose {
                    x: around.x + offset(0) * shift,
                    y: around.y + offset(1) * shift,
                    angle: around.angle + offset(2) * turn,
                };
                let score = score(pose);
                if score > best.score {
                    best = Candidate { pose, score, ..best };
                }
            }
        }
        best
    }

    /// Learns the patterns from subjects' flows, and the prior from pairs of true pose and visible centre.
    pub(super) fn train(flows: &[SubjectFlow], placements: &[(Pose, (f32, f32))], rng: &mut dyn Rng) -> Self {
        let mut model = Self::with_prior(placements);
        let mut members: Vec<usize> = (0..flows.len()).map(|_| rng.random_range(0..POSE_PATTERNS)).collect();
        // The first centres are single subjects: random groups would all start as the same average.
        let seeds: Vec<usize> = (0..POSE_PATTERNS).map(|_| rng.random_range(0..flows.len())).collect();
        for (pattern, &seed) in seeds.iter().enumerate() {
            model.set_pattern(pattern, &[&flows[seed]], flows.len());
        }
        for _ in 0..POSE_KMEANS_ROUNDS {
            for (member, flow) in members.iter_mut().zip(flows) {
                *member = model.nearest_pattern(flow);
            }
            for pattern in 0..POSE_PATTERNS {
                let own: Vec<&SubjectFlow> =
                    flows.iter().zip(&members).filter(|(_, m)| **m == pattern).map(|(f, _)| f).collect();
                model.set_pattern(pattern, &own, flows.len());
            }
        }
        model
    }

    fn with_prior(placements: &[(Pose, (f32, f32))]) -> Self {
        let seen: Vec<(f32, f32)> =
            placements.iter().map(|(pose, centre)| pose.to_finger(centre.0, centre.1)).collect();
        let count = seen.len() as f32;
        let mean = [seen.iter().map(|p| p.0).sum::<f32>() / count, seen.iter().map(|p| p.1).sum::<f32>() / count];
        let variance =
            |deviation: &dyn Fn(&(f32, f32)) -> f32| seen.iter().map(|p| deviation(p).powi(2)).sum::<f32>() / count;
        let turn = placements.iter().map(|(pose, _)| pose.angle.powi(2)).sum::<f32>() / count;
        Self {
            table: vec![0.0; POSE_LATTICE.len() * 3 * POSE_PATTERNS],
            log_shares: vec![0.0; POSE_PATTERNS],
            centre: mean,
            centre_precision: [1.0 / variance(&|p| p.0 - mean[0]), 1.0 / variance(&|p| p.1 - mean[1])],
            angle_precision: 1.0 / turn.max(1e-3),
        }
    }

    fn nearest_pattern(&self, flow: &SubjectFlow) -> usize {
        let mut sums = self.log_shares.clone();
        for point in 0..POSE_LATTICE.len() {
            let entry = &self.table[point * 3 * POSE_PATTERNS..][..3 * POSE_PATTERNS];
            for (k, sum) in sums.iter_mut().enumerate() {
                *sum += flow.cosine[point] * entry[k] + flow.sine[point] * entry[POSE_PATTERNS + k]
                    - flow.seen[point] * entry[2 * POSE_PATTERNS + k];
            }
        }
        let best = sums.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        best.map_or(0, |(k, _)| k)
    }

    fn set_pattern(&mut self, pattern: usize, flows: &[&SubjectFlow], total: usize) {
        self.log_shares[pattern] = ((flows.len() as f32 + 0.5) / total as f32).ln();
        for point in 0..POSE_LATTICE.len() {
            let sum = |part: &dyn Fn(&SubjectFlow) -> f32| flows.iter().map(|f| part(f)).sum::<f32>();
            let (c, s) = (sum(&|f| f.cosine[point]), sum(&|f| f.sine[point]));
            let seen = sum(&|f| f.seen[point]);
            let length = c.hypot(s);
            let kappa = concentration(length / (seen + 1.0));
            let at = point * 3 * POSE_PATTERNS + pattern;
            let unit = if length > 0.0 { kappa / length } else { 0.0 };
            self.table[at] = c * unit;
            self.table[at + POSE_PATTERNS] = s * unit;
            self.table[at + 2 * POSE_PATTERNS] = log_bessel0(kappa);
        }
    }
}

/// Returns the centre of the observed area.
pub(super) fn visible_centre(flow: &Flow) -> (f32, f32) {
    middle(&observe(flow, FINE_STEP))
}

fn middle(observations: &[Observation]) -> (f32, f32) {
    let count = observations.len().max(1) as f32;
    (observations.iter().map(|o| o.x).sum::<f32>() / count, observations.iter().map(|o| o.y).sum::<f32>() / count)
}

fn observe(flow: &Flow, step: usize) -> Vec<Observation> {
    let read = |(x, y)| {
        let sample = flow.at(x, y);
        Observation { x, y, cosine: sample.cosine, sine: sample.sine }
    };
    flow.positions(step).into_iter().map(read).collect()
}

/// Estimates the von Mises concentration from the mean resultant length (Mardia and Jupp 2000, section 5.3.1).
fn concentration(resultant: f32) -> f32 {
    let r = resultant.clamp(0.0, 0.99);
    (r * (2.0 - r * r) / (1.0 - r * r)).min(POSE_CONCENTRATION_MAX)
}

/// Returns ln I0(x) (Abramowitz and Stegun 9.8.1, 9.8.2).
fn log_bessel0(x: f32) -> f32 {
    if x < 3.75 {
        let t = (x / 3.75).powi(2);
        let terms = [1.0, 3.515_623, 3.089_942, 1.206_749, 0.265_973_2, 0.036_076_8, 0.004_581_3];
        terms.iter().rev().fold(0.0, |sum, term| sum * t + term).ln()
    } else {
        let t = 3.75 / x;
        let terms = [0.398_942_3, 0.013_285_9, 0.002_253_2, -0.001_575_7, 0.009_162_8];
        x - 0.5 * x.ln() + terms.iter().rev().fold(0.0, |sum, term| sum * t + term).ln()
    }
}
