//! The embedded store's commands of an account's life.

use super::{AccountId, Binding, Standing};
use crate::crypto::credential::Credential;
use rusqlite::{Connection, OptionalExtension, params};

pub(super) fn standing(connection: &Connection, account: AccountId) -> rusqlite::Result<Option<Standing>> {
    let find = "SELECT epoch, record, helper, bank_account, authority FROM accounts
                LEFT JOIN bindings ON account = accounts.id WHERE accounts.id = ?1";
    let read = |row: &rusqlite::Row<'_>| {
        let (record, helper, bank_account) = (row.get(1)?, row.get(2)?, row.get::<_, Option<Vec<u8>>>(3)?);
        let authority = row.get::<_, Option<Vec<u8>>>(4)?;
        let bound = bank_account.zip(authority);
        let binding = bound.map(|(bank_account, authority)| Binding { record, helper, bank_account, authority });
        Ok(Standing { epoch: row.get(0)?, binding })
    };
    connection.prepare_cached(find)?.query_row([account.0], read).optional()
}

pub(super) fn change_credential(
    connection: &Connection,
    account: AccountId,
    credential: &Credential,
) -> rusqlite::Result<i64> {
    let update = "UPDATE accounts SET password = ?2, epoch = epoch + 1 WHERE id = ?1 RETURNING epoch";
    connection.prepare_cached(update)?.query_row(params![account.0, credential.to_bytes()], |row| row.get(0))
}

pub(super) fn end_logins(connection: &Connection, account: AccountId) -> rusqlite::Result<i64> {
    let update = "UPDATE accounts SET epoch = epoch + 1 WHERE id = ?1 RETURNING epoch";
    connection.prepare_cached(update)?.query_row([account.0], |row| row.get(0))
}

pub(super) fn has_open_payments(connection: &Connection, account: AccountId) -> rusqlite::Result<bool> {
    let find = "SELECT EXISTS (SELECT 1 FROM payments WHERE account = ?1 AND state IN (1, 2, 5))";
    connection.prepare_cached(find)?.query_row([account.0], |row| row.get(0))
}

pub(super) fn unbind(connection: &Connection, account: AccountId) -> rusqlite::Result<usize> {
    if has_open_payments(connection, account)? {
        return Ok(0);
    }
    connection.prepare_cached("DELETE FROM bindings WHERE account = ?1")?.execute([account.0])
}

/// No login name holds a control character: nobody can log in by the name that is left.
pub(super) fn erase(connection: &Connection, account: AccountId) -> rusqlite::Result<usize> {
    if has_open_payments(connection, account)? {
        return Ok(0);
    }
    unbind(connection, account)?;
    let erase = "UPDATE accounts SET login = char(1) || id, password = x'', epoch = epoch + 1 WHERE id = ?1";
    connection.prepare_cached(erase)?.execute([account.0])
}
