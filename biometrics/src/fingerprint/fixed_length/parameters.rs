//! Every constant of the fixed-length template. Lengths are pixels at 500 dpi, angles radians.

use super::frame::Lattice;

// --- Reference point -------------------------------------------------------------------------------------------------

/// Widths in cells of the two vortices: 24 pixels tell where the innermost ridge turns, 40 pixels which way it opens.
pub(super) const CORE_SIGMA_NEAR_CELLS: f32 = 3.0;
pub(super) const CORE_SIGMA_FAR_CELLS: f32 = 5.0;
/// Radius of a vortex in its own widths.
pub(super) const CORE_WINDOW_SIGMAS: f32 = 2.0;
/// Width in radians within which a core counts as upright: it keeps a whorl's lower core, turned by half a circle,
/// from being taken. Narrower ones pull the place away from the core (on synthetic fingers the 95th percentile of the
/// place's error fell from 24 to 10 pixels from a width of 0.8 to 1.6).
pub(super) const CORE_TILT_SIGMA: f32 = 1.6;
/// Answer under which nothing turns: two perfect vortices give 2.
pub(super) const CORE_STRENGTH_MIN: f32 = 0.05;

// --- Minutia descriptors -------------------------------------------------------------------------------------------

/// Where a minutia's neighbours are pooled, in its own frame: 20-pixel cells within 80 pixels (MCC uses 70).
pub(super) const NEIGHBOUR_LATTICE: Lattice = Lattice { left: -70.0, top: -70.0, step: 20.0, columns: 8, rows: 8 };
/// Width of a neighbour's spatial contribution, and how far it is carried.
pub(super) const NEIGHBOUR_SIGMA: f32 = 12.0;
pub(super) const NEIGHBOUR_REACH: f32 = 26.0;
/// Harmonics of a neighbour's relative direction: 1, cosine and sine of once and twice the angle.
pub(super) const DIRECTION_HARMONICS: usize = 5;
/// Rings on which the flow around a minutia is read (after Tico and Kuosmanen 2003), and points on each.
pub(super) const FLOW_RINGS: [f32; 3] = [22.0, 44.0, 68.0];
pub(super) const FLOW_RING_POINTS: usize = 12;
/// Weight of a flow reading beside a neighbour's contribution.
pub(super) const FLOW_WEIGHT: f32 = 0.4;
/// Length of a raw descriptor.
pub(super) const DESCRIPTOR_RAW: usize =
    NEIGHBOUR_LATTICE.columns * NEIGHBOUR_LATTICE.rows * DIRECTION_HARMONICS + FLOW_RINGS.len() * FLOW_RING_POINTS * 2;
/// Principal components kept before the discriminants, and discriminants kept.
pub(super) const DESCRIPTOR_COMPONENTS: usize = 160;
pub(super) const DESCRIPTOR_LENGTH: usize = 32;
/// Shrinkage of the within-minutia covariance.
pub(super) const DESCRIPTOR_SHRINKAGE: f64 = 0.02;
/// Minutiae used in training, enough for the covariance of 160 components many times over.
pub(super) const DESCRIPTORS_MAX: usize = 60_000;
/// How near two captures' minutiae lie on the finger to be the same one, and how far their directions may differ.
pub(super) const SAME_DISTANCE: f32 = 7.0;
pub(super) const SAME_ANGLE: f32 = 0.5;

// --- Pooling -------------------------------------------------------------------------------------------------------

/// Where the flow is read in the finger's frame.
pub(super) const FLOW_LATTICE: Lattice = Lattice { left: -160.0, top: -192.0, step: 16.0, columns: 21, rows: 26 };
/// Where the ridge period is read.
pub(super) const PERIOD_LATTICE: Lattice = Lattice { left: -160.0, top: -192.0, step: 32.0, columns: 11, rows: 13 };
/// Where minutiae are counted by direction, the contribution's width, and how far it is carried.
pub(super) const MAP_LATTICE: Lattice = Lattice { left: -156.0, top: -192.0, step: 24.0, columns: 14, rows: 17 };
pub(super) const MAP_SIGMA: f32 = 14.0;
pub(super) const MAP_REACH: f32 = 36.0;
/// Directions by which minutiae are counted.
pub(super) const MAP_DIRECTIONS: usize = 6;
/// Where descriptors are summed, the contribution's width, and how far it is carried.
pub(super) const SUM_LATTICE: Lattice = Lattice { left: -160.0, top: -180.0, step: 40.0, columns: 9, rows: 10 };
pub(super) const SUM_SIGMA: f32 = 24.0;
pub(super) const SUM_REACH: f32 = 58.0;
/// Words of the pose-free descriptor vocabulary, the softness of the assignment in squared descriptor units, and the
/// rounds in which the words are learnt.
pub(super) const WORDS: usize = 48;
pub(super) const WORD_SOFTNESS: f32 = 8.0;
pub(super) const WORD_ROUNDS: usize = 12;

// --- Projection ----------------------------------------------------------------------------------------------------

/// Principal components kept of each block: flow, period, minutia map, descriptor sums, vocabulary.
pub(super) const BLOCK_COMPONENTS: [usize; 5] = [100, 30, 300, 350, 300];
/// Shrinkage of the within-subject covariance.
pub(super) const SHRINKAGE: f64 = 0.05;
/// Length of the real-valued template.
pub(super) const REAL_LENGTH: usize = 256;
/// Bits of the binary template.
pub(super) const BITS: usize = 1024;
