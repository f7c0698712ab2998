//! Features of a sample of which only the minutiae are known, as from another extractor's record.

use super::features::{Features, Minutia};
use super::parameters::{CELL_PIXELS, HULL_MARGIN, PERIOD_TYPICAL, PIXELS_MAX, STIFFNESS};
use crate::Error;
use ndarray::Array2;
use std::f32::consts::PI;

impl Features {
    /// Rebuilds what a comparison needs from minutiae alone, in pixels at 500 dpi.
    ///
    /// The foreground becomes the minutiae's convex hull enlarged by [`HULL_MARGIN`] (as in Cappelli, Ferrara and
    /// Maltoni 2010, section 3.1), the orientation an average of the minutiae around, the frequency an adult's typical
    /// one.
    ///
    /// # Errors
    /// [`Error::Parameter`] when the image has no pixel or more than
    /// [`PIXELS_MAX`](super::parameters::PIXELS_MAX).
    pub fn from_minutiae(columns: usize, rows: usize, minutiae: Vec<Minutia>) -> Result<Self, Error> {
        if columns == 0 || rows == 0 || columns.saturating_mul(rows) > PIXELS_MAX {
            return Err(Error::Parameter { name: "columns and rows", why: "their product is out of range" });
        }
        let cells = (rows.div_ceil(CELL_PIXELS), columns.div_ceil(CELL_PIXELS));
        let hull = hull(minutiae.iter().map(|m| (m.x, m.y)).collect());
        let mask = Array2::from_shape_fn(cells, |cell| is_near(&hull, centre(cell)));
        let orientation =
            Array2::from_shape_fn(cells, |cell| if mask[cell] { around(&minutiae, centre(cell)) } else { 0.0 });
        let inside = mask.mapv(|inside| f32::from(u8::from(inside)));
        let frequency = Array2::from_elem(cells, 1.0 / PERIOD_TYPICAL);
        Ok(Self {
            columns,
            rows,
            minutiae,
            orientation,
            coherence: inside.clone(),
            mask,
            frequency,
            clarity: inside,
            quality: 0.5,
        })
    }
}

fn centre((row, column): (usize, usize)) -> (f32, f32) {
    ((column as f32 + 0.5) * CELL_PIXELS as f32, (row as f32 + 0.5) * CELL_PIXELS as f32)
}

/// Averages the minutiae's orientations, the near ones most.
fn around(minutiae: &[Minutia], (x, y): (f32, f32)) -> f32 {
    let (mut cos, mut sin) = (0.0, 0.0);
    for minutia in minutiae {
        let squared = (minutia.x - x).powi(2) + (minutia.y - y).powi(2);
        let weight = 1.0 / (1.0 + squared / (STIFFNESS * STIFFNESS)).powi(3);
        cos += weight * (2.0 * minutia.angle).cos();
        sin += weight * (2.0 * minutia.angle).sin();
    }
    (0.5 * sin.atan2(cos)).rem_euclid(PI)
}

/// Returns the corners of the convex hull in order (Andrew's monotone chain, 1979).
fn hull(mut points: Vec<(f32, f32)>) -> Vec<(f32, f32)> {
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    points.dedup();
    if points.len() < 2 {
        return points;
    }
    let mut corners: Vec<(f32, f32)> = Vec::new();
    for _ in 0..2 {
        let start = corners.len();
        for &point in &points {
            while corners.len() >= start + 2
                && cross(corners[corners.len() - 2], corners[corners.len() - 1], point) <= 0.0
            {
                corners.pop();
            }
            corners.push(point);
        }
        corners.pop();
        points.reverse();
    }
    corners
}

fn cross(o: (f32, f32), a: (f32, f32), b: (f32, f32)) -> f32 {
    (a.0 - o.0) * (b.1 - o.1) - (a.1 - o.1) * (b.0 - o.0)
}

/// Returns whether a point lies in a convex hull, whose corners stand in its own order, or within [`HULL_MARGIN`] of it.
fn is_near(hull: &[(f32, f32)], point: (f32, f32)) -> bool {
    let edges = || (0..hull.len()).map(|i| (hull[i], hull[(i + 1) % hull.len()]));
    let contains = || hull.len() >= 3 && edges().all(|(from, to)| cross(from, to, point) >= 0.0);
    contains() || edges().any(|(from, to)| squared_distance(from, to, point) <= HULL_MARGIN * HULL_MARGIN)
}

/// Returns the squared distance of a point from the line between two others.
fn squared_distance(from: (f32, f32), to: (f32, f32), point: (f32, f32)) -> f32 {
    let (along, off) = ((to.0 - from.0, to.1 - from.1), (point.0 - from.0, point.1 - from.1));
    let length = along.0 * along.0 + along.1 * along.1;
    let share = if length > 0.0 { ((along.0 * off.0 + along.1 * off.1) / length).clamp(0.0, 1.0) } else { 0.0 };
    (off.0 - share * along.0).powi(2) + (off.1 - share * along.1).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::MinutiaKind;

    fn at(x: f32, y: f32) -> Minutia {
        Minutia { x, y, angle: 3.5, kind: MinutiaKind::Ending, quality: 1.0 }
    }

    #[test]
    fn the_enlarged_hull_is_the_foreground_and_the_minutiae_give_the_orientation() {
        let minutiae = vec![at(100.0, 100.0), at(300.0, 100.0), at(100.0, 300.0), at(300.0, 300.0), at(200.0, 150.0)];
        let features = Features::from_minutiae(400, 400, minutiae).unwrap();
        for (cell, &inside) in features.mask.indexed_iter() {
            let (x, y) = centre(cell);
            let beyond = |v: f32| (100.0 - v).max(v - 300.0).max(0.0);
            assert_eq!(inside, beyond(x).hypot(beyond(y)) <= 50.0, "({x}, {y})");
        }
        assert!((features.orientation[[8, 12]] - (3.5 - PI)).abs() < 1e-3);
    }

    #[test]
    fn one_minutia_and_two_have_a_foreground_too() {
        for minutiae in [vec![at(60.0, 60.0)], vec![at(60.0, 60.0), at(90.0, 60.0)], vec![at(60.0, 60.0); 3]] {
            let features = Features::from_minutiae(200, 200, minutiae).unwrap();
            let inside = |x: usize, y: usize| features.mask[[y / CELL_PIXELS, x / CELL_PIXELS]];
            assert!(inside(60, 60) && inside(60, 100) && inside(20, 60) && !inside(60, 120) && !inside(180, 60));
        }
    }

    #[test]
    fn impossible_sizes_are_refused() {
        assert!(Features::from_minutiae(0, 10, Vec::new()).is_err());
        assert!(Features::from_minutiae(usize::MAX, 2, Vec::new()).is_err());
        assert!(Features::from_minutiae(300, 300, Vec::new()).is_ok());
    }
}
