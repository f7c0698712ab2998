//! Measurements of the head and face: published means, spreads and correlations, and people drawn from them.
//!
//! Sources: 3D Facial Norms (Weinberg et al. 2016, "The 3D Facial Norms database: part 1", at 25 years) for the face;
//! ANSUR II (Gordon et al. 2014) for head breadth and length, interpupillary distance and ear length.

use crate::math::gaussian;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// The two groups that the published figures distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sex {
    /// Male.
    Male,
    /// Female.
    Female,
}

macro_rules! measures {
    ($($(#[$doc:meta])* $measure:ident = $norms:expr,)*) => {
        /// A measurement of the head; landmarks as in Farkas 1994.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Measure {
            $($(#[$doc])* $measure,)*
        }

        impl Measure {
            /// Every measurement, in the order of [`Measurements`].
            pub const ALL: [Self; MEASURES] = [$(Self::$measure),*];
        }

        /// How many measurements there are.
        pub const MEASURES: usize = [$(stringify!($measure)),*].len();

        /// Mean and standard deviation of each measure, male and female, in millimetres.
        const NORMS: [[(f32, f32); 2]; MEASURES] = [$($norms),*];
    };
}

measures! {
    /// ex-ex.
    Outercanthal = [(88.9, 4.1), (85.6, 3.8)],
    /// en-en.
    Innercanthal = [(32.7, 2.9), (31.5, 2.7)],
    /// n-gn.
    FacialHeight = [(126.6, 6.6), (118.0, 5.8)],
    /// zy-zy.
    Bizygomatic = [(137.1, 6.3), (130.1, 5.3)],
    /// go-go.
    Mandibular = [(103.7, 7.1), (97.0, 6.5)],
    /// ft-ft.
    Bifrontal = [(110.4, 8.4), (105.7, 7.8)],
    /// ch-ch.
    MouthWidth = [(50.1, 3.8), (47.9, 3.5)],
    /// sn-ls.
    PhiltrumLength = [(16.3, 2.5), (14.0, 2.4)],
    /// cph-cph.
    PhiltrumWidth = [(13.1, 1.7), (11.8, 1.7)],
    /// sn-sto.
    UpperLip = [(22.6, 2.5), (20.3, 2.4)],
    /// ls-sto.
    VermilionUpper = [(7.6, 1.6), (7.4, 1.4)],
    /// sto-li.
    VermilionLower = [(8.7, 2.1), (8.6, 1.7)],
    /// al-al.
    NasalWidth = [(35.9, 2.6), (32.7, 2.3)],
    /// n-sn.
    NasalHeight = [(56.7, 3.9), (54.5, 3.6)],
    /// n-prn.
    NasalBridge = [(49.6, 3.9), (47.1, 3.4)],
    /// sn-prn.
    NasalProtrusion = [(20.9, 2.0), (20.0, 1.8)],
    /// eu-eu.
    HeadBreadth = [(154.3, 5.5), (147.8, 5.2)],
    /// g-op.
    HeadLength = [(199.5, 7.0), (189.8, 7.5)],
    /// Pupil to pupil.
    Interpupillary = [(64.0, 3.4), (61.7, 3.6)],
    /// sa-sba.
    EarLength = [(64.2, 4.5), (59.4, 3.9)],
}

impl Measure {
    /// Returns the published mean and standard deviation. Units: millimetres.
    pub fn norm(self, sex: Sex) -> (f32, f32) {
        let [male, female] = NORMS[self as usize];
        if sex == Sex::Male { male } else { female }
    }
}

/// One person's measurements, indexed by [`Measure`]. Units: millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurements(pub [f32; MEASURES]);

impl Measurements {
    /// Returns one measurement.
    pub fn of(&self, measure: Measure) -> f32 {
        self.0[measure as usize]
    }

    /// Draws a person's measurements, correlated; persons whose lips or nose cannot be built of the drawn distances
    /// (a triangle that does not close) are drawn again.
    pub(crate) fn draw(sex: Sex, rng: &mut impl Rng) -> Self {
        let factor = correlation_factor();
        loop {
            let drawn = Self::draw_once(sex, &factor, rng);
            if drawn.closes() {
                return drawn;
            }
        }
    }

    fn draw_once(sex: Sex, factor: &[[f32; MEASURES]; MEASURES], rng: &mut impl Rng) -> Self {
        let independent: [f32; MEASURES] = std::array::from_fn(|_| gaussian(rng).clamp(-FARTHEST, FARTHEST));
        Self(std::array::from_fn(|i| {
            let (mean, sd) = Measure::ALL[i].norm(sex);
            let score: f32 = (0..=i).map(|j| factor[i][j] * independent[j]).sum();
            mean + sd * score
        }))
    }

    /// Returns whether philtrum, upper vermilion and upper lip make a triangle, and bridge, protrusion and nasal height.
    fn closes(&self) -> bool {
        let triangle = |a: Measure, b: Measure, whole: Measure| {
            let (a, b, whole) = (self.of(a), self.of(b), self.of(whole));
            a + b > whole + CLOSING_MIN && whole + b > a + CLOSING_MIN && whole + a > b + CLOSING_MIN
        };
        triangle(Measure::PhiltrumLength, Measure::VermilionUpper, Measure::UpperLip)
            && triangle(Measure::NasalBridge, Measure::NasalProtrusion, Measure::NasalHeight)
            && self.0.iter().all(|&length| length > 1.0)
    }
}

/// Draws a person's sex, evenly.
pub(crate) fn draw_sex(rng: &mut impl Rng) -> Sex {
    if rng.random::<bool>() { Sex::Male } else { Sex::Female }
}

/// Returns the lower triangular L with L L' the correlation matrix (Cholesky).
fn correlation_factor() -> [[f32; MEASURES]; MEASURES] {
    let mut matrix = [[f64::from(CORRELATION_ELSEWHERE); MEASURES]; MEASURES];
    for (i, row) in matrix.iter_mut().enumerate() {
        row[i] = 1.0;
    }
    for &(a, b, r) in &CORRELATIONS {
        matrix[a as usize][b as usize] = f64::from(r);
        matrix[b as usize][a as usize] = f64::from(r);
    }
    let mut factor = [[0.0f64; MEASURES]; MEASURES];
    for i in 0..MEASURES {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| factor[i][k] * factor[j][k]).sum();
            let rest = matrix[i][j] - known;
            factor[i][j] = if i == j { rest.max(1e-9).sqrt() } else { rest / factor[j][j] };
        }
    }
    factor.map(|row| row.map(|x| x as f32))
}

/// Standard deviations beyond which an independent score is cut.
const FARTHEST: f32 = 3.0;
/// What the sides of a triangle must exceed each other by, in millimetres.
const CLOSING_MIN: f32 = 0.15;

/// Correlations within a sex. The first five are ANSUR II's; the others are what the geometry asks for (two distances
/// that share a segment) or what Farkas's tables show roughly; everything else has [`CORRELATION_ELSEWHERE`].
const CORRELATIONS: [(Measure, Measure, f32); 27] = {
    use Measure::*;
    [
        (HeadBreadth, Bizygomatic, 0.64),
        (Bizygomatic, Interpupillary, 0.45),
        (Bizygomatic, FacialHeight, 0.20),
        (HeadBreadth, HeadLength, 0.19),
        (HeadLength, FacialHeight, 0.31),
        (Outercanthal, Innercanthal, 0.50),
        (Outercanthal, Interpupillary, 0.70),
        (Innercanthal, Interpupillary, 0.60),
        (Outercanthal, Bizygomatic, 0.45),
        (NasalHeight, NasalBridge, 0.85),
        (FacialHeight, NasalHeight, 0.60),
        (FacialHeight, NasalBridge, 0.50),
        (NasalBridge, NasalProtrusion, 0.30),
        (UpperLip, PhiltrumLength, 0.74),
        (UpperLip, VermilionUpper, 0.30),
        (PhiltrumLength, VermilionUpper, -0.20),
        (VermilionUpper, VermilionLower, 0.55),
        (FacialHeight, UpperLip, 0.30),
        (FacialHeight, PhiltrumLength, 0.25),
        (Bizygomatic, Mandibular, 0.50),
        (Bizygomatic, Bifrontal, 0.45),
        (Bifrontal, HeadBreadth, 0.45),
        (Mandibular, Bifrontal, 0.30),
        (Mandibular, HeadBreadth, 0.35),
        (NasalWidth, MouthWidth, 0.30),
        (NasalWidth, Innercanthal, 0.25),
        (MouthWidth, Mandibular, 0.25),
    ]
};
/// Heads differ in size, so everything correlates a little.
const CORRELATION_ELSEWHERE: f32 = 0.12;
