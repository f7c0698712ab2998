//! The samples in a folder, and a count of everything else in it by reason.

use super::manifest::MANIFEST_NAME;
use crate::Error;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use unicode_normalization::UnicodeNormalization;

/// The endings that are taken for images, in lower case.
const IMAGE_ENDINGS: [&str; 16] =
    ["png", "tif", "tiff", "bmp", "pgm", "pnm", "jpg", "jpeg", "jpe", "jfif", "gif", "wsq", "jp2", "j2k", "jpc", "j2c"];
/// The endings of image formats that are not read.
const UNREAD_ENDINGS: [&str; 9] = ["jpx", "heic", "heif", "avif", "webp", "jxl", "pdf", "dng", "raw"];
/// What the folders' indices of Windows are called; those of macOS begin with a dot.
const INDICES: [&str; 2] = ["thumbs.db", "desktop.ini"];
/// How the names of truth files end.
const TRUTH_ENDING: &str = ".truth.json";
/// The first bytes of a minutiae record of ISO/IEC 19794-2 and of ANSI INCITS 378.
const RECORD_MAGIC: &[u8; 4] = b"FMR\0";

biopay_biometrics::named_enum! {
    /// The reason why a file of a folder was not taken for a sample.
    pub enum NotTaken {
        /// It belongs to the system: `.DS_Store`, `._1_1.png`, `Thumbs.db`.
        Hidden = "hidden file or a folder's index",
        /// A folder: folders are not searched.
        Folder = "folder",
        /// A link to nothing.
        DanglingLink = "link to nothing",
        /// A pipe, socket or device.
        NotAFile = "pipe, socket or device",
        /// Its name is not Unicode.
        NotUnicode = "name that is not Unicode",
        /// An image whose name does not tell its subject.
        Unnamed = "image whose name is not SUBJECT_IMPRESSION",
        /// An image of a format that is not read.
        UnreadFormat = "image of a format that is not read (HEIF, WebP, PDF): convert it to PNG",
        /// The manifest of a generated folder, or the truth behind one of its images.
        Description = "manifest or truth of a generated folder",
        /// Anything else.
        Other = "file of another kind",
    }
}

/// A file of a folder, with the subject and impression that its name gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// The file's name without its ending, in Unicode's form NFC: `SUBJECT_IMPRESSION`.
    pub stem: String,
    /// Whose it is.
    pub subject: String,
    /// Which of the subject's captures it is.
    pub impression: String,
    /// The file.
    pub path: PathBuf,
}

/// The samples of a folder, and how many other files are in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The samples, sorted by subject and impression, numbers as numbers.
    pub files: Vec<NamedFile>,
    /// Everything else, by reason.
    pub not_taken: BTreeMap<NotTaken, u64>,
}

/// Lists the images of a folder that are named `SUBJECT_IMPRESSION`.
///
/// # Errors
/// [`Error::Io`]; [`Error::NoSamples`]; [`Error::SameName`] for `1_1.png` beside `1_1.bmp`.
pub fn list_images(dir: &Path) -> Result<Listing, Error> {
    list(dir, "image", &|path| {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        match ending.as_str() {
            image if IMAGE_ENDINGS.contains(&image) => Ok(()),
            unread if UNREAD_ENDINGS.contains(&unread) => Err(NotTaken::UnreadFormat),
            _other => Err(NotTaken::Other),
        }
    })
}

/// Lists the minutiae records of a folder that are named `SUBJECT_IMPRESSION`, whatever their ending: a record is
/// known by its first bytes.
///
/// # Errors
/// As [`list_images`].
pub fn list_records(dir: &Path) -> Result<Listing, Error> {
    list(dir, "minutiae record", &|path| if is_record(path) { Ok(()) } else { Err(NotTaken::Other) })
}

fn is_record(path: &Path) -> bool {
    let mut magic = [0; RECORD_MAGIC.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *RECORD_MAGIC
}

/// Writes counts by reason: `2 folder, 1 link to nothing`.
pub fn not_taken_text(not_taken: &BTreeMap<NotTaken, u64>) -> String {
    let mut out = String::new();
    for (reason, count) in not_taken {
        let separator = if out.is_empty() { "" } else { ", " };
        let _ = write!(out, "{separator}{count} {}", reason.name());
    }
    if out.is_empty() { "nothing, the folder is empty".to_owned() } else { out }
}

type Wanted<'a> = &'a dyn Fn(&Path) -> Result<(), NotTaken>;

fn list(dir: &Path, wanted: &'static str, is_wanted: Wanted<'_>) -> Result<Listing, Error> {
    let mut listing = Listing::default();
    for entry in std::fs::read_dir(dir).map_err(Error::io("list", dir))? {
        match taken(entry.map_err(Error::io("list", dir))?.path(), is_wanted) {
            Ok(file) => listing.files.push(file),
            Err(reason) => *listing.not_taken.entry(reason).or_default() += 1,
        }
    }
    if listing.files.is_empty() {
        let not_taken = not_taken_text(&listing.not_taken);
        return Err(Error::NoSamples { path: dir.to_path_buf(), wanted, not_taken });
    }
    listing.files.sort_by_cached_key(|f| (order(&f.subject), order(&f.impression), f.path.clone()));
    let same = listing.files.windows(2).find(|pair| pair[0].stem == pair[1].stem);
    if let Some([first, second]) = same {
        let (first, second, stem) = (first.path.clone(), second.path.clone(), first.stem.clone());
        return Err(Error::SameName { stem, first, second });
    }
    Ok(listing)
}

fn taken(path: PathBuf, is_wanted: Wanted<'_>) -> Result<NamedFile, NotTaken> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if name.starts_with('.') || INDICES.contains(&name.as_str()) {
        return Err(NotTaken::Hidden);
    }
    let kind = std::fs::metadata(&path).map_err(|_| NotTaken::DanglingLink)?;
    if kind.is_dir() {
        return Err(NotTaken::Folder);
    }
    if !kind.is_file() {
        return Err(NotTaken::NotAFile);
    }
    if name == MANIFEST_NAME || name.ends_with(TRUTH_ENDING) {
        return Err(NotTaken::Description);
    }
    is_wanted(&path)?;
    let stem: String = path.file_stem().and_then(|s| s.to_str()).ok_or(NotTaken::NotUnicode)?.nfc().collect();
    let (subject, impression) =
        stem.rsplit_once('_').filter(|(s, i)| !s.is_empty() && !i.is_empty()).ok_or(NotTaken::Unnamed)?;
    let (subject, impression) = (subject.to_owned(), impression.to_owned());
    Ok(NamedFile { stem, subject, impression, path })
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
