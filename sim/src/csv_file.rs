//! Comma-separated files (RFC 4180), as spreadsheets and other programs write them and read them.

use crate::Error;
use csv::{ReaderBuilder, StringRecord, Trim, Writer};
use std::fs::File;
use std::path::Path;

/// What some programs write before everything else to say that a file is UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// One row and the line that it begins on.
pub(crate) struct Row {
    pub(crate) line: u64,
    pub(crate) fields: StringRecord,
}

/// Reads every row, the header among them; quoted fields are unquoted, and blank lines and a byte order mark left out.
///
/// # Errors
/// [`Error::File`]; [`Error::Usage`] naming the line that is not UTF-8.
pub(crate) fn read_rows(path: &Path) -> Result<Vec<Row>, Error> {
    let bytes = std::fs::read(path).map_err(Error::file(path))?;
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(text);
    let row = |fields: Result<StringRecord, csv::Error>| {
        let fields = fields.map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?;
        Ok(Row { line: fields.position().map_or(0, csv::Position::line), fields })
    };
    reader.records().map(row).collect()
}

/// Starts a file with a header; fields are quoted where they must be.
///
/// # Errors
/// [`Error::File`].
pub(crate) fn create(path: &Path, header: &[&str]) -> Result<Writer<File>, Error> {
    let mut writer = Writer::from_writer(File::create(path).map_err(Error::file(path))?);
    writer.write_record(header).map_err(unwritten(path))?;
    Ok(writer)
}

/// Names the file that a row could not be written to.
pub(crate) fn unwritten(path: &Path) -> impl Fn(csv::Error) -> Error + '_ {
    move |error| Error::Usage(format!("{}: {error}", path.display()))
}
