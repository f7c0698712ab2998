//! The table that a paper can print: every scheme on every modality, in one format or another.
//!
//! ```text
//! Survey (a modality's samples) ─┐
//! Survey (real ones beside them) ─┴─► rows by modality, scheme and samples ─► columns ─► LaTeX, Markdown or CSV
//! ```
//! A value that was not measured is printed as such, never as 0.

mod cell;
mod columns;
mod formats;

pub use formats::TableFormat;

use super::survey::Survey;
use crate::Error;

/// Writes the table. Rows of one modality stand together, and in it those of one scheme, so that synthetic and real samples
/// are side by side.
///
/// # Errors
///
/// [`Error::Usage`] if a row cannot be written as CSV.
pub fn write(surveys: &[Survey], format: TableFormat) -> Result<String, Error> {
    let mut rows = Vec::new();
    for (number, first) in surveys.iter().enumerate() {
        let is_new = surveys[..number].iter().all(|before| before.modality != first.modality);
        let group: Vec<&Survey> = surveys.iter().filter(|s| is_new && s.modality == first.modality).collect();
        for at in 0..first.schemes.len() {
            let of_scheme = group.iter().filter_map(|survey| Some((*survey, survey.schemes.get(at)?)));
            rows.extend(
                of_scheme.map(|(survey, row)| columns::COLUMNS.iter().map(|c| (c.value)(survey, row)).collect()),
            );
        }
    }
    format.write(&rows)
}
