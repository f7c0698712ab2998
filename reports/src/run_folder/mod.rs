//! The run folder: its manifest, tables, latencies, pictures of samples, and cases of false accepts.

pub mod cases;
mod contents;
mod digest;
pub mod knee;
pub mod latency;
pub mod manifest;
mod reader;
pub(crate) mod samples;
mod writer;

pub use contents::Records;
pub use reader::RunReader;
pub use samples::FOLDER as SAMPLES_FOLDER;
pub use writer::{CLAIM, PARTS, RunWriter};
