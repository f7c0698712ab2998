//! Where ridges run: singular points and the orientation field round them.

use super::PatternClass;
use crate::math::{PI, Point, gaussian_within, smoothstep, uniform};
use crate::noise::SmoothNoise;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// The kind of a singular point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SingularKind {
    /// The orientation turns by +π on a circle round it: the innermost turning of a loop.
    Core,
    /// The orientation turns by -π: three ridge systems meet.
    Delta,
}

/// A singular point of the orientation field.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SingularPoint {
    /// Core or delta.
    pub kind: SingularKind,
    /// Where it is, in the coordinates of whatever holds it.
    pub at: Point,
}

/// The ridges' orientation anywhere on a finger.
///
/// The zero-pole model (Sherlock and Monro 1993) fixes the topology. To it are added fields that cannot change the
/// topology: loops are round above their core and straight below it (a correction by direction in the manner of
/// Vizcaya and Gerhardt 1996), ridges bend round the fingertip and lie flat at the joint, as they do on a thimble,
/// and a little low-frequency irregularity is the finger's own.
///
/// Units: finger coordinates, pixels at 500 per inch from the pattern's centre, y downwards; angles in radians from
/// the x axis towards the y axis, modulo π.
#[derive(Clone, Debug)]
pub(crate) struct OrientationField {
    singular_points: Vec<SingularPoint>,
    tilt: f32,
    loop_bend: Option<LoopBend>,
    arch_height: f32,
    tip_radius: f32,
    tip_strength: f32,
    irregularity: SmoothNoise,
    irregularity_angle: f32,
    origin: Point,
}

/// The region of the finger that the irregularity must cover, from `origin`.
pub(crate) struct Extent {
    pub(crate) origin: Point,
    pub(crate) width: f32,
    pub(crate) height: f32,
}

impl OrientationField {
    /// Draws the field of one finger.
    pub(crate) fn draw(class: PatternClass, extent: &Extent, rng: &mut impl Rng) -> Self {
        let singular_points = draw_singular_points(class, rng);
        let arch = matches!(class, PatternClass::Arch);
        let tip_strength = if arch { ARCH_TIP_STRENGTH } else { TIP_STRENGTH };
        Self {
            tilt: gaussian_within(rng, 0.0, TILT_SD, 2.0),
            loop_bend: LoopBend::draw(class, &singular_points, rng),
            singular_points,
            arch_height: if arch { uniform(rng, ARCH_HEIGHT.0, ARCH_HEIGHT.1) } else { 0.0 },
            tip_radius: uniform(rng, TIP_RADIUS.0, TIP_RADIUS.1),
            tip_strength: uniform(rng, tip_strength.0, tip_strength.1),
            irregularity: SmoothNoise::draw(rng, extent.width, extent.height, IRREGULARITY_STEP),
            irregularity_angle: uniform(rng, IRREGULARITY_ANGLE.0, IRREGULARITY_ANGLE.1),
            origin: extent.origin,
        }
    }

    /// Returns the singular points, in finger coordinates.
    pub(crate) fn singular_points(&self) -> &[SingularPoint] {
        &self.singular_points
    }

    /// Returns the orientation at a position, in radians; it is meaningful modulo π only.
    pub(crate) fn at(&self, p: Point) -> f32 {
        let loop_bend = self.loop_bend.as_ref().map_or(0.0, |bend| bend.at(p));
        self.zero_pole(p) + loop_bend + self.fingertip(p) + self.arch(p) + self.own_irregularity(p) + self.tilt
    }

    fn zero_pole(&self, p: Point) -> f32 {
        let half_turn = |s: &SingularPoint| {
            let angle = libm::atan2f(p.y - s.at.y, p.x - s.at.x);
            if s.kind == SingularKind::Core { angle } else { -angle }
        };
        self.singular_points.iter().map(half_turn).sum::<f32>() / 2.0
    }

    /// Bends ridges round the tip: as on circles about a centre below, fading out towards the joint.
    fn fingertip(&self, p: Point) -> f32 {
        let above = (TIP_FADE_FROM - p.y).max(0.0);
        let reach = above / (above + TIP_FADE_LENGTH);
        self.tip_strength * reach * libm::atan2f(p.x, above + self.tip_radius)
    }

    /// Lifts the ridges of a plain arch in the middle (Cappelli, Handbook of Fingerprint Recognition, 6.4).
    fn arch(&self, p: Point) -> f32 {
        if self.arch_height == 0.0 {
            return 0.0;
        }
        let rise = self.arch_height * libm::expf(-(p.y - ARCH_ROW) * (p.y - ARCH_ROW) / (2.0 * ARCH_ROWS * ARCH_ROWS));
        let side = (p.x / ARCH_WIDTH).clamp(-1.0, 1.0);
        libm::atanf(rise * libm::sinf(PI * side))
    }

    fn own_irregularity(&self, p: Point) -> f32 {
        self.irregularity_angle * self.irregularity.at(p.x - self.origin.x, p.y - self.origin.y)
    }
}

/// A bend that rounds the loop above the uppermost core and straightens its legs below.
///
/// The zero-pole model turns ridges evenly on a circle round a core, by half the angle. On a real loop they turn with
/// the whole angle over the upper half and not at all over the lower: the difference is a triangle wave of the
/// direction, of which this is the first harmonic.
#[derive(Clone, Debug)]
struct LoopBend {
    core: Point,
    /// The direction from the legs to the top of the loop, in radians.
    top: f32,
    strength: f32,
    /// The rows between which the bend fades out, going down.
    fade: (f32, f32),
}

impl LoopBend {
    fn draw(class: PatternClass, singular_points: &[SingularPoint], rng: &mut impl Rng) -> Option<Self> {
        let (strength, lean) = match class {
            PatternClass::Arch => return None,
            PatternClass::TentedArch => (uniform(rng, 0.50, 0.70), 0.0),
            PatternClass::LeftLoop => (uniform(rng, 0.75, 0.98), uniform(rng, 0.15, 0.55)),
            PatternClass::RightLoop => (uniform(rng, 0.75, 0.98), -uniform(rng, 0.15, 0.55)),
            PatternClass::Whorl => (uniform(rng, 0.38, 0.55), 0.0),
        };
        let core = singular_points.iter().find(|s| s.kind == SingularKind::Core)?.at;
        let lowest = singular_points.iter().map(|s| s.at.y).fold(core.y, f32::max);
        Some(Self { core, top: lean - PI / 2.0, strength, fade: (core.y + 0.2 * (lowest - core.y), lowest + 40.0) })
    }

    fn at(&self, p: Point) -> f32 {
        let from_core = p.minus(self.core);
        let distance = from_core.length().max(1e-3);
        let (sin, cos) = libm::sincosf(self.top);
        let sine_from_top = (cos * from_core.y - sin * from_core.x) / distance;
        self.strength * sine_from_top * (1.0 - smoothstep(self.fade.0, self.fade.1, p.y))
    }
}

/// Places cores and deltas as they lie on fingers: deltas 15 to 30 ridges below and to the sides of the cores.
fn draw_singular_points(class: PatternClass, rng: &mut impl Rng) -> Vec<SingularPoint> {
    let core = |x, y| SingularPoint { kind: SingularKind::Core, at: Point::new(x, y) };
    let delta = |x, y| SingularPoint { kind: SingularKind::Delta, at: Point::new(x, y) };
    let jitter = |rng: &mut _, sd| gaussian_within(rng, 0.0, sd, 2.0);
    match class {
        PatternClass::Arch => Vec::new(),
        PatternClass::TentedArch => {
            let x = jitter(rng, 6.0);
            vec![core(x, jitter(rng, 8.0)), delta(x + jitter(rng, 6.0), uniform(rng, 60.0, 110.0))]
        }
        PatternClass::LeftLoop | PatternClass::RightLoop => {
            let mirror = if class == PatternClass::LeftLoop { 1.0 } else { -1.0 };
            let at = (jitter(rng, 8.0), jitter(rng, 12.0));
            let side = uniform(rng, 60.0, 125.0);
            vec![core(mirror * at.0, at.1), delta(mirror * side, uniform(rng, 75.0, 145.0))]
        }
        PatternClass::Whorl => {
            let apart = uniform(rng, 4.0, 34.0);
            let lean = if rng.random() { 1.0 } else { -1.0 } * uniform(rng, 0.0, 0.8) * apart;
            let low = uniform(rng, 85.0, 150.0);
            vec![
                core(lean / 2.0, -apart),
                core(-lean / 2.0, apart),
                delta(uniform(rng, -135.0, -75.0), low + jitter(rng, 14.0)),
                delta(uniform(rng, 75.0, 135.0), low + jitter(rng, 14.0)),
            ]
        }
    }
}

// Shapes below are read off published prints of each class; there is no closed formula for them.

/// A finger's own inclination of the whole pattern, radians.
const TILT_SD: f32 = 0.06;
/// How steeply a plain arch rises in its middle, as a slope.
const ARCH_HEIGHT: (f32, f32) = (0.35, 1.1);
/// Where an arch is steepest, how far that reaches up and down, and its half-width: finger pixels.
const ARCH_ROW: f32 = 40.0;
const ARCH_ROWS: f32 = 95.0;
const ARCH_WIDTH: f32 = 170.0;
/// The fingertip's curvature: the bend's centre below the row where it starts, and its strength.
const TIP_RADIUS: (f32, f32) = (60.0, 110.0);
const TIP_STRENGTH: (f32, f32) = (0.10, 0.30);
const ARCH_TIP_STRENGTH: (f32, f32) = (0.75, 1.05);
/// The row from which upwards ridges bend round the tip, and over how many pixels the bend comes in.
const TIP_FADE_FROM: f32 = 130.0;
const TIP_FADE_LENGTH: f32 = 90.0;
/// A finger's own irregularity: lattice step in finger pixels, amplitude in radians.
const IRREGULARITY_STEP: f32 = 70.0;
const IRREGULARITY_ANGLE: (f32, f32) = (0.06, 0.13);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{TAU, wrap_angle};
    use crate::stream::stream;

    const EXTENT: Extent = Extent { origin: Point::new(-200.0, -250.0), width: 400.0, height: 500.0 };

    /// Sums the orientation's turns on a circle: +π round a core, -π round a delta (the Poincaré index).
    fn poincare(field: &OrientationField, centre: Point, radius: f32) -> f32 {
        let at = |i: usize| field.at(centre.plus(Point::new(radius, 0.0).turned(TAU * i as f32 / 180.0)));
        (0..180).map(|i| wrap_angle(2.0 * (at(i + 1) - at(i))) / 2.0).sum()
    }

    #[test]
    fn each_class_has_its_singular_points_and_no_others() {
        for class in PatternClass::ALL {
            for subject in 0..20 {
                let field = OrientationField::draw(class, &EXTENT, &mut stream(1, "test", subject));
                for point in field.singular_points() {
                    let turn = poincare(&field, point.at, 2.0);
                    let expected = if point.kind == SingularKind::Core { PI } else { -PI };
                    assert!((turn - expected).abs() < 0.01, "{class:?} {point:?} turns by {turn}");
                }
                let everything = poincare(&field, Point::new(0.0, 0.0), 240.0);
                assert!(everything.abs() < 0.01, "{class:?} turns by {everything} in all");
            }
        }
    }
}
