//! Folders of faces, on all cores, made once.

use super::accessory::Cover;
use super::capture::{Capture, capture_covered};
use super::device::Device;
use super::identity::Face;
use super::nuisance::Nuisance;
use crate::Error;
use crate::fingerprint::TruthFiles;
use crate::folder::{FolderSummary, Manifest, ManifestFile, encode_colour, encode_image, make_once, write_file};
use rayon::prelude::*;
use serde::Serialize;
use std::path::Path;

/// The folder to generate: subjects, captures, device and difficulty.
#[derive(Clone, Debug)]
pub struct FolderSpec {
    /// Faces, named 1, 2, 3 and so on.
    pub subjects: u32,
    /// Captures of each, named 1, 2, 3 and so on.
    pub impressions: u32,
    /// The seed that everything follows from.
    pub seed: u64,
    /// The camera.
    pub device: Device,
    /// How much captures of one face differ.
    pub nuisance: Nuisance,
    /// What covers the lower face in every capture.
    pub cover: Cover,
    /// Grey or colour.
    pub palette: Palette,
    /// Whether `SUBJECT_IMPRESSION.truth.json` is written beside each image.
    pub truth: TruthFiles,
}

/// The colours that images are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Palette {
    /// 8-bit grey.
    #[default]
    Grey,
    /// 24-bit colour.
    Colour,
}

/// Generates a folder of images with its manifest, unless the very same folder is already there.
///
/// `progress` is told how many images have just been finished (or found), from any thread. The bytes depend on the
/// spec alone.
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
            generator: "biopay face".into(),
            version: GENERATOR_VERSION.into(),
            seed: self.seed,
            parameters: serde_json::json!({
                "subjects": self.subjects,
                "impressions": self.impressions,
                "device": self.device,
                "nuisance": self.nuisance,
                "cover": self.cover,
                "palette": self.palette,
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
    let face = Face::generate(spec.seed, u64::from(subject));
    let mut files = Vec::new();
    for impression in 1..=spec.impressions {
        let capture = capture_covered(&face, &spec.device, spec.nuisance, spec.cover, u64::from(impression));
        write_capture(&capture, &format!("{subject}_{impression}"), spec, out, &mut files)?;
        progress(1);
    }
    Ok(files)
}

fn write_capture(
    capture: &Capture,
    stem: &str,
    spec: &FolderSpec,
    out: &Path,
    files: &mut Vec<ManifestFile>,
) -> Result<(), Error> {
    let mut write = |name: String, bytes: Vec<u8>| {
        write_file(&out.join(&name), &bytes)?;
        files.push(ManifestFile::of(name, &bytes));
        Ok(())
    };
    let image = format!("{stem}.png");
    let path = out.join(&image);
    let bytes = match spec.palette {
        Palette::Grey => encode_image(&path, &capture.sample)?,
        Palette::Colour => encode_colour(&path, &capture.colour)?,
    };
    write(image, bytes)?;
    if spec.truth == TruthFiles::Write {
        let name = format!("{stem}.truth.json");
        let json = serde_json::to_vec(&capture.truth);
        write(name.clone(), json.map_err(|source| Error::Json { path: out.join(name), source })?)?;
    }
    Ok(())
}

/// The generator's version: raise it with any change that changes an image's bytes.
const GENERATOR_VERSION: &str = "3";
/// Images in a folder at most.
const IMAGES_MAX: usize = 10_000_000;
