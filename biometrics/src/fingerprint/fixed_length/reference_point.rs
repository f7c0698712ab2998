//! Where the finger lies: the point where its ridges turn, and which way they open.
//!
//! The doubled ridge angle turns once around a core, so that correlating it with a vortex peaks there, and the
//! correlation's phase tells the core's direction (Nilsson and Bigun 2003, complex filters). A plain arch has no core,
//! but its point of highest curvature answers the same filter. Nothing here is learnt.

use super::frame::{Flow, Pose};
use super::parameters::{
    CORE_SIGMA_FAR_CELLS, CORE_SIGMA_NEAR_CELLS, CORE_STRENGTH_MIN, CORE_TILT_SIGMA, CORE_WINDOW_SIGMAS,
};
use crate::fingerprint::parameters::CELL_PIXELS;
use ndarray::Array2;
use std::f32::consts::{FRAC_PI_2, PI, TAU};

/// Finds the strongest upright core; without any, the middle of the visible area stands in for it, upright.
pub(super) fn reference_point(flow: &Flow) -> Pose {
    let near = Response::new(flow, CORE_SIGMA_NEAR_CELLS);
    let far = Response::new(flow, CORE_SIGMA_FAR_CELLS);
    let strength = Array2::from_shape_fn(flow.inside.dim(), |i| upright_strength(&near, &far, i));
    let (rows, columns) = strength.dim();
    let inner = strength.indexed_iter().filter(|((row, column), _)| {
        (1..rows.saturating_sub(1)).contains(row) && (1..columns.saturating_sub(1)).contains(column)
    });
    let best = inner.reduce(|best, next| if next.1 > best.1 { next } else { best });
    match best {
        Some((cell, &found)) if found >= CORE_STRENGTH_MIN => core_at(&strength, &far, cell),
        _ => visible_middle(flow),
    }
}

/// Correlates both vortices and favours cores that open towards the palm.
fn upright_strength(near: &Response, far: &Response, cell: (usize, usize)) -> f32 {
    let (real, imaginary) = (near.real[cell] + far.real[cell], near.imaginary[cell] + far.imaginary[cell]);
    let tilt = turn(imaginary.atan2(real) - FRAC_PI_2);
    real.hypot(imaginary) * (-0.5 * (tilt / CORE_TILT_SIGMA).powi(2)).exp()
}

/// Reads the pose at a peak: its place between the cells by a parabola, its direction from the wider vortex.
fn core_at(strength: &Array2<f32>, far: &Response, (row, column): (usize, usize)) -> Pose {
    let here = strength[[row, column]];
    let across = vertex(strength[[row, column - 1]], here, strength[[row, column + 1]]);
    let along = vertex(strength[[row - 1, column]], here, strength[[row + 1, column]]);
    let cell = CELL_PIXELS as f32;
    Pose {
        x: (column as f32 + 0.5 + across) * cell,
        y: (row as f32 + 0.5 + along) * cell,
        angle: turn(far.imaginary[[row, column]].atan2(far.real[[row, column]]) - FRAC_PI_2),
    }
}

/// Returns where the parabola through three equidistant values peaks, in steps from the middle one, the largest.
fn vertex(before: f32, here: f32, after: f32) -> f32 {
    let bend = before + after - 2.0 * here;
    if bend < 0.0 { (0.5 * (before - after) / bend).clamp(-0.5, 0.5) } else { 0.0 }
}

fn visible_middle(flow: &Flow) -> Pose {
    let seen = flow.positions(1);
    let count = seen.len().max(1) as f32;
    let mean = |part: &dyn Fn(&(f32, f32)) -> f32| seen.iter().map(part).sum::<f32>() / count;
    Pose { x: mean(&|p| p.0), y: mean(&|p| p.1), angle: 0.0 }
}

fn turn(angle: f32) -> f32 {
    (angle + PI).rem_euclid(TAU) - PI
}

/// A vortex filter's answers, one a cell: at most one in size, and less where part of the window is not visible.
struct Response {
    real: Array2<f32>,
    imaginary: Array2<f32>,
}

/// One cell of a vortex: its offset and its weight times the unit vector that points to it.
struct Tap {
    column: i32,
    row: i32,
    x: f32,
    y: f32,
}

impl Response {
    fn new(flow: &Flow, sigma: f32) -> Self {
        let taps = vortex(sigma);
        let mut out = Self { real: Array2::zeros(flow.inside.dim()), imaginary: Array2::zeros(flow.inside.dim()) };
        for (cell, _) in flow.inside.indexed_iter().filter(|(_, inside)| **inside > 0.0) {
            (out.real[cell], out.imaginary[cell]) = correlate(flow, &taps, cell);
        }
        out
    }
}

fn correlate(flow: &Flow, taps: &[Tap], (row, column): (usize, usize)) -> (f32, f32) {
    let (rows, columns) = flow.inside.dim();
    let (mut real, mut imaginary) = (0.0, 0.0);
    for tap in taps {
        let at = (row as i32 + tap.row, column as i32 + tap.column);
        if at.0 < 0 || at.1 < 0 || at.0 >= rows as i32 || at.1 >= columns as i32 {
            continue;
        }
        let at = [at.0 as usize, at.1 as usize];
        let (cosine, sine) = (flow.cosine[at], flow.sine[at]);
        real += cosine * tap.x + sine * tap.y;
        imaginary += sine * tap.x - cosine * tap.y;
    }
    (real, imaginary)
}

/// Builds a vortex under a Gaussian window whose weights sum to one.
fn vortex(sigma: f32) -> Vec<Tap> {
    let radius = CORE_WINDOW_SIGMAS * sigma;
    let reach = radius.ceil() as i32;
    let offsets = (-reach..=reach).flat_map(|row| (-reach..=reach).map(move |column| (row, column)));
    let windowed = offsets.filter_map(|(row, column)| {
        let length = (row as f32).hypot(column as f32);
        let weight = (-0.5 * (length / sigma).powi(2)).exp();
        (length > 0.0 && length <= radius).then_some((row, column, weight, length))
    });
    let windowed: Vec<_> = windowed.collect();
    let total: f32 = windowed.iter().map(|(_, _, weight, _)| weight).sum();
    let tap = |(row, column, weight, length): (i32, i32, f32, f32)| {
        let share = weight / (total * length);
        Tap { column, row, x: share * column as f32, y: share * row as f32 }
    };
    windowed.into_iter().map(tap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The flow of a loop whose core lies at a place and opens at a tilt from straight down.
    fn core_flow(x: f32, y: f32, tilt: f32) -> Flow {
        let cell = CELL_PIXELS as f32;
        let doubled = |(row, column): (usize, usize)| {
            let (dx, dy) = ((column as f32 + 0.5) * cell - x, (row as f32 + 0.5) * cell - y);
            dy.atan2(dx) + FRAC_PI_2 + tilt
        };
        let map = |f: &dyn Fn(f32) -> f32| Array2::from_shape_fn((45, 40), |i| f(doubled(i)));
        Flow { cosine: map(&f32::cos), sine: map(&f32::sin), log_period: map(&|_| 2.2), inside: map(&|_| 1.0) }
    }

    #[test]
    fn a_core_is_found_to_a_few_pixels_and_degrees() {
        for (x, y, tilt) in [(150.0, 170.0, 0.0), (163.0, 141.0, 0.4), (190.5, 201.0, -0.5)] {
            let found = reference_point(&core_flow(x, y, tilt));
            assert!((found.x - x).hypot(found.y - y) < 3.0, "{found:?} for ({x}, {y})");
            assert!((found.angle - tilt).abs() < 0.03, "{found:?} for {tilt}");
        }
    }

    #[test]
    fn straight_ridges_give_the_middle() {
        let straight = |f: f32| Array2::from_elem((20, 30), f);
        let flow =
            Flow { cosine: straight(1.0), sine: straight(0.0), log_period: straight(2.2), inside: straight(1.0) };
        let found = reference_point(&flow);
        // Where a window sticks out of the image the answer is not balanced, but never that of a core.
        assert!(found.x > 0.0 && found.x < 240.0 && found.y > 0.0 && found.y < 160.0, "{found:?}");
        let nothing = Flow { inside: straight(0.0), cosine: straight(0.0), ..flow };
        assert_eq!(reference_point(&nothing), Pose { x: 0.0, y: 0.0, angle: 0.0 });
    }
}
