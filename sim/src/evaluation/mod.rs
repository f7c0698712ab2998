//! Evaluation off line: comparisons of a set of samples by a comparator or a derivation scheme, and their rates.
//!
//! ```text
//! images, records, embeddings ─► SampleSet ─► ComparisonPlan (which pairs) ─► Counts ─► Figures ─► terminal, JSON, CSV
//!                                             Scorer (how)          │
//!                                                                   └ counts file: resumed, sharded, merged
//! ```
//! Memory is constant in the number of pairs: scores are counted, and only mated comparisons and the highest non-mated
//! ones are kept one by one.

mod committed;
pub mod counts;
pub mod counts_file;
pub mod engine;
pub mod exhaustive;
pub mod extraction;
pub mod figures;
pub mod helper_only;
pub mod imported;
pub mod intake;
pub mod linkage;
pub mod low_fmr;
pub mod plan;
pub mod sample_set;
pub mod scheme_row;
pub mod scorer;
pub mod source;
pub mod survey;
pub mod survey_text;
pub mod symbol_cost;
pub mod symbols;
pub mod table;
pub mod weakness;

pub(crate) use committed::committed_bits;
pub use counts::Counts;
pub use engine::evaluate;
pub use figures::Figures;
pub use plan::{ComparisonPlan, Protocol};
pub use sample_set::SampleSet;
pub use scorer::{Comparator, Method, SchemeChoice, TokenCondition};
