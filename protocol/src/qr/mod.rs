//! The QR symbol (ISO/IEC 18004): payload bytes to modules, modules to an image, an image back to bytes.

mod read;
mod symbol;

pub use read::{PIXELS_MAX, Reading, SymbolReader, read, read_png};
pub use symbol::{Level, QUIET_ZONE_MODULES, Symbol, VERSION_MAX};
