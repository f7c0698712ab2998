//! ISO 8583:1987 messages, as our server and our bank speak them.
//!
//! The dialect: message type and fields in ASCII, bitmaps in binary, variable lengths in ASCII digits; a two-byte
//! big-endian length before each message on a stream.

pub mod fields;
pub mod message;
pub mod pin_block;
pub mod processing;
pub mod stream;

pub use fields::Field;
pub use message::{DecodeError, Message, Mti};
