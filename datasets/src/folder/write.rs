//! Writing images.

use crate::Error;
use biopay_biometrics::Sample;
use ndarray::Array2;
use std::path::Path;

/// Writes a sample as an 8-bit grey PNG that carries its resolution.
///
/// # Errors
/// [`Error::Io`] when the file cannot be written, [`Error::Image`] when it cannot be encoded.
pub fn write_image(path: &Path, sample: &Sample) -> Result<(), Error> {
    write_file(path, &encode_image(path, sample)?)
}

/// Encodes a sample as PNG; the path is for the error alone.
pub(crate) fn encode_image(path: &Path, sample: &Sample) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    encode(&mut bytes, sample).map_err(|error| Error::Image { path: path.to_path_buf(), why: error.to_string() })?;
    Ok(bytes)
}

/// Encodes a colour image as PNG; the path is for the error alone.
pub(crate) fn encode_colour(path: &Path, pixels: &Array2<[u8; 3]>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let mut encode = || {
        let mut encoder = png::Encoder::new(&mut bytes, pixels.ncols() as u32, pixels.nrows() as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header()?;
        let channels: Vec<u8> = pixels.iter().flatten().copied().collect();
        writer.write_image_data(&channels)?;
        writer.finish()
    };
    let encoded: Result<(), png::EncodingError> = encode();
    encoded.map_err(|error| Error::Image { path: path.to_path_buf(), why: error.to_string() })?;
    Ok(bytes)
}

pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    std::fs::write(path, bytes).map_err(Error::io("write", path))
}

fn encode(bytes: &mut Vec<u8>, sample: &Sample) -> Result<(), png::EncodingError> {
    let mut encoder = png::Encoder::new(bytes, sample.columns() as u32, sample.rows() as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    if let Some(pixels_per_inch) = sample.pixels_per_inch {
        let per_metre = (f64::from(pixels_per_inch) * INCHES_PER_METRE).round() as u32;
        encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: per_metre, yppu: per_metre, unit: png::Unit::Meter }));
    }
    let mut writer = encoder.write_header()?;
    let pixels: Vec<u8> = sample.pixels.iter().copied().collect();
    writer.write_image_data(&pixels)?;
    writer.finish()
}

pub(crate) const INCHES_PER_METRE: f64 = 1.0 / 0.0254;
