//! The ridge pattern: grown by space-variant filtering from a few random spots.
//!
//! As in Cappelli's synthesis (Handbook of Fingerprint Recognition, 6.6), each step filters the image with a Gabor
//! filter tuned to the local orientation and frequency and squashes the result. Ridges spread from the spots, and
//! where two growths meet out of step a minutia arises. It runs at 250 pixels per inch: enough for a nearly
//! sinusoidal pattern, and a quarter of the work.

use super::orientation::{Extent, OrientationField};
use super::period::{LONGEST, PeriodField, SHORTEST};
use crate::math::{PI, Point, TAU, squash};
use rand::{Rng, RngExt};
use std::sync::OnceLock;

/// One finger's ridge pattern on a lattice of [`STEP`] finger pixels.
///
/// Shape: all planes are `rows * columns`, row by row. `even` is the cosine of the ridge phase in [-1, 1], 1 at the
/// top of a ridge, and fades to 0 at a minutia; `odd` is the sine, whose sign follows `orientation`.
#[derive(Clone, Debug)]
pub(crate) struct RidgePattern {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    pub(crate) origin: Point,
    pub(crate) even: Vec<f32>,
    pub(crate) odd: Vec<f32>,
    pub(crate) orientation: Vec<f32>,
    pub(crate) period: Vec<f32>,
}

/// Finger pixels (500 per inch) from one lattice point to the next.
pub(crate) const STEP: f32 = 2.0;

impl RidgePattern {
    /// Grows the pattern of one finger.
    pub(crate) fn grow(field: &OrientationField, period: &PeriodField, extent: &Extent, rng: &mut impl Rng) -> Self {
        let columns = (extent.width / STEP) as usize;
        let rows = (extent.height / STEP) as usize;
        let position =
            |i: usize| extent.origin.plus(Point::new((i % columns) as f32, (i / columns) as f32).times(STEP));
        let orientation: Vec<f32> = (0..rows * columns).map(|i| principal(field.at(position(i)))).collect();
        let period: Vec<f32> = (0..rows * columns).map(|i| period.at(position(i))).collect();
        let filters: Vec<u16> = orientation.iter().zip(&period).map(|(&o, &p)| filter_index(o, p)).collect();
        let mut plane = Plane::new(columns, rows);
        plane.sow(rng);
        for _ in 0..GROWTH_STEPS {
            plane = plane.grown(&filters);
        }
        let even = plane.filtered(&filters, &bank().even);
        let odd = plane.filtered(&filters, &bank().odd);
        let (even, odd) = even.iter().zip(&odd).map(|(&e, &o)| unit_phase(e, o)).unzip();
        Self { columns, rows, origin: extent.origin, even, odd, orientation, period }
    }

    /// Returns the cosine of the ridge phase at a position in finger coordinates (Catmull-Rom interpolation);
    /// beyond the lattice the nearest value inside.
    pub(crate) fn at(&self, p: Point) -> f32 {
        let x = ((p.x - self.origin.x) / STEP).clamp(1.0, self.columns as f32 - 3.001);
        let y = ((p.y - self.origin.y) / STEP).clamp(1.0, self.rows as f32 - 3.001);
        let (column, row) = (x as usize, y as usize);
        let (wx, wy) = (catmull_rom(x - column as f32), catmull_rom(y - row as f32));
        let first = (row - 1) * self.columns + column - 1;
        let mut sum = 0.0;
        for (j, weight) in wy.iter().enumerate() {
            let line = &self.even[first + j * self.columns..][..4];
            sum += weight * (line[0] * wx[0] + line[1] * wx[1] + line[2] * wx[2] + line[3] * wx[3]);
        }
        sum
    }
}

fn catmull_rom(t: f32) -> [f32; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [-0.5 * t3 + t2 - 0.5 * t, 1.5 * t3 - 2.5 * t2 + 1.0, -1.5 * t3 + 2.0 * t2 + 0.5 * t, 0.5 * t3 - 0.5 * t2]
}

/// Turns a pair of filter responses into cosine and sine of the phase; both fade where the pattern is weak.
fn unit_phase(even: f32, odd: f32) -> (f32, f32) {
    let amplitude = (even * even + odd * odd + WEAK * WEAK).sqrt();
    (even / amplitude, odd / amplitude)
}

/// A n image with a margin of [`RADIUS`] zeros, so that filters need no border cases.
struct Plane {
    columns: usize,
    rows: usize,
    stride: usize,
    values: Vec<f32>,
}

impl Plane {
    fn new(columns: usize, rows: usize) -> Self {
        let stride = columns + 2 * RADIUS + LANES;
        Self { columns, rows, stride, values: vec![0.0; stride * (rows + 2 * RADIUS)] }
    }

    /// Puts one ridge spot at a random place in each square of a coarse grid.
    fn sow(&mut self, rng: &mut impl Rng) {
        for row in (0..self.rows).step_by(SPOT_SPACING) {
            for column in (0..self.columns).step_by(SPOT_SPACING) {
                let y = (row + rng.random_range(0..SPOT_SPACING)).min(self.rows - 1);
                let x = (column + rng.random_range(0..SPOT_SPACING)).min(self.columns - 1);
                self.values[(y + RADIUS) * self.stride + x + RADIUS] = 1.0;
            }
        }
    }

    fn grown(&self, filters: &[u16]) -> Self {
        let mut next = Self::new(self.columns, self.rows);
        let responses = self.filtered(filters, &bank().even);
        for (row, line) in responses.chunks_exact(self.columns).enumerate() {
            let at = (row + RADIUS) * self.stride + RADIUS;
            for (out, response) in next.values[at..].iter_mut().zip(line) {
                *out = squash(response * GAIN);
            }
        }
        next
    }

    /// Filters each pixel with its own kernel, in the widest version of the loop that this processor has. All of them
    /// compute the same bits: each lane adds its products in the same order, and nothing is fused.
    fn filtered(&self, filters: &[u16], kernels: &[Kernel]) -> Vec<f32> {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2, which is all that the function asks for.
            #[allow(unsafe_code)] // a safe function with a target feature can only be called so
            return unsafe { self.filtered_avx2(filters, kernels) };
        }
        self.filtered_portably(filters, kernels)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn filtered_avx2(&self, filters: &[u16], kernels: &[Kernel]) -> Vec<f32> {
        self.filtered_portably(filters, kernels)
    }

    #[inline(always)]
    fn filtered_portably(&self, filters: &[u16], kernels: &[Kernel]) -> Vec<f32> {
        let mut out = Vec::with_capacity(self.rows * self.columns);
        for (row, line) in filters.chunks_exact(self.columns).enumerate() {
            let start = row * self.stride;
            for (column, &filter) in line.iter().enumerate() {
                out.push(dot(&self.values[start + column..], self.stride, &kernels[usize::from(filter)]));
            }
        }
        out
    }
}

/// Sums the products of a kernel and an image window, lane by lane so that the order never changes.
#[inline(always)]
fn dot(window: &[f32], stride: usize, kernel: &Kernel) -> f32 {
    let mut lanes = [0f32; LANES];
    for (row, weights) in kernel.iter().enumerate() {
        let line = &window[row * stride..][..LANES];
        for ((lane, value), weight) in lanes.iter_mut().zip(line).zip(weights) {
            *lane += value * weight;
        }
    }
    lanes.iter().sum()
}

/// One Gabor filter: 13 rows of 13 weights, each row filled up with zeros to a multiple of the vector width.
type Kernel = [[f32; LANES]; 2 * RADIUS + 1];

struct Bank {
    even: Vec<Kernel>,
    odd: Vec<Kernel>,
}

fn bank() -> &'static Bank {
    static BANK: OnceLock<Bank> = OnceLock::new();
    BANK.get_or_init(|| {
        let each = |phase: f32| {
            let kernel = move |i| gabor(orientation_of(i), period_of(i) / STEP, phase);
            (0..ORIENTATIONS * PERIODS).map(kernel).collect()
        };
        Bank { even: each(0.0), odd: each(-PI / 2.0) }
    })
}

/// Brings an orientation into the half turn, give or take rounding, in which its filter lies: `odd` has that sign.
fn principal(orientation: f32) -> f32 {
    let turns = libm::roundf(orientation / PI * ORIENTATIONS as f32);
    orientation - PI * libm::floorf(turns / ORIENTATIONS as f32)
}

fn filter_index(orientation: f32, period: f32) -> u16 {
    let turns = libm::roundf(orientation / PI * ORIENTATIONS as f32) as i32;
    let step = (period - SHORTEST) / (LONGEST - SHORTEST) * (PERIODS - 1) as f32;
    let period_index = (libm::roundf(step) as usize).min(PERIODS - 1);
    (period_index * ORIENTATIONS + turns.rem_euclid(ORIENTATIONS as i32) as usize) as u16
}

fn orientation_of(index: usize) -> f32 {
    (index % ORIENTATIONS) as f32 / ORIENTATIONS as f32 * PI
}

fn period_of(index: usize) -> f32 {
    SHORTEST + (LONGEST - SHORTEST) * (index / ORIENTATIONS) as f32 / (PERIODS - 1) as f32
}

/// Makes a Gabor filter without response to a constant, normalised to answer 1 to its own wave.
///
/// `period` is in lattice steps; the wave runs across the orientation.
fn gabor(orientation: f32, period: f32, phase: f32) -> Kernel {
    let (sin, cos) = libm::sincosf(orientation);
    let mut kernel = [[0f32; LANES]; 2 * RADIUS + 1];
    let (mut sum, mut weight_sum, mut own) = (0.0, 0.0, 0.0);
    let parts = |row: usize, column: usize| {
        let (x, y) = (column as f32 - RADIUS as f32, row as f32 - RADIUS as f32);
        let (along, across) = (x * cos + y * sin, y * cos - x * sin);
        let (s, l) = (SIGMA_ACROSS * period, SIGMA_ALONG * period);
        let weight = libm::expf(-(across * across) / (2.0 * s * s) - (along * along) / (2.0 * l * l));
        (weight, libm::cosf(TAU * across / period + phase))
    };
    for (row, column) in window() {
        let (weight, wave) = parts(row, column);
        sum += weight * wave;
        weight_sum += weight;
    }
    for (row, column) in window() {
        let (weight, wave) = parts(row, column);
        kernel[row][column] = weight * (wave - sum / weight_sum);
        own += kernel[row][column] * wave;
    }
    kernel.iter_mut().flatten().for_each(|w| *w /= own);
    kernel
}

fn window() -> impl Iterator<Item = (usize, usize)> {
    (0..2 * RADIUS + 1).flat_map(|row| (0..2 * RADIUS + 1).map(move |column| (row, column)))
}

/// Filter radius in lattice steps: one and a half of the commonest periods.
const RADIUS: usize = 6;
/// Weights in a kernel row after padding.
const LANES: usize = 16;
/// Orientations and periods that have a filter of their own.
const ORIENTATIONS: usize = 80;
const PERIODS: usize = 10;
/// The filter's Gaussian, in periods: three waves inside the window (Handbook, 6.6).
const SIGMA_ACROSS: f32 = 0.40;
const SIGMA_ALONG: f32 = 0.40;
/// Amplification before squashing: a wave of half the final amplitude still grows.
const GAIN: f32 = 2.5;
/// Growth steps: spots meet after a few, and the rest settles minutiae into clean shapes.
const GROWTH_STEPS: usize = 16;
/// Lattice steps between spots: measured, 0.26 minutiae per square millimetre arise, as on fingers (spacings of 16
/// and 28 gave 0.20 and 0.18).
const SPOT_SPACING: usize = 10;
/// Filter response under which the pattern counts as weak.
const WEAK: f32 = 0.12;
