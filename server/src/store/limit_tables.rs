//! The tables in which both stores keep what limits counted.

use super::limits::{LimitChange, LimitRow, LimitStore};
use super::postgres::PostgresStore;
use super::postgres_query::rows;
use super::sqlite::SqliteStore;
use super::{StoreError, Stored};
use crate::sqlite::Writer;
use deadpool_postgres::Pool;
use rusqlite::{Row, params};
use std::sync::Arc;

struct SqliteLimits {
    writer: Writer,
    reader: Writer,
}

impl SqliteStore {
    pub(super) fn limit_store(&self) -> Arc<dyn LimitStore> {
        Arc::new(SqliteLimits { writer: self.writer.clone(), reader: self.reader.clone() })
    }
}

fn row_of(row: &Row<'_>) -> rusqlite::Result<LimitRow> {
    Ok(LimitRow { name: row.get(0)?, key: row.get(1)?, until_ms: row.get(2)?, changed_ms: row.get(3)? })
}

impl LimitStore for SqliteLimits {
    fn merge_limits(&self, now_ms: i64, changes: Vec<LimitChange>) -> Stored<Vec<LimitRow>> {
        self.writer.submit(move |connection| {
            // A row that was changed later than now was changed by a calendar that has gone back since: what it says is
            // moved back as far.
            let merge = "INSERT INTO limits (name, key, until_ms, changed_ms) VALUES (?1, ?2, max(?3 + ?4, ?5), ?3)
                         ON CONFLICT (name, key) DO UPDATE
                         SET until_ms = max(max(until_ms - max(changed_ms - ?3, 0), ?3) + ?4, ?5), changed_ms = ?3
                         RETURNING name, key, until_ms, changed_ms";
            let mut merge = connection.prepare_cached(merge)?;
            let merged = changes.iter().map(|change| {
                let LimitChange { name, key, by_ms, at_least_ms } = change;
                merge.query_row(params![name, key, now_ms, by_ms, at_least_ms], row_of)
            });
            merged.collect()
        })
    }

    fn limits_since(&self, changed_ms: i64, now_ms: i64) -> Stored<Vec<LimitRow>> {
        self.reader.submit(move |connection| {
            let list = "SELECT name, key, until_ms - max(changed_ms - ?2, 0) AS counts_until, changed_ms FROM limits
                        WHERE changed_ms >= ?1 AND counts_until > ?2";
            connection.prepare_cached(list)?.query_map([changed_ms, now_ms], row_of)?.collect()
        })
    }

    fn forget_limits(&self, now_ms: i64) -> Stored<()> {
        self.writer.submit(move |connection| {
            connection.prepare_cached("DELETE FROM limits WHERE until_ms <= ?1")?.execute([now_ms]).map(drop)
        })
    }
}

struct PostgresLimits(Pool);

impl PostgresStore {
    pub(super) fn limit_store(&self) -> Arc<dyn LimitStore> {
        Arc::new(PostgresLimits(self.pool.clone()))
    }
}

/// The database's own clock, so that servers whose clocks differ hear of each other's changes.
const CHANGED_NOW: &str = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)";

fn read(row: &tokio_postgres::Row) -> Result<LimitRow, StoreError> {
    let key = row.get::<_, &[u8]>(1).try_into();
    let key = key.map_err(|_| StoreError::Sql("a limit in the store was not written by this program".into()))?;
    Ok(LimitRow { name: row.get(0), key, until_ms: row.get(2), changed_ms: row.get(3) })
}

/// Merges changes of one kind; `sum` says how a change and what is kept become one.
async fn merge(pool: &Pool, now_ms: i64, changes: &[LimitChange], sum: &str) -> Result<Vec<LimitRow>, StoreError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let merge = format!(
        "INSERT INTO limits AS kept (name, key, until_ms, changed_ms)
         SELECT name, key, greatest($1 + by_ms, at_least_ms), {CHANGED_NOW}
         FROM unnest($2::text[], $3::bytea[], $4::bigint[], $5::bigint[]) AS told (name, key, by_ms, at_least_ms)
         ON CONFLICT (name, key) DO UPDATE SET until_ms = {sum}, changed_ms = excluded.changed_ms
         RETURNING name, key, until_ms, changed_ms"
    );
    let names: Vec<&str> = changes.iter().map(|change| change.name).collect();
    let keys: Vec<&[u8]> = changes.iter().map(|change| change.key.as_slice()).collect();
    let (by, at_least): (Vec<i64>, Vec<i64>) = changes.iter().map(|change| (change.by_ms, change.at_least_ms)).unzip();
    rows(pool, &merge, &[&now_ms, &names, &keys, &by, &at_least]).await?.iter().map(read).collect()
}

impl LimitStore for PostgresLimits {
    fn merge_limits(&self, now_ms: i64, changes: Vec<LimitChange>) -> Stored<Vec<LimitRow>> {
        let pool = self.0.clone();
        Box::pin(async move {
            let (at_least, by): (Vec<_>, Vec<_>) = changes.into_iter().partition(|change| change.at_least_ms > 0);
            let mut merged = merge(&pool, now_ms, &by, "greatest(kept.until_ms, $1) + excluded.until_ms - $1").await?;
            merged.extend(merge(&pool, now_ms, &at_least, "greatest(kept.until_ms, excluded.until_ms)").await?);
            Ok(merged)
        })
    }

    fn limits_since(&self, changed_ms: i64, now_ms: i64) -> Stored<Vec<LimitRow>> {
        let pool = self.0.clone();
        Box::pin(async move {
            let list = "SELECT name, key, until_ms, changed_ms FROM limits WHERE changed_ms >= $1 AND until_ms > $2";
            rows(&pool, list, &[&changed_ms, &now_ms]).await?.iter().map(read).collect()
        })
    }

    fn forget_limits(&self, now_ms: i64) -> Stored<()> {
        let pool = self.0.clone();
        Box::pin(async move { rows(&pool, "DELETE FROM limits WHERE until_ms <= $1", &[&now_ms]).await.map(drop) })
    }
}
