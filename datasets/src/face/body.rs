//! Ears, neck, shoulders and clothes.

use super::anthropometry::{Measure, Measurements};
use super::colour::Rgb;
use super::generic::bump;
use super::mesh::{COLUMNS, Edge, FRONT_COLUMNS, Material, Mesh, Texel};
use super::shape::Head;
use super::vector::{Vec3, curve};
use crate::math::{gaussian, smoothstep, uniform};
use rand::Rng;

/// A person's ears and neck.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLook {
    ear_length: f32,
    ear_angle: f32,
    ear_height: f32,
    lobe: f32,
    neck: f32,
}

/// The clothes that a person wears at one capture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clothes {
    pub(crate) colour: Rgb,
    pub(crate) second: Rgb,
    /// Depth of the neckline below the neck, and how much narrower it gets downwards.
    pub(crate) neckline: f32,
    pub(crate) vee: f32,
    pub(crate) collar: f32,
    pub(crate) stripes: f32,
}

impl BodyLook {
    pub(crate) fn draw(measurements: &Measurements, masculinity: f32, rng: &mut impl Rng) -> Self {
        Self {
            ear_length: measurements.of(Measure::EarLength),
            ear_angle: uniform(rng, 0.30, 0.95),
            ear_height: -6.0 + 3.0 * gaussian(rng),
            lobe: uniform(rng, 0.6, 1.2),
            neck: 49.0 + 6.0 * masculinity + 3.0 * gaussian(rng),
        }
    }

    /// Adds both ears to a mesh in the head's frame.
    pub(crate) fn add_ears(&self, mesh: &mut Mesh, head: &Head) {
        for (side, column) in [(1.0, FRONT_COLUMNS + 1), (-1.0, COLUMNS - FRONT_COLUMNS - 1)] {
            let row = (0..head.rows()).find(|&r| head.generic[r * COLUMNS].y < self.ear_height).unwrap_or(0);
            let anchor = head.positions[row * COLUMNS + column];
            self.add_ear(mesh, anchor, side);
        }
    }

    fn add_ear(&self, mesh: &mut Mesh, anchor: Vec3, side: f32) {
        let (rows, columns) = (17, 11);
        let (sin, cos) = libm::sincosf(self.ear_angle);
        let outward = Vec3::new(side * sin, 0.0, -cos);
        let facing = Vec3::new(side * cos, 0.0, sin);
        let width = 0.55 * self.ear_length;
        mesh.add_grid((rows, columns), Edge::Open, Material::Ear, |row, column| {
            let v = 1.0 - 2.0 * row as f32 / (rows - 1) as f32;
            let u = column as f32 / (columns - 1) as f32;
            let outline = (1.0 - v * v).max(0.0).sqrt() * (0.82 + 0.22 * v) + 0.16 * self.lobe * bump(v, -0.82, 0.14);
            let rim = bump(u, 0.88, 0.10) * 3.2 * (0.35 + 0.65 * bump(v, 0.35, 0.7));
            let fold = bump(u, 0.55, 0.12) * 2.4 * bump(v, 0.1, 0.5);
            let concha = -6.0 * bump(u, 0.28, 0.16) * bump(v, -0.15, 0.28);
            let relief = rim + fold + concha;
            let up = 0.5 * self.ear_length * v;
            let position = anchor
                + outward * (width * outline * u - 3.0 + 2.0 * v)
                + facing * relief
                + Vec3::new(0.0, up, -0.16 * up);
            let open = 0.80 + 0.06 * relief;
            (position, Texel { x: side * 70.0, y: -20.0, open: open.clamp(0.3, 1.0) })
        });
    }

    /// Adds neck and shoulders in a frame that turns less than the head.
    pub(crate) fn add_body(&self, mesh: &mut Mesh) {
        let (rows, columns) = (22, 36);
        mesh.add_grid((rows, columns), Edge::Closed, Material::Cloth, |row, column| {
            let y = -62.0 - 12.5 * row as f32;
            let (sin, cos) = libm::sincosf(std::f32::consts::TAU * column as f32 / columns as f32);
            let half = self.neck - 5.0 * smoothstep(-165.0, -120.0, y) + curve(&SHOULDERS, y);
            let depth = 46.0 + curve(&CHEST, y);
            let square = 1.0 + 0.10 * (2.0 * sin * cos).abs();
            let position = Vec3::new(half * sin * square, y, -84.0 + depth * cos);
            let shaded = 1.0 - 0.72 * bump(y.max(-118.0), -118.0, 26.0) * (0.6 + 0.4 * cos);
            let shaded = if y > -118.0 { 0.28 } else { shaded };
            (position, Texel { x: position.x, y, open: shaded })
        });
    }
}

impl Clothes {
    pub(crate) fn draw(rng: &mut impl Rng) -> Self {
        let mut dye = || {
            let level = libm::expf(uniform(rng, -4.2, -0.4));
            Rgb(std::array::from_fn(|_| level * uniform(rng, 0.5, 1.5)).map(|c: f32| c.min(0.85)))
        };
        let (colour, second) = (dye(), dye());
        Self {
            colour,
            second,
            neckline: uniform(rng, -172.0, -156.0),
            vee: uniform(rng, -0.6, 1.6).max(0.0),
            collar: uniform(rng, -12.0, 14.0).max(0.0),
            stripes: if uniform(rng, 0.0, 1.0) < 0.25 { uniform(rng, 6.0, 18.0) } else { 0.0 },
        }
    }

    /// Returns the cloth's reflectance at a place of the body; `None` where skin shows.
    pub(crate) fn at(&self, x: f32, y: f32) -> Option<Rgb> {
        let edge = self.neckline - self.vee * (34.0 - x.abs()).max(0.0);
        if y > edge + self.collar {
            return None;
        }
        if y > edge - 4.0 && self.collar > 3.0 {
            return Some(self.second);
        }
        let striped = self.stripes > 0.0 && libm::sinf(y * std::f32::consts::TAU / self.stripes) > 0.3;
        Some(if striped { self.second } else { self.colour })
    }
}

/// How much wider than the neck the body is, by height.
const SHOULDERS: [(f32, f32); 8] = [
    (-340.0, 165.0),
    (-250.0, 160.0),
    (-222.0, 145.0),
    (-203.0, 105.0),
    (-190.0, 62.0),
    (-175.0, 26.0),
    (-158.0, 7.0),
    (-130.0, 0.0),
];
/// How much deeper than the neck the body is, by height.
const CHEST: [(f32, f32); 4] = [(-340.0, 70.0), (-240.0, 45.0), (-190.0, 22.0), (-150.0, 0.0)];
