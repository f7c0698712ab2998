//! Minutiae: line ends of the ridges and of the valleys, with directions and qualities.

use super::binarisation::BinaryImage;
use super::features::{Minutia, MinutiaKind};
use super::filter::bilinear;
use super::orientation::{OrientationMap, to_cell};
use super::parameters::{
    BORDER_DISTANCE, BORDER_REACH, CELL_PIXELS, CROWD_MAX, CROWD_RADIUS, DIRECTION_FIELD_SHARE, DIRECTION_REACH,
    MINUTIAE_MAX,
};
use super::skeleton::{LineEnd, ends};
use ndarray::Array2;
use std::f32::consts::{FRAC_PI_4, PI, TAU};

/// Collects the minutiae of both skeletons, best first.
///
/// A fork of ridges is the end of the valley between them, so one kind of event on two images finds both kinds.
pub(super) fn collect(
    ridges: &BinaryImage,
    valleys: &BinaryImage,
    orientation: &OrientationMap,
    mask: &Array2<bool>,
    clarity: &Array2<f32>,
) -> Vec<Minutia> {
    let inside = mask.mapv(|inside| f32::from(u8::from(inside)));
    let minutia = |end: LineEnd, kind| {
        let (x, y) = end.position;
        Minutia { x, y, angle: direction(&end, orientation), kind, quality: bilinear(clarity, to_cell(x), to_cell(y)) }
    };
    let endings = ends(ridges).into_iter().map(|end| (end, MinutiaKind::Ending));
    let forks = ends(valleys).into_iter().map(|end| (end, MinutiaKind::Bifurcation));
    let found = endings.chain(forks).filter(|(end, _)| !is_at_border(end, &inside));
    let mut minutiae = thin_crowds(found.map(|(end, kind)| minutia(end, kind)).collect());
    minutiae.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    minutiae.truncate(MINUTIAE_MAX);
    minutiae
}

/// Averages the line's own direction with the orientation map's, which is smoother, unless they disagree.
fn direction(end: &LineEnd, orientation: &OrientationMap) -> f32 {
    let traced = end.direction.1.atan2(end.direction.0);
    let ridge = orientation
        .at(end.position.0 + DIRECTION_REACH * end.direction.0, end.position.1 + DIRECTION_REACH * end.direction.1);
    let turn = (ridge - traced + PI / 2.0).rem_euclid(PI) - PI / 2.0;
    let angle = if turn.abs() < FRAC_PI_4 { traced + DIRECTION_FIELD_SHARE * turn } else { traced };
    angle.rem_euclid(TAU)
}

/// Returns whether a line only ends because the finger's contact does: beyond it, or around it, there is background.
fn is_at_border(end: &LineEnd, inside: &Array2<f32>) -> bool {
    let outside = |dx: f32, dy: f32| {
        let (x, y) = (end.position.0 + dx, end.position.1 + dy);
        let (columns, rows) = ((inside.ncols() * CELL_PIXELS) as f32, (inside.nrows() * CELL_PIXELS) as f32);
        x < 0.0 || y < 0.0 || x >= columns || y >= rows || bilinear(inside, to_cell(x), to_cell(y)) < 0.5
    };
    let beyond = outside(-BORDER_REACH * end.direction.0, -BORDER_REACH * end.direction.1);
    let around = (0..8).any(|k| {
        let (sin, cos) = (k as f32 * FRAC_PI_4).sin_cos();
        outside(BORDER_DISTANCE * cos, BORDER_DISTANCE * sin)
    });
    beyond || around
}

/// Drops minutiae with too many others close by: a scar, a smear or noise.
fn thin_crowds(minutiae: Vec<Minutia>) -> Vec<Minutia> {
    let near = |a: &Minutia, b: &Minutia| (a.x - b.x).hypot(a.y - b.y) < CROWD_RADIUS;
    let crowded: Vec<bool> =
        minutiae.iter().map(|a| minutiae.iter().filter(|b| near(a, b)).count() > CROWD_MAX + 1).collect();
    minutiae.into_iter().zip(crowded).filter(|(_, crowded)| !crowded).map(|(minutia, _)| minutia).collect()
}
