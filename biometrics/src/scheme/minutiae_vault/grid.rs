//! Minutiae as elements of a finite universe: the nearest point of a hexagonal grid, and a section of the circle.

use crate::PlacedMinutia;
use std::f32::consts::TAU;

/// How far from the finger's origin a grid point may lie. Units: pixels at 500 dpi. Of the minutiae of FVC2002 DB1_B 95 %
/// lie nearer than 222, of DB3_B 99 % nearer than 232.
const REACH: f32 = 240.0;
/// Height of a row over the distance of two points: √3/2.
const ROW: f32 = 0.866_025_4;

/// A hexagonal grid around the finger's origin.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    /// Distance of two neighbouring points.
    distance: f32,
    directions: usize,
    /// Rows on either side of the middle one.
    rows: i32,
    /// Columns on either side of the middle one.
    columns: i32,
    /// Each point's number, by row and column; `None` out of reach.
    numbers: Vec<Option<u16>>,
    points: usize,
}

/// A minutia's element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Element {
    /// Index into the universe.
    pub(super) index: usize,
    /// How far the minutia lies from being another element, in [0, 2]: larger is less likely to change.
    pub(super) margin: f32,
}

impl Grid {
    /// Builds a grid whose points lie `distance` pixels apart, with the circle cut into `directions` sections.
    pub(super) fn new(distance: usize, directions: usize) -> Self {
        let distance = distance as f32;
        let rows = (REACH / (distance * ROW)) as i32 + 2;
        let columns = (REACH / distance) as i32 + 2;
        let (mut numbers, mut points) = (Vec::new(), 0);
        for row in -rows..=rows {
            for column in -columns..=columns {
                let (x, y) = centre(distance, row, column);
                let is_near = x.hypot(y) <= REACH;
                numbers.push(is_near.then_some(points));
                points += u16::from(is_near);
            }
        }
        Self { distance, directions, rows, columns, numbers, points: points.into() }
    }

    /// Returns the size of the universe.
    pub(super) fn universe(&self) -> usize {
        self.points * self.directions
    }

    /// Returns a minutia's element; `None` out of reach.
    pub(super) fn element(&self, minutia: &PlacedMinutia) -> Option<Element> {
        // What is no number is nowhere, and points beyond the reach's neighbours have no column.
        let away = minutia.x.hypot(minutia.y);
        if away.is_nan() || away > REACH + self.distance {
            return None;
        }
        let ((row, column), gap) = self.nearest(minutia.x, minutia.y);
        let at = (row + self.rows) * (2 * self.columns + 1) + column + self.columns;
        let point = usize::from(self.numbers[at as usize]?);
        let turned = minutia.angle.rem_euclid(TAU) / TAU * self.directions as f32;
        let section = (turned as usize).min(self.directions - 1);
        let edge = (turned - section as f32).min(1.0 + section as f32 - turned);
        let margin = (2.0 * gap / self.distance).min(4.0 * edge);
        Some(Element { index: section * self.points + point, margin })
    }

    /// Returns the nearest point's row and column, and how much farther the second nearest is.
    fn nearest(&self, x: f32, y: f32) -> ((i32, i32), f32) {
        let middle = (y / (self.distance * ROW)).round() as i32;
        let mut found = [((0, 0), f32::INFINITY); 2];
        for row in middle - 1..=middle + 1 {
            let column = ((x - centre(self.distance, row, 0).0) / self.distance).round() as i32;
            for column in column - 1..=column + 1 {
                let (cx, cy) = centre(self.distance, row, column);
                let away = (cx - x).hypot(cy - y);
                if away < found[0].1 {
                    found = [((row, column), away), found[0]];
                } else if away < found[1].1 {
                    found[1] = ((row, column), away);
                }
            }
        }
        (found[0].0, found[1].1 - found[0].1)
    }
}

/// Returns a grid point's position; every second row is moved by half the distance.
fn centre(distance: f32, row: i32, column: i32) -> (f32, f32) {
    let moved = if row.rem_euclid(2) == 1 { 0.5 } else { 0.0 };
    (distance * (column as f32 + moved), distance * ROW * row as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn minutia(x: f32, y: f32, angle: f32) -> PlacedMinutia {
        PlacedMinutia { x, y, angle, quality: 1.0 }
    }

    #[test]
    fn the_nearest_point_of_all_is_found() {
        let grid = Grid::new(25, 6);
        for i in 0..2_000 {
            let (x, y) = ((i * 37 % 400) as f32 - 200.0, (i * 91 % 401) as f32 - 200.0);
            let ((row, column), gap) = grid.nearest(x, y);
            let away = |(row, column)| {
                let (cx, cy) = centre(25.0, row, column);
                (cx - x).hypot(cy - y)
            };
            let all = (-12..=12).flat_map(|row| (-12..=12).map(move |column| (row, column)));
            let mut others: Vec<f32> = all.map(away).collect();
            others.sort_by(f32::total_cmp);
            assert!((away((row, column)) - others[0]).abs() < 1e-3 && (gap - (others[1] - others[0])).abs() < 1e-3);
        }
    }

    #[test]
    fn elements_fill_the_universe_and_know_their_margins() {
        let grid = Grid::new(25, 6);
        assert_eq!(grid.universe(), 6 * grid.points);
        assert!((320..350).contains(&grid.points), "{}", grid.points);
        let mut seen = vec![false; grid.universe()];
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..200_000 {
            let [x, y, angle] = [240.0, 240.0, TAU].map(|reach: f32| rng.random_range(-reach..reach));
            if let Some(element) = grid.element(&minutia(x, y, angle)) {
                seen[element.index] = true;
                assert!((0.0..=2.0).contains(&element.margin));
            }
        }
        assert!(seen.iter().all(|&s| s));
        // In the middle of a cell and of a section nothing is safer.
        assert_eq!(grid.element(&minutia(0.0, 0.0, TAU / 12.0)).unwrap().margin, 2.0);
        assert!(grid.element(&minutia(0.0, 0.0, 0.0)).unwrap().margin < 1e-6);
    }

    #[test]
    fn what_lies_out_of_reach_or_nowhere_is_no_element() {
        let grid = Grid::new(25, 6);
        for (x, y) in [(1e9, 0.0), (0.0, -1e30), (300.0, 0.0), (f32::NAN, 0.0), (0.0, f32::INFINITY)] {
            assert_eq!(grid.element(&minutia(x, y, 1.0)), None, "({x}, {y})");
        }
    }
}
