//! Scalp hair: a shell over the skull and, where it is long, a curtain around the neck.

use super::colour::Rgb;
use super::mesh::{COLUMNS, Edge, Material, Mesh, Texel};
use super::shape::Head;
use super::vector::{Vec3, curve};
use crate::math::{gaussian, smoothstep, uniform};
use crate::noise::SmoothNoise;
use rand::{Rng, RngExt};

/// A person's hair cut. Units: millimetres on the generic head; azimuths in degrees, 0 at the front.
#[derive(Clone, Debug)]
pub(crate) struct Hair {
    pub(crate) colour: Rgb,
    hairline: f32,
    recession: f32,
    peak: f32,
    fringe: f32,
    sideburn: f32,
    volume: f32,
    side_volume: f32,
    crown: f32,
    long: f32,
    frame: f32,
    part: f32,
    curl: f32,
    lean: f32,
    clumps: SmoothNoise,
    strands: SmoothNoise,
    fine: SmoothNoise,
}

impl Hair {
    pub(crate) fn draw(colour: Rgb, masculinity: f32, age: f32, rng: &mut impl Rng) -> Self {
        let male = masculinity > 0.0;
        let bald = male && rng.random::<f32>() < ((age - 25.0) / 90.0).clamp(0.03, 0.4);
        let long = if male { uniform(rng, -1.6, 0.55).max(0.0) } else { uniform(rng, -0.35, 1.1).clamp(0.0, 1.0) };
        let fringed = rng.random::<f32>() < if male { 0.25 } else { 0.33 };
        let noise = |rng: &mut _, step| SmoothNoise::draw(rng, 400.0, 400.0, step);
        Self {
            colour,
            hairline: 66.0 + 5.0 * gaussian(rng).clamp(-2.0, 2.0) + if male { 1.0 } else { -2.0 },
            recession: if male { uniform(rng, -6.0, 16.0).max(0.0) } else { uniform(rng, -3.0, 4.0).max(0.0) },
            peak: uniform(rng, -8.0, 9.0).max(0.0),
            fringe: if fringed && !bald { uniform(rng, 10.0, 29.0) } else { 0.0 },
            sideburn: if male { uniform(rng, -8.0, 24.0) } else { uniform(rng, 0.0, 14.0) },
            volume: if bald { 0.6 } else { libm::expf(2.35 + 0.55 * gaussian(rng)).clamp(3.0, 34.0) },
            side_volume: if male { uniform(rng, 0.15, 0.85) } else { uniform(rng, 0.4, 1.0) },
            crown: if bald { uniform(rng, 20.0, 62.0) } else { 1_000.0 },
            long: if bald { 0.0 } else { long },
            frame: uniform(rng, 66.0, 88.0),
            part: 45.0 * gaussian(rng),
            curl: uniform(rng, -0.8, 1.0).max(0.0),
            lean: 0.5 * gaussian(rng),
            clumps: noise(rng, 16.0),
            strands: noise(rng, 1.6),
            fine: noise(rng, 4.5),
        }
    }

    /// Returns how far a place lies inside the haired region, in millimetres, without its raggedness.
    fn depth(&self, azimuth: f32, y: f32) -> f32 {
        let a = azimuth.abs();
        let front = self.hairline - 0.013 * (a - 10.0).max(0.0) * (a - 10.0).max(0.0);
        let temple = self.recession * (smoothstep(14.0, 32.0, a) - smoothstep(40.0, 60.0, a));
        let peak = self.peak * smoothstep(16.0, 0.0, a);
        let off_part = smoothstep(4.0, 40.0, (azimuth - self.part).abs());
        let swept = (1.0 + 0.012 * self.lean * azimuth).clamp(0.35, 1.5);
        let fringe = self.fringe * smoothstep(66.0, 40.0, a) * (0.45 + 0.55 * off_part) * swept;
        let edge = front + temple - peak - fringe;
        let side = curve(&SIDE_LINE, a) - self.sideburn * smoothstep(62.0, 68.0, a) * smoothstep(84.0, 80.0, a);
        let line = edge + (side - edge) * smoothstep(50.0, 63.0, a);
        let behind = smoothstep(95.0, 115.0, a) * self.long * 80.0;
        (y - line + behind).min(self.crown - y + 10.0 * smoothstep(60.0, 110.0, a))
    }

    /// Returns whether hair covers a place of the shell or curtain; `texel` holds the azimuth and the height.
    pub(crate) fn covers(&self, texel: &Texel) -> bool {
        let (az, y) = (texel.x, texel.y);
        let curtain = texel.open > CURTAIN_MARK;
        let depth = if curtain { az.abs() - self.frame_at(y) } else { self.depth(az, y) };
        // Raggedness does not reach far in or out.
        if depth < -RAGGED_REACH || (depth > RAGGED_REACH && !curtain) {
            return depth > 0.0;
        }
        let bent = az + 0.10 * self.lean * (y - 40.0);
        let ragged = 1.2 * self.fine.at(bent * 0.9 + 200.0, y * 0.10 + 200.0)
            + 1.4 * self.strands.at(bent * 1.3 + 200.0, y * 0.07 + 200.0)
            + 2.6 * self.strands.at(bent * 3.1 + 90.0, y * 0.11 + 200.0)
            + 3.2 * self.clumps.at(az * 0.8 + 200.0, y * 0.5 + 200.0);
        if curtain {
            let soft =
                2.0 * self.fine.at(bent * 0.9 + 200.0, y * 0.05 + 200.0) + 3.0 * self.clumps.at(az + 200.0, y * 0.2);
            let edge = depth + 0.5 * ragged + soft;
            return edge > 0.0 && y > self.bottom() + 5.0 * soft;
        }
        let amount = if self.fringe > 0.0 { 1.0 } else { 0.8 };
        depth + amount * ragged > 0.0
    }

    /// Returns how much of the skin at a generic place of the face's front is covered by the roots of hair, so that a
    /// hairline thins out.
    pub(crate) fn root_share(&self, x: f32, y: f32) -> f32 {
        if y < -25.0 || (y < 20.0 && x.abs() < 45.0) {
            return 0.0;
        }
        let azimuth = libm::asinf((x / 76.0).clamp(-1.0, 1.0)).to_degrees();
        let ragged = 0.5 + 0.25 * self.strands.at(azimuth * 2.2 + 200.0, y * 0.1 + 200.0);
        0.85 * smoothstep(-8.0, 4.0, self.depth(azimuth, y)) * ragged.clamp(0.1, 1.0)
    }

    /// Returns whether hair casts a shadow at a place: as [`covers`](Self::covers), without the raggedness.
    pub(crate) fn shades(&self, texel: &Texel) -> bool {
        let (az, y) = (texel.x, texel.y);
        if texel.open > CURTAIN_MARK {
            az.abs() > self.frame_at(y) && y > self.bottom()
        } else {
            self.depth(az, y) > 0.0
        }
    }

    /// Returns the strands' pattern at a place: about 0, standard deviation about 1.
    pub(crate) fn pattern(&self, texel: &Texel) -> f32 {
        let along = texel.y * 0.05 + self.curl * 0.8 * libm::sinf(texel.y * 0.16);
        let across = texel.x * 0.8 + self.lean * texel.y * 0.25 + self.curl * 5.0 * libm::sinf(texel.y * 0.11);
        let fine = self.strands.at(across * 1.3 + 200.0, along + 200.0);
        let coarse = self.fine.at(across + 200.0, along * 1.4 + 200.0);
        0.6 * fine + 0.55 * coarse + 0.5 * self.clumps.at(across * 1.3 + 200.0, texel.y * 0.35 + 200.0)
    }

    fn frame_at(&self, y: f32) -> f32 {
        self.frame + 16.0 * smoothstep(10.0, -60.0, y) - 26.0 * smoothstep(-70.0, -140.0, y)
    }

    fn bottom(&self) -> f32 {
        -40.0 - 150.0 * self.long
    }

    /// Returns how far hair stands off the skull at a place.
    fn thickness(&self, azimuth: f32, y: f32) -> f32 {
        let inside = self.depth(azimuth, y);
        let a = azimuth.abs();
        let top = smoothstep(45.0, 85.0, y);
        let amount = self.volume * (self.side_volume + (1.0 - self.side_volume) * top);
        let lump = 1.0 + 0.30 * self.clumps.at(azimuth + 200.0, y * 0.8 + 200.0);
        let part = 1.0 - 0.35 * top * smoothstep(14.0, 0.0, (azimuth - self.part).abs()) * smoothstep(80.0, 60.0, a);
        let rise = 1.0 - libm::expf(-(inside + 5.0).max(0.0) / 13.0);
        let fringe = if self.fringe > 0.0 { 2.5 * smoothstep(70.0, 40.0, a) } else { 0.0 };
        (amount * lump * part + fringe) * rise + 1.1 * smoothstep(-9.0, 2.0, inside)
            - 2.5 * smoothstep(-4.0, -16.0, inside)
    }

    /// Adds shell and curtain to a mesh in the head's frame.
    pub(crate) fn add_to(&self, mesh: &mut Mesh, head: &Head, normals: &[Vec3]) {
        let rows = (0..head.rows()).take_while(|&row| head.generic[row * COLUMNS].y > SHELL_BOTTOM).count();
        mesh.add_grid((rows, COLUMNS), Edge::Closed, Material::Hair, |row, column| {
            let vertex = row * COLUMNS + column;
            let y = head.generic[vertex].y;
            let azimuth = signed_azimuth(head, column);
            let out = normals[vertex].towards(Vec3::new(0.0, 0.4, 0.0), 0.25).unit();
            let position = head.positions[vertex] + out * self.thickness(azimuth, y);
            let open = (0.55 + 0.03 * self.depth(azimuth, y)).clamp(0.45, 1.0);
            (position, Texel { x: azimuth, y, open })
        });
        if self.long > 0.05 {
            self.add_curtain(mesh, head);
        }
    }

    fn add_curtain(&self, mesh: &mut Mesh, head: &Head) {
        let (rows, columns) = (36, 44);
        let from = self.frame - 32.0;
        let top = 62.0;
        let widest = head.positions.iter().fold(0.0f32, |w, p| w.max(p.x));
        mesh.add_grid((rows, columns), Edge::Open, Material::Hair, |row, column| {
            let t = column as f32 / (columns - 1) as f32;
            let azimuth = from + (360.0 - 2.0 * from) * t;
            let signed = if azimuth > 180.0 { azimuth - 360.0 } else { azimuth };
            let y = top + (self.bottom() - 6.0 - top) * row as f32 / (rows - 1) as f32;
            let fullness = self.volume.clamp(4.0, 18.0);
            let grown = smoothstep(62.0, 0.0, y) * (5.0 + fullness * 0.5) - 7.0 * smoothstep(-70.0, -130.0, y);
            let wave = 2.5 * self.clumps.at(signed + 200.0, y * 0.4 + 200.0)
                + 4.0 * self.curl * libm::sinf(y * 0.12 + signed * 0.05);
            let (sin, cos) = libm::sincosf(azimuth.to_radians());
            let skull = 1.0 - 0.22 * smoothstep(30.0, 62.0, y);
            let radius = (widest * skull + grown + wave, 92.0 * skull + grown + wave);
            let position = Vec3::new(radius.0 * sin, y, -88.0 + radius.1 * cos);
            (position, Texel { x: signed, y, open: CURTAIN_MARK + 1.0 })
        });
    }
}

/// Texels of the curtain say so by an openness above this; the shader takes one off.
pub(crate) const CURTAIN_MARK: f32 = 1.5;
/// How far from its edge hair is whole, or gone: about four standard deviations of the raggedness.
const RAGGED_REACH: f32 = 26.0;
/// Generic height below which the shell has no rows.
const SHELL_BOTTOM: f32 = -82.0;

fn signed_azimuth(head: &Head, column: usize) -> f32 {
    if column <= COLUMNS / 2 { head.azimuth[column] } else { -head.azimuth[column] }
}

/// Lower edge of the hair at the sides and behind, by azimuth: temple, sideburn, over the ear, nape.
const SIDE_LINE: [(f32, f32); 9] = [
    (50.0, 46.0),
    (58.0, 31.0),
    (64.0, 12.0),
    (72.0, 2.0),
    (80.0, 2.0),
    (86.0, 18.0),
    (98.0, 14.0),
    (110.0, -40.0),
    (180.0, -76.0),
];
