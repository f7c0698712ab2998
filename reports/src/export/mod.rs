//! A run's figures and verdicts for other programs and other people: JSON with a schema, CSV, JUnit, Markdown.

mod csv;
mod junit;
mod markdown;
mod plots;

pub use crate::judgement::{Document, schema};
pub use csv::csv;
pub(crate) use csv::field as csv_field;
pub use junit::junit;
pub use markdown::markdown;
pub use plots::{plots, svg_document};
