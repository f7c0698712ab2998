//! The limit on an image's size.

/// Pixels in an image at most; more are refused before they are decoded.
pub const PIXELS_MAX: u64 = 1 << 26;

/// Checks an image's size.
///
/// # Errors
/// The size, and the limit.
pub(super) fn within_limit(columns: u32, rows: u32) -> Result<(), String> {
    if u64::from(columns) * u64::from(rows) > PIXELS_MAX {
        return Err(format!("{columns} by {rows} pixels are more than {PIXELS_MAX}"));
    }
    Ok(())
}
