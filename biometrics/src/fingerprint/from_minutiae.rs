//! Features of a sample of which only the minutiae are known, as from another extractor's record.

use super::features::{Features, Minutia};
use super::parameters::{CELL_PIXELS, PERIOD_TYPICAL, PIXELS_MAX, STIFFNESS};
use crate::Error;
use ndarray::Array2;
use std::f32::consts::PI;

impl Features {
    /// Rebuilds what a comparison needs from minutiae alone, in pixels at 500 dpi.
    ///
    /// The foreground becomes the minutiae's convex hull (as in Cappelli, Ferrara and Maltoni 2010, section 3.1), the
    /// orientation an average of the minutiae around, the frequency an adult's typical one.
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
        let mask = Array2::from_shape_fn(cells, |cell| contains(&hull, centre(cell)));
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

/// Returns whether a convex hull, counted in its own order, contains a point.
fn contains(hull: &[(f32, f32)], point: (f32, f32)) -> bool {
    hull.len() >= 3 && (0..hull.len()).all(|i| cross(hull[i], hull[(i + 1) % hull.len()], point) >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::MinutiaKind;

    #[test]
    fn the_hull_is_the_foreground_and_the_minutiae_give_the_orientation() {
        let at = |x: f32, y: f32| Minutia { x, y, angle: 3.5, kind: MinutiaKind::Ending, quality: 1.0 };
        let minutiae = vec![at(20.0, 20.0), at(180.0, 20.0), at(100.0, 180.0), at(100.0, 60.0)];
        let features = Features::from_minutiae(200, 200, minutiae).unwrap();
        assert!(features.mask[[8, 12]] && !features.mask[[20, 2]] && !features.mask[[1, 12]]);
        assert!((features.orientation[[8, 12]] - (3.5 - PI)).abs() < 1e-3);
    }

    #[test]
    fn impossible_sizes_are_refused() {
        assert!(Features::from_minutiae(0, 10, Vec::new()).is_err());
        assert!(Features::from_minutiae(usize::MAX, 2, Vec::new()).is_err());
        assert!(Features::from_minutiae(300, 300, Vec::new()).is_ok());
    }
}
