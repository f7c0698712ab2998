//! Where ridges end or fork: the exact places, read off the ridge phase.

use super::orientation::SingularPoint;
use super::ridges::{RidgePattern, STEP};
use crate::math::{PI, Point, wrap_angle};
use serde::{Deserialize, Serialize};

/// The course of the ridge at a minutia. Pressure can turn one kind into the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MinutiaKind {
    /// A ridge ends.
    Ending,
    /// A ridge forks: a valley ends.
    Bifurcation,
}

/// A minutia.
///
/// `direction` points from the minutia along the ridge (or valley) that ends there, as in ISO/IEC 19794-2, but in
/// radians from the x axis towards the y axis, in (-π, π]; y grows downwards.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Minutia {
    /// Where it is, in the coordinates of whatever holds it.
    pub at: Point,
    /// Along the ridge or valley that ends.
    pub direction: f32,
    /// Whether a ridge or a valley ends.
    pub kind: MinutiaKind,
}

/// Finds the minutiae of a pattern, in finger coordinates.
///
/// A minutia is a spiral of the phase (Larkin and Fletcher 2007): on a small circle round it the phase turns by ±2π,
/// and the sign says to which side the additional ridge lies. Singular points of the orientation are no minutiae.
pub(crate) fn find_minutiae(pattern: &RidgePattern, singular_points: &[SingularPoint]) -> Vec<Minutia> {
    let mut spirals = Vec::new();
    for row in MARGIN..pattern.rows - MARGIN {
        for column in MARGIN..pattern.columns - MARGIN {
            let charge = charge(pattern, row, column);
            if charge != 0 {
                spirals.push((place(pattern, row, column), charge, row * pattern.columns + column));
            }
        }
    }
    let singular = |p: Point| singular_points.iter().any(|s| s.at.minus(p).length() < SINGULAR_RADIUS);
    let lone = |&(at, charge, _): &(Point, i32, usize)| {
        !spirals.iter().any(|&(other, opposite, _)| opposite == -charge && other.minus(at).length() < PAIR_DISTANCE)
    };
    let kept = spirals.iter().filter(|spiral| lone(spiral) && !singular(spiral.0));
    kept.map(|&(at, charge, index)| minutia(pattern, at, charge, index)).collect()
}

fn minutia(pattern: &RidgePattern, at: Point, charge: i32, index: usize) -> Minutia {
    let along = if charge > 0 { pattern.orientation[index] } else { pattern.orientation[index] + PI };
    let direction = wrap_angle(along);
    let (sin, cos) = libm::sincosf(direction);
    let ahead = at.plus(Point::new(cos, sin).times(AHEAD * pattern.period[index]));
    let kind = if pattern.at(ahead) > 0.0 { MinutiaKind::Ending } else { MinutiaKind::Bifurcation };
    Minutia { at, direction, kind }
}

/// Returns the turns of the phase round one lattice square: 0, or ±1 at a minutia.
fn charge(pattern: &RidgePattern, row: usize, column: usize) -> i32 {
    let first = row * pattern.columns + column;
    let corners = [first, first + 1, first + pattern.columns + 1, first + pattern.columns];
    let phases = corners.map(|i| {
        let aligned = libm::cosf(pattern.orientation[i] - pattern.orientation[first]) > 0.0;
        let odd = if aligned { -pattern.odd[i] } else { pattern.odd[i] };
        libm::atan2f(odd, pattern.even[i])
    });
    let turn: f32 = (0..4).map(|i| wrap_angle(phases[(i + 1) % 4] - phases[i])).sum();
    libm::roundf(turn / (2.0 * PI)) as i32
}

fn place(pattern: &RidgePattern, row: usize, column: usize) -> Point {
    pattern.origin.plus(Point::new(column as f32 + 0.5, row as f32 + 0.5).times(STEP))
}

/// Lattice steps at the pattern's border where it is not settled.
const MARGIN: usize = 8;
/// Finger pixels round a core or delta in which the phase turns with the orientation.
const SINGULAR_RADIUS: f32 = 9.0;
/// Finger pixels under which two opposite spirals are one blemish and no minutiae.
const PAIR_DISTANCE: f32 = 6.0;
/// Periods ahead at which a ridge tells an ending from a bifurcation.
const AHEAD: f32 = 0.7;
