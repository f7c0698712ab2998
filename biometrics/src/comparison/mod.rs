//! Exhaustive comparison of fixed-length templates: every pair, counted into integer histograms.
//!
//! ```text
//! templates ──► CodeSet (bits)     ──Hamming kernel──┐
//!           └─► VectorSet (reals)  ──cosine kernel───┴──► counts per score, memory constant in the number of pairs
//! ```
//!
//! References lie in blocks of eight, transposed, so that one vector register holds the same word of eight of them; for
//! AVX2 also by nibbles, thirty-two side by side.
//! The kernel is chosen once, at run time, from what the processor offers; all of them give the same counts.

mod codes;
mod hamming;
mod pairs;
mod vectors;

pub use codes::CodeSet;
pub use hamming::Kernel;
pub use pairs::{Counted, Span};
pub use vectors::{COSINE_BINS, VectorSet, cosine_bin, cosine_of_bin};
