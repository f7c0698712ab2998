//! The print: how much of each sensor pixel the skin touches.

use super::Device;
use super::condition::Condition;
use super::contact::Contact;
use super::finger::Finger;
use super::grain::Grain;
use crate::math::{Point, gaussian, squash, uniform};
use crate::noise::SmoothNoise;
use ndarray::Array2;
use rand::Rng;

/// Prints a finger: per pixel the share in [0, 1] that touches, row by row as the device's image.
pub(crate) fn print(finger: &Finger, device: &Device, condition: &Condition, rng: &mut impl Rng) -> Array2<f32> {
    let slow = SlowFields::lay(device, condition, rng);
    let touch = Touch::new(finger, device, condition, rng);
    let mut ink = Array2::zeros((device.rows, device.columns));
    for (row, mut line) in ink.outer_iter_mut().enumerate() {
        let line = line.as_slice_mut().expect("rows of a fresh array are contiguous");
        slow.each_in_row(row, |column, local| line[column] = touch.ink(local, column, row));
    }
    open_pores(&mut ink, finger, condition, rng);
    ink
}

/// The slowly varying fields at one place of the image.
#[derive(Clone, Copy)]
struct Local {
    finger: Point,
    depth: f32,
    moisture: f32,
    strength: f32,
}

impl Local {
    fn mix(self, other: Self, t: f32) -> Self {
        let lerp = |a: f32, b: f32| a + (b - a) * t;
        Self {
            finger: Point::new(lerp(self.finger.x, other.finger.x), lerp(self.finger.y, other.finger.y)),
            depth: lerp(self.depth, other.depth),
            moisture: lerp(self.moisture, other.moisture),
            strength: lerp(self.strength, other.strength),
        }
    }
}

/// The slow fields on a lattice of [`CELL`] pixels.
struct SlowFields {
    nodes: Vec<Local>,
    node_columns: usize,
    columns: usize,
}

impl SlowFields {
    fn lay(device: &Device, condition: &Condition, rng: &mut impl Rng) -> Self {
        let node_columns = device.columns.div_ceil(CELL) + 1;
        let node_rows = device.rows.div_ceil(CELL) + 1;
        let (width, height) = ((node_columns * CELL) as f32, (node_rows * CELL) as f32);
        let contact = Contact::new(condition);
        let border = SmoothNoise::draw(rng, width, height, BORDER_STEP);
        let patches = SmoothNoise::draw(rng, width, height, PATCH_STEP);
        let strength = SmoothNoise::draw(rng, width, height, STRENGTH_STEP);
        let node = |i: usize| {
            let (x, y) = ((i % node_columns * CELL) as f32, (i / node_columns * CELL) as f32);
            let finger = condition.deformation.to_finger(Point::new(x, y));
            Local {
                finger,
                depth: contact.depth(finger) + BORDER_RAGGED * border.at(x, y),
                moisture: condition.moisture + PATCH_MOISTURE * condition.roughness.sqrt() * patches.at(x, y),
                strength: 1.0 + STRENGTH_VARIATION * strength.at(x, y),
            }
        };
        Self { nodes: (0..node_columns * node_rows).map(node).collect(), node_columns, columns: device.columns }
    }

    fn each_in_row(&self, row: usize, mut visit: impl FnMut(usize, Local)) {
        let down = (row % CELL) as f32 / CELL as f32;
        let first = row / CELL * self.node_columns;
        let between = |i: usize| self.nodes[first + i].mix(self.nodes[first + self.node_columns + i], down);
        let mut left = between(0);
        for cell in 0..self.columns.div_ceil(CELL) {
            let right = between(cell + 1);
            let cell_columns = cell * CELL..self.columns.min((cell + 1) * CELL);
            for column in cell_columns.clone() {
                visit(column, left.mix(right, (column - cell_columns.start) as f32 / CELL as f32));
            }
            left = right;
        }
    }
}

/// The rule that turns ridge height into touching skin at one pixel.
struct Touch<'a> {
    finger: &'a Finger,
    fine: &'static Grain,
    coarse: &'static Grain,
    fresh_offset: Point,
    row_jitter: Vec<f32>,
    bias: f32,
    lasting_roughness: f32,
    fresh_roughness: f32,
}

impl<'a> Touch<'a> {
    fn new(finger: &'a Finger, device: &Device, condition: &Condition, rng: &mut impl Rng) -> Self {
        Self {
            row_jitter: (0..device.rows).map(|_| ROW_JITTER * gaussian(rng)).collect(),
            finger,
            fine: Grain::fine(),
            coarse: Grain::coarse(),
            fresh_offset: Point::new(uniform(rng, 0.0, 512.0), uniform(rng, 0.0, 512.0)),
            bias: BIAS + PRESSURE_BIAS * condition.pressure,
            lasting_roughness: LASTING_ROUGHNESS * condition.roughness.sqrt(),
            fresh_roughness: FRESH_ROUGHNESS * condition.roughness,
        }
    }

    fn ink(&self, local: Local, column: usize, row: usize) -> f32 {
        let depth = local.depth + self.row_jitter[row];
        if depth < -BORDER_RAMP {
            return 0.0;
        }
        let (q, skin) = (local.finger, self.finger.skin.roughness_offset);
        let specks = self.fine.at(q.x + skin.x, q.y + skin.y);
        let lasting = specks + COARSE_SHARE * self.coarse.at(q.x + skin.y, q.y + skin.x);
        let (x, y) = (column as f32 + self.fresh_offset.x, row as f32 + self.fresh_offset.y);
        let fresh = self.fine.at(x, y) + COARSE_SHARE * self.coarse.at(y, x);
        let dry = 1.0 + DRY_ROUGHNESS * (-local.moisture).max(0.0);
        let height = self.finger.pattern.at(q)
            + self.bias
            + MOISTURE_BIAS * local.moisture
            + dry * (self.lasting_roughness * lasting + self.fresh_roughness * fresh)
            - BORDER_DROP * (1.0 - depth / BORDER_RAMP).max(0.0);
        let touching = 0.5 + 0.5 * squash(SHARPNESS * height);
        touching * (local.strength + MOISTURE_STRENGTH * local.moisture + SPECK_STRENGTH * specks).clamp(0.2, 1.15)
    }
}

/// Opens the sweat pores: small untouched dots on the ridges. Wet and hard-pressed fingers close theirs.
fn open_pores(ink: &mut Array2<f32>, finger: &Finger, condition: &Condition, rng: &mut impl Rng) {
    let shut = (0.5 * condition.moisture + 0.3 * condition.pressure).clamp(-0.6, 0.8);
    for &pore in &finger.skin.pores {
        let depth = uniform(rng, 0.0, PORE_DEPTH) - PORE_DEPTH * shut;
        if depth > 0.05 {
            open_pore(ink, condition.deformation.to_image(pore), depth);
        }
    }
}

fn open_pore(ink: &mut Array2<f32>, at: Point, depth: f32) {
    let (column, row) = (at.x as isize, at.y as isize);
    for y in row - 1..=row + 2 {
        for x in column - 1..=column + 2 {
            let inside = x >= 0 && y >= 0;
            let Some(value) = ink.get_mut((y as usize, x as usize)).filter(|_| inside) else { continue };
            let from = Point::new(x as f32, y as f32).minus(at);
            let fall = 1.0 - (from.x * from.x + from.y * from.y) / (PORE_RADIUS * PORE_RADIUS);
            *value *= 1.0 - depth * fall.max(0.0);
        }
    }
}

// Looks and strengths below are set by eye beside real prints, and by what an independent extractor makes of them.

/// Pixels between nodes of the slow fields.
const CELL: usize = 8;
/// The contact border's raggedness: scale and amplitude, in pixels.
const BORDER_STEP: f32 = 42.0;
const BORDER_RAGGED: f32 = 4.0;
/// How much the border jumps from row to row, in pixels: optical readers scan it line by line.
const ROW_JITTER: f32 = 2.5;
/// How far inside the border ridges thin out, in finger pixels, and how much ridge height is lost there.
const BORDER_RAMP: f32 = 10.0;
const BORDER_DROP: f32 = 1.0;
/// Dry and wet patches: scale in pixels, amplitude in units of moisture.
const PATCH_STEP: f32 = 55.0;
const PATCH_MOISTURE: f32 = 0.7;
/// Unevenness of the ink: scale in pixels, relative amplitude.
const STRENGTH_STEP: f32 = 80.0;
const STRENGTH_VARIATION: f32 = 0.14;
/// What is added to the ridge height, which runs from -1 to 1: always (ridges are thinner than valleys on most
/// optical prints), by pressure and by moisture.
const BIAS: f32 = -0.28;
const PRESSURE_BIAS: f32 = 0.15;
const MOISTURE_BIAS: f32 = 0.28;
const MOISTURE_STRENGTH: f32 = 0.14;
/// Roughness of the skin that lasts, and that is new at each touch; dry skin has more of both.
const LASTING_ROUGHNESS: f32 = 0.20;
const FRESH_ROUGHNESS: f32 = 0.215;
/// The share of blotches beside the specks in both.
const COARSE_SHARE: f32 = 0.7;
/// How much specks lighten or darken a ridge.
const SPECK_STRENGTH: f32 = 0.08;
const DRY_ROUGHNESS: f32 = 0.28;
/// Steepness of the ridge's flank.
const SHARPNESS: f32 = 3.5;
/// Pores: how far they open at most and their radius in pixels.
const PORE_DEPTH: f32 = 0.9;
const PORE_RADIUS: f32 = 1.8;
