//! Reading image folders in the FVC's layout.

use super::write::INCHES_PER_METRE;
use crate::Error;
use biopay_biometrics::{Modality, Sample};
use image::{ImageReader, Limits};
use ndarray::Array2;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// Pixels in an image at most; more are refused before they are decoded.
pub const PIXELS_MAX: u64 = 1 << 26;
/// Bytes in an image file at most.
const FILE_BYTES_MAX: u64 = 1 << 28;
/// The endings that are taken for images, in lower case.
const ENDINGS: [&str; 8] = ["png", "tif", "tiff", "bmp", "pgm", "pnm", "jpg", "jpeg"];

/// An image of a folder, with the subject and impression that its name gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedImage {
    /// The file's name without its ending: `SUBJECT_IMPRESSION`.
    pub stem: String,
    /// Whose it is.
    pub subject: String,
    /// Which of the subject's captures it is.
    pub impression: String,
    /// The file.
    pub path: PathBuf,
}

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

/// Lists all images named `SUBJECT_IMPRESSION` in a folder, sorted by subject and impression, numbers as numbers.
/// Files with other names or endings are left alone.
///
/// # Errors
/// [`Error::Io`], [`Error::NoImages`].
pub fn list_images(dir: &Path) -> Result<Vec<NamedImage>, Error> {
    list_files(dir, &ENDINGS)
}

/// Lists all files named `SUBJECT_IMPRESSION` with one of these endings (in lower case), sorted as [`list_images`]
/// does.
///
/// # Errors
/// [`Error::Io`], [`Error::NoImages`].
pub fn list_files(dir: &Path, endings: &[&str]) -> Result<Vec<NamedImage>, Error> {
    let mut named = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(Error::io("list", dir))? {
        named.extend(parse_name(entry.map_err(Error::io("list", dir))?.path(), endings));
    }
    if named.is_empty() {
        return Err(Error::NoImages { path: dir.to_path_buf() });
    }
    named.sort_by_cached_key(|image: &NamedImage| (order(&image.subject), order(&image.impression)));
    Ok(named)
}

/// Reads all images that [`list_images`] lists.
///
/// The resolution is the given one, else what the file says (PNG only), else unknown. Samples are marked as
/// fingerprints.
///
/// # Errors
/// [`Error::Io`], [`Error::Image`] naming the first file that is too large or broken, [`Error::NoImages`].
pub fn read_images(dir: &Path, pixels_per_inch: Option<u16>) -> Result<Vec<NamedSample>, Error> {
    let read = |NamedImage { stem, subject, impression, path }| {
        let sample = read_image(&path, pixels_per_inch)?;
        Ok(NamedSample { stem, subject, impression, path, sample })
    };
    list_images(dir)?.into_iter().map(read).collect()
}

/// Reads one image as a fingerprint sample; the resolution is found as in [`read_images`].
///
/// # Errors
/// [`Error::Io`]; [`Error::Image`] on a broken or foreign format and above [`PIXELS_MAX`].
pub fn read_image(path: &Path, pixels_per_inch: Option<u16>) -> Result<Sample, Error> {
    let length = std::fs::metadata(path).map_err(Error::io("read", path))?.len();
    let refuse = |why: String| Error::Image { path: path.to_path_buf(), why };
    if length > FILE_BYTES_MAX {
        return Err(refuse(format!("the file has {length} bytes, more than {FILE_BYTES_MAX}")));
    }
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let pixels = decode(&bytes).map_err(refuse)?;
    let pixels_per_inch = pixels_per_inch.or_else(|| stated_resolution(&bytes));
    Ok(Sample { modality: Modality::Fingerprint, pixels, pixels_per_inch })
}

fn decode(bytes: &[u8]) -> Result<Array2<u8>, String> {
    let open = || ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string());
    let (columns, rows) = open()?.into_dimensions().map_err(|error| error.to_string())?;
    if u64::from(columns) * u64::from(rows) > PIXELS_MAX {
        return Err(format!("{columns} by {rows} pixels are more than {PIXELS_MAX}"));
    }
    let mut reader = open()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(8 * PIXELS_MAX);
    reader.limits(limits);
    let grey = reader.decode().map_err(|error| error.to_string())?.into_luma8();
    Array2::from_shape_vec((rows as usize, columns as usize), grey.into_raw()).map_err(|error| error.to_string())
}

/// Returns what a PNG's pHYs chunk says, rounded to whole pixels per inch.
fn stated_resolution(bytes: &[u8]) -> Option<u16> {
    let reader = png::Decoder::new(Cursor::new(bytes)).read_info().ok()?;
    let dimensions = reader.info().pixel_dims.filter(|dims| dims.unit == png::Unit::Meter)?;
    let per_inch = (f64::from(dimensions.xppu) / INCHES_PER_METRE).round();
    (1.0..=f64::from(u16::MAX)).contains(&per_inch).then_some(per_inch as u16)
}

/// Splits `SUBJECT_IMPRESSION.ending` at the last underscore; `None` for anything else.
fn parse_name(path: PathBuf, endings: &[&str]) -> Option<NamedImage> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    let stem = path.file_stem()?.to_str()?.to_owned();
    let (subject, impression) = stem.rsplit_once('_').map(|(s, i)| (s.to_owned(), i.to_owned()))?;
    let is_wanted = endings.contains(&ending.as_str()) && !subject.is_empty() && !impression.is_empty();
    is_wanted.then_some(NamedImage { stem, subject, impression, path })
}

/// The order of names: numbers before words, numbers by value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum NameOrder {
    Number(u64, String),
    Word(String),
}

fn order(part: &str) -> NameOrder {
    part.parse().map_or_else(|_| NameOrder::Word(part.to_owned()), |n| NameOrder::Number(n, part.to_owned()))
}
