//! The embedded store's refunds, suspense and settlement.

use super::super::books::{BATCH, PAGE_ROWS, REFUNDS, SUSPENDED, entry_name, refund_transition};
use super::super::{Books, Change, OpenedRefund, Refund, RefundIntent, SettlementLine, Stored};
use super::{SqliteStore, change, corrupt, payment_of};
use crate::bank::Decline;
use crate::store::payment::{Payment, PaymentState, Settlement};
use biopay_protocol::{Currency, Merchant, MinorUnits, PaymentId};
use rusqlite::types::Type;
use rusqlite::{Connection, Params, Row, params};

const PAYMENTS: &str =
    "SELECT id, account, merchant, amount_minor, currency, reference, state, approval, decline FROM payments ";

impl Books for SqliteStore {
    fn open_refund(&self, intent: RefundIntent) -> Stored<OpenedRefund> {
        self.writer.submit(move |connection| open(connection, &intent))
    }

    fn settle_refund(&self, reference: String, settlement: Settlement) -> Stored<Refund> {
        self.writer.submit(move |connection| settle(connection, &reference, &settlement))
    }

    fn unresolved_refunds(&self) -> Stored<Vec<Refund>> {
        self.reader.submit(|connection| refunds(connection, "WHERE refunds.state IN (1, 2) ORDER BY refunds.at_ms", []))
    }

    fn suspended(&self) -> Stored<Vec<Payment>> {
        self.reader.submit(|connection| payments(connection, SUSPENDED, []))
    }

    fn clear_suspense(&self, payment: PaymentId) -> Stored<Change> {
        self.writer.submit(move |connection| {
            let clear = "INSERT INTO entries (payment, kind, debit, credit, amount_minor)
                         SELECT payment, 'cleared', credit, debit, amount_minor FROM entries
                         WHERE payment = ?1 AND kind = 'suspense' ON CONFLICT DO NOTHING";
            connection.prepare_cached(clear)?.execute([payment.0.to_be_bytes()]).map(change)
        })
    }

    fn payments_above(&self, payment: PaymentId) -> Stored<Vec<Payment>> {
        self.reader.submit(move |connection| {
            let page = format!("WHERE id > ?1 ORDER BY id LIMIT {PAGE_ROWS}");
            payments(connection, &page, [payment.0.to_be_bytes()])
        })
    }

    fn refunds_above(&self, reference: String) -> Stored<Vec<Refund>> {
        self.reader.submit(move |connection| {
            let page = format!("WHERE refunds.reference > ?1 ORDER BY refunds.reference LIMIT {PAGE_ROWS}");
            refunds(connection, &page, [&reference])
        })
    }

    fn close_batch(&self) -> Stored<(i64, u64)> {
        self.writer.submit(|connection| {
            let last = "SELECT max(coalesce((SELECT max(batch) FROM payments), 0),
                                   coalesce((SELECT max(batch) FROM refunds), 0))";
            let batch = connection.query_row(last, [], |row| row.get::<_, i64>(0))? + 1;
            let charges = "UPDATE payments SET batch = ?1 WHERE state = 3 AND batch IS NULL";
            let refunds = "UPDATE refunds SET batch = ?1 WHERE state = 3 AND batch IS NULL";
            let rows = connection.execute(charges, [batch])? + connection.execute(refunds, [batch])?;
            Ok((batch, rows as u64))
        })
    }

    fn batch_lines(&self, batch: i64) -> Stored<Vec<SettlementLine>> {
        self.reader.submit(move |connection| {
            let list = format!("{BATCH} WHERE batch = ?1 ORDER BY merchant, currency, reference");
            let mut statement = connection.prepare(&list)?;
            let lines = statement.query_map([batch], |row| {
                Ok(SettlementLine {
                    batch,
                    merchant: row.get(0)?,
                    currency: row.get(1)?,
                    kind: row.get(2)?,
                    reference: row.get(3)?,
                    amount_minor: row.get(4)?,
                    at_ms: row.get(5)?,
                })
            })?;
            lines.collect()
        })
    }
}

fn open(connection: &Connection, intent: &RefundIntent) -> rusqlite::Result<OpenedRefund> {
    let (payment, amount) = (intent.payment.0.to_be_bytes(), intent.amount.value() as i64);
    let by_key = "WHERE payment = ?1 AND refunds.key = ?2";
    if let Some(existing) = refunds(connection, by_key, params![payment, intent.key.as_str()])?.pop() {
        let same = existing.amount == intent.amount;
        return Ok(if same { OpenedRefund::Existing(existing) } else { OpenedRefund::Conflict });
    }
    let take = "UPDATE payments SET refunded_minor = refunded_minor + ?2
                WHERE id = ?1 AND state = 3 AND refunded_minor + ?2 <= amount_minor";
    if connection.prepare_cached(take)?.execute(params![payment, amount])? == 0 {
        return Ok(OpenedRefund::TooLarge);
    }
    let insert = "INSERT INTO refunds (reference, payment, key, amount_minor, state, at_ms)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let state = PaymentState::Pending.code();
    let row = params![intent.reference, payment, intent.key.as_str(), amount, state, intent.at_ms as i64];
    connection.prepare_cached(insert)?.execute(row)?;
    require(connection, &intent.reference).map(OpenedRefund::New)
}

fn settle(connection: &Connection, reference: &str, settlement: &Settlement) -> rusqlite::Result<Refund> {
    let before = require(connection, reference)?;
    let Some(state) = refund_transition(before.state, settlement) else { return Ok(before) };
    let (payment, amount) = (before.payment.0.to_be_bytes(), before.amount.value() as i64);
    if state == PaymentState::Posted {
        let insert = "INSERT INTO entries (payment, kind, debit, credit, amount_minor) VALUES (?1, ?2, ?3, 'bank', ?4)";
        let debit = format!("merchant/{}", before.merchant);
        connection.prepare_cached(insert)?.execute(params![payment, entry_name(reference), debit, amount])?;
    }
    if state == PaymentState::Voided {
        let give_back = "UPDATE payments SET refunded_minor = refunded_minor - ?2 WHERE id = ?1";
        connection.prepare_cached(give_back)?.execute(params![payment, amount])?;
    }
    let (approval, decline) = settlement.codes();
    let update = "UPDATE refunds SET state = ?2, approval = coalesce(approval, ?3), decline = coalesce(decline, ?4),
                                     key = CASE WHEN ?5 THEN key || ' ' || reference ELSE key END
                  WHERE reference = ?1";
    let row = params![reference, state.code(), approval, decline, settlement.frees_key()];
    connection.prepare_cached(update)?.execute(row)?;
    require(connection, reference)
}

fn require(connection: &Connection, reference: &str) -> rusqlite::Result<Refund> {
    let found = refunds(connection, "WHERE refunds.reference = ?1", [reference])?.pop();
    found.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

fn payments(connection: &Connection, condition: &str, params: impl Params) -> rusqlite::Result<Vec<Payment>> {
    let list = format!("{PAYMENTS}{condition}");
    connection.prepare_cached(&list)?.query_map(params, payment_of)?.collect()
}

fn refunds(connection: &Connection, condition: &str, params: impl Params) -> rusqlite::Result<Vec<Refund>> {
    let list = format!("{REFUNDS}{condition}");
    connection.prepare_cached(&list)?.query_map(params, refund_of)?.collect()
}

fn refund_of(row: &Row<'_>) -> rusqlite::Result<Refund> {
    let text = |column: usize| row.get::<_, String>(column);
    Ok(Refund {
        reference: text(0)?,
        original: text(1)?,
        payment: PaymentId(u128::from_be_bytes(row.get(2)?)),
        merchant: Merchant::new(text(3)?).map_err(|_| corrupt(3, Type::Text))?,
        amount: MinorUnits::new(row.get::<_, i64>(4)? as u64).map_err(|_| corrupt(4, Type::Integer))?,
        currency: Currency::new(text(5)?).map_err(|_| corrupt(5, Type::Text))?,
        state: PaymentState::from_code(row.get(6)?).ok_or(corrupt(6, Type::Integer))?,
        decline: row.get::<_, Option<String>>(7)?.map(|code| Decline::from_code(&code)),
        at_ms: row.get::<_, i64>(8)? as u64,
    })
}
