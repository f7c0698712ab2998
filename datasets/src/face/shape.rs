//! One person's neutral head: the generic one with traits and free variation, then shaped to meet the measurements.
//!
//! After DeCarlo, Metaxas and Stone 1998 ("An anthropometric face model using variational techniques"): measurements
//! are sampled first, and the surface is the smoothest deformation of the generic one that has them.

use super::anthropometry::{Measure, Measurements};
use super::generic::Traits;
use super::landmarks::{ACROSS, ALONG, Landmark, MIDDLE, PAIRED, in_front, vertices};
use super::mesh::{COLUMNS, azimuth, column_place, head_grid, row_heights};
use super::vector::Vec3;
use super::warp::Warp;
use crate::noise::SmoothNoise;
use rand::Rng;

/// A head's grid, `COLUMNS` vertices a row.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// The generic head's vertices: the addresses.
    pub(crate) generic: Vec<Vec3>,
    /// Azimuth of each column in degrees.
    pub(crate) azimuth: Vec<f32>,
    /// This person's vertices.
    pub(crate) positions: Vec<Vec3>,
}

impl Head {
    /// Shapes a person's head.
    pub(crate) fn shape(measurements: &Measurements, traits: &Traits, rng: &mut impl Rng) -> Self {
        let mut varied = head_grid(traits);
        let generic = varied.clone();
        Variation::draw(rng).apply(&mut varied);
        let pairs = targets(&varied, measurements);
        let warp = Warp::fit(&pairs);
        let positions = varied.iter().map(|&p| warp.apply(p)).collect();
        let azimuth = (0..COLUMNS).map(column_place).map(|(across, back)| azimuth(across, back)).collect();
        Self { generic, azimuth, positions }
    }

    /// Returns a landmark's place: on the image's right or in the middle, and its mirror image's.
    pub(crate) fn landmark(&self, landmark: Landmark) -> (Vec3, Vec3) {
        let (right, left) = vertices(landmark);
        (self.positions[right], self.positions[left])
    }

    /// Measures the surface; ears are not part of it.
    pub(crate) fn measure(&self, measure: Measure) -> Option<f32> {
        if let Some((_, landmark)) = ACROSS.iter().find(|(m, _)| *m == measure) {
            let (right, left) = self.landmark(*landmark);
            return Some(right.distance(left));
        }
        let (_, from, to) = ALONG.iter().find(|(m, ..)| *m == measure)?;
        Some(self.landmark(*from).0.distance(self.landmark(*to).0))
    }

    /// Returns how open each vertex is to ambient light, in [0, 1]: less where its surroundings stand out above it.
    pub(crate) fn openness(positions: &[Vec3], normals: &[Vec3]) -> Vec<f32> {
        let rows = positions.len() / COLUMNS;
        let at = |row: usize, column: usize| positions[row * COLUMNS + column % COLUMNS];
        let mut out = vec![1.0; positions.len()];
        for row in 0..rows {
            for column in 0..COLUMNS {
                let here = row * COLUMNS + column;
                let mut hidden = 0.0;
                for (reach, weight) in OPENNESS_RINGS {
                    let (up, down) = (row.saturating_sub(reach), (row + reach).min(rows - 1));
                    let ring =
                        [at(up, column), at(down, column), at(row, column + reach), at(row, column + COLUMNS - reach)];
                    let above = |p: Vec3| {
                        let offset = p - positions[here];
                        (offset.dot(normals[here]) / offset.length().max(1e-3)).max(0.0)
                    };
                    hidden += weight * ring.into_iter().map(above).sum::<f32>() / 4.0;
                }
                out[here] = (1.0 - hidden).clamp(0.25, 1.0);
            }
        }
        out
    }

    /// Returns the number of grid rows.
    pub(crate) fn rows(&self) -> usize {
        row_heights().len()
    }
}

/// Distances in grid steps at which surroundings are compared, with their weights.
const OPENNESS_RINGS: [(usize, f32); 3] = [(2, 0.45), (5, 0.55), (9, 0.55)];

/// Lists where every landmark lies and where the measurements want it.
fn targets(varied: &[Vec3], measurements: &Measurements) -> Vec<(Vec3, Vec3)> {
    let source = |landmark| varied[vertices(landmark).0];
    let middle = middle_targets(&source, measurements);
    let moved = |landmark| {
        let at = MIDDLE.iter().position(|(l, _)| *l == landmark).expect("a landmark in the middle");
        middle[at] - source(landmark)
    };
    let mut pairs: Vec<(Vec3, Vec3)> =
        MIDDLE.iter().zip(&middle).map(|(&(landmark, _), &to)| (source(landmark), to)).collect();
    for (landmark, ..) in PAIRED {
        let (right, left) = vertices(landmark);
        let (right, left) = (varied[right], varied[left]);
        let measure = ACROSS.iter().find(|(_, l)| *l == landmark).expect("paired landmarks are measured").0;
        let shift = match landmark {
            Landmark::Alare => moved(Landmark::Subnasale),
            Landmark::Cheilion => moved(Landmark::Stomion),
            Landmark::CristaPhiltri => moved(Landmark::LabialeSuperius),
            Landmark::Zygion => moved(Landmark::Subnasale) * 0.3,
            Landmark::Gonion => moved(Landmark::Gnathion) * 0.6,
            Landmark::Nasion
            | Landmark::Pronasale
            | Landmark::Subnasale
            | Landmark::LabialeSuperius
            | Landmark::Stomion
            | Landmark::LabialeInferius
            | Landmark::Sublabiale
            | Landmark::Pogonion
            | Landmark::Gnathion
            | Landmark::Glabella
            | Landmark::Forehead
            | Landmark::Opisthocranion
            | Landmark::Vertex
            | Landmark::Endocanthion
            | Landmark::Exocanthion
            | Landmark::Pupil
            | Landmark::Frontotemporale
            | Landmark::Euryon => Vec3::default(),
        };
        // Asymmetry stays where it does not change the distance: both sides move by the same.
        let half = (right - left) * 0.5;
        let stretch = measurements.of(measure) / (2.0 * half.length());
        let centre = (right + left) * 0.5 + Vec3::new(0.0, shift.y, shift.z);
        pairs.push((right, centre + half * stretch));
        pairs.push((left, centre - half * stretch));
    }
    pairs
}

/// Places the landmarks in the plane of symmetry, in the order of [`MIDDLE`].
fn middle_targets(source: &impl Fn(Landmark) -> Vec3, m: &Measurements) -> Vec<Vec3> {
    use Landmark::*;
    let along = |from: Landmark, to: Landmark| (source(to) - source(from)).unit();
    let nasion = source(Nasion);
    let gnathion = nasion + along(Nasion, Gnathion) * m.of(Measure::FacialHeight);
    let subnasale = nasion + along(Nasion, Subnasale) * m.of(Measure::NasalHeight);
    let pronasale = in_front(nasion, m.of(Measure::NasalBridge), subnasale, m.of(Measure::NasalProtrusion));
    let stomion = subnasale + along(Subnasale, Stomion) * m.of(Measure::UpperLip);
    let superius = in_front(subnasale, m.of(Measure::PhiltrumLength), stomion, m.of(Measure::VermilionUpper));
    let inferius = stomion + along(Stomion, LabialeInferius) * m.of(Measure::VermilionLower);
    let between = |landmark| {
        let (top, bottom) = (source(LabialeInferius), source(Gnathion));
        let t = (top.y - source(landmark).y) / (top.y - bottom.y);
        source(landmark) + (inferius - top) * (1.0 - t) + (gnathion - bottom) * t
    };
    let glabella = source(Glabella);
    let opisthocranion = glabella + along(Glabella, Opisthocranion) * m.of(Measure::HeadLength);
    let vertex = source(Vertex) + Vec3::new(0.0, 0.0, 0.5 * (opisthocranion.z - source(Opisthocranion).z));
    MIDDLE
        .iter()
        .map(|&(landmark, _)| match landmark {
            Nasion => nasion,
            Pronasale => pronasale,
            Subnasale => subnasale,
            LabialeSuperius => superius,
            Stomion => stomion,
            LabialeInferius => inferius,
            Gnathion => gnathion,
            Sublabiale | Pogonion => between(landmark),
            Opisthocranion => opisthocranion,
            Vertex => vertex,
            Glabella | Forehead | Endocanthion | Exocanthion | Pupil | Alare | Cheilion | CristaPhiltri | Zygion
            | Gonion | Frontotemporale | Euryon => source(landmark),
        })
        .collect()
}

/// One person's free variation, which no measurement states.
struct Variation {
    fields: Vec<(SmoothNoise, Axis, f32)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Axis {
    X,
    Y,
    Z,
}

/// Lattice step, axis and standard deviation of each field, in millimetres.
const FIELDS: [(f32, Axis, f32); 6] = [
    (34.0, Axis::Z, 2.2),
    (34.0, Axis::Y, 2.0),
    (34.0, Axis::X, 1.2),
    (15.0, Axis::Z, 0.8),
    (15.0, Axis::Y, 0.6),
    (15.0, Axis::X, 0.5),
];
/// Share of a field's variance that differs between the two sides of the face.
const ASYMMETRY: f32 = 0.035;

impl Variation {
    fn draw(rng: &mut impl Rng) -> Self {
        let mut field = |(step, axis, sd): (f32, Axis, f32)| (SmoothNoise::draw(rng, 320.0, 280.0, step), axis, sd);
        Self { fields: FIELDS.into_iter().map(&mut field).collect() }
    }

    fn apply(&self, positions: &mut [Vec3]) {
        for p in positions {
            let q = *p;
            for (noise, axis, sd) in &self.fields {
                let value = |x: f32| noise.at(160.0 + x, 140.0 + q.y);
                let (here, there) = (value(q.x), value(-q.x));
                let mirrored = if *axis == Axis::X { -there } else { there };
                let even = (here + mirrored) * std::f32::consts::FRAC_1_SQRT_2;
                let odd = (here - mirrored) * std::f32::consts::FRAC_1_SQRT_2;
                let moved = sd * ((1.0 - ASYMMETRY).sqrt() * even + ASYMMETRY.sqrt() * odd);
                match axis {
                    Axis::X => p.x += moved,
                    Axis::Y => p.y += moved,
                    Axis::Z => p.z += moved,
                }
            }
        }
    }
}
