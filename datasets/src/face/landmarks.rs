//! Facial landmarks: where each lies on the generic head, and the measurements between them.

use super::anthropometry::Measure;
use super::generic::{Address, Traits, surface};
use super::mesh::{COLUMNS, column_at, row_heights};
use super::vector::Vec3;

/// A landmark (Farkas 1994); the paired ones are the one on the image's right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Landmark {
    Nasion,
    Pronasale,
    Subnasale,
    LabialeSuperius,
    Stomion,
    LabialeInferius,
    Sublabiale,
    Pogonion,
    Gnathion,
    Glabella,
    Forehead,
    Opisthocranion,
    Vertex,
    Endocanthion,
    Exocanthion,
    Pupil,
    Alare,
    Cheilion,
    CristaPhiltri,
    Zygion,
    Gonion,
    Frontotemporale,
    Euryon,
}

use Landmark::*;

/// Landmarks in the plane of symmetry, with their generic heights.
pub(crate) const MIDDLE: [(Landmark, f32); 13] = [
    (Nasion, 5.0),
    (Pronasale, -38.0),
    (Subnasale, -50.3),
    (LabialeSuperius, -64.5),
    (Stomion, -71.5),
    (LabialeInferius, -80.0),
    (Sublabiale, -88.0),
    (Pogonion, -101.0),
    (Gnathion, -116.0),
    (Glabella, 18.0),
    (Forehead, 45.0),
    (Opisthocranion, 35.0),
    (Vertex, 112.0),
];

/// Paired landmarks, with their generic x and height.
pub(crate) const PAIRED: [(Landmark, f32, f32); 10] = [
    (Endocanthion, 16.0, -2.0),
    (Exocanthion, 43.5, -1.0),
    (Pupil, 31.0, 0.0),
    (Alare, 17.0, -44.0),
    (Cheilion, 24.5, -71.8),
    (CristaPhiltri, 6.2, -64.0),
    (Zygion, 66.8, -12.0),
    (Gonion, 50.5, -85.0),
    (Frontotemporale, 54.0, 28.0),
    (Euryon, 75.5, 35.0),
];

/// Measurements that are the distance between a paired landmark and its mirror image.
pub(crate) const ACROSS: [(Measure, Landmark); 10] = [
    (Measure::Innercanthal, Endocanthion),
    (Measure::Outercanthal, Exocanthion),
    (Measure::Interpupillary, Pupil),
    (Measure::NasalWidth, Alare),
    (Measure::MouthWidth, Cheilion),
    (Measure::PhiltrumWidth, CristaPhiltri),
    (Measure::Bizygomatic, Zygion),
    (Measure::Mandibular, Gonion),
    (Measure::Bifrontal, Frontotemporale),
    (Measure::HeadBreadth, Euryon),
];

/// Measurements between two landmarks in the plane of symmetry.
pub(crate) const ALONG: [(Measure, Landmark, Landmark); 9] = [
    (Measure::FacialHeight, Nasion, Gnathion),
    (Measure::PhiltrumLength, Subnasale, LabialeSuperius),
    (Measure::UpperLip, Subnasale, Stomion),
    (Measure::VermilionUpper, LabialeSuperius, Stomion),
    (Measure::VermilionLower, Stomion, LabialeInferius),
    (Measure::NasalHeight, Nasion, Subnasale),
    (Measure::NasalBridge, Nasion, Pronasale),
    (Measure::NasalProtrusion, Subnasale, Pronasale),
    (Measure::HeadLength, Glabella, Opisthocranion),
];

/// Returns the head grid's vertex of a landmark on the image's right or in the middle, and that of its mirror image.
pub(crate) fn vertices(landmark: Landmark) -> (usize, usize) {
    if let Some(&(_, y)) = MIDDLE.iter().find(|(l, _)| *l == landmark) {
        let column = if landmark == Opisthocranion { COLUMNS / 2 } else { 0 };
        let vertex = row_at(y) * COLUMNS + column;
        return (vertex, vertex);
    }
    let &(_, x, y) = PAIRED.iter().find(|(l, ..)| *l == landmark).expect("a landmark is in the middle or paired");
    let row = row_at(y);
    let side = surface(Address { across: 1.0, y: row_heights()[row], back: false }, &GENERIC_WIDTH).x;
    let column = column_at((x / side).min(1.0));
    (row * COLUMNS + column, row * COLUMNS + (COLUMNS - column) % COLUMNS)
}

/// Returns the row nearest to a generic height.
fn row_at(y: f32) -> usize {
    let heights = row_heights();
    let off = |row: &usize| (heights[*row] - y).abs();
    (0..heights.len()).min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(0)
}

/// Finds the point in the plane of symmetry at given distances from two others, in front of the line between them.
pub(crate) fn in_front(upper: Vec3, to_upper: f32, lower: Vec3, to_lower: f32) -> Vec3 {
    let axis = lower - upper;
    let whole = axis.length().max(1e-6);
    let along = (to_upper * to_upper - to_lower * to_lower + whole * whole) / (2.0 * whole);
    let out = (to_upper * to_upper - along * along).max(0.0).sqrt();
    let axis = axis * (1.0 / whole);
    // The axis points down; turned a quarter in the plane of symmetry it points forwards.
    upper + axis * along + Vec3::new(0.0, axis.z, -axis.y) * out
}

/// The traits under which half widths are looked up: no jaw or fullness, so the generic curve itself.
const GENERIC_WIDTH: Traits = Traits {
    brow_ridge: 0.0,
    socket_depth: 0.0,
    eye_bulge: 0.0,
    cheekbone: 0.0,
    cheek_hollow: 0.0,
    nasolabial: 0.0,
    nose_width: 1.0,
    nose_hump: 0.0,
    nose_tip: 0.0,
    alae: 0.0,
    upper_lip: 0.0,
    lower_lip: 0.0,
    philtrum: 0.0,
    chin: 0.0,
    cleft: 0.0,
    jowl: 0.0,
    fullness: 0.0,
    jaw_square: 0.0,
    forehead: 0.0,
    eye_bags: 0.0,
};
