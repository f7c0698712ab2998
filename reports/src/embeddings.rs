//! Files of embeddings: Parquet with the columns `subject`, `impression` and one of 32-bit floats a dimension, `e0`, `e1`
//! and so on. Written and read in batches, so that millions fit in little memory.

use crate::error::Error;
use polars::prelude::{
    BatchedWriter, Column, DataFrame, NamedFrom, ParquetReader, ParquetWriter, PolarsError, SerReader, Series,
};
use std::fs::File;
use std::path::Path;

const TABLE: &str = "embeddings";

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
            let writer = ParquetWriter::new(file).set_parallel(false);
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

/// Reads a whole file.
///
/// # Errors
/// [`Error::File`], [`Error::Table`] when a column is missing or of another type, [`Error::Null`].
pub fn read_embeddings(path: &Path) -> Result<Vec<EmbeddingRow>, Error> {
    let file = File::open(path).map_err(Error::file(path))?;
    let frame = ParquetReader::new(file).finish().map_err(table_error)?;
    let numbers = |name: &'static str| -> Result<Vec<u32>, Error> {
        let column = frame.column(name).and_then(|c| c.u32().map(|c| c.iter().collect::<Option<Vec<u32>>>()));
        column.map_err(table_error)?.ok_or(Error::Null { table: TABLE, column: name })
    };
    let (subjects, impressions) = (numbers("subject")?, numbers("impression")?);
    let dimensions = frame.width() - 2;
    let mut vectors = vec![Vec::with_capacity(dimensions); subjects.len()];
    for index in 0..dimensions {
        let column = frame.column(&format!("e{index}")).and_then(|c| c.f32()).map_err(table_error)?;
        for (vector, value) in vectors.iter_mut().zip(column.iter()) {
            vector.push(value.ok_or(Error::Null { table: TABLE, column: "e" })?);
        }
    }
    let rows = subjects.into_iter().zip(impressions).zip(vectors);
    Ok(rows.map(|((subject, impression), vector)| EmbeddingRow { subject, impression, vector }).collect())
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
        std::fs::write(&path, b"no parquet").unwrap();
        assert!(matches!(read_embeddings(&path), Err(Error::Table { .. })));
    }
}
