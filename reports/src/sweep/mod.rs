//! Many runs of one scenario as one table and one page of small multiples.

mod multiples;
mod table;

pub use multiples::page;
pub use table::{Point, Setting, csv, write_parquet};
