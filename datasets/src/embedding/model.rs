//! Every number of the embedding model.

/// Length of an embedding.
pub const DIMENSIONS: usize = 128;

/// Trace of the covariance between subjects, and how many axes its eigenvalues take to fall by e.
pub(super) const BETWEEN_TRACE: f64 = 0.677;
pub(super) const BETWEEN_DECAY: f64 = 70.0;
/// The same within a subject, in axes of its own.
#[allow(clippy::approx_constant)] // measured, and not 1/π
pub(super) const WITHIN_TRACE: f64 = 0.318;
pub(super) const WITHIN_DECAY: f64 = 85.0;
/// Norm of the mean embedding.
pub(super) const MEAN_NORM: f64 = 0.07;

/// A level of clusters: share of the variance between subjects, clusters, exponent of their sizes (Zipf).
pub(super) struct Level {
    pub(super) share: f64,
    pub(super) clusters: usize,
    pub(super) exponent: f64,
}

/// From the coarsest: what sex, origin, age and family resemblance do to faces. A subject's clusters are chosen level by
/// level independently: with each level nested in the one above, the thresholds at FMR 1e-2 to 1e-5 came out at
/// .31/.48/.58/.63 in place of .233/.318/.391/.457.
pub(super) const LEVELS: [Level; 4] = [
    Level { share: 0.05, clusters: 2, exponent: 0.0 },
    Level { share: 0.08, clusters: 8, exponent: 1.0 },
    Level { share: 0.20, clusters: 120, exponent: 0.6 },
    Level { share: 0.25, clusters: 1_000, exponent: 0.3 },
];
/// Share of the variance that is the individual's own.
pub(super) const INDIVIDUAL_SHARE: f64 = 0.42;

/// Share of subjects who look like another one, and how much of the other's individual part they have.
pub(super) const LOOK_ALIKES: f64 = 0.004;
pub(super) const LOOK_ALIKE_PART: f64 = 0.5;

/// Scale of a capture's noise, with the spread of its logarithm over captures and over subjects.
pub(super) const NOISE_SCALE: f64 = 0.93;
pub(super) const CAPTURE_SPREAD: f64 = 0.26;
pub(super) const SUBJECT_SPREAD: f64 = 0.13;

/// Share of bad captures (turned away, blurred, half hidden), and how much more noise they carry: the mated scores'
/// mean and deviation ask for it.
pub(super) const BAD_SHARE: f64 = 0.01;
pub(super) const BAD_NOISE: f64 = 3.0;
