//! Rows to Parquet and back, through one macro that is the schema's only definition.

use super::parquet;
use crate::error::Error;
use polars::prelude::{Column, DataFrame, NamedFrom, ParquetReader, PolarsError, SerReader, Series};
use std::fs::File;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};

/// A row type that is stored as one Parquet table.
pub(crate) trait Table: Sized {
    /// The table's name: the file is `NAME.parquet`.
    const NAME: &'static str;

    /// The columns' names and meanings, in their order.
    const COLUMNS: &'static [(&'static str, &'static str)];

    /// Lays the rows out as columns.
    fn frame(rows: &[Self]) -> Result<DataFrame, PolarsError>;

    /// Reads the rows back.
    ///
    /// # Errors
    /// [`Error::Table`] when a column is missing or of another type, [`Error::Null`] on an unexpected null.
    fn rows(frame: &DataFrame) -> Result<Vec<Self>, Error>;
}

/// Writes a table as `NAME.parquet` in `folder`.
pub(crate) fn write<T: Table>(folder: &Path, rows: &[T]) -> Result<(), Error> {
    let table_error = |source| Error::Table { table: T::NAME, source };
    let path = folder.join(T::NAME).with_extension("parquet");
    let mut frame = T::frame(rows).map_err(table_error)?;
    let bytes = parquet::write(&mut frame, T::COLUMNS).map_err(table_error)?;
    std::fs::write(&path, bytes).map_err(Error::file(&path))
}

/// Reads `NAME.parquet` of `folder`.
pub(crate) fn read<T: Table>(folder: &Path) -> Result<Vec<T>, Error> {
    let path = folder.join(T::NAME).with_extension("parquet");
    let file = File::open(&path).map_err(Error::file(&path))?;
    let frame = ParquetReader::new(file).finish().map_err(|source| Error::Table { table: T::NAME, source })?;
    T::rows(&frame)
}

/// Rows of a part: what one row group of a written table holds.
const PART_ROWS: usize = 512 * 512;

/// Reads `NAME.parquet` of `folder` a part at a time, in order.
pub(crate) fn read_in_parts<T: Table>(folder: &Path, mut f: impl FnMut(Vec<T>)) -> Result<(), Error> {
    read_frames::<T>(folder, &[], |frame| {
        f(T::rows(&frame)?);
        Ok(())
    })
}

/// Reads some columns of `NAME.parquet` (all where none is named) a part at a time, in order. The next part is read while
/// `f` has one. Each column of a part is in one piece.
pub(crate) fn read_frames<T: Table>(
    folder: &Path,
    columns: &[&str],
    mut f: impl FnMut(DataFrame) -> Result<(), Error>,
) -> Result<(), Error> {
    let path = folder.join(T::NAME).with_extension("parquet");
    let (sender, frames) = sync_channel(1);
    std::thread::scope(|scope| {
        scope.spawn(|| send_frames::<T>(&path, columns, sender));
        frames.into_iter().try_for_each(|frame| f(frame?))
    })
}

/// Sends every part of a table; stops after an error, or when nobody listens any more.
fn send_frames<T: Table>(path: &Path, columns: &[&str], sender: SyncSender<Result<DataFrame, Error>>) {
    let table_error = |source| Error::Table { table: T::NAME, source };
    let open = || File::open(path).map_err(Error::file(path)).map(ParquetReader::new);
    let read = |from: usize| {
        let columns = (!columns.is_empty()).then(|| columns.iter().map(|&name| name.to_owned()).collect());
        let reader = open()?.with_columns(columns).with_slice(Some((from, PART_ROWS)));
        let mut frame = reader.finish().map_err(table_error)?;
        frame.rechunk_mut();
        Ok(frame)
    };
    let rows = match open().and_then(|mut reader| reader.num_rows().map_err(table_error)) {
        Ok(rows) => rows,
        // Whether anybody listens makes no difference any more.
        Err(error) => return drop(sender.send(Err(error))),
    };
    for from in (0..rows.max(1)).step_by(PART_ROWS) {
        let part = read(from);
        let is_last = part.is_err();
        if sender.send(part).is_err() || is_last {
            return;
        }
    }
}

/// A field's type, which has a column's type: values become a column and are read back.
pub(crate) trait Cell: Sized {
    /// Returns the cells of a column that tables of an earlier version lack; `None` where it has to be there.
    fn lacking(_rows: usize) -> Option<Vec<Self>> {
        None
    }
    fn series(name: &'static str, values: Vec<Self>) -> Series;
    fn cells(column: &Column) -> Result<Vec<Option<Self>>, PolarsError>;
}

macro_rules! cell {
    ($type:ty, $read:ident) => {
        impl Cell for $type {
            fn series(name: &'static str, values: Vec<Self>) -> Series {
                Series::new(name.into(), values)
            }
            fn cells(column: &Column) -> Result<Vec<Option<Self>>, PolarsError> {
                Ok(column.$read()?.iter().map(|cell| cell.map(Into::into)).collect())
            }
        }

        impl Cell for Option<$type> {
            fn lacking(rows: usize) -> Option<Vec<Self>> {
                Some(vec![None; rows])
            }
            fn series(name: &'static str, values: Vec<Self>) -> Series {
                Series::new(name.into(), values)
            }
            fn cells(column: &Column) -> Result<Vec<Option<Self>>, PolarsError> {
                Ok(column.$read()?.iter().map(|cell| Some(cell.map(Into::into))).collect())
            }
        }
    };
}

cell!(bool, bool);
cell!(u32, u32);
cell!(u64, u64);
cell!(i64, i64);
cell!(f32, f32);
cell!(f64, f64);
cell!(String, str);

/// Reads one column; called by the rows that [`table!`] generates.
pub(crate) fn column<C: Cell>(frame: &DataFrame, table: &'static str, name: &'static str) -> Result<Vec<C>, Error> {
    if frame.column(name).is_err()
        && let Some(lacking) = C::lacking(frame.height())
    {
        return Ok(lacking);
    }
    let cells = frame.column(name).and_then(C::cells).map_err(|source| Error::Table { table, source })?;
    cells.into_iter().collect::<Option<_>>().ok_or(Error::Null { table, column: name })
}

/// Defines a row struct together with its Parquet table: a column a field, in the order of the fields.
macro_rules! table {
    (
        $(#[$doc:meta])*
        pub struct $row:ident in $name:literal {
            $($(#[doc = $field_doc:literal])* $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $row {
            $($(#[doc = $field_doc])* pub $field: $type,)*
        }

        impl $crate::records::tables::Table for $row {
            const NAME: &'static str = $name;
            const COLUMNS: &'static [(&'static str, &'static str)] =
                &[$((stringify!($field), concat!($($field_doc),*)),)*];

            fn frame(rows: &[Self]) -> Result<polars::prelude::DataFrame, polars::prelude::PolarsError> {
                let columns = vec![$(
                    <$type as $crate::records::tables::Cell>::series(
                        stringify!($field),
                        rows.iter().map(|row| row.$field.clone()).collect(),
                    ).into(),
                )*];
                polars::prelude::DataFrame::new(rows.len(), columns)
            }

            fn rows(frame: &polars::prelude::DataFrame) -> Result<Vec<Self>, $crate::Error> {
                $(let mut $field = $crate::records::tables::column::<$type>(frame, $name, stringify!($field))?.into_iter();)*
                let next = || Some(Self { $($field: $field.next()?,)* });
                Ok(std::iter::from_fn(next).collect())
            }
        }
    };
}
pub(crate) use table;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{Comparison, ServerFigure};

    fn comparisons() -> Vec<Comparison> {
        let row = |score: Option<f32>, failure: Option<&str>| Comparison {
            scheme: "template".into(),
            reference_subject: 1,
            probe_subject: 2,
            reference_device: "handset".into(),
            probe_device: "pc".into(),
            score,
            accepted: score.is_some(),
            failure: failure.map(Into::into),
            probe_capture: Some(3),
        };
        vec![row(Some(0.25), None), row(None, Some("failed to derive"))]
    }

    #[test]
    fn rows_round_trip_with_their_nulls() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &comparisons()).unwrap();
        assert_eq!(read::<Comparison>(folder.path()).unwrap(), comparisons());
    }

    #[test]
    fn parts_together_are_the_table() {
        let folder = tempfile::tempdir().unwrap();
        let rows: Vec<ServerFigure> = (0..PART_ROWS + 10)
            .map(|i| ServerFigure { component: "bank".into(), name: i.to_string(), value: i as f64 })
            .collect();
        write(folder.path(), &rows).unwrap();
        let (mut read, mut parts) = (Vec::new(), 0);
        read_in_parts(folder.path(), |part: Vec<ServerFigure>| {
            parts += 1;
            read.extend(part);
        })
        .unwrap();
        assert_eq!((parts, read.len()), (2, rows.len()));
        assert!(read == rows);
    }

    #[test]
    fn an_empty_table_round_trips() {
        let folder = tempfile::tempdir().unwrap();
        write::<Comparison>(folder.path(), &[]).unwrap();
        assert_eq!(read::<Comparison>(folder.path()).unwrap(), vec![]);
    }

    #[test]
    fn another_tables_file_and_garbage_are_named_errors() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &comparisons()).unwrap();
        std::fs::rename(folder.path().join("comparisons.parquet"), folder.path().join("server.parquet")).unwrap();
        assert!(matches!(read::<ServerFigure>(folder.path()), Err(Error::Table { table: "server", .. })));
        std::fs::write(folder.path().join("server.parquet"), b"PAR1 no table").unwrap();
        assert!(matches!(read::<ServerFigure>(folder.path()), Err(Error::Table { table: "server", .. })));
        assert!(matches!(read::<Comparison>(folder.path()), Err(Error::File { .. })));
    }
}
