//! Files of embeddings: Parquet with the columns `subject`, `impression` and one of 32-bit floats a dimension, `e0`, `e1`
//! and so on. Written and read in batches, so that millions fit in little memory.

use crate::error::Error;
use crate::numpy;
use crate::records::parquet;
use polars::prelude::{
    BatchedWriter, Column, DataFrame, DataType, NamedFrom, ParquetReader, ParquetWriter, PolarsError, SerReader, Series,
};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

const TABLE: &str = "embeddings";
const COLUMNS: [(&str, &str); 2] =
    [("subject", "Whose it is."), ("impression", "Which of the subject's captures it is.")];

/// One embedding of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddingRow {
    /// Whose it is.
    pub subject: u32,
    /// Which of the subject's captures it is.
    pub impression: u32,
    /// The vector.
    pub vector: Vec<f32>,
}

/// Writes a file batch by batch.
pub struct EmbeddingWriter {
    file: Option<File>,
    writer: Option<BatchedWriter<File>>,
    dimensions: usize,
}

impl EmbeddingWriter {
    /// Creates the file.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be created.
    pub fn create(path: &Path, dimensions: usize) -> Result<Self, Error> {
        let file = File::create(path).map_err(Error::file(path))?;
        Ok(Self { file: Some(file), writer: None, dimensions })
    }

    /// Appends rows as one row group; panics when a vector has another length than the file's.
    ///
    /// # Errors
    /// [`Error::Table`].
    pub fn write(&mut self, rows: &[EmbeddingRow]) -> Result<(), Error> {
        let frame = frame(rows, self.dimensions).map_err(table_error)?;
        if let Some(file) = self.file.take() {
            let metadata = parquet::metadata(frame.schema(), &COLUMNS);
            let writer = ParquetWriter::new(file).set_parallel(false).with_key_value_metadata(Some(metadata));
            self.writer = Some(writer.batched(frame.schema()).map_err(table_error)?);
        }
        let writer = self.writer.as_mut().expect("made from the file by the first batch");
        writer.write_batch(&frame).map_err(table_error)
    }

    /// Completes the file; without it the file cannot be read.
    ///
    /// # Errors
    /// [`Error::Table`].
    pub fn finish(mut self) -> Result<(), Error> {
        if self.writer.is_none() {
            self.write(&[])?;
        }
        let writer = self.writer.as_ref().expect("made by the first batch");
        writer.finish().map(|_| ()).map_err(table_error)
    }
}

/// Reads a whole file, as this program, NumPy and pandas write it: `subject` of whole numbers or names, `impression` of
/// whole numbers (or none: then counted in the order of the rows), and vectors as columns `e0`, `e1` and so on, as columns
/// `0`, `1` and so on, or as one column `embedding` of lists. Floats of 32 or 64 bits. Subjects by name are numbered in
/// the order of their names. Other columns are left out.
///
/// A file `NAME.npy` has a vector in each row, `NAME.subjects.npy` beside it the subjects and, if it is there,
/// `NAME.impressions.npy` the impressions.
///
/// # Errors
/// [`Error::Numpy`], [`Error::File`], [`Error::Table`] when a column is missing or of another type, [`Error::Null`], and
/// [`Error::Embedding`] with the row of a number that is not finite, or of a sample that is there twice.
pub fn read_embeddings(path: &Path) -> Result<Vec<EmbeddingRow>, Error> {
    if numpy::is_numpy(path) {
        let numpy::Arrays { subjects, impressions, vectors } = numpy::read(path)?;
        let impressions = impressions.unwrap_or_else(|| counted(&subjects));
        return rows_of(path, subjects, impressions, vectors);
    }
    let file = File::open(path).map_err(Error::file(path))?;
    let frame = ParquetReader::new(file).finish().map_err(table_error)?;
    let subjects = numbered(frame.column("subject").map_err(table_error)?)?;
    let impressions = match frame.column("impression") {
        Ok(column) => numbered(column)?,
        Err(_none) => counted(&subjects),
    };
    rows_of(path, subjects, impressions, vectors(&frame)?)
}

/// Puts columns together to rows, and checks them.
fn rows_of(
    path: &Path,
    subjects: Vec<u32>,
    impressions: Vec<u32>,
    vectors: Vec<Vec<f32>>,
) -> Result<Vec<EmbeddingRow>, Error> {
    let rows = subjects.into_iter().zip(impressions).zip(vectors);
    let rows: Vec<_> =
        rows.map(|((subject, impression), vector)| EmbeddingRow { subject, impression, vector }).collect();
    check(path, &rows)?;
    Ok(rows)
}

/// Reads whole numbers, or numbers names in their order.
fn numbered(column: &Column) -> Result<Vec<u32>, Error> {
    let null = || Error::Null { table: TABLE, column: "subject or impression" };
    if let Ok(names) = column.str() {
        let names = names.iter().collect::<Option<Vec<&str>>>().ok_or_else(null)?;
        let mut order: Vec<&str> = names.clone();
        order.sort_unstable();
        order.dedup();
        let number = |name: &str| order.binary_search(&name).expect("every name is in the order") as u32;
        return Ok(names.into_iter().map(number).collect());
    }
    let whole = column.strict_cast(&DataType::UInt32).map_err(table_error)?;
    whole.u32().map_err(table_error)?.iter().collect::<Option<_>>().ok_or_else(null)
}

/// Numbers each subject's rows in their order.
fn counted(subjects: &[u32]) -> Vec<u32> {
    let mut seen: BTreeMap<u32, u32> = BTreeMap::new();
    let mut next = |subject: &u32| {
        let number = seen.entry(*subject).or_default();
        *number += 1;
        *number - 1
    };
    subjects.iter().map(&mut next).collect()
}

fn vectors(frame: &DataFrame) -> Result<Vec<Vec<f32>>, Error> {
    let null = || Error::Null { table: TABLE, column: "the embedding's" };
    // pandas writes a missing number as a null; the check names its row.
    let number = |value: Option<f32>| value.unwrap_or(f32::NAN);
    let floats = |column: &Column| column.strict_cast(&DataType::Float32).map_err(table_error);
    if let Ok(lists) = frame.column("embedding") {
        let lists = lists.cast(&DataType::List(Box::new(DataType::Float32))).map_err(table_error)?;
        let lists = lists.list().map_err(table_error)?;
        let each = (0..lists.len()).map(|row| {
            let list = lists.get_as_series(row).ok_or_else(null)?;
            Ok(list.f32().map_err(table_error)?.iter().map(number).collect())
        });
        return each.collect();
    }
    let prefix = if frame.column("e0").is_ok() { "e" } else { "" };
    let mut vectors = vec![Vec::new(); frame.height()];
    for index in 0.. {
        let Ok(column) = frame.column(&format!("{prefix}{index}")) else { break };
        let column = floats(column)?;
        for (vector, value) in vectors.iter_mut().zip(column.f32().map_err(table_error)?.iter()) {
            vector.push(number(value));
        }
    }
    Ok(vectors)
}

/// Checks that vectors have one length of finite numbers, and that no sample is there twice.
fn check(path: &Path, rows: &[EmbeddingRow]) -> Result<(), Error> {
    let wrong = |row: usize, why: String| Error::Embedding { path: path.to_owned(), row: row + 1, why };
    let length = rows.first().map_or(0, |row| row.vector.len());
    if length == 0 {
        let names = "columns e0, e1 and so on, 0, 1 and so on, or a column embedding of lists";
        return Err(wrong(0, format!("there are no vectors: the file needs {names}")));
    }
    let mut seen = BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        if row.vector.len() != length {
            return Err(wrong(number, format!("{} numbers, where the first row has {length}", row.vector.len())));
        }
        if let Some(value) = row.vector.iter().find(|value| !value.is_finite()) {
            return Err(wrong(number, format!("{value} is not a finite number")));
        }
        if let Some(earlier) = seen.insert((row.subject, row.impression), number) {
            return Err(wrong(number, format!("the same subject and impression as row {}", earlier + 1)));
        }
    }
    Ok(())
}

fn frame(rows: &[EmbeddingRow], dimensions: usize) -> Result<DataFrame, PolarsError> {
    assert!(rows.iter().all(|row| row.vector.len() == dimensions), "vectors of the file's length");
    let numbers = |name: &str, pick: fn(&EmbeddingRow) -> u32| {
        Column::from(Series::new(name.into(), rows.iter().map(pick).collect::<Vec<u32>>()))
    };
    let mut columns = vec![numbers("subject", |r| r.subject), numbers("impression", |r| r.impression)];
    for index in 0..dimensions {
        let values: Vec<f32> = rows.iter().map(|row| row.vector[index]).collect();
        columns.push(Column::from(Series::new(format!("e{index}").into(), values)));
    }
    DataFrame::new(rows.len(), columns)
}

fn table_error(source: PolarsError) -> Error {
    Error::Table { table: TABLE, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_read_back_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("e.parquet");
        let row = |i: u32| EmbeddingRow { subject: i / 2, impression: i % 2, vector: vec![i as f32, -0.5, 0.25] };
        let rows: Vec<EmbeddingRow> = (0..10).map(row).collect();
        let mut writer = EmbeddingWriter::create(&path, 3).unwrap();
        writer.write(&rows[..6]).unwrap();
        writer.write(&rows[6..]).unwrap();
        writer.finish().unwrap();
        assert_eq!(read_embeddings(&path).unwrap(), rows);
        for (other, why) in [
            (rows[3].clone(), "row 11: the same subject"),
            (EmbeddingRow { vector: vec![f32::NAN; 3], ..row(10) }, "finite"),
        ] {
            let mut writer = EmbeddingWriter::create(&path, 3).unwrap();
            writer.write(&rows).unwrap();
            writer.write(&[other]).unwrap();
            writer.finish().unwrap();
            let refused = read_embeddings(&path).unwrap_err().to_string();
            assert!(refused.contains(why), "{refused}");
        }
        std::fs::write(&path, b"no parquet").unwrap();
        assert!(matches!(read_embeddings(&path), Err(Error::Table { .. })));
    }
}
