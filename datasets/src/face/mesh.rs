//! Triangle meshes, and the grid of the head.

use super::generic::{Address, Traits, surface};
use super::vector::Vec3;

/// The material of a triangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Material {
    Skin,
    Ear,
    Cloth,
    Hair,
    Frame,
    Mask,
    Scarf,
}

/// A vertex's address for textures: where it lies on the generic head, or on the part it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Texel {
    /// Generic x; around the head it goes on as arc length.
    pub(crate) x: f32,
    /// Generic y.
    pub(crate) y: f32,
    /// Share of ambient light that reaches the place.
    pub(crate) open: f32,
}

/// A triangle mesh.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mesh {
    pub(crate) positions: Vec<Vec3>,
    pub(crate) normals: Vec<Vec3>,
    pub(crate) texels: Vec<Texel>,
    pub(crate) triangles: Vec<([u32; 3], Material)>,
}

impl Mesh {
    /// Adds a `rows` by `columns` grid whose vertex (row, column) is made by `vertex`; `closed` joins the last column
    /// to the first.
    pub(crate) fn add_grid(
        &mut self,
        (rows, columns): (usize, usize),
        edge: Edge,
        material: Material,
        vertex: impl Fn(usize, usize) -> (Vec3, Texel),
    ) -> usize {
        let first = self.positions.len();
        for row in 0..rows {
            for column in 0..columns {
                let (position, texel) = vertex(row, column);
                self.positions.push(position);
                self.texels.push(texel);
            }
        }
        let last = if edge == Edge::Closed { columns } else { columns - 1 };
        let index = |row: usize, column: usize| (first + row * columns + column % columns) as u32;
        for row in 0..rows - 1 {
            for column in 0..last {
                let (a, b) = (index(row, column), index(row, column + 1));
                let (c, d) = (index(row + 1, column), index(row + 1, column + 1));
                self.triangles.push(([a, c, b], material));
                self.triangles.push(([b, c, d], material));
            }
        }
        first
    }

    /// Computes vertex normals: the mean of the triangles' around, weighted by area.
    pub(crate) fn compute_normals(&mut self) {
        let mut sums = vec![Vec3::default(); self.positions.len()];
        for (corners, _) in &self.triangles {
            let [a, b, c] = corners.map(|i| self.positions[i as usize]);
            let normal = (b - a).cross(c - a);
            corners.iter().for_each(|&i| sums[i as usize] = sums[i as usize] + normal);
        }
        self.normals = sums.into_iter().map(Vec3::unit).collect();
    }
}

/// Whether a grid's last column joins its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    Open,
    Closed,
}

/// Columns from the plane of symmetry to the side, and from there to the back.
pub(crate) const FRONT_COLUMNS: usize = 44;
const BACK_COLUMNS: usize = 8;
/// All columns of the closed grid; column 0 is the face's middle.
pub(crate) const COLUMNS: usize = 2 * (FRONT_COLUMNS + BACK_COLUMNS);
/// Row spacing from a height downwards: finest where the features are.
const ROW_STEPS: [(f32, f32); 6] = [(118.0, 4.5), (61.0, 3.2), (23.0, 1.6), (-16.0, 2.2), (-35.0, 1.5), (-91.0, 2.2)];
const BOTTOM: f32 = -128.0;

/// Lists the rows' heights, from the top.
pub(crate) fn row_heights() -> Vec<f32> {
    let mut y = ROW_STEPS[0].0;
    let mut out = Vec::new();
    while y > BOTTOM {
        out.push(y);
        let step = ROW_STEPS.iter().rev().find(|(from, _)| y <= *from + 1e-3);
        y -= step.map_or(ROW_STEPS[0].1, |s| s.1);
    }
    out
}

/// Returns a column's place: columns run from the middle of the face to the image's right and around the back.
pub(crate) fn column_place(column: usize) -> (f32, bool) {
    let half = COLUMNS / 2;
    let (side, steps) = if column <= half { (1.0, column) } else { (-1.0, COLUMNS - column) };
    if steps <= FRONT_COLUMNS {
        let t = steps as f32 / FRONT_COLUMNS as f32;
        // Closer together in the middle of the face, where the features are.
        return (side * libm::sinf(std::f32::consts::FRAC_PI_2 * t * (0.74 + 0.26 * t * t)), false);
    }
    let t = (steps - FRONT_COLUMNS) as f32 / BACK_COLUMNS as f32;
    (side * libm::cosf(std::f32::consts::FRAC_PI_2 * t), true)
}

/// Returns the column of the front nearest to a generic x at a row of some half width.
pub(crate) fn column_at(across: f32) -> usize {
    let nearest = (0..=FRONT_COLUMNS).min_by(|&a, &b| {
        let off = |c: usize| (column_place(c).0 - across.abs()).abs();
        off(a).total_cmp(&off(b))
    });
    let column = nearest.unwrap_or(0);
    if across < 0.0 { (COLUMNS - column) % COLUMNS } else { column }
}

/// Returns the azimuth of a place in degrees: 0 at the front, 90 at the side, 180 at the back.
pub(crate) fn azimuth(across: f32, back: bool) -> f32 {
    let front = libm::asinf(across.abs().min(1.0)).to_degrees();
    if back { 180.0 - front } else { front }
}

/// Builds the generic head's grid with one person's traits.
pub(crate) fn head_grid(traits: &Traits) -> Vec<Vec3> {
    let heights = row_heights();
    let places: Vec<(f32, bool)> = (0..COLUMNS).map(column_place).collect();
    let at = |y: f32, &(across, back): &(f32, bool)| surface(Address { across, y, back }, traits);
    heights.iter().flat_map(|&y| places.iter().map(move |place| at(y, place))).collect()
}
