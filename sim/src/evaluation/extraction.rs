//! The extraction of features from a folder's images, and the reading of minutiae records.

use super::sample_set::{ImageResult, TemplateResult, acquired};
use crate::Error;
use biopay_biometrics::fingerprint::record::Record;
use biopay_biometrics::fingerprint::{Extractor, Features};
use biopay_biometrics::{AcquisitionFailure, Modality, Sample, Template, face};
use biopay_datasets::folder::{NamedFile, PixelDigest, read_image, write_image};
use rayon::prelude::*;
use std::path::Path;

/// What was made of a folder's images, and a digest of each one's pixels where it could be read.
pub struct Extracted<T> {
    /// One result an image.
    pub made: Vec<Result<T, String>>,
    /// One digest an image.
    pub digests: Vec<Option<PixelDigest>>,
}

/// Extracts the features of a folder's images on all cores, one image a core in memory at a time.
///
/// A broken or too large image is a failure to acquire like any other. With `trace` every stage is written there as
/// `STEM-STAGE.png`.
///
/// # Errors
///
/// [`Error::File`].
pub fn extract(
    images: &[NamedFile],
    pixels_per_inch: Option<u16>,
    trace: Option<&Path>,
    progress: &(dyn Fn() + Sync),
) -> Result<Extracted<Features>, Error> {
    let extractor = Extractor::new();
    if let Some(folder) = trace {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    }
    let one = |stem: &str, sample: &Sample| extract_one(&extractor, stem, sample, trace);
    each_image(images, pixels_per_inch, progress, &one)
}

type Make<'a, T> = &'a (dyn Fn(&str, &Sample) -> Result<Result<T, String>, Error> + Sync);

fn each_image<T: Send>(
    images: &[NamedFile],
    pixels_per_inch: Option<u16>,
    progress: &(dyn Fn() + Sync),
    make: Make<'_, T>,
) -> Result<Extracted<T>, Error> {
    let one = |image: &NamedFile| {
        let result = match read_image(&image.path, pixels_per_inch) {
            Ok(sample) => make(&image.stem, &sample).map(|made| (made, Some(PixelDigest::of(&sample)))),
            Err(biopay_datasets::Error::Image { why, .. }) => Ok((Err(format!("no usable image: {why}")), None)),
            Err(other) => Err(other.into()),
        };
        progress();
        result
    };
    let each = images.par_iter().map(one).collect::<Result<Vec<_>, Error>>()?;
    let (made, digests) = each.into_iter().unzip();
    Ok(Extracted { made, digests })
}

fn extract_one(extractor: &Extractor, stem: &str, sample: &Sample, trace: Option<&Path>) -> Result<ImageResult, Error> {
    let mut written = Ok(());
    let result = match trace {
        None => extractor.extract(sample),
        Some(folder) => extractor.extract_traced(sample, &mut |stage, pixels| {
            let picture = Sample { modality: sample.modality, pixels: pixels.to_owned(), pixels_per_inch: None };
            let path = folder.join(format!("{stem}-{stage}.png"));
            written = std::mem::replace(&mut written, Ok(())).and(write_image(&path, &picture));
        }),
    };
    written?;
    acquired(result)
}

/// Makes the templates of a folder's face images on all cores, one image a core in memory at a time.
///
/// An unusable image is a failure to acquire like any other. With `trace` every stage is written there as
/// `STEM-STAGE.png`.
///
/// # Errors
///
/// [`Error::File`].
pub fn face_templates(
    images: &[NamedFile],
    trace: Option<&Path>,
    progress: &(dyn Fn() + Sync),
) -> Result<Extracted<Template>, Error> {
    if let Some(folder) = trace {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    }
    each_face(images, progress, &|stem, sample| face_template(stem, sample, trace))
}

/// Makes the templates of a folder's face images as [`face_templates`] does, with the user's ONNX network.
///
/// # Errors
///
/// [`Error::File`]; [`Error::Biometrics`] for an unusable network.
#[cfg(feature = "onnx")]
pub fn embedded_templates(
    images: &[NamedFile],
    network: &Path,
    progress: &(dyn Fn() + Sync),
) -> Result<Extracted<Template>, Error> {
    let bytes = std::fs::read(network).map_err(Error::file(network))?;
    let embedder = face::onnx::Embedder::from_bytes(&bytes)?;
    each_face(images, progress, &|_, sample| acquired(embedder.template(sample)))
}

/// Refuses a network, and says how to build a program that takes it.
///
/// # Errors
///
/// [`Error::Usage`].
#[cfg(not(feature = "onnx"))]
pub fn embedded_templates(
    _images: &[NamedFile],
    network: &Path,
    _progress: &(dyn Fn() + Sync),
) -> Result<Extracted<Template>, Error> {
    Err(Error::Usage(format!(
        "--embedder {}: this biopay cannot run ONNX networks; build one that can by `cargo build --release -p biopay-sim --features onnx`",
        network.display()
    )))
}

/// Asks a program about an image.
type Ask<'a, T> = &'a (dyn Fn(&Sample) -> Result<Result<T, AcquisitionFailure>, Error> + Sync);

/// Makes something of each of a folder's images with a program of the user's own, which is told that they show `modality`.
///
/// # Errors
///
/// [`Error::File`]; those of `make`.
pub fn each_by_program<T: Send>(
    images: &[NamedFile],
    pixels_per_inch: Option<u16>,
    modality: Modality,
    progress: &(dyn Fn() + Sync),
    make: Ask<'_, T>,
) -> Result<Extracted<T>, Error> {
    each_image(images, pixels_per_inch, progress, &|_, sample| {
        Ok(make(&as_modality(sample, modality))?.map_err(|reason| reason.to_string()))
    })
}

/// Returns an image as of a modality; a face has no resolution.
fn as_modality(sample: &Sample, modality: Modality) -> Sample {
    let pixels_per_inch = sample.pixels_per_inch.filter(|_| modality == Modality::Fingerprint);
    Sample { modality, pixels_per_inch, ..sample.clone() }
}

fn each_face(
    images: &[NamedFile],
    progress: &(dyn Fn() + Sync),
    make: Make<'_, Template>,
) -> Result<Extracted<Template>, Error> {
    each_image(images, None, progress, &|stem, sample| {
        make(stem, &Sample { modality: Modality::Face, ..sample.clone() })
    })
}

fn face_template(stem: &str, sample: &Sample, trace: Option<&Path>) -> Result<TemplateResult, Error> {
    let extractor = face::Extractor::builtin();
    let mut written = Ok(());
    let result = match trace {
        None => extractor.template(sample),
        Some(folder) => extractor.template_traced(sample, &mut |stage, pixels| {
            let picture = Sample { modality: sample.modality, pixels: pixels.to_owned(), pixels_per_inch: None };
            let path = folder.join(format!("{stem}-{stage}.png"));
            written = std::mem::replace(&mut written, Ok(())).and(write_image(&path, &picture));
        }),
    };
    written?;
    acquired(result)
}

/// Reads a folder's minutiae records, the first view of each.
///
/// # Errors
///
/// [`Error::File`], and malformed records, by name.
pub fn read_records(records: &[NamedFile]) -> Result<Vec<ImageResult>, Error> {
    let one = |record: &NamedFile| {
        let bytes = std::fs::read(&record.path).map_err(Error::file(&record.path))?;
        let named = |error: biopay_biometrics::Error| Error::Usage(format!("{}: {error}", record.path.display()));
        let parsed = Record::from_bytes(&bytes).map_err(named)?;
        let Some(view) = parsed.views.into_iter().next() else {
            return Ok(Err("the record has no finger view".to_owned()));
        };
        let (columns, rows) = (usize::from(parsed.columns), usize::from(parsed.rows));
        Ok(Ok(Features::from_minutiae(columns, rows, view.minutiae).map_err(named)?))
    };
    records.par_iter().map(one).collect()
}

/// Writes every image's minutiae as an ISO/IEC 19794-2 record `STEM.fmr`; images without features have none.
///
/// # Errors
///
/// [`Error::File`].
pub fn write_records(images: &[NamedFile], features: &[ImageResult], folder: &Path) -> Result<usize, Error> {
    std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    let mut written = 0;
    for (image, features) in images.iter().zip(features) {
        let Ok(features) = features else { continue };
        let path = folder.join(format!("{}.fmr", image.stem));
        std::fs::write(&path, Record::new(features)?.to_bytes()).map_err(Error::file(&path))?;
        written += 1;
    }
    Ok(written)
}
