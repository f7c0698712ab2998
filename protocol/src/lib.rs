//! What handset and server say to each other, and the symbol that is shown between two handsets.
//!
//! ```text
//! client::Session ──Request──► codec ──frame on a QUIC stream──► codec ──Request──► server
//!        ▲                                                                            │
//!        └───────────────────────── Response, or a named Refusal ◄────────────────────┘
//! ```
//!
//! No I/O, no clock and no randomness: bytes in, bytes out. One bidirectional stream carries one request frame and one
//! response frame, and ends with them on either side: a byte after a request makes it malformed.

#![warn(clippy::wildcard_enum_match_arm, unreachable_pub)]

pub mod client;
pub mod codec;
pub mod credentials;
pub mod error;
pub mod merchant;
pub mod message;
pub mod opaque;
pub mod proof;
pub mod qr;
pub mod secret;
pub mod trace;
pub mod values;

pub use error::Error;
pub use message::{ChargeReceipt, Refusal, Request, Response};
pub use proof::{DeviceKey, DeviceKeys, DeviceSecret, PresentationProof};
pub use secret::Secret;
pub use trace::TraceContext;
pub use values::{
    BankAccount, ChannelBinding, Currency, HelperBytes, IdempotencyKey, ImageBytes, LoginName, Merchant, MinorUnits,
    OpaqueBytes, OrderId, PayloadBytes, PaymentId, Reference,
};

/// The protocol's name in TLS (RFC 7301); a change that an older peer cannot read gets a new one.
pub const ALPN: &[u8] = b"biopay/3";

/// Returns the names that the server can be greeted by: its own first, then `biopay` alone and the other versions up to
/// 99, so that a client of another version is told which one is spoken here instead of nothing.
pub fn greetings() -> Vec<Vec<u8>> {
    let others = (1..100).map(|version| format!("biopay/{version}").into_bytes()).filter(|name| name != ALPN);
    [ALPN.to_vec(), b"biopay".to_vec()].into_iter().chain(others).collect()
}
