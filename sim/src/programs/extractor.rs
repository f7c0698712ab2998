//! An extractor of the user's own.

use super::image::Image;
use super::plan::ProgramPlan;
use super::start::start;
use crate::Error;
use biopay_biometrics::fingerprint::fixed_length::FixedLength;
use biopay_biometrics::fingerprint::{Features, Minutia, MinutiaKind};
use biopay_biometrics::{AcquisitionFailure, Sample, Template};
use biopay_server::own_program::{Bytes, OwnProgram};
use serde::{Deserialize, Serialize};
use std::f32::consts::TAU;
use std::sync::OnceLock;

/// The resolution that features are in. Units: pixels per inch.
const RESOLUTION: f32 = 500.0;

/// A program that makes templates of images.
pub struct OwnExtractor {
    program: OwnProgram,
    /// Numbers and bits of the first template, which all others have to have.
    shape: OnceLock<(usize, usize)>,
}

/// What the program made of one image.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extraction {
    /// A template that a comparator of the user's own understands.
    data: Option<Bytes>,
    /// Minutiae, of which our own templates are made.
    #[serde(default)]
    minutiae: Vec<FoundMinutia>,
    /// A real-valued template, in place of ours.
    #[serde(default)]
    real: Vec<f32>,
    /// The margins of its bits; rotations of it where there are none.
    #[serde(default)]
    margins: Vec<f32>,
}

/// One minutia. Units: the image's pixels, y downwards; degrees with y downwards, from the ending back into its ridge, or from
/// the fork into the valley between its branches.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FoundMinutia {
    x: f32,
    y: f32,
    angle: f32,
    #[serde(default)]
    kind: FoundKind,
    #[serde(default = "half")]
    quality: f32,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FoundKind {
    #[default]
    Ending,
    Bifurcation,
}

fn half() -> f32 {
    0.5
}

#[derive(Serialize)]
#[serde(tag = "do", rename = "extract")]
struct Extract {
    image: Image,
}

impl std::fmt::Debug for OwnExtractor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnExtractor").finish_non_exhaustive()
    }
}

impl OwnExtractor {
    /// Starts the program; `None` where none is named.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] with what is wrong.
    pub fn start(plan: &ProgramPlan) -> Result<Option<Self>, Error> {
        if plan.is_unset() {
            return Ok(None);
        }
        let program = start(plan, "biometric.extractor", "extractor")?;
        Ok(Some(Self { program, shape: OnceLock::new() }))
    }

    /// Extracts; a program that fails or says no makes a failure to acquire.
    pub fn extract(&self, sample: &Sample) -> Result<Extraction, AcquisitionFailure> {
        let made = self.program.ask("extract", &Extract { image: Image::of(sample) });
        let made: Extraction = made.ok_or(AcquisitionFailure::OwnProgram)?;
        let numbers = made.real.iter().chain(&made.margins);
        let minutiae = made.minutiae.iter().flat_map(|m| [&m.x, &m.y, &m.angle, &m.quality]);
        if numbers.chain(minutiae).any(|number| !number.is_finite()) {
            self.program.misunderstood("extract", "a number is not finite".to_owned());
            return Err(AcquisitionFailure::OwnProgram);
        }
        Ok(made)
    }

    /// Makes the template of a sample, for built-in schemes where it has minutiae or numbers, and for a comparator of the
    /// user's own where it has data.
    ///
    /// # Errors
    ///
    /// What making our own template reports beside a failure to acquire.
    pub fn template(&self, sample: &Sample) -> Result<Result<Template, AcquisitionFailure>, Error> {
        let made = match self.extract(sample) {
            Ok(made) => made,
            Err(reason) => return Ok(Err(reason)),
        };
        let data = made.data.clone().map_or_else(Vec::new, |data| data.0);
        let template = match (made.real.is_empty(), made.minutiae.is_empty()) {
            (false, _) if made.margins.is_empty() => Template::from_embedding(made.real, FixedLength::BITS),
            (false, _) => Template::new(made.real, made.margins),
            (true, false) => {
                let features = made.features(sample)?;
                match FixedLength::builtin().template(&features) {
                    Ok(template) => template,
                    Err(biopay_biometrics::Error::FailureToAcquire(reason)) => return Ok(Err(reason)),
                    Err(other) => return Err(other.into()),
                }
            }
            (true, true) if !data.is_empty() => Template::new(Vec::new(), Vec::new()),
            (true, true) => {
                let why = "it has neither data, nor minutiae, nor real: answer {\"failed\":\"why\"} without a template";
                self.program.misunderstood("extract", why.to_owned());
                return Ok(Err(AcquisitionFailure::OwnProgram));
            }
        };
        let shape = (template.real().len(), template.margins().len());
        let first = *self.shape.get_or_init(|| shape);
        if shape != first {
            let why = format!("its template has {shape:?} numbers and bits, and an earlier one had {first:?}");
            self.program.misunderstood("extract", why);
            return Ok(Err(AcquisitionFailure::OwnProgram));
        }
        Ok(Ok(template.with_data(data)))
    }

    /// Lists what went wrong with the program, with how often.
    pub fn faults(&self) -> Vec<(String, u64)> {
        self.program.faults()
    }
}

impl Extraction {
    /// Makes features of the minutiae, as of a record of another extractor.
    ///
    /// # Errors
    ///
    /// An image too large.
    pub fn features(&self, sample: &Sample) -> Result<Features, Error> {
        let scale = sample.pixels_per_inch.map_or(1.0, |ppi| RESOLUTION / f32::from(ppi));
        let minutia = |found: &FoundMinutia| Minutia {
            x: scale * found.x,
            y: scale * found.y,
            angle: found.angle.to_radians().rem_euclid(TAU),
            kind: match found.kind {
                FoundKind::Ending => MinutiaKind::Ending,
                FoundKind::Bifurcation => MinutiaKind::Bifurcation,
            },
            quality: found.quality.clamp(0.0, 1.0),
        };
        let size = |pixels: usize| (scale * pixels as f32).round() as usize;
        let mut minutiae: Vec<Minutia> = self.minutiae.iter().map(minutia).collect();
        minutiae.sort_by(|a, b| b.quality.total_cmp(&a.quality));
        Ok(Features::from_minutiae(size(sample.columns()), size(sample.rows()), minutiae)?)
    }
}
