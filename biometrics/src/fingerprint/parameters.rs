//! Every constant of extraction and comparison, with its source.
//!
//! Lengths are pixels at 500 dpi, where an adult's ridge period is about 9 pixels (0.46 mm; Maltoni et al.,
//! Handbook of Fingerprint Recognition, 2nd ed., section 3.1).

use std::f32::consts::PI;

// --- Input ---------------------------------------------------------------------------------------------------------

/// Resolution at which everything is computed, pixels per inch (ISO/IEC 19794-4's level 31).
pub const WORKING_PPI: u16 = 500;
/// Lowest resolution that is accepted: below it a 9-pixel ridge has fewer than 4.5 samples.
pub const PPI_MIN: u16 = 250;
/// Highest resolution that is accepted.
pub const PPI_MAX: u16 = 1000;
/// Pixels that an image may have at most: a ten-print slap (3.2 x 3.0 inches, ANSI/NIST-ITL type 14) at 1000 dpi.
pub const PIXELS_MAX: usize = 3_200 * 3_000;
/// Shortest side at 500 dpi that can hold a comparison's worth of ridges, about 3 mm.
pub const SIDE_MIN: usize = 64;
/// Side of a cell of the feature maps.
pub const CELL_PIXELS: usize = 8;

// --- Contrast ------------------------------------------------------------------------------------------------------

/// Gaussian width of the local mean and deviation: about two ridge periods, so that a ridge never becomes its own mean.
pub const CONTRAST_SIGMA: f32 = 16.0;
/// Grey levels added to the local deviation, so that sensor noise is not stretched into ridges.
pub const CONTRAST_FLOOR: f32 = 4.0;
/// Deviations at which the normalised image is clipped, so that a scratch weighs no more than a strong ridge.
pub const CONTRAST_CLIP: f32 = 2.0;
/// Grey-level deviation under which an image is blank: the rounding of 8-bit levels gives 0.3, sensor noise 1 to 2.
pub const BLANK_DEVIATION: f32 = 3.0;

// --- Orientation ---------------------------------------------------------------------------------------------------

/// Gaussian width before differentiation: a quarter of the narrowest ridge period.
pub const GRADIENT_SIGMA: f32 = 1.2;
/// Gaussian widths in cells over which the structure tensor is averaged, fine to coarse (Bigun and Granlund 1987).
pub const TENSOR_SIGMAS_CELLS: [f32; 3] = [1.2, 2.4, 4.8];
/// Coherence at which a scale is believed rather than the next coarser one.
pub const COHERENCE_TRUSTED: f32 = 0.5;

// --- Segmentation --------------------------------------------------------------------------------------------------

/// The quantile of the cells that stands for the image's strong contrast.
pub const STRONG_QUANTILE: f32 = 0.9;
/// Fraction of the strong contrast above which a cell is worth filtering.
pub const BUSY_CONTRAST: f32 = 0.15;
/// Fraction of the strong ridge amplitude that a foreground cell has at least: half a dry ridge's contrast.
pub const FOREGROUND_AMPLITUDE: f32 = 0.25;
/// Correlation of raw and filtered ridges that a foreground cell has at least; white noise gives 0.3.
pub const FOREGROUND_CLARITY: f32 = 0.4;
/// Cells that a region needs to be kept: about 3 mm x 3 mm.
pub const REGION_CELLS_MIN: usize = 56;

// --- Frequency -----------------------------------------------------------------------------------------------------

/// Shortest ridge period (Hong, Wan and Jain 1998 allow 3; children and 500-dpi rounding make 4.5 the useful limit).
pub const PERIOD_MIN: f32 = 4.5;
/// Longest ridge period (the same allow 25; over 16 is a smear).
pub const PERIOD_MAX: f32 = 16.0;
/// Steps in which the period is measured, geometric between the two limits.
pub const PERIOD_STEPS: usize = 24;
/// Radius of the window in which a cell's period is measured: about two periods.
pub const PERIOD_WINDOW: usize = 20;
/// Gaussian width in cells over which the periods are averaged: they change slowly over a finger.
pub const PERIOD_SIGMA_CELLS: f32 = 3.0;
/// Logarithm of the ratio within which a cell's period agrees with the smoothed one: a fifth.
pub const PERIOD_SPREAD: f32 = 0.18;
/// Fraction of the foreground that must agree with it so: prints keep over 0.6 down to the worst captures of the
/// synthetic sets, faces and drawings stay under 0.44.
pub const REGULARITY_MIN: f32 = 0.42;
/// The period where nothing could be measured.
pub const PERIOD_TYPICAL: f32 = 9.0;

// --- Enhancement ---------------------------------------------------------------------------------------------------

/// Rows of the tiles that share one Gabor kernel: half a cell.
pub const TILE_ROWS: usize = 4;
/// Columns of the tiles that share one Gabor kernel: eight numbers are one vector register.
pub const TILE_COLUMNS: usize = 8;
/// Orientations in the kernel bank: steps of 5.6 degrees, half a kernel's own angular bandwidth.
pub const GABOR_ORIENTATIONS: usize = 32;
/// Periods in the kernel bank, geometric between the two limits.
pub const GABOR_PERIODS: usize = 12;
/// Gaussian width across the ridges as a fraction of the period (Hong et al. use 4 pixels at a period of 9).
pub const GABOR_ACROSS_PERIODS: f32 = 0.42;
/// Gaussian width along the ridges, in pixels (the same 4 pixels, widened for scars).
pub const GABOR_ALONG: f32 = 4.5;
/// Radius of a kernel: two widths.
pub const GABOR_RADIUS: usize = 8;

/// Share of the once filtered image in what is filtered again: filtering repeatedly lets clear ridges grow into poor
/// areas (Turroni, Cappelli and Maltoni 2012); chosen on synthetic sets of low quality.
pub const FEEDBACK: f32 = 0.4;

// --- Thinning and cleaning -----------------------------------------------------------------------------------------

/// Longest gap, in periods, that is bridged between two endings that point at one another.
pub const GAP_PERIODS: f32 = 1.2;
/// Cosine that the three directions around a gap agree by at least: 40 degrees.
pub const GAP_COSINE: f32 = 0.77;
/// Longest branch, in periods, that is pruned from a line as a spur.
pub const SPUR_PERIODS: f32 = 1.0;
/// Longest isolated line, in periods, that is dropped.
pub const ISLAND_PERIODS: f32 = 2.0;

// --- Minutiae ------------------------------------------------------------------------------------------------------

/// Pixels of line that are followed to find a minutia's direction.
pub const DIRECTION_STEPS: usize = 10;
/// Distance into the line at which the orientation map is read for a minutia's direction: half a period.
pub const DIRECTION_REACH: f32 = 4.0;
/// Share of the orientation map in that direction: it is smoother than ten pixels of line.
pub const DIRECTION_FIELD_SHARE: f32 = 0.6;
/// Distance that the finger must reach beyond a minutia, against its direction, for it not to be the contact's edge.
pub const BORDER_REACH: f32 = 12.0;
/// Distance to the nearest background that a minutia has at least.
pub const BORDER_DISTANCE: f32 = 8.0;
/// Radius in which minutiae crowd.
pub const CROWD_RADIUS: f32 = 16.0;
/// Minutiae within that radius, itself not counted, above which all of them are noise.
pub const CROWD_MAX: usize = 4;
/// Minutiae that are kept at most, the best first (the FBI's fingers have 150 at most).
pub const MINUTIAE_MAX: usize = 128;
/// Cells of perfectly clear foreground that make a sample's quality one: about 12 mm x 12 mm.
pub const QUALITY_CELLS: usize = 600;
/// Minutiae under which a sample is a failure to acquire.
pub const MINUTIAE_MIN: usize = 4;

// --- Cylinders (Cappelli, Ferrara and Maltoni 2010, table 1) ---------------------------------------------------------

/// Radius of a minutia's neighbourhood.
pub const CYLINDER_RADIUS: f32 = 70.0;
/// Cells across a cylinder's base: 8 x 8 is one machine word.
pub const CYLINDER_SIDE: usize = 8;
/// Sections of a cylinder over relative direction.
pub const CYLINDER_SECTIONS: usize = 6;
/// Width of a neighbour's spatial contribution.
pub const CYLINDER_SIGMA_SPACE: f32 = 28.0 / 3.0;
/// Width of a neighbour's directional contribution.
pub const CYLINDER_SIGMA_ANGLE: f32 = 2.0 * PI / 9.0;
/// Density at which a cell of a cylinder is set, in the same table (the sigmoid's midpoint).
pub const CYLINDER_THRESHOLD: f32 = 0.01;
/// Fraction of a cylinder's cells that two cylinders must share to be compared.
pub const CYLINDER_SHARED_MIN: f32 = 0.6;
/// Neighbours that a cylinder needs to say anything.
pub const CYLINDER_NEIGHBOURS_MIN: usize = 2;

// --- Records without ridge maps ---------------------------------------------------------------------------------------

/// Distance by which the minutiae's convex hull is enlarged to stand for the foreground (Cappelli, Ferrara and Maltoni
/// 2010, table 1, Ω).
pub const HULL_MARGIN: f32 = 50.0;

// --- Comparison ----------------------------------------------------------------------------------------------------

/// Greatest rotation between two captures (the same paper's δθ).
pub const ROTATION_MAX: f32 = PI / 2.0;
/// Candidate pairs of minutiae that enter the relaxation.
pub const CANDIDATES: usize = 40;
/// Candidates for one reference minutia: the true partner is often only the second most alike.
pub const CANDIDATES_PER_MINUTIA: usize = 2;
/// Rounds of relaxation (the same paper).
pub const RELAXATION_ROUNDS: usize = 4;
/// Difference in length at which the compatibility of two pairs is halved, at length zero.
pub const COMPATIBLE_LENGTH: f32 = 6.0;
/// And its growth with the length: skin stretches by several percent (Cappelli, Maio and Maltoni 2001).
pub const COMPATIBLE_STRETCH: f32 = 0.05;
/// Difference in angle at which the compatibility of two pairs is halved (the same paper's π/12).
pub const COMPATIBLE_ANGLE: f32 = PI / 12.0;
/// Error of a minutia's position, which turns the bearing of a near neighbour.
pub const POSITION_ERROR: f32 = 3.0;
/// Fit from which two candidates are taken to agree.
pub const CLUSTER_FIT_MIN: f32 = 0.1;
/// Length at which a direction counts like a position when a movement is fitted: about one ridge.
pub const DIRECTION_LEVER: f32 = 10.0;
/// Best supported candidates that are tried as seeds of an alignment.
pub const SEEDS: usize = 6;
/// Alignments that are grown from the strongest seeds.
pub const ALIGNMENTS: usize = 2;
/// Strength, beside the strongest, from which a second one is worth growing too.
pub const RIVAL_STRENGTH: f32 = 0.7;
/// Rounds of pairing and fitting.
pub const PAIRING_ROUNDS: usize = 2;
/// Distance within which two aligned minutiae are paired, where the deformation is known from near pairs.
pub const PAIRING_DISTANCE: f32 = 12.0;
/// Angle within which two aligned minutiae are paired.
pub const PAIRING_ANGLE: f32 = PI / 7.0;
/// Distance over which a pair's displacement predicts its neighbours' (the skin's stiffness).
pub const STIFFNESS: f32 = 45.0;
/// Pairs that an alignment needs to score at all: any two pairs agree with some movement.
pub const PAIRS_MIN: usize = 3;
/// What a pair of minutiae is worth whose neighbourhoods are unlike: they may be cut off by the contact's edge.
pub const NEIGHBOURHOOD_FLOOR: f32 = 0.2;
/// Mean quality of the paired minutiae below which poor quality is no further excuse.
pub const QUALITY_FLOOR: f32 = 0.3;
/// Power of the orientation fields' mean agreement in the score.
pub const FIELD_POWER: i32 = 3;
/// Scale of the score: mated pairs of good samples lie near 100.
pub const SCORE_SCALE: f32 = 10.0;
