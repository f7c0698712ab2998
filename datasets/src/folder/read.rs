//! Reading the samples of a folder.

use super::decode::{Decoded, decode};
use super::listing::{NamedFile, list_images};
use crate::Error;
use biopay_biometrics::{Modality, Sample};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Bytes in an image file at most.
const FILE_BYTES_MAX: u64 = 1 << 28;

/// A sample read from a folder, with the subject and impression that its name gives.
#[derive(Clone, Debug)]
pub struct NamedSample {
    /// The file's name without its ending: `SUBJECT_IMPRESSION`.
    pub stem: String,
    /// Whose it is.
    pub subject: String,
    /// Which of the subject's captures it is.
    pub impression: String,
    /// The file.
    pub path: PathBuf,
    /// The image.
    pub sample: Sample,
}

/// Reads all images that [`list_images`] lists.
///
/// The resolution is the given one, else what the file says, else unknown. Samples are marked as fingerprints.
///
/// # Errors
/// Those of [`list_images`], and [`Error::Image`] naming the first file that is too large or broken.
pub fn read_images(dir: &Path, pixels_per_inch: Option<u16>) -> Result<Vec<NamedSample>, Error> {
    let read = |NamedFile { stem, subject, impression, path }| {
        let sample = read_image(&path, pixels_per_inch)?;
        Ok(NamedSample { stem, subject, impression, path, sample })
    };
    list_images(dir)?.files.into_iter().map(read).collect()
}

/// Reads one image as a fingerprint sample: turned upright, transparent paper made white, and the resolution found as in
/// [`read_images`].
///
/// # Errors
/// [`Error::Io`]; [`Error::Image`] on a broken or foreign format and above
/// [`PIXELS_MAX`](super::decode::PIXELS_MAX).
pub fn read_image(path: &Path, pixels_per_inch: Option<u16>) -> Result<Sample, Error> {
    let length = std::fs::metadata(path).map_err(Error::io("read", path))?.len();
    let refuse = |why: String| Error::Image { path: path.to_path_buf(), why };
    if length > FILE_BYTES_MAX {
        return Err(refuse(format!("the file has {length} bytes, more than {FILE_BYTES_MAX}")));
    }
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let Decoded { pixels, pixels_per_inch } = decode(&bytes, pixels_per_inch).map_err(refuse)?;
    Ok(Sample { modality: Modality::Fingerprint, pixels, pixels_per_inch })
}

/// A digest of a sample's pixels, by which copies are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PixelDigest([u8; 32]);

impl PixelDigest {
    /// Digests the pixels and the size of a sample.
    pub fn of(sample: &Sample) -> Self {
        let mut hash = Sha256::new();
        hash.update((sample.rows() as u64).to_le_bytes());
        sample.pixels.rows().into_iter().for_each(|row| match row.as_slice() {
            Some(row) => hash.update(row),
            None => row.iter().for_each(|&pixel| hash.update([pixel])),
        });
        Self(hash.finalize().into())
    }
}

/// The pairs of samples that have identical pixels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    /// Pairs of one subject: mated comparisons that cannot fail.
    pub of_one_subject: Vec<(String, String)>,
    /// Pairs of two subjects: false matches, whatever the comparator.
    pub of_two_subjects: Vec<(String, String)>,
}

impl Copies {
    /// Finds the copies among files, each with the digest of its pixels where it could be read: every sample with the
    /// first of its kind.
    pub fn find(files: &[NamedFile], digests: &[Option<PixelDigest>]) -> Self {
        let (mut first, mut copies) = (HashMap::new(), Self::default());
        for (file, digest) in files.iter().zip(digests) {
            let Some(digest) = digest else { continue };
            let original: &NamedFile = first.entry(digest).or_insert(file);
            let pair = || (original.stem.clone(), file.stem.clone());
            if original.subject != file.subject {
                copies.of_two_subjects.push(pair());
            } else if original.stem != file.stem {
                copies.of_one_subject.push(pair());
            }
        }
        copies
    }
}
