//! Folders of fingerprints, on all cores, made once.

use super::{Capture, CaptureQuality, Device, Finger, PatternClass};
use crate::Error;
use crate::folder::{FolderSummary, Manifest, ManifestFile, encode_image, make_once, write_file};
use rayon::prelude::*;
use serde::Serialize;
use std::path::Path;

/// The folder to generate: subjects, captures, device and difficulty.
#[derive(Clone, Debug)]
pub struct FolderSpec {
    /// Fingers, named 1, 2, 3 and so on.
    pub subjects: u32,
    /// Captures of each, named 1, 2, 3 and so on.
    pub impressions: u32,
    /// The seed that everything follows from.
    pub seed: u64,
    /// The sensor.
    pub device: Device,
    /// How well captures go.
    pub quality: CaptureQuality,
    /// The pattern class of all fingers; natural shares without one.
    pub class: Option<PatternClass>,
    /// Whether `SUBJECT_IMPRESSION.truth.json` is written beside each image.
    pub truth: TruthFiles,
}

/// Whether the truth is written beside the images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TruthFiles {
    /// Images alone.
    #[default]
    Omit,
    /// A JSON file for each image.
    Write,
}

/// Generates a folder of images with its manifest, unless the very same folder is already there.
///
/// The manifest is written last, so a folder that was interrupted is made again. `progress` is told how many images
/// have just been finished (or found), from any thread. The bytes depend on the spec alone.
///
/// # Errors
/// [`Error::Parameter`] without a subject or impression or with too many, [`Error::Io`] and the others of
/// writing.
pub fn generate_folder(
    spec: &FolderSpec,
    out: &Path,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<FolderSummary, Error> {
    let images = spec.images()?;
    make_once(spec.recipe(), images, out, progress, || {
        let one = |subject: u32| generate_subject(spec, subject, out, progress);
        let files: Vec<Vec<ManifestFile>> = (1..=spec.subjects).into_par_iter().map(one).collect::<Result<_, _>>()?;
        Ok(files.into_iter().flatten().collect())
    })
}

impl FolderSpec {
    fn images(&self) -> Result<usize, Error> {
        let images = self.subjects as usize * self.impressions as usize;
        if (1..=IMAGES_MAX).contains(&images) {
            return Ok(images);
        }
        Err(Error::Parameter { name: "subjects and impressions", why: "their product must be from 1 to 10,000,000" })
    }

    /// Returns the manifest that the folder will have, without its files.
    fn recipe(&self) -> Manifest {
        Manifest {
            generator: "biopay fingerprint".into(),
            version: GENERATOR_VERSION.into(),
            seed: self.seed,
            parameters: serde_json::json!({
                "subjects": self.subjects,
                "impressions": self.impressions,
                "device": self.device,
                "quality": self.quality,
                "class": self.class,
                "truth": self.truth,
            }),
            files: Vec::new(),
        }
    }
}

fn generate_subject(
    spec: &FolderSpec,
    subject: u32,
    out: &Path,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Vec<ManifestFile>, Error> {
    let finger = Finger::generate(spec.seed, u64::from(subject), spec.class);
    let mut files = Vec::new();
    for impression in 1..=spec.impressions {
        let capture = finger.capture(&spec.device, spec.quality, u64::from(impression));
        write_capture(&capture, &format!("{subject}_{impression}"), spec.truth, out, &mut files)?;
        progress(1);
    }
    Ok(files)
}

fn write_capture(
    capture: &Capture,
    stem: &str,
    truth: TruthFiles,
    out: &Path,
    files: &mut Vec<ManifestFile>,
) -> Result<(), Error> {
    let mut write = |name: String, bytes: Vec<u8>| {
        write_file(&out.join(&name), &bytes)?;
        files.push(ManifestFile::of(name, &bytes));
        Ok(())
    };
    let image = format!("{stem}.png");
    let bytes = encode_image(&out.join(&image), &capture.sample)?;
    write(image, bytes)?;
    if truth == TruthFiles::Write {
        let name = format!("{stem}.truth.json");
        let json = serde_json::to_vec(&capture.truth);
        write(name.clone(), json.map_err(|source| Error::Json { path: out.join(name), source })?)?;
    }
    Ok(())
}

/// The generator's version: raise it with any change that changes an image's bytes.
const GENERATOR_VERSION: &str = "1";
/// Images in a folder at most.
const IMAGES_MAX: usize = 10_000_000;
