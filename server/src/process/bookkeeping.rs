//! The server's commands on its books: reconciliation with the bank's statement, and the settlement file.

use super::announce;
use crate::bank::Bank;
use crate::error::Error;
use crate::reconcile::reconcile;
use crate::statement::StatementLine;
use crate::store::{SettlementLine, Store, StoreError};
use std::collections::BTreeMap;
use std::path::Path;

/// Prints how our books differ from a bank's statement.
///
/// # Errors
///
/// [`StoreError::Sql`] when they do, so that the exit code says so.
pub(super) async fn print_reconciliation(
    store: &dyn Store,
    bank: &dyn Bank,
    institution: &str,
    statement: &Path,
) -> Result<(), Error> {
    let found = reconcile(store, bank, institution, &read_statement(statement)?).await?;
    announce(&serde_json::to_value(&found).expect("a reconciliation has a form in JSON"))?;
    let wrong = StoreError::Sql("our books and the bank's statement differ".into());
    if found.is_clean() { Ok(()) } else { Err(wrong.into()) }
}

/// Reads a bank's statement, CSV with a row of names.
///
/// # Errors
///
/// [`Error::File`] when it cannot be read, [`Error::Table`] for a malformed row.
fn read_statement(path: &Path) -> Result<Vec<StatementLine>, Error> {
    let file = std::fs::File::open(path).map_err(|error| Error::File { path: path.into(), error })?;
    Ok(csv::Reader::from_reader(file).deserialize().collect::<Result<_, _>>()?)
}

/// Puts everything that is posted and in no batch into a new one, or takes a batch of before, and writes its file: a row a
/// charge or refund. Prints what each merchant is paid out.
///
/// # Errors
///
/// When the store fails, or the file cannot be written: then write the batch again by its number.
pub(super) async fn write_settlement(store: &dyn Store, path: &Path, batch: Option<i64>) -> Result<(), Error> {
    let batch = match batch {
        Some(batch) => batch,
        None => store.close_batch().await?.0,
    };
    let lines = store.batch_lines(batch).await?;
    let beside = path.with_extension("partial");
    let mut writer = csv::Writer::from_path(&beside)?;
    for line in &lines {
        writer.serialize(line)?;
    }
    writer.flush()?;
    drop(writer);
    std::fs::rename(&beside, path).map_err(|error| Error::File { path: path.into(), error })?;
    announce(&serde_json::json!({ "batch": batch, "rows": lines.len(), "payouts": payouts(&lines) }))
}

fn payouts(lines: &[SettlementLine]) -> Vec<serde_json::Value> {
    let mut sums = BTreeMap::<(&str, &str), i64>::new();
    for line in lines {
        *sums.entry((&line.merchant, &line.currency)).or_default() += line.amount_minor;
    }
    let shown = |((merchant, currency), amount_minor)| serde_json::json!({ "merchant": merchant, "currency": currency, "amount_minor": amount_minor });
    sums.into_iter().map(shown).collect()
}
