//! Run folders in S3-compatible object stores: their addresses, upload and download.
//!
//! The client is compiled with the feature `s3` alone; without it every address is refused by a message that names the
//! feature.

mod address;
#[cfg(feature = "s3")]
mod client;
#[cfg(feature = "s3")]
mod transfer;
#[cfg(not(feature = "s3"))]
mod without;

pub use address::{Address, Place};
#[cfg(feature = "s3")]
pub use client::Bucket;
#[cfg(not(feature = "s3"))]
pub use without::Bucket;
