//! One capture: the face posed, lit, rendered and developed.

use super::accessory::{Cover, add_cover};
use super::background::Background;
use super::body::Clothes;
use super::colour::Rgb;
use super::condition::Condition;
use super::device::Device;
use super::eye::EyeState;
use super::identity::{Face, add_head};
use super::landmarks::Landmark;
use super::light::Lighting;
use super::mesh::{COLUMNS, Material, Mesh};
use super::nuisance::Nuisance;
use super::raster::{Hit, Projected, ShadowMap, visible};
use super::sensor::{Settings, develop};
use super::shade::Scene;
use super::shape::Head;
use super::truth::{FacePoints, Truth};
use super::vector::{Rotation, Vec3};
use crate::math::{Point, uniform};
use crate::stream::stream;
use biopay_biometrics::Sample;
use ndarray::Array2;
use rand::Rng;

/// A captured image and what is known about it.
#[derive(Clone, Debug)]
pub struct Capture {
    /// The image in grey.
    pub sample: Sample,
    /// The same image in colour. Shape: `[rows, columns]` of red, green and blue.
    pub colour: Array2<[u8; 3]>,
    /// The truth behind it.
    pub truth: Truth,
}

impl Face {
    /// Captures the face: the image that a device gives, and the truth behind it.
    ///
    /// Same arguments, same bytes. Captures of different numbers are independent sittings.
    pub fn capture(&self, device: &Device, nuisance: Nuisance, number: u64) -> Capture {
        capture_covered(self, device, nuisance, Cover::None, number)
    }
}

/// Captures a face of which a part may be covered.
pub(crate) fn capture_covered(face: &Face, device: &Device, nuisance: Nuisance, cover: Cover, number: u64) -> Capture {
    let open = |stage: &str| stream(face.seed, &format!("face/capture/{}/{stage}/{number}", device.name), face.subject);
    let condition = Condition::draw(face, device, nuisance, cover, &mut open("condition"));
    let lighting = Lighting::draw(nuisance.value(), &mut open("light"));
    let mut sitting = open("sitting");
    let posed = Posed::build(face, &condition, &mut sitting);
    let view = View::aim(device, &condition, posed.eyes_middle());
    let background = Background::draw(&mut sitting);
    let clothes = Clothes::draw(&mut sitting);
    let (light, metered) = render(face, &condition, &posed, &view, &lighting, &background, clothes);
    let mut camera = open("camera");
    let settings = Settings::draw(device, nuisance.value(), &mut camera);
    let developed = develop(light, metered, &settings, &mut camera);
    let truth = Truth { points: posed.points(&view), nuisance, condition };
    Capture { sample: Sample::face(developed.grey), colour: developed.colour, truth }
}

/// The meshes of one sitting in the camera's axes, the head turned.
struct Posed {
    mesh: Mesh,
    rotation: Rotation,
    landmarks: [Vec3; 5],
}

/// Where the head turns: between the ears, a little below.
const PIVOT: Vec3 = Vec3::new(0.0, -45.0, -95.0);
/// Share of the head's turn that the shoulders follow.
const BODY_FOLLOWS: f32 = 0.3;

impl Posed {
    fn build(face: &Face, condition: &Condition, rng: &mut impl Rng) -> Self {
        let rotation = Rotation::head(condition.yaw, condition.pitch, condition.roll);
        let follow = BODY_FOLLOWS * uniform(rng, 0.0, 1.6);
        let body_rotation = Rotation::head(condition.yaw * follow, 0.0, condition.roll * 0.2);
        let moved = expressed(face, condition);
        let mut mesh = Mesh::default();
        add_head(&mut mesh, &face.head, &moved, &face.openness);
        mesh.compute_normals();
        if condition.glasses
            && let Some(glasses) = &face.glasses
        {
            glasses.add_to(&mut mesh, &face.head);
        }
        if condition.cover != Cover::None {
            let normals = mesh.normals.clone();
            add_cover(condition.cover, &mut mesh, &face.head, &normals);
        }
        if mesh.positions.len() > mesh.normals.len() {
            mesh.compute_normals();
        }
        append(&mut mesh, &face.attached);
        turn(&mut mesh, 0, &rotation);
        let first = mesh.positions.len();
        append(&mut mesh, &face.body);
        turn(&mut mesh, first, &body_rotation);
        let landmarks = landmark_vertices().map(|vertex| about_pivot(moved[vertex], &rotation));
        Self { mesh, rotation, landmarks }
    }

    fn eyes_middle(&self) -> Vec3 {
        let eyes = self.landmarks[0].towards(self.landmarks[1], 0.5);
        let mouth = self.landmarks[3].towards(self.landmarks[4], 0.5);
        eyes.towards(mouth, 0.38)
    }

    fn points(&self, view: &View) -> FacePoints {
        let [left_eye, right_eye, nose, left_mouth, right_mouth] = self.landmarks.map(|p| {
            let at = view.project(p);
            Point::new(at.x / SUPERSAMPLING as f32 - 0.5, at.y / SUPERSAMPLING as f32 - 0.5)
        });
        FacePoints { left_eye, right_eye, nose, left_mouth, right_mouth }
    }
}

/// Returns the head grid's vertices of left eye, right eye, nose tip, left and right corner of the mouth.
fn landmark_vertices() -> [usize; 5] {
    let (right_eye, left_eye) = super::landmarks::vertices(Landmark::Pupil);
    let (right_mouth, left_mouth) = super::landmarks::vertices(Landmark::Cheilion);
    [left_eye, right_eye, super::landmarks::vertices(Landmark::Pronasale).0, left_mouth, right_mouth]
}

fn expressed(face: &Face, condition: &Condition) -> Vec<Vec3> {
    let head: &Head = &face.head;
    let outwards = |g: Vec3| Vec3::new(g.x * 0.5, 0.25 * (g.y + 95.0).min(0.0), 30.0).unit();
    let one = |(g, p): (&Vec3, &Vec3)| {
        let hair = face.beard.stands_out(g.x, g.y);
        let hair = if hair > 0.0 && g.z > -90.0 { outwards(*g) * hair } else { Vec3::default() };
        *p + condition.expression.displacement(*g) + hair
    };
    debug_assert_eq!(head.positions.len() % COLUMNS, 0);
    head.generic.iter().zip(&head.positions).map(one).collect()
}

fn append(mesh: &mut Mesh, other: &Mesh) {
    let first = mesh.positions.len() as u32;
    mesh.triangles.reserve(other.triangles.len());
    mesh.positions.extend_from_slice(&other.positions);
    mesh.normals.extend_from_slice(&other.normals);
    mesh.texels.extend_from_slice(&other.texels);
    mesh.triangles.extend(other.triangles.iter().map(|(corners, m)| (corners.map(|i| i + first), *m)));
}

fn turn(mesh: &mut Mesh, from: usize, rotation: &Rotation) {
    mesh.positions[from..].iter_mut().for_each(|p| *p = about_pivot(*p, rotation));
    mesh.normals[from..].iter_mut().for_each(|n| *n = rotation.apply(*n));
}

fn about_pivot(p: Vec3, rotation: &Rotation) -> Vec3 {
    rotation.apply(p - PIVOT) + PIVOT
}

/// Samples per pixel along each axis.
const SUPERSAMPLING: usize = 2;

/// A perspective camera that looks along -z.
struct View {
    camera: Vec3,
    focal: f32,
    middle: (f32, f32),
    size: (usize, usize),
}

impl View {
    fn aim(device: &Device, condition: &Condition, target: Vec3) -> Self {
        let size = (device.columns * SUPERSAMPLING, device.rows * SUPERSAMPLING);
        let width = size.0 as f32;
        let focal = condition.interpupillary * width * condition.distance / MEAN_INTERPUPILLARY;
        let middle = (width * (0.5 + condition.shift.0), size.1 as f32 * 0.5 - width * condition.shift.1);
        Self { camera: target + Vec3::new(0.0, 0.0, condition.distance), focal, middle, size }
    }

    fn project(&self, p: Vec3) -> Projected {
        let ahead = self.camera.z - p.z;
        if ahead < 10.0 {
            return Projected::default();
        }
        let near = 1.0 / ahead;
        let x = self.middle.0 + self.focal * (p.x - self.camera.x) * near;
        Projected { x, y: self.middle.1 - self.focal * (p.y - self.camera.y) * near, near }
    }
}

/// The mean of both sexes, which framing goes by. Units: millimetres.
const MEAN_INTERPUPILLARY: f32 = 62.9;

/// Renders linear light, and meters the face.
fn render(
    face: &Face,
    condition: &Condition,
    posed: &Posed,
    view: &View,
    lighting: &Lighting,
    background: &Background,
    clothes: Clothes,
) -> (Array2<Rgb>, f32) {
    let cutout = |material, texel: &_| Scene::cutout(face, material, texel);
    let projected: Vec<Projected> = posed.mesh.positions.iter().map(|&p| view.project(p)).collect();
    let hits = visible(&posed.mesh, &projected, view.size, &cutout);
    let shades = |material, texel: &_| Scene::shades(face, material, texel);
    let shadow = ShadowMap::render(&posed.mesh, PIVOT, lighting.key.direction, &shades);
    let expression = &condition.expression;
    let scene = Scene {
        face,
        mesh: &posed.mesh,
        camera: view.camera,
        head_rotation: posed.rotation,
        lighting,
        shadow,
        expression,
        eyes: EyeState { openness: expression.eyes, gaze: expression.gaze, pupil: 1.9 },
        clothes,
        oil: condition.oil,
    };
    let (columns, rows) = (view.size.0 / SUPERSAMPLING, view.size.1 / SUPERSAMPLING);
    let light = |hit: &Hit, x: usize, y: usize| {
        if hit.is_miss() {
            background.at(x as f32 / view.size.0 as f32, y as f32 / view.size.0 as f32)
        } else {
            scene.radiance(hit)
        }
    };
    let pixel = |(row, column): (usize, usize)| {
        let sample = |k: usize| {
            let (x, y) = (column * SUPERSAMPLING + k % SUPERSAMPLING, row * SUPERSAMPLING + k / SUPERSAMPLING);
            (&hits[y * view.size.0 + x], x, y)
        };
        let part = |k: usize| scene.part(sample(k).0);
        let last = SUPERSAMPLING * SUPERSAMPLING - 1;
        // Inside one part its diagonal says enough, of cloth and background one sample; at its edge every sample counts.
        let first = part(0);
        let step = match first {
            _ if (1..=last).any(|k| part(k) != first) => 1,
            None | Some(Material::Cloth) => last + 1,
            Some(_) => last,
        };
        let (mut sum, mut count) = (Rgb::default(), 0.0);
        for k in (0..=last).step_by(step) {
            let (hit, x, y) = sample(k);
            sum = sum.plus(light(hit, x, y));
            count += 1.0;
        }
        sum.times(1.0 / count)
    };
    let image = Array2::from_shape_fn((rows, columns), pixel);
    let metered = meter(&image);
    (image, metered)
}

/// Returns the mean luminance of the middle of the image, where a viewfinder's oval has the face.
fn meter(image: &Array2<Rgb>) -> f32 {
    let (rows, columns) = image.dim();
    let middle = image.slice(ndarray::s![rows / 4..3 * rows / 4, columns / 4..3 * columns / 4]);
    middle.iter().map(|c| c.luminance()).sum::<f32>() / middle.len() as f32
}
