//! A finger: everything about it that lasts.

use super::class::PatternClass;
use super::minutiae::{Minutia, find_minutiae};
use super::orientation::{Extent, OrientationField, SingularPoint};
use super::period::PeriodField;
use super::ridges::RidgePattern;
use super::skin::Skin;
use crate::math::Point;
use crate::stream::stream;

/// One synthetic finger, from which any number of captures can be taken.
///
/// Coordinates: pixels at 500 per inch from the pattern's centre, x to the right, y downwards, as on a print.
#[derive(Clone, Debug)]
pub struct Finger {
    pub(crate) seed: u64,
    pub(crate) subject: u64,
    class: PatternClass,
    singular_points: Vec<SingularPoint>,
    minutiae: Vec<Minutia>,
    pub(crate) pattern: RidgePattern,
    pub(crate) skin: Skin,
}

impl Finger {
    /// Generates the finger of a subject; without a class, one is drawn by its natural share.
    ///
    /// Same arguments, same finger, on every machine. A forced class that is also the drawn one changes nothing.
    pub fn generate(seed: u64, subject: u64, class: Option<PatternClass>) -> Self {
        let drawn = PatternClass::draw(&mut stream(seed, "fingerprint/class", subject));
        let class = class.unwrap_or(drawn);
        let field = OrientationField::draw(class, &EXTENT, &mut stream(seed, "fingerprint/orientation", subject));
        let singular_points = field.singular_points().to_vec();
        let period = PeriodField::draw(&singular_points, &EXTENT, &mut stream(seed, "fingerprint/period", subject));
        let rng = &mut stream(seed, "fingerprint/ridges", subject);
        let mut pattern = RidgePattern::grow(&field, &period, &EXTENT, rng);
        let minutiae = find_minutiae(&pattern, &singular_points);
        let skin = Skin::draw(&mut pattern, &mut stream(seed, "fingerprint/skin", subject));
        Self { seed, subject, class, singular_points, minutiae, pattern, skin }
    }

    /// Returns the pattern class.
    pub fn class(&self) -> PatternClass {
        self.class
    }

    /// Returns the singular points, in finger coordinates.
    pub fn singular_points(&self) -> &[SingularPoint] {
        &self.singular_points
    }

    /// Returns all minutiae, in finger coordinates.
    pub fn minutiae(&self) -> &[Minutia] {
        &self.minutiae
    }
}

/// The part of a finger that captures can show: 20 by 26 mm round the pattern's centre.
const EXTENT: Extent = Extent { origin: Point::new(-190.0, -215.0), width: 380.0, height: 500.0 };
