//! What a run records: the rows of its tables, the words in them, and their files.

pub(crate) mod parquet;
mod rows;
pub(crate) mod tables;
mod words;

pub use rows::{Attack, AttackFigure, Comparison, LatencyBlock, Network, ServerFigure, Transaction};
pub use words::{
    Component, Defence, EVENTS, FAILURE_TO_ACQUIRE, GENERATOR_LAG, Journey, Operation, POSTED, SPACE_COVERED,
    TransactionKind, TransactionOutcome, ZERO_EFFORT,
};
