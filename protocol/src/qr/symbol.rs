//! Encodes payload bytes as a symbol, and draws a symbol as pixels.

use crate::Error;
use image::{GrayImage, Luma};
use qrcode::{Color, EcLevel, QrCode, Version};
use serde::{Deserialize, Serialize};

/// Light modules around a symbol (ISO/IEC 18004:2015, 9.1: four).
pub const QUIET_ZONE_MODULES: u32 = 4;
/// The largest version: 177 modules a side.
pub const VERSION_MAX: u8 = 40;

/// The error correction level: the share of codewords that may be lost (ISO/IEC 18004:2015, table 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// About 7 %.
    L,
    /// About 15 %.
    M,
    /// About 25 %.
    Q,
    /// About 30 %.
    H,
}

impl Level {
    fn encoder(self) -> EcLevel {
        match self {
            Self::L => EcLevel::L,
            Self::M => EcLevel::M,
            Self::Q => EcLevel::Q,
            Self::H => EcLevel::H,
        }
    }
}

/// A symbol's modules.
///
/// Shape: `width × width`, row 0 at the top, without the quiet zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    version: u8,
    level: Level,
    width: u32,
    dark: Vec<bool>,
}

impl Symbol {
    /// The most bytes that [`Self::fitted`] takes: version 40 at level M (ISO/IEC 18004:2015, table 7).
    pub const BYTES_MAX: usize = 2_331;

    /// Encodes bytes into the smallest symbol that holds them at this level.
    ///
    /// # Errors
    ///
    /// [`Error::SymbolTooSmall`] when not even version 40 does.
    pub fn encode(payload: &[u8], level: Level) -> Result<Self, Error> {
        let code = QrCode::with_error_correction_level(payload, level.encoder());
        Self::from_code(code.map_err(|_| Error::SymbolTooSmall { bytes: payload.len() })?, level)
    }

    /// Encodes bytes into a symbol of exactly this version, 1 to 40, at this level.
    ///
    /// # Errors
    ///
    /// [`Error::SymbolTooSmall`] when they do not fit; [`Error::Value`] when there is no such version.
    pub fn encode_at(payload: &[u8], version: u8, level: Level) -> Result<Self, Error> {
        if !(1..=VERSION_MAX).contains(&version) {
            return Err(Error::Value { what: "symbol version", why: "1 to 40" });
        }
        let code = QrCode::with_version(payload, Version::Normal(i16::from(version)), level.encoder());
        Self::from_code(code.map_err(|_| Error::SymbolTooSmall { bytes: payload.len() })?, level)
    }

    /// Encodes bytes into the smallest symbol that holds them at level M, at the highest level that this version still
    /// has room for: the modules are there anyway, and correct more that way.
    ///
    /// # Errors
    ///
    /// [`Error::SymbolTooSmall`] when not even version 40 does.
    pub fn fitted(payload: &[u8]) -> Result<Self, Error> {
        let least = Self::encode(payload, Level::M)?;
        let higher = [Level::H, Level::Q].into_iter();
        Ok(higher.filter_map(|level| Self::encode_at(payload, least.version, level).ok()).next().unwrap_or(least))
    }

    fn from_code(code: QrCode, level: Level) -> Result<Self, Error> {
        let width = code.width() as u32;
        let version = ((width - 17) / 4) as u8;
        let dark = code.into_colors().into_iter().map(|color| color == Color::Dark).collect();
        Ok(Self { version, level, width, dark })
    }

    /// Returns the version, 1 to 40.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// Returns the error correction level.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Returns the modules a side, without the quiet zone.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Returns whether a module is dark; outside the symbol everything is light.
    pub fn is_dark(&self, row: u32, column: u32) -> bool {
        row < self.width && column < self.width && self.dark[(row * self.width + column) as usize]
    }

    /// Draws the symbol with its quiet zone; black is 0. `module_pixels` is the side of a module, at least 1.
    ///
    /// Shape: `(width + 8) · module_pixels` a side.
    pub fn render(&self, module_pixels: u8) -> GrayImage {
        let scale = u32::from(module_pixels.max(1));
        let side = (self.width + 2 * QUIET_ZONE_MODULES) * scale;
        GrayImage::from_fn(side, side, |x, y| {
            let module = |pixel: u32| (pixel / scale).wrapping_sub(QUIET_ZONE_MODULES);
            Luma([if self.is_dark(module(y), module(x)) { 0 } else { 255 }])
        })
    }
}
