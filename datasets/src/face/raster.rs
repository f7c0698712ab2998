//! The rasteriser: which triangle each pixel sees, and how deep shadows reach.

use super::mesh::{Material, Mesh, Texel};
use super::vector::Vec3;

/// A projected vertex: pixel coordinates and the inverse of the distance to the camera.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Projected {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) near: f32,
}

/// The surface that one pixel sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    pub(crate) triangle: u32,
    /// Weights of the second and third corner.
    pub(crate) weights: (f32, f32),
    near: f32,
}

const MISS: Hit = Hit { triangle: u32::MAX, weights: (0.0, 0.0), near: 0.0 };

impl Hit {
    pub(crate) fn is_miss(&self) -> bool {
        self.triangle == u32::MAX
    }
}

/// A test whether a part of a triangle is there: hair and covers have holes.
pub(crate) type Cutout<'a> = &'a dyn Fn(Material, &Texel) -> bool;

/// Finds what every pixel sees, nearest first. Shape: row by row.
pub(crate) fn visible(
    mesh: &Mesh,
    projected: &[Projected],
    (columns, rows): (usize, usize),
    cutout: Cutout<'_>,
) -> Vec<Hit> {
    let mut hits = vec![MISS; columns * rows];
    for (index, (corners, material)) in mesh.triangles.iter().enumerate() {
        let [a, b, c] = corners.map(|i| projected[i as usize]);
        let Some(area) = facing(a, b, c, *material) else { continue };
        let holes = matches!(material, Material::Hair | Material::Mask | Material::Scarf);
        scan(a, b, c, area, (columns, rows), |pixel, weights, near| {
            if near <= hits[pixel].near {
                return;
            }
            if holes && !cutout(*material, &interpolate(&corners.map(|i| mesh.texels[i as usize]), weights)) {
                return;
            }
            hits[pixel] = Hit { triangle: index as u32, weights, near };
        });
    }
    hits
}

/// Interpolates a texel over a triangle.
pub(crate) fn interpolate(corners: &[Texel; 3], (v, w): (f32, f32)) -> Texel {
    let u = 1.0 - v - w;
    let mix = |pick: fn(&Texel) -> f32| u * pick(&corners[0]) + v * pick(&corners[1]) + w * pick(&corners[2]);
    Texel { x: mix(|t| t.x), y: mix(|t| t.y), open: mix(|t| t.open) }
}

/// Returns twice the signed area, or nothing for a triangle that is invisible: degenerate, or seen from inside a
/// closed surface.
fn facing(a: Projected, b: Projected, c: Projected, material: Material) -> Option<f32> {
    let area = (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y);
    let two_sided = material != Material::Skin;
    let visible = a.near > 0.0 && b.near > 0.0 && c.near > 0.0 && area.abs() > 1e-6;
    (visible && (two_sided || area < 0.0)).then_some(area)
}

/// Calls `hit` with every pixel whose centre lies in a triangle.
fn scan(
    a: Projected,
    b: Projected,
    c: Projected,
    area: f32,
    (columns, rows): (usize, usize),
    mut hit: impl FnMut(usize, (f32, f32), f32),
) {
    // A pixel's centre lies half a pixel in. Clamped first, so that the conversion cannot overflow.
    let low = |p: f32, q: f32, r: f32, limit: usize| ceiling((p.min(q).min(r) - 0.5).clamp(0.0, limit as f32));
    let high = |p: f32, q: f32, r: f32, limit: usize| (p.max(q).max(r) + 0.5).clamp(0.0, limit as f32) as i32 as usize;
    let (left, right) = (low(a.x, b.x, c.x, columns), high(a.x, b.x, c.x, columns));
    let (top, bottom) = (low(a.y, b.y, c.y, rows), high(a.y, b.y, c.y, rows));
    if left >= right || top >= bottom {
        return;
    }
    let inverse = 1.0 / area;
    let (v_right, v_down) = ((c.y - a.y) * inverse, (a.x - c.x) * inverse);
    let (w_right, w_down) = ((a.y - b.y) * inverse, (b.x - a.x) * inverse);
    let (near_b, near_c) = (b.near - a.near, c.near - a.near);
    for y in top..bottom {
        let down = y as f32 + 0.5 - a.y;
        for x in left..right {
            let along = x as f32 + 0.5 - a.x;
            let (v, w) = (v_right * along + v_down * down, w_right * along + w_down * down);
            if v >= -1e-5 && w >= -1e-5 && v + w <= 1.00001 {
                hit(y * columns + x, (v, w), a.near + v * near_b + w * near_c);
            }
        }
    }
}

/// Rounds a number from 0 up.
fn ceiling(x: f32) -> usize {
    let whole = x as i32;
    whole as usize + usize::from(x > whole as f32)
}

/// The depth of what a lamp sees, for cast shadows (Williams 1978).
pub(crate) struct ShadowMap {
    depth: Vec<f32>,
    axes: [Vec3; 3],
    scale: f32,
    centre: Vec3,
}

/// Side of the map in texels, and of the square that it covers in millimetres.
const SHADOW_SIDE: usize = 144;
const SHADOW_SPAN: f32 = 340.0;
/// How far behind the nearest surface a place must lie to be in its shadow, in millimetres.
const SHADOW_BIAS: f32 = 5.0;
/// How much farther a shadow must be to be full.
const SHADOW_SOFTNESS: f32 = 6.0;

impl ShadowMap {
    /// Renders a mesh as a lamp in `direction` sees it.
    pub(crate) fn render(mesh: &Mesh, centre: Vec3, direction: Vec3, cutout: Cutout<'_>) -> Self {
        let right = Vec3::new(0.0, 1.0, 0.0).cross(direction).unit();
        let axes = [right, direction.cross(right), direction];
        let mut map = Self { depth: Vec::new(), axes, scale: SHADOW_SIDE as f32 / SHADOW_SPAN, centre };
        let mut depth = vec![-1e9f32; SHADOW_SIDE * SHADOW_SIDE];
        let projected: Vec<Projected> = mesh.positions.iter().map(|&p| map.project(p)).collect();
        for (corners, material) in &mesh.triangles {
            let [a, b, c] = corners.map(|i| projected[i as usize]);
            let area = (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y);
            let holes = matches!(material, Material::Hair | Material::Mask | Material::Scarf);
            if area.abs() < 1e-6 || (*material == Material::Skin && area > 0.0) {
                continue;
            }
            scan(a, b, c, area, (SHADOW_SIDE, SHADOW_SIDE), |pixel, weights, near| {
                if near > depth[pixel] {
                    let texels = corners.map(|i| mesh.texels[i as usize]);
                    if !holes || cutout(*material, &interpolate(&texels, weights)) {
                        depth[pixel] = near;
                    }
                }
            });
        }
        map.depth = depth;
        map
    }

    fn project(&self, p: Vec3) -> Projected {
        let offset = p - self.centre;
        let half = SHADOW_SIDE as f32 / 2.0;
        Projected {
            x: half + offset.dot(self.axes[0]) * self.scale,
            y: half - offset.dot(self.axes[1]) * self.scale,
            near: offset.dot(self.axes[2]),
        }
    }

    /// Returns the share of the lamp's light that reaches a place: the mean of the nine texels around it.
    pub(crate) fn lit(&self, place: Vec3) -> f32 {
        let at = self.project(place);
        let (x, y) = (at.x - 0.5, at.y - 0.5);
        let inside = x > 1.5 && y > 1.5 && x < SHADOW_SIDE as f32 - 3.5 && y < SHADOW_SIDE as f32 - 3.5;
        if !inside {
            return 1.0;
        }
        let (column, row) = (x as usize, y as usize);
        let (fx, fy) = (x - column as f32, y - row as f32);
        let weight = |f: f32| [1.0 - f, 1.0, 1.0, f];
        let (wx, wy) = (weight(fx), weight(fy));
        let mut sum = 0.0;
        for (j, wy) in wy.iter().enumerate() {
            for (i, wx) in wx.iter().enumerate() {
                let blocked = self.depth[(row + j - 1) * SHADOW_SIDE + column + i - 1] - at.near - SHADOW_BIAS;
                sum += wx * wy * (1.0 - (blocked / SHADOW_SOFTNESS).clamp(0.0, 1.0));
            }
        }
        sum / 9.0
    }
}
