//! Skin that lasts: complexion, brows, lips, beard, moles, wrinkles, as a map over the generic head.

use super::beard::Beard;
use super::brow::Brows;
use super::colour::{Rgb, skin};
use super::generic::{bump, mouth_line};
use crate::math::{gaussian, smoothstep, uniform};
use crate::noise::SmoothNoise;
use rand::{Rng, RngExt};

/// The map covers x and y in these ranges at this step. Units: millimetres on the generic head.
const LEFT: f32 = -84.0;
const TOP: f32 = 122.0;
const STEP: f32 = 1.0;
const MAP_COLUMNS: usize = 169;
const MAP_ROWS: usize = 256;

/// Reflectance and gloss over the generic head's front.
#[derive(Clone, Debug)]
pub(crate) struct SkinMap {
    texels: Vec<[f32; 4]>,
    /// Reflectance of plain skin.
    pub(crate) base: Rgb,
}

/// The attributes that a person's skin map is drawn from.
#[derive(Clone, Debug)]
pub(crate) struct SkinLook {
    pub(crate) melanin: f32,
    pub(crate) hair: Rgb,
    pub(crate) brows: Brows,
    pub(crate) beard: Beard,
    pub(crate) masculinity: f32,
    /// Age in years.
    pub(crate) age: f32,
}

impl SkinMap {
    /// Paints the map.
    pub(crate) fn paint(look: &SkinLook, rng: &mut impl Rng) -> Self {
        let painter = Painter::draw(look, rng);
        let place = |i: usize| (LEFT + (i % MAP_COLUMNS) as f32 * STEP, TOP - (i / MAP_COLUMNS) as f32 * STEP);
        let texels = (0..MAP_COLUMNS * MAP_ROWS).map(|i| painter.texel(look, place(i))).collect();
        Self { texels, base: skin(look.melanin) }
    }

    /// Returns reflectance and gloss at a generic place, interpolated.
    pub(crate) fn at(&self, x: f32, y: f32) -> (Rgb, f32) {
        let column = ((x - LEFT) / STEP).clamp(0.0, MAP_COLUMNS as f32 - 1.01);
        let row = ((TOP - y) / STEP).clamp(0.0, MAP_ROWS as f32 - 1.01);
        let (c, r) = (column as usize, row as usize);
        let (fc, fr) = (column - c as f32, row - r as f32);
        let at = |r: usize, c: usize| &self.texels[r * MAP_COLUMNS + c];
        let (a, b, c2, d) = (at(r, c), at(r, c + 1), at(r + 1, c), at(r + 1, c + 1));
        let mix = |i: usize| (a[i] * (1.0 - fc) + b[i] * fc) * (1.0 - fr) + (c2[i] * (1.0 - fc) + d[i] * fc) * fr;
        (Rgb([mix(0), mix(1), mix(2)]), mix(3))
    }
}

struct Painter {
    blotches: SmoothNoise,
    pores: SmoothNoise,
    strokes: SmoothNoise,
    moles: Vec<(f32, f32, f32, f32)>,
    freckles: f32,
    flush: f32,
    lips: Rgb,
    lip_fullness: (f32, f32),
    bow: f32,
    circles: f32,
    wrinkles: [f32; 4],
    forehead_lines: [f32; 3],
}

impl Painter {
    fn draw(look: &SkinLook, rng: &mut impl Rng) -> Self {
        let (width, height) = (170.0, 256.0);
        let blotches = SmoothNoise::draw(rng, width, height, 11.0);
        let pores = SmoothNoise::draw(rng, width, height, 1.7);
        let strokes = SmoothNoise::draw(rng, 180.0, 180.0, 1.0);
        let count = 1 + (uniform(rng, 0.0, 1.0) * uniform(rng, 0.0, 14.0)) as usize;
        let mut mole = |_| {
            let (x, y) = (uniform(rng, -58.0, 58.0), uniform(rng, -112.0, 60.0));
            (x, y, uniform(rng, 0.6, 1.7), uniform(rng, 0.25, 0.8))
        };
        let moles = (0..count).map(&mut mole).collect();
        let old = ((look.age - 22.0) / 45.0).clamp(0.0, 1.0);
        let painted = look.masculinity < 0.0 && rng.random::<f32>() < 0.4;
        let natural = skin(look.melanin).filtered(Rgb([0.80, 0.52, 0.55]));
        let rouge = Rgb([0.36, 0.07, 0.08]);
        Self {
            blotches,
            pores,
            strokes,
            moles,
            freckles: (uniform(rng, -0.5, 0.5) * (1.0 - 2.0 * look.melanin)).max(0.0),
            flush: uniform(rng, 0.0, 0.22),
            lips: natural.towards(rouge, if painted { uniform(rng, 0.3, 0.8) } else { 0.0 }),
            lip_fullness: (1.0 + 0.12 * gaussian(rng), 1.0 + 0.12 * gaussian(rng)),
            bow: uniform(rng, 0.05, 0.35),
            circles: uniform(rng, 0.0, 0.22),
            wrinkles: std::array::from_fn(|_| old * uniform(rng, 0.3, 1.0)),
            forehead_lines: std::array::from_fn(|i| 28.0 + 9.0 * i as f32 + 2.0 * gaussian(rng)),
        }
    }

    fn texel(&self, look: &SkinLook, (x, y): (f32, f32)) -> [f32; 4] {
        let ax = x.abs();
        let blotch = self.blotches.at(x - LEFT, TOP - y);
        let pore = self.pores.at(x - LEFT, TOP - y);
        let stroke = |u: f32, v: f32| self.strokes.at(u + 300.0, v + 300.0);
        let mut colour = skin(look.melanin).times(1.0 + 0.05 * blotch + 0.065 * pore);
        colour = self.flushed(colour, ax, y, blotch);
        colour = self.spotted(colour, x, y, pore);
        colour = colour.times(self.shadowed(ax, y) * self.lined(ax, x, y));
        let lip = self.lip_share(x, y);
        if lip > 0.0 {
            colour = colour.towards(self.lips.times(1.0 + 0.10 * stroke(x * 0.9, y * 0.15)), lip);
        }
        let brow = look.brows.share(x, y, &stroke);
        colour = colour.towards(look.hair.times(0.8), brow);
        let beard = look.beard.share(ax, x, y, &stroke) * (1.0 - lip);
        colour =
            colour.towards(look.beard.colour(look.hair).times(1.0 + 0.35 * stroke(x * 1.1 + 50.0, y * 0.42)), beard);
        let oily = 0.35 * bump(ax, 0.0, 14.0) * bump(y, -22.0, 22.0) + 0.3 * bump(ax, 0.0, 34.0) * bump(y, 42.0, 18.0);
        let gloss = (0.35 + oily + 0.4 * lip) * (1.0 - 0.8 * brow.max(beard)) * (1.0 + 0.15 * pore);
        [colour.0[0], colour.0[1], colour.0[2], gloss]
    }

    fn flushed(&self, colour: Rgb, ax: f32, y: f32, blotch: f32) -> Rgb {
        let cheeks = bump(ax, 40.0, 15.0) * bump(y, -38.0, 14.0);
        let nose = bump(ax, 0.0, 11.0) * bump(y, -40.0, 8.0);
        let red = (self.flush * (cheeks + 0.9 * nose) * (1.0 + 0.3 * blotch)).clamp(0.0, 0.5);
        colour.filtered(Rgb([1.0 - 0.1 * red, 1.0 - red, 1.0 - 0.9 * red]))
    }

    fn spotted(&self, colour: Rgb, x: f32, y: f32, pore: f32) -> Rgb {
        let freckled = smoothstep(1.1, 1.9, pore) * self.freckles * bump(y, -25.0, 30.0);
        let mole = |&(cx, cy, radius, depth): &(f32, f32, f32, f32)| {
            let d2 = (x - cx) * (x - cx) + (y - cy) * (y - cy);
            depth * libm::expf(-d2 / (radius * radius))
        };
        let near = |m: &&(f32, f32, f32, f32)| (x - m.0).abs() < 5.0 && (y - m.1).abs() < 5.0;
        let dark: f32 = freckled + self.moles.iter().filter(near).map(mole).sum::<f32>();
        let dark = dark.clamp(0.0, 0.85);
        colour.filtered(Rgb([1.0 - 0.8 * dark, 1.0 - 0.9 * dark, 1.0 - dark]))
    }

    /// Returns the factor of hollows and openings that let little light out.
    fn shadowed(&self, ax: f32, y: f32) -> f32 {
        let jaw_line = -85.0 - 0.86 * (50.0 - ax).max(0.0);
        let under_jaw = 0.62 * smoothstep(-1.0, 9.0, jaw_line - y);
        let arch = -48.4 + 0.5 * bump(ax, 6.8, 2.0);
        let nostril = 0.86 * bump(ax, 6.8, 2.3) * bump(y, arch, 1.35);
        let under_nose = 0.06 * bump(ax, 0.0, 9.0) * bump(y, -52.0, 2.2);
        let circles = self.circles * bump(ax, 27.0, 11.0) * bump(y, -9.5, 4.0);
        let socket = 0.12 * bump(ax, 29.0, 14.0) * bump(y, 3.0, 6.5) + 0.10 * bump(ax, 17.0, 5.0) * bump(y, 3.0, 6.0);
        let alar = 0.28 * bump(ax, 17.8, 1.2) * bump(y, -44.0, 4.0);
        (1.0 - under_jaw) * (1.0 - nostril) * (1.0 - under_nose) * (1.0 - circles) * (1.0 - socket) * (1.0 - alar)
    }

    fn lined(&self, ax: f32, x: f32, y: f32) -> f32 {
        let [forehead, crow, glabella, fold] = self.wrinkles;
        let wave = 1.2 * libm::sinf(0.09 * x + self.bow * 20.0);
        let lines: f32 = self.forehead_lines.iter().map(|&at| bump(y + wave, at, 0.9)).sum();
        let forehead = forehead * 0.20 * lines * (1.0 - smoothstep(28.0, 44.0, ax));
        let rays: f32 = (-1i32..=1).map(|k| bump(y + 1.0 - k as f32 * (ax - 44.0) * 0.45, 0.0, 0.8)).sum();
        let crow = crow * 0.16 * rays * smoothstep(45.5, 48.0, ax) * (1.0 - smoothstep(53.0, 59.0, ax));
        let glabella = glabella * 0.2 * bump(ax, 5.5, 0.9) * bump(y, 13.0, 5.0);
        let on_fold = ax - 18.5 - (-42.0 - y) * 0.36;
        let fold = (0.10 + 0.25 * fold) * bump(on_fold, 0.0, 1.3) * smoothstep(-41.0, -47.0, y);
        (1.0 - forehead) * (1.0 - crow) * (1.0 - glabella) * (1.0 - fold * (1.0 - smoothstep(-64.0, -76.0, y)))
    }

    /// Returns how much of a place is vermilion.
    fn lip_share(&self, x: f32, y: f32) -> f32 {
        let ax = x.abs();
        let m = (1.0 - (ax / 25.0) * (ax / 25.0)).max(0.0);
        let line = mouth_line(x);
        if ax > 25.0 || !(-14.0..12.0).contains(&(y - line)) {
            return 0.0;
        }
        let bow = 1.0 - self.bow * bump(x, 0.0, 2.6) + 0.06 * bump(ax, 6.0, 3.0);
        let top = line + 7.2 * self.lip_fullness.0 * libm::powf(m, 0.85) * bow;
        let bottom = line - 8.6 * self.lip_fullness.1 * libm::powf(m, 0.75);
        smoothstep(-0.7, 0.7, top - y) * smoothstep(-0.9, 0.9, y - bottom) * smoothstep(0.0, 0.05, m)
    }
}
