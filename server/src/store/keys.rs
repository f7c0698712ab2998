//! What a store keeps of keys and logins while they are exchanged, behind a trait that both stores implement.

use super::account::{Account, AccountId, Change};
use super::postgres::PostgresStore;
use super::postgres_query::{change, rows};
use super::sqlite::{self, SqliteStore};
use super::{StoreError, Stored};
use crate::crypto::credential::Credential;
use rusqlite::params;
use rusqlite::types::Type;

/// The part of a store that outlasts keys, peppers and hash costs.
pub trait KeyStore: Send + Sync {
    /// Lists the check values of the keys that something in the store may depend on, by name.
    fn check_values(&self) -> Stored<Vec<(String, Vec<u8>)>>;

    /// Adds a check value; one of the same name stays as it is.
    fn add_check_value(&self, name: String, value: Vec<u8>) -> Stored<()>;

    /// Removes a check value: nothing depends on its key any more.
    fn remove_check_value(&self, name: String) -> Stored<()>;

    /// Lists the logins of accounts above a number, in order, a page at a time; none when there are no more.
    fn credentials_above(&self, account: AccountId) -> Stored<Vec<Account>>;

    /// Replaces what a login is checked against; refused when it is no longer what it was.
    fn replace_credential(&self, account: AccountId, before: Credential, after: Credential) -> Stored<Change>;
}

impl KeyStore for SqliteStore {
    fn check_values(&self) -> Stored<Vec<(String, Vec<u8>)>> {
        self.reader.submit(|connection| {
            let mut list = connection.prepare_cached("SELECT name, value FROM check_values ORDER BY name")?;
            list.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    }

    fn add_check_value(&self, name: String, value: Vec<u8>) -> Stored<()> {
        self.writer.submit(move |connection| {
            let insert = "INSERT INTO check_values (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            connection.prepare_cached(insert)?.execute(params![name, value]).map(drop)
        })
    }

    fn remove_check_value(&self, name: String) -> Stored<()> {
        self.writer.submit(move |connection| {
            connection.prepare_cached("DELETE FROM check_values WHERE name = ?1")?.execute([&name]).map(drop)
        })
    }

    fn credentials_above(&self, account: AccountId) -> Stored<Vec<Account>> {
        self.reader.submit(move |connection| {
            let list = "SELECT id, password, epoch FROM accounts WHERE id > ?1 AND length(password) > 0 ORDER BY id LIMIT 1024";
            let mut statement = connection.prepare_cached(list)?;
            let page = statement.query_map([account.0], |row| {
                let credential = Credential::from_bytes(row.get_ref(1)?.as_blob()?);
                let credential = credential.map_err(|_| sqlite::corrupt(1, Type::Blob))?;
                Ok(Account { id: AccountId(row.get(0)?), credential, epoch: row.get(2)? })
            })?;
            page.collect()
        })
    }

    fn replace_credential(&self, account: AccountId, before: Credential, after: Credential) -> Stored<Change> {
        self.writer.submit(move |connection| {
            let update = "UPDATE accounts SET password = ?3 WHERE id = ?1 AND password = ?2";
            let row = params![account.0, before.to_bytes(), after.to_bytes()];
            connection.prepare_cached(update)?.execute(row).map(sqlite::change)
        })
    }
}

impl KeyStore for PostgresStore {
    fn check_values(&self) -> Stored<Vec<(String, Vec<u8>)>> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let found = rows(&pool, "SELECT name, value FROM check_values ORDER BY name", &[]).await?;
            Ok(found.iter().map(|row| (row.get(0), row.get(1))).collect())
        })
    }

    fn add_check_value(&self, name: String, value: Vec<u8>) -> Stored<()> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let insert = "INSERT INTO check_values (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
            change(&pool, insert, &[&name, &value]).await.map(drop)
        })
    }

    fn remove_check_value(&self, name: String) -> Stored<()> {
        let pool = self.pool.clone();
        Box::pin(async move { change(&pool, "DELETE FROM check_values WHERE name = $1", &[&name]).await.map(drop) })
    }

    fn credentials_above(&self, account: AccountId) -> Stored<Vec<Account>> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let list = "SELECT id, password, epoch FROM accounts WHERE id > $1 AND length(password) > 0 ORDER BY id LIMIT 1024";
            let page = rows(&pool, list, &[&account.0]).await?;
            let read = |row: &tokio_postgres::Row| {
                let unreadable = || StoreError::Sql("a login in the store was not written by this program".into());
                let credential = Credential::from_bytes(row.get(1)).map_err(|_| unreadable())?;
                Ok(Account { id: AccountId(row.get(0)), credential, epoch: row.get(2) })
            };
            page.iter().map(read).collect()
        })
    }

    fn replace_credential(&self, account: AccountId, before: Credential, after: Credential) -> Stored<Change> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let update = "UPDATE accounts SET password = $3 WHERE id = $1 AND password = $2";
            change(&pool, update, &[&account.0, &before.to_bytes(), &after.to_bytes()]).await
        })
    }
}
