//! What hides part of a face: glasses, masks, scarves.

use super::colour::Rgb;
use super::landmarks::Landmark;
use super::mesh::{COLUMNS, Edge, Material, Mesh, Texel};
use super::shape::Head;
use super::vector::Vec3;
use crate::math::{smoothstep, uniform};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// A cover of the lower face (occlusion).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cover {
    /// Nothing.
    #[default]
    None,
    /// A surgical mask over nose, mouth and chin.
    Mask,
    /// A scarf drawn up over the mouth.
    Scarf,
}

/// A person's glasses. Units: millimetres.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glasses {
    width: f32,
    height: f32,
    roundness: f32,
    rim: f32,
    drop: f32,
    pub(crate) colour: Rgb,
}

impl Glasses {
    pub(crate) fn draw(rng: &mut impl Rng) -> Self {
        let wire = rng.random::<f32>() < 0.5;
        let dark = rng.random::<f32>() < 0.7;
        Self {
            width: uniform(rng, 22.0, 27.5),
            height: uniform(rng, 14.5, 22.0),
            roundness: uniform(rng, 2.0, 4.5),
            rim: if wire { uniform(rng, 0.9, 1.5) } else { uniform(rng, 2.0, 4.0) },
            drop: uniform(rng, -5.0, 1.0),
            colour: if dark { Rgb::grey(uniform(rng, 0.01, 0.06)) } else { Rgb([0.28, 0.20, 0.12]) },
        }
    }

    /// Adds rims, bridge and temples to a mesh in the head's frame.
    pub(crate) fn add_to(&self, mesh: &mut Mesh, head: &Head) {
        let nasion = head.landmark(Landmark::Nasion).0;
        let pupil = head.landmark(Landmark::Pupil).0;
        let centre_x = (pupil.x + 1.5).max(self.width + 8.0);
        let plane = nasion.z + 4.5;
        let lens = Lens { centre: Vec3::new(centre_x, pupil.y + self.drop, plane), glasses: *self };
        for side in [1.0, -1.0] {
            mesh.add_grid((3, RIM_STEPS), Edge::Closed, Material::Frame, |row, column| {
                (lens.rim_point(side, row, column), FRAME_TEXEL)
            });
            let outer = lens.centre.x + self.width;
            let hinge = Vec3::new(side * outer, lens.centre.y + 0.4 * self.height, lens.bent(outer));
            let ear = Vec3::new(side * (pupil.x + 47.0).max(outer + 3.0), hinge.y + 1.0, -88.0);
            add_bar(mesh, hinge, ear, Vec3::new(0.0, 0.7 + self.rim * 0.55, 0.0));
        }
        let inner = lens.centre.x - self.width;
        let bridge = |side: f32| Vec3::new(side * (inner + 1.0), lens.centre.y + 0.25 * self.height, plane + 1.0);
        add_bar(mesh, bridge(-1.0), bridge(1.0), Vec3::new(0.0, 0.6 + self.rim * 0.4, 0.0));
    }
}

struct Lens {
    centre: Vec3,
    glasses: Glasses,
}

impl Lens {
    fn rim_point(&self, side: f32, row: usize, column: usize) -> Vec3 {
        let angle = std::f32::consts::TAU * column as f32 / RIM_STEPS as f32;
        let (sin, cos) = libm::sincosf(angle);
        let power = 2.0 / self.glasses.roundness;
        let round = |v: f32| libm::powf(v.abs(), power).copysign(v);
        let out = [0.0, 0.5, 1.0][row] * self.glasses.rim;
        let x = self.centre.x + (self.glasses.width + out) * round(cos);
        let y = self.centre.y + (self.glasses.height + out) * round(sin);
        let proud = if row == 1 { 1.2 } else { 0.0 };
        Vec3::new(side * x, y, self.bent(x) + proud)
    }

    /// Returns the frame's depth: it wraps around the face a little.
    fn bent(&self, x: f32) -> f32 {
        self.centre.z - 0.0032 * x * x
    }
}

fn add_bar(mesh: &mut Mesh, from: Vec3, to: Vec3, half: Vec3) {
    mesh.add_grid((2, 2), Edge::Open, Material::Frame, |row, column| {
        let end = if column == 0 { from } else { to };
        (if row == 0 { end + half } else { end - half }, FRAME_TEXEL)
    });
}

/// Adds a mask or scarf over the lower face.
pub(crate) fn add_cover(cover: Cover, mesh: &mut Mesh, head: &Head, normals: &[Vec3]) {
    let (material, top, stand_off) = match cover {
        Cover::None => return,
        Cover::Mask => (Material::Mask, -8.0, 6.0),
        Cover::Scarf => (Material::Scarf, -48.0, 9.0),
    };
    let first = (0..head.rows()).find(|&r| head.generic[r * COLUMNS].y < top).unwrap_or(0);
    mesh.add_grid((head.rows() - first, COLUMNS), Edge::Closed, material, |row, column| {
        let (row, vertex) = (first + row, (first + row) * COLUMNS + column);
        let generic = head.generic[vertex];
        let folds = if cover == Cover::Scarf { 2.5 * libm::sinf(generic.y * 0.35 + generic.x * 0.05) } else { 0.0 };
        let smooth = smoothed(head, row, column);
        let drape = smoothstep(-85.0, -125.0, generic.y) * if cover == Cover::Scarf { 14.0 } else { 0.0 };
        (smooth + normals[vertex] * (stand_off + folds + drape), Texel { x: generic.x, y: generic.y, open: 0.9 })
    });
}

/// Returns whether a cover lies over a generic place.
pub(crate) fn covers(material: Material, texel: &Texel) -> bool {
    let ax = texel.x.abs();
    match material {
        Material::Mask => {
            let top = -14.0 - 0.30 * ax * smoothstep(8.0, 30.0, ax);
            texel.y < top && texel.y > -119.0 && ax < 57.0 - 0.25 * (texel.y + 60.0).abs()
        }
        Material::Scarf => texel.y < -56.0 - 2.0 * libm::sinf(texel.x * 0.09),
        Material::Skin | Material::Ear | Material::Cloth | Material::Hair | Material::Frame => true,
    }
}

/// Returns the mean position around a grid vertex, which smooths nose and lips away.
fn smoothed(head: &Head, row: usize, column: usize) -> Vec3 {
    let mut sum = Vec3::default();
    let mut count = 0.0;
    for dr in -4i32..=4 {
        for dc in -4i32..=4 {
            let r = (row as i32 + 2 * dr).clamp(0, head.rows() as i32 - 1) as usize;
            let c = (column as i32 + dc).rem_euclid(COLUMNS as i32) as usize;
            sum = sum + head.positions[r * COLUMNS + c];
            count += 1.0;
        }
    }
    let mean = sum * (1.0 / count);
    let here = head.positions[row * COLUMNS + column];
    Vec3::new(here.x, here.y, mean.z.max(here.z - 3.0))
}

const RIM_STEPS: usize = 28;
const FRAME_TEXEL: Texel = Texel { x: 0.0, y: 0.0, open: 1.0 };
