//! One statement to PostgreSQL and its answer, within a time.

use super::{Change, StoreError};
use deadpool_postgres::{Object, Pool};
use std::time::Duration;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

/// After this the server gives up a database that does not answer.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_secs(5);

/// The values of a statement's parameters.
pub(crate) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        // The database's own message may quote a row; its code says enough.
        match error.code() {
            Some(code) => Self::Sql(format!("PostgreSQL error {}", code.code())),
            None => Self::Unanswered,
        }
    }
}

pub(super) fn unreachable_pool(error: deadpool_postgres::PoolError) -> StoreError {
    tracing::warn!(%error, "no connection to PostgreSQL");
    StoreError::Unreachable
}

/// Asks the database on a connection of the pool, and waits no longer than [`COMMAND_TIMEOUT`]. A connection that left
/// somebody waiting is closed: the answer to another command may still be on its way.
async fn ask<T>(
    pool: &Pool,
    sql: &str,
    command: impl AsyncFnOnce(&Object, &Statement) -> Result<T, tokio_postgres::Error>,
) -> Result<T, StoreError> {
    let client = pool.get().await.map_err(unreachable_pool)?;
    let asked = async {
        let statement = client.prepare_cached(sql).await?;
        command(&client, &statement).await
    };
    match tokio::time::timeout(COMMAND_TIMEOUT, asked).await {
        Ok(answer) => Ok(answer?),
        Err(_) => {
            tracing::error!("PostgreSQL did not answer in time");
            drop(Object::take(client));
            Err(StoreError::Unanswered)
        }
    }
}

pub(super) fn corrupt(what: &str) -> StoreError {
    StoreError::Sql(format!("{what} in the store is not there or was not written by this program"))
}

pub(crate) async fn rows(pool: &Pool, sql: &str, params: Params<'_>) -> Result<Vec<Row>, StoreError> {
    ask(pool, sql, async |client, statement| client.query(statement, params).await).await
}

pub(super) async fn optional(pool: &Pool, sql: &str, params: Params<'_>) -> Result<Option<Row>, StoreError> {
    Ok(rows(pool, sql, params).await?.into_iter().next())
}

pub(crate) async fn change(pool: &Pool, sql: &str, params: Params<'_>) -> Result<Change, StoreError> {
    let changed = ask(pool, sql, async |client, statement| client.execute(statement, params).await).await?;
    Ok(if changed == 0 { Change::Refused } else { Change::Done })
}
