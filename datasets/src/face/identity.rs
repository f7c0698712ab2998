//! A face: everything about a person that lasts.

use super::accessory::Glasses;
use super::anthropometry::{Measure, Measurements, Sex, draw_sex};
use super::beard::Beard;
use super::body::BodyLook;
use super::brow::Brows;
use super::colour::{Rgb, draw_complexion};
use super::eye::EyeLook;
use super::generic::Traits;
use super::hair::Hair;
use super::mesh::{COLUMNS, Edge, Material, Mesh, Texel};
use super::shape::Head;
use super::skin::{SkinLook, SkinMap};
use super::vector::Vec3;
use crate::math::uniform;
use crate::stream::stream;
use rand::RngExt;

/// One synthetic person's face, from which any number of captures can be taken.
#[derive(Clone, Debug)]
pub struct Face {
    pub(crate) seed: u64,
    pub(crate) subject: u64,
    sex: Sex,
    age: f32,
    measurements: Measurements,
    pub(crate) head: Head,
    pub(crate) openness: Vec<f32>,
    pub(crate) skin: SkinMap,
    pub(crate) beard: Beard,
    pub(crate) eyes: EyeLook,
    pub(crate) hair: Hair,
    pub(crate) glasses: Option<Glasses>,
    /// Everything that turns with the head and keeps its shape: hair and ears.
    pub(crate) attached: Mesh,
    pub(crate) body: Mesh,
    /// Share of captures with glasses.
    pub(crate) glasses_worn: f32,
}

impl Face {
    /// Generates the face of a subject. Same arguments, same face, on every machine.
    pub fn generate(seed: u64, subject: u64) -> Self {
        let open = |component: &str| stream(seed, component, subject);
        let rng = &mut open("face/person");
        let sex = draw_sex(rng);
        let masculinity = if sex == Sex::Male { uniform(rng, 0.3, 1.0) } else { -uniform(rng, 0.3, 1.0) };
        let age = uniform(rng, 18.0, 40.0) + 30.0 * uniform(rng, 0.0, 1.0) * uniform(rng, 0.0, 1.0);
        let measurements = Measurements::draw(sex, &mut open("face/measurements"));
        let traits = Traits::draw(masculinity, &mut open("face/traits"));
        let head = Head::shape(&measurements, &traits, &mut open("face/variation"));
        let greyness = ((age - 38.0) / 40.0).clamp(0.0, 1.0) * uniform(rng, 0.0, 1.4).min(1.0);
        let (melanin, hair_colour) = draw_complexion(greyness, rng);
        let look = skin_look(melanin, hair_colour, masculinity, age, rng);
        let skin = SkinMap::paint(&look, &mut open("face/skin"));
        let eyes = EyeLook::draw(melanin, masculinity, &mut open("face/eyes"));
        let hair = Hair::draw(hair_colour, masculinity, age, &mut open("face/hair"));
        let wears = rng.random::<f32>() < 0.22;
        let glasses = wears.then(|| Glasses::draw(rng));
        let glasses_worn = if rng.random::<bool>() { 1.0 } else { 0.6 };
        let body_look = BodyLook::draw(&measurements, masculinity, rng);

        let mut bare = Mesh::default();
        add_head(&mut bare, &head, &head.positions, &[]);
        bare.compute_normals();
        let openness = Head::openness(&bare.positions, &bare.normals);
        let mut attached = Mesh::default();
        hair.add_to(&mut attached, &head, &bare.normals);
        body_look.add_ears(&mut attached, &head);
        attached.compute_normals();
        let mut body = Mesh::default();
        body_look.add_body(&mut body);
        body.compute_normals();
        let beard = look.beard;
        Self {
            seed,
            subject,
            sex,
            age,
            measurements,
            head,
            openness,
            skin,
            beard,
            eyes,
            hair,
            glasses,
            attached,
            body,
            glasses_worn,
        }
    }

    /// Returns the subject's sex.
    pub fn sex(&self) -> Sex {
        self.sex
    }

    /// Returns the subject's age at enrolment. Units: years.
    pub fn age(&self) -> f32 {
        self.age
    }

    /// Returns the measurements that the head was shaped to. Units: millimetres.
    pub fn measurements(&self) -> &Measurements {
        &self.measurements
    }

    /// Measures the head's surface at rest. Units: millimetres; the ear's length is the one it was built with.
    pub fn measured(&self, measure: Measure) -> f32 {
        self.head.measure(measure).unwrap_or_else(|| self.measurements.of(measure))
    }
}

fn skin_look(melanin: f32, hair: Rgb, masculinity: f32, age: f32, rng: &mut impl rand::Rng) -> SkinLook {
    SkinLook {
        melanin,
        hair,
        brows: Brows::draw(masculinity, rng),
        beard: Beard::draw(masculinity, rng),
        masculinity,
        age,
    }
}

/// Adds the head's grid at the given positions.
pub(crate) fn add_head(mesh: &mut Mesh, head: &Head, positions: &[Vec3], openness: &[f32]) {
    mesh.add_grid((head.rows(), COLUMNS), Edge::Closed, Material::Skin, |row, column| {
        let vertex = row * COLUMNS + column;
        let generic = head.generic[vertex];
        let open = openness.get(vertex).copied().unwrap_or(1.0);
        (positions[vertex], Texel { x: generic.x, y: generic.y, open })
    });
}
