//! Processing codes (ISO 8583:1987, table A.1), without account types.

/// Purchase of goods.
pub const PURCHASE: &str = "000000";
/// Return of goods.
pub const REFUND: &str = "200000";
/// The end of a mandate: codes from 90 are for private use.
pub const CLOSE_MANDATE: &str = "900000";
