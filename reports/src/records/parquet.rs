//! Parquet files that say what their columns mean, and that readers of some years ago read.

use polars::prelude::{
    ArrowSchema, CompatLevel, DataFrame, KeyValueMetadata, ParquetWriter, PlSmallStr, PolarsError, Schema, SchemaExt,
};
use polars_parquet::write::schema_to_metadata_key;
use std::sync::Arc;

/// The units of columns whose names end so.
const UNITS: [(&str, &str); 4] = [
    ("_us", "microseconds"),
    ("_minor", "minor units of the currency"),
    ("bytes_sent", "bytes"),
    ("bytes_received", "bytes"),
];

/// Writes a table as the bytes of a file, with the meaning of each column.
///
/// Each field of the Arrow schema in the file has the metadata `meaning` and, where it is a quantity, `unit`. Strings are
/// Arrow's large strings there, which pyarrow 14 reads; polars' own string views it does not. The data are the same.
pub(crate) fn write(frame: &mut DataFrame, columns: &[(&str, &str)]) -> Result<Vec<u8>, PolarsError> {
    let metadata = metadata(frame.schema(), columns);
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).set_parallel(false).with_key_value_metadata(Some(metadata)).finish(frame)?;
    Ok(bytes)
}

/// Returns the metadata of a file with these columns, for a writer of batches.
pub(crate) fn metadata(schema: &Schema, columns: &[(&str, &str)]) -> KeyValueMetadata {
    let field = |field: polars::prelude::Field| {
        let mut arrow = field.to_arrow(CompatLevel::oldest());
        let meaning = columns.iter().find(|(name, _)| *name == field.name.as_str()).map(|(_, meaning)| meaning.trim());
        let unit = UNITS.iter().find(|(end, _)| field.name.ends_with(end)).map(|(_, unit)| *unit);
        let said = [("meaning", meaning), ("unit", unit)];
        let said = said.into_iter().filter_map(|(key, text)| Some((PlSmallStr::from(key), PlSmallStr::from(text?))));
        arrow.metadata = Some(Arc::new(said.collect()));
        (field.name.clone(), arrow)
    };
    let arrow: ArrowSchema = schema.iter_fields().map(field).collect();
    let entry = schema_to_metadata_key(&arrow);
    KeyValueMetadata::from_static(entry.value.map(|value| (entry.key, value)).into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::prelude::{NamedFrom, Series};

    #[test]
    fn a_columns_unit_follows_from_its_name() {
        let frame = DataFrame::new(1, vec![Series::new("took_us".into(), [1_u64]).into()]).unwrap();
        let KeyValueMetadata::Static(entries) = metadata(frame.schema(), &[("took_us", " How long it took.")]) else {
            panic!("the metadata are known before the data");
        };
        assert_eq!((entries.len(), entries[0].key.as_str()), (1, "ARROW:schema"));
    }
}
