//! The bank's refunds: a part of a charge or all of it goes back to the account that it came from.

use super::ledger::{Answer, Ledger, Refund, code};
use crate::durable::StoreError;
use crate::env::BoxFuture;
use crate::statement::{PostingKind, StatementLine};
use rusqlite::{Connection, OptionalExtension, params};

impl Ledger {
    /// Gives money back, once a reference, and never more of a charge than it took.
    pub fn refund(&self, refund: Refund) -> BoxFuture<'static, Result<Answer, StoreError>> {
        self.writer.submit(move |connection| post_refund(connection, &refund))
    }

    /// Lists every posting, in order, as the bank's statement: all accounts are kept in one currency.
    pub fn statement(&self, currency: &str) -> BoxFuture<'static, Result<Vec<StatementLine>, StoreError>> {
        let currency = currency.to_owned();
        self.writer.submit(move |connection| {
            let list =
                "SELECT postings.acquirer, postings.reference, kind, coalesce(original, ''), postings.amount_minor
                        FROM postings LEFT JOIN requests ON requests.acquirer = postings.acquirer
                                                        AND requests.reference = postings.reference ORDER BY id";
            let mut statement = connection.prepare_cached(list)?;
            let lines = statement.query_map([], |row| {
                let kind = match row.get_ref(2)?.as_str()? {
                    "charge" => PostingKind::Charge,
                    "reversal" => PostingKind::Reversal,
                    _ => PostingKind::Refund,
                };
                let (acquirer, reference, original) = (row.get(0)?, row.get(1)?, row.get(3)?);
                let (amount_minor, currency) = (row.get(4)?, currency.clone());
                Ok(StatementLine { acquirer, reference, kind, original, amount_minor, currency })
            })?;
            lines.collect()
        })
    }
}

fn post_refund(connection: &Connection, refund: &Refund) -> rusqlite::Result<Answer> {
    let Refund { acquirer, reference, original, amount_minor } = refund;
    let amount = *amount_minor as i64;
    let find = "SELECT code, approval, amount_minor, original FROM requests WHERE acquirer = ?1 AND reference = ?2";
    let known = connection.prepare_cached(find)?.query_row([acquirer, reference], |row| {
        let answer = Answer { code: row.get(0)?, approval: row.get(1)? };
        Ok((
            answer,
            row.get::<_, Option<i64>>(2)? == Some(amount)
                && row.get::<_, Option<String>>(3)?.as_ref() == Some(original),
        ))
    });
    if let Some((answer, is_same)) = known.optional()? {
        return Ok(if is_same { answer } else { Answer { code: code::DUPLICATE.into(), approval: None } });
    }
    let find = "SELECT account FROM requests AS charge
                WHERE acquirer = ?1 AND reference = ?2 AND code = '00' AND reversed = 0 AND charge.original IS NULL
                  AND ?3 + (SELECT coalesce(sum(amount_minor), 0) FROM requests AS given
                            WHERE given.acquirer = ?1 AND given.original = ?2 AND given.code = '00') <= amount_minor";
    let row = params![acquirer, original, amount];
    let account = connection.prepare_cached(find)?.query_row(row, |row| row.get::<_, String>(0)).optional()?;
    let insert = "INSERT INTO requests (acquirer, reference, account, amount_minor, code, approval, original)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let Some(account) = account else {
        let code = code::INVALID_TRANSACTION;
        let row = params![acquirer, reference, None::<String>, amount, code, None::<String>, original];
        connection.prepare_cached(insert)?.execute(row)?;
        return Ok(Answer { code: code.into(), approval: None });
    };
    let post =
        "INSERT INTO postings (acquirer, reference, kind, account, amount_minor) VALUES (?1, ?2, 'refund', ?3, ?4)";
    connection.prepare_cached(post)?.execute(params![acquirer, reference, account, amount])?;
    let approval = Some(format!("{:06}", connection.last_insert_rowid() % 1_000_000));
    let credit = "UPDATE accounts SET balance_minor = balance_minor + ?2 WHERE number = ?1";
    connection.prepare_cached(credit)?.execute(params![account, amount])?;
    let row = params![acquirer, reference, account, amount, code::APPROVED, approval, original];
    connection.prepare_cached(insert)?.execute(row)?;
    Ok(Answer { code: code::APPROVED.into(), approval })
}
