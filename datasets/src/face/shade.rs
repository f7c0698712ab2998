//! Shading: the light that each pixel sends to the camera.

use super::accessory;
use super::body::Clothes;
use super::colour::Rgb;
use super::expression::{Expression, JAW_DROP};
use super::eye::{EyePoint, EyeState, glint};
use super::generic::{bump, decay, mouth_line};
use super::hair::CURTAIN_MARK;
use super::identity::Face;
use super::light::{Lamp, Lighting};
use super::mesh::{Material, Mesh, Texel};
use super::raster::{Hit, ShadowMap, interpolate};
use super::vector::{Rotation, Vec3};
use crate::math::smoothstep;

/// Everything that shading a pixel needs.
pub(crate) struct Scene<'a> {
    pub(crate) face: &'a Face,
    pub(crate) mesh: &'a Mesh,
    pub(crate) camera: Vec3,
    pub(crate) head_rotation: Rotation,
    pub(crate) lighting: &'a Lighting,
    pub(crate) shadow: ShadowMap,
    pub(crate) expression: &'a Expression,
    pub(crate) eyes: EyeState,
    pub(crate) clothes: Clothes,
    /// Gloss of sweat or dry skin at this capture.
    pub(crate) oil: f32,
}

/// A place on a surface.
struct Place {
    position: Vec3,
    normal: Vec3,
    texel: Texel,
    lit: f32,
}

impl Scene<'_> {
    /// Returns whether part of a triangle is there.
    pub(crate) fn cutout(face: &Face, material: Material, texel: &Texel) -> bool {
        if material == Material::Hair { face.hair.covers(texel) } else { accessory::covers(material, texel) }
    }

    /// Returns whether part of a triangle casts a shadow.
    pub(crate) fn shades(face: &Face, material: Material, texel: &Texel) -> bool {
        if material == Material::Hair { face.hair.shades(texel) } else { accessory::covers(material, texel) }
    }

    /// Returns which part a pixel sees; `None` for the background.
    pub(crate) fn part(&self, hit: &Hit) -> Option<Material> {
        (!hit.is_miss()).then(|| self.mesh.triangles[hit.triangle as usize].1)
    }

    /// Returns the light from what a pixel sees.
    pub(crate) fn radiance(&self, hit: &Hit) -> Rgb {
        let (corners, material) = &self.mesh.triangles[hit.triangle as usize];
        let (v, w) = hit.weights;
        let u = 1.0 - v - w;
        let mix = |values: &[Vec3]| {
            values[corners[0] as usize] * u + values[corners[1] as usize] * v + values[corners[2] as usize] * w
        };
        let position = mix(&self.mesh.positions);
        let mut normal = mix(&self.mesh.normals).unit();
        let texel = interpolate(&corners.map(|i| self.mesh.texels[i as usize]), hit.weights);
        if !matches!(material, Material::Skin) && normal.dot(self.camera - position) < 0.0 {
            normal = -normal;
        }
        // What faces away from the lamp gets nothing from it, not even through the skin.
        let turned_away = normal.dot(self.lighting.key.direction) < -0.46;
        let lit = if turned_away { 1.0 } else { self.shadow.lit(position + normal * 1.5) };
        let place = Place { position, normal, texel, lit };
        match material {
            Material::Skin => self.face_skin(&place),
            Material::Ear => self.skin(&place, self.face.skin.base.filtered(Rgb([0.98, 0.86, 0.84])), 0.25),
            Material::Cloth => self.body(&place),
            Material::Hair => self.hair(&place),
            Material::Frame => self.plain(&place, self.face.glasses.map_or(Rgb::grey(0.03), |g| g.colour), 0.5),
            Material::Mask => {
                let pleat = 1.0 - 0.12 * bump((place.texel.y + 140.0) % 16.0, 8.0, 1.2);
                self.plain(&place, Rgb([0.42, 0.55, 0.60]).times(pleat), 0.05)
            }
            Material::Scarf => self.plain(&place, self.clothes.second, 0.02),
        }
    }

    fn face_skin(&self, place: &Place) -> Rgb {
        let (x, y) = (place.texel.x, place.texel.y);
        let front = place.texel.open > 0.0;
        let (mut colour, gloss) = self.face.skin.at(x, y);
        if front && let Some(mouth) = self.inside_mouth(x, y) {
            return self.plain(place, mouth, 0.1);
        }
        match self.face.eyes.at(x, y, &self.eyes) {
            Some(EyePoint::Ball { colour, normal, light }) => return self.eyeball(place, colour, normal, light),
            Some(EyePoint::Lid(factor)) => colour = colour.times(factor),
            None => {}
        }
        let root = self.face.hair.root_share(x, y);
        colour = colour.towards(self.face.hair.colour.times(1.2), root);
        let ax = x.abs();
        let crease = self.smile_lines(ax, y);
        self.skin(place, colour.times(1.0 - crease), gloss * self.oil)
    }

    fn smile_lines(&self, ax: f32, y: f32) -> f32 {
        let off = ax - 19.5 - (-42.0 - y) * 0.36;
        let fold = 0.30 * bump(off, 0.0, 1.7) * smoothstep(-42.0, -50.0, y) * (1.0 - smoothstep(-70.0, -80.0, y));
        let knit = 0.3 * (-self.expression.brows).max(0.0) * bump(ax, 5.0, 0.9) * bump(y, 13.0, 4.5);
        fold * self.expression.smile + knit
    }

    /// Returns what shows between the lips; `None` where they are closed.
    fn inside_mouth(&self, x: f32, y: f32) -> Option<Rgb> {
        let line = mouth_line(x);
        let gap = (line - y) / 1.4;
        let ax = x.abs();
        if !(0.08..0.92).contains(&gap) || ax > 23.0 {
            return None;
        }
        if self.expression.open < 0.04 {
            return (0.2..0.7).contains(&gap).then_some(self.face.skin.base.filtered(Rgb([0.24, 0.15, 0.15])));
        }
        let teeth = self.expression.smile > 0.3 || self.expression.open < 0.35;
        let between = 1.0 - 0.25 * bump((ax + 0.3) % 8.0, 4.0, 0.5);
        let upper_row = gap * self.expression.open * JAW_DROP < 4.5 + 2.5 * self.expression.smile && ax < 20.0;
        let fade = 1.0 - 0.65 * smoothstep(8.0, 20.0, ax);
        // The upper lip shades them.
        let light = between * fade * smoothstep(0.05, 0.45, gap);
        Some(if teeth && upper_row { Rgb([0.46, 0.41, 0.34]).times(light) } else { Rgb([0.05, 0.02, 0.02]) })
    }

    fn eyeball(&self, place: &Place, colour: Rgb, normal: Vec3, light: f32) -> Rgb {
        let normal = self.head_rotation.apply(normal);
        let ball = Place { normal, ..*place };
        let lit = self.lambert(&ball, [0.15; 3]).plus(self.lighting.ambient(normal).times(0.85));
        let view = (self.camera - place.position).unit();
        let shine = |lamp: &Lamp| lamp.colour.times(0.75 * glint(normal, (lamp.direction + view).unit()));
        let gleam = shine(&self.lighting.key).times(place.lit).plus(shine(&self.lighting.fill));
        colour.filtered(lit).times(light).plus(gleam).plus(Rgb::grey(0.006))
    }

    /// Shades skin: light that enters comes out again nearby and redder, so that the edge of shade is soft and red.
    fn skin(&self, place: &Place, colour: Rgb, gloss: f32) -> Rgb {
        let diffuse = self.lambert(place, [0.34, 0.20, 0.15]);
        let open = place.texel.open.clamp(0.0, 1.0);
        let bounced = Rgb([open, open * (0.82 + 0.18 * open), open * (0.75 + 0.25 * open)]);
        let ambient = self.lighting.ambient(place.normal).filtered(bounced);
        let shine = self.shine(place, [(9.0, 0.075), (34.0, 0.045)]).times(gloss);
        colour.filtered(diffuse.plus(ambient)).plus(shine)
    }

    fn plain(&self, place: &Place, colour: Rgb, gloss: f32) -> Rgb {
        let light = self.lambert(place, [0.1; 3]).plus(self.lighting.ambient(place.normal).times(place.texel.open));
        colour.filtered(light).plus(self.shine(place, [(40.0, 0.4), (40.0, 0.0)]).times(gloss))
    }

    fn body(&self, place: &Place) -> Rgb {
        match self.clothes.at(place.texel.x, place.texel.y) {
            Some(cloth) => self.plain(place, cloth, 0.02),
            None => {
                let hidden = 0.35 + 0.60 * place.texel.open;
                self.skin(place, self.face.skin.base.times(hidden), 0.15)
            }
        }
    }

    /// Shades hair after Kajiya and Kay 1989: strands shine across their direction.
    fn hair(&self, place: &Place) -> Rgb {
        let hair = &self.face.hair;
        let pattern = hair.pattern(&place.texel);
        let down = Vec3::new(0.25 * pattern, -1.0, 0.35 * (place.texel.y > 70.0) as u8 as f32);
        let tangent = (down - place.normal * down.dot(place.normal)).unit();
        let curtain = place.texel.open > CURTAIN_MARK;
        let open = if curtain { 0.62 + 0.06 * pattern } else { place.texel.open + 0.08 * pattern };
        let tone = (1.0 + 0.42 * pattern).clamp(0.25, 2.2);
        let diffuse = self.lambert(place, [0.45; 3]);
        let light = diffuse.times(0.85).plus(self.lighting.ambient(place.normal).times(open.clamp(0.2, 1.0)));
        let view = (self.camera - place.position).unit();
        let shine = |lamp: &Lamp, lit: f32| {
            let along = tangent.dot((lamp.direction + view).unit());
            let across = (1.0 - along * along).max(0.0);
            let facing = place.normal.dot(lamp.direction).max(0.0);
            let power = across * across * across * across;
            lamp.colour.times(lit * facing * power * power * power * power * (0.5 + 0.4 * pattern).max(0.0))
        };
        let gleam = shine(&self.lighting.key, place.lit).plus(shine(&self.lighting.fill, 1.0));
        let gleam = gleam.plus(self.rim(place).times(0.3));
        hair.colour.times(tone).filtered(light).plus(gleam.filtered(hair.colour.plus(Rgb::grey(0.05))).times(0.55))
    }

    /// Returns the diffuse light of all lamps; `wrap` lets each colour reach that far into the shade.
    fn lambert(&self, place: &Place, wrap: [f32; 3]) -> Rgb {
        let share = |lamp: &Lamp| {
            let facing = place.normal.dot(lamp.direction);
            Rgb(wrap.map(|w| ((facing + w) / ((1.0 + w) * (1.0 + w))).max(0.0))).filtered(lamp.colour)
        };
        let lit = place.lit;
        let bleeding = Rgb(wrap.map(|w| lit + w * lit * (1.0 - lit)));
        share(&self.lighting.key).filtered(bleeding).plus(share(&self.lighting.fill)).plus(self.rim(place))
    }

    fn rim(&self, place: &Place) -> Rgb {
        self.lighting.rim.colour.times(place.normal.dot(self.lighting.rim.direction).max(0.0))
    }

    /// Returns mirrored light of the lamps (Blinn 1977), stronger at grazing angles; each lobe has a sharpness and a
    /// strength.
    fn shine(&self, place: &Place, lobes: [(f32, f32); 2]) -> Rgb {
        let view = (self.camera - place.position).unit();
        let grazing = 1.0 - place.normal.dot(view).max(0.0);
        let fresnel = 1.0 + 3.0 * grazing * grazing * grazing * grazing;
        let lamp = |lamp: &Lamp, lit: f32| {
            let aligned = place.normal.dot((lamp.direction + view).unit()).max(0.0);
            let facing = smoothstep(0.0, 0.2, place.normal.dot(lamp.direction));
            if facing * lit <= 0.0 {
                return Rgb::default();
            }
            let lobe = |(power, strength): (f32, f32)| strength * decay(power * 2.0 * (1.0 - aligned));
            lamp.colour.times(lit * facing * fresnel * (lobe(lobes[0]) + lobe(lobes[1])))
        };
        lamp(&self.lighting.key, place.lit).plus(lamp(&self.lighting.fill, 1.0))
    }
}
