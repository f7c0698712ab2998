//! Every constant of face extraction.

// --- Input -----------------------------------------------------------------------------------------------------------

/// Least side of an image. Units: pixels.
pub const SIDE_MIN: usize = 32;
/// Most pixels of an image: what bounds time and memory.
pub const PIXELS_MAX: usize = 1 << 24;
/// Longest side that detection works at; larger images are shrunk first. Units: pixels.
pub const SIDE_WORKING: usize = 320;
/// Standard deviation of grey under which an image shows nothing.
pub const CONTRAST_MIN: f32 = 4.0;

// --- Detection -------------------------------------------------------------------------------------------------------

/// Distances between the pupils that are looked for, as a share of the image's shorter side: from a head and shoulders
/// portrait to a tight crop.
pub(super) const SEARCHED_SPANS: [f32; 7] = [0.15, 0.185, 0.225, 0.275, 0.335, 0.41, 0.50];
/// Side of the detection window, in pixels of its pyramid level, and of its cells.
pub(super) const WINDOW: usize = 40;
pub(super) const WINDOW_CELL: usize = 5;
/// How far an image continues beyond its border while faces are looked for, as a share of the window.
pub(super) const MARGIN: f32 = 0.30;
/// Windows that are refined, best first.
pub(super) const CANDIDATES: usize = 4;
/// Distances between the pupils, as shares of the shorter side, of faces in the middle that are tried whatever detection
/// says.
pub(super) const CENTRED_SPANS: [f32; 2] = [0.28, 0.40];

// --- Alignment -------------------------------------------------------------------------------------------------------

/// Side of the crop that alignment and verification look at, and of its cells. Units: pixels.
pub(super) const CROP: usize = 64;
pub(super) const CROP_CELL: usize = 8;
/// Stages of the regression cascade, with the spread of the errors that each learns to undo: shift as a share of the
/// frame, logarithm of the scale, angle in radians.
pub(super) const STAGES: [(f32, f32, f32); 4] =
    [(0.085, 0.15, 0.14), (0.045, 0.075, 0.08), (0.025, 0.04, 0.045), (0.018, 0.028, 0.03)];
/// Stages after which only the most face-like frames go on, and how many of them do.
pub(super) const COARSE_STAGES: usize = 2;
pub(super) const REFINED: usize = 2;
/// Perturbed copies of each training capture in a stage.
pub(super) const COPIES: usize = 3;
/// Side of the coarse grey image that verification sees beside the gradients: those alone cannot tell a negative.
pub(super) const THUMB: usize = 12;

// --- Features --------------------------------------------------------------------------------------------------------

/// Side of the canonical crop that the Gabor filters see, with the border that keeps them from wrapping around.
pub(super) const GABOR_SIDE: usize = 64;
pub(super) const GABOR_BORDER: usize = 16;
/// Wavelengths in pixels of that crop, and orientations (Shen and Bai 2006: five scales and eight orientations).
pub(super) const GABOR_WAVELENGTHS: [f32; 5] = [3.0, 4.24, 6.0, 8.49, 12.0];
pub(super) const GABOR_ORIENTATIONS: usize = 8;
/// Width of the envelope in wavelengths.
pub(super) const GABOR_SIGMA: f32 = 0.56;
/// Cells a side that magnitudes are averaged over.
pub(super) const GABOR_GRID: usize = 16;
/// Side of the crop for gradients and binary patterns, and their cells.
pub(super) const TEXTURE_SIDE: usize = 96;
pub(super) const HOG_CELL: usize = 8;
pub(super) const LBP_CELL: usize = 12;
/// Tan and Triggs 2010, "Enhanced local texture feature sets", section II: gamma, inner and outer blur, contrast.
pub(super) const GAMMA: f32 = 0.2;
pub(super) const BLUR_INNER: f32 = 1.0;
pub(super) const BLUR_OUTER: f32 = 2.0;
pub(super) const CONTRAST_POWER: f32 = 0.1;
pub(super) const CONTRAST_LIMIT: f32 = 10.0;

// --- Projection ------------------------------------------------------------------------------------------------------

/// Principal components kept before the discriminants.
pub(super) const COMPONENTS: usize = 420;
/// Shrinkage of the within-subject covariance: synthetic faces teach the directions of nuisance only roughly.
pub(super) const SHRINKAGE: f64 = 0.10;
/// Length of the real-valued template.
pub(super) const REAL_LENGTH: usize = 256;
/// Bits of the binary template.
pub(super) const BITS: usize = 512;
