//! Feature-level samples: embeddings like a modern face network's, without images, for rates of one in a million and
//! below.
//!
//! ```text
//! (seed) ──► EmbeddingPopulation: bases, clusters ─┐
//! (seed, subject) ──► identity, look-alike ──────┼─► (capture) noise, bad captures ─► unit vector
//! ```
//!
//! A naive von Mises-Fisher model has the wrong tail: real non-mated scores have families, look-alikes and shared
//! traits. The hierarchy's numbers reproduce the score distribution of a modern embedder over 29.6 million real pairs
//! (thresholds at four false match rates, mated and non-mated moments); see the test for how closely.

mod model;
mod population;

pub use model::DIMENSIONS;
pub use population::{Embedding, EmbeddingPopulation};
