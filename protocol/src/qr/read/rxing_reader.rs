//! The reader `rxing`, a port of ZXing and of its C++ successor: it reads blurred, slanted, mirrored and inverted symbols
//! that `rqrr` does not.

use super::found::{CANDIDATES_MAX, Found};
use image::GrayImage;
use rxing::common::{BitMatrix, DetectorRXingResult, HybridBinarizer};
use rxing::qrcode::cpp_port::decoder::Decode;
use rxing::qrcode::cpp_port::detector::{FindFinderPatterns, GenerateFinderPatternSets, SampleQR};
use rxing::{Binarizer, Luma8Source};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Finder patterns that are combined to symbols, the largest ones: the combinations grow with their square, and a hostile
/// image of four megapixels has fifty thousand.
const FINDERS_MAX: usize = 64;

/// Finds and decodes a symbol, dark on light or light on dark, mirrored or not.
pub(super) fn read(image: &GrayImage) -> Option<Found> {
    // Its detector is documented to be able to panic; an image must never end the process that reads it.
    catch_unwind(AssertUnwindSafe(|| find(image))).ok().flatten()
}

fn find(image: &GrayImage) -> Option<Found> {
    let source = Luma8Source::new_with_slice(image.as_raw(), image.width(), image.height()).ok()?;
    let binarizer = HybridBinarizer::new(source);
    let dark = binarizer.get_black_matrix().ok()?;
    decode(dark).or_else(|| {
        let mut light = dark.clone();
        light.flip_self();
        decode(&light)
    })
}

fn decode(modules: &BitMatrix) -> Option<Found> {
    let mut finders = FindFinderPatterns(modules, true, 0);
    finders.sort_by_key(|finder| std::cmp::Reverse(finder.size));
    finders.truncate(FINDERS_MAX);
    let candidates = GenerateFinderPatternSets(&mut finders);
    candidates.iter().take(CANDIDATES_MAX).find_map(|candidate| {
        let sampled = SampleQR(modules, candidate).ok()?;
        let decoded = Decode(sampled.getBits()).ok().filter(|decoded| decoded.isValid())?;
        let version = u8::try_from(decoded.versionNumber()).ok()?;
        Some(Found { payload: decoded.content().bytes().to_vec(), version })
    })
}
