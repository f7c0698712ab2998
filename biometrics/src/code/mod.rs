//! Error-correcting codes: what turns a noisy binary template into a repeatable key.

pub mod bch;
pub mod field;

pub use bch::Bch;
pub use field::Field;
