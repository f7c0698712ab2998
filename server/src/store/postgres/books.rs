//! Refunds, suspense and settlement in the store that several servers share.

use super::super::books::{BATCH, PAGE_ROWS, REFUNDS, SUSPENDED, entry_name, refund_transition};
use super::super::postgres_query::{Params, change, corrupt, optional, rows};
use super::super::{Books, Change, OpenedRefund, Refund, RefundIntent, SettlementLine, StoreError, Stored};
use super::{ATTEMPTS_MAX, PAYMENT_COLUMNS, PostgresStore, id, payment_of};
use crate::bank::Decline;
use crate::store::payment::{Payment, PaymentState, Settlement};
use biopay_protocol::{Currency, Merchant, MinorUnits, PaymentId};
use deadpool_postgres::Pool;
use tokio_postgres::Row;

impl Books for PostgresStore {
    fn open_refund(&self, intent: RefundIntent) -> Stored<OpenedRefund> {
        let pool = self.pool.clone();
        Box::pin(async move { open(&pool, &intent).await })
    }

    fn settle_refund(&self, reference: String, settlement: Settlement) -> Stored<Refund> {
        let pool = self.pool.clone();
        Box::pin(async move {
            for _ in 0..ATTEMPTS_MAX {
                let before = require(&pool, &reference).await?;
                let Some(state) = refund_transition(before.state, &settlement) else { return Ok(before) };
                if move_refund(&pool, &before, state, &settlement).await? {
                    return require(&pool, &reference).await;
                }
            }
            Err(StoreError::Overloaded)
        })
    }

    fn unresolved_refunds(&self) -> Stored<Vec<Refund>> {
        let pool = self.pool.clone();
        Box::pin(async move { refunds(&pool, "WHERE refunds.state IN (1, 2) ORDER BY refunds.at_ms", &[]).await })
    }

    fn suspended(&self) -> Stored<Vec<Payment>> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let list = format!("SELECT {PAYMENT_COLUMNS} FROM payments {SUSPENDED}");
            rows(&pool, &list, &[]).await?.iter().map(payment_of).collect()
        })
    }

    fn clear_suspense(&self, payment: PaymentId) -> Stored<Change> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let clear = "INSERT INTO entries (payment, kind, debit, credit, amount_minor)
                         SELECT payment, 'cleared', credit, debit, amount_minor FROM entries
                         WHERE payment = $1 AND kind = 'suspense' ON CONFLICT DO NOTHING";
            change(&pool, clear, &[&id(payment)]).await
        })
    }

    fn payments_above(&self, payment: PaymentId) -> Stored<Vec<Payment>> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let list = format!("SELECT {PAYMENT_COLUMNS} FROM payments WHERE id > $1 ORDER BY id LIMIT {PAGE_ROWS}");
            rows(&pool, &list, &[&id(payment)]).await?.iter().map(payment_of).collect()
        })
    }

    fn refunds_above(&self, reference: String) -> Stored<Vec<Refund>> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let page = format!("WHERE refunds.reference > $1 ORDER BY refunds.reference LIMIT {PAGE_ROWS}");
            refunds(&pool, &page, &[&reference]).await
        })
    }

    fn close_batch(&self) -> Stored<(i64, u64)> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let close = "WITH next AS (
                             SELECT 1 + greatest(coalesce((SELECT max(batch) FROM payments), 0),
                                                 coalesce((SELECT max(batch) FROM refunds), 0)) AS number
                         ), charged AS (
                             UPDATE payments SET batch = number FROM next WHERE state = 3 AND batch IS NULL RETURNING 1
                         ), refunded AS (
                             UPDATE refunds SET batch = number FROM next WHERE state = 3 AND batch IS NULL RETURNING 1
                         )
                         SELECT number, (SELECT count(*) FROM charged) + (SELECT count(*) FROM refunded) FROM next";
            let row = optional(&pool, close, &[]).await?.ok_or(corrupt("a batch"))?;
            Ok((row.get(0), row.get::<_, i64>(1) as u64))
        })
    }

    fn batch_lines(&self, batch: i64) -> Stored<Vec<SettlementLine>> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let list = format!("{BATCH} WHERE batch = $1 ORDER BY merchant, currency, reference");
            let read = |row: &Row| SettlementLine {
                batch,
                merchant: row.get(0),
                currency: row.get(1),
                kind: row.get(2),
                reference: row.get(3),
                amount_minor: row.get(4),
                at_ms: row.get(5),
            };
            Ok(rows(&pool, &list, &[&batch]).await?.iter().map(read).collect())
        })
    }
}

/// A second intent with the same key may arrive between the look and the leap: the statement then fails as a whole, and
/// the key is looked up again.
async fn open(pool: &Pool, intent: &RefundIntent) -> Result<OpenedRefund, StoreError> {
    let insert = "WITH taken AS (
                      UPDATE payments SET refunded_minor = refunded_minor + $3
                      WHERE id = $1 AND state = 3 AND refunded_minor + $3 <= amount_minor RETURNING id
                  )
                  INSERT INTO refunds (reference, payment, key, amount_minor, state, at_ms)
                  SELECT $4, id, $2, $3, $5, $6 FROM taken RETURNING reference";
    let payment = id(intent.payment);
    let (key, amount, state) = (intent.key.as_str(), intent.amount.value() as i64, PaymentState::Pending.code());
    for _ in 0..ATTEMPTS_MAX {
        let by_key = refunds(pool, "WHERE payment = $1 AND refunds.key = $2", &[&payment, &key]).await?.pop();
        if let Some(existing) = by_key {
            let same = existing.amount == intent.amount;
            return Ok(if same { OpenedRefund::Existing(existing) } else { OpenedRefund::Conflict });
        }
        let params: Params<'_> = &[&payment, &key, &amount, &intent.reference, &state, &(intent.at_ms as i64)];
        match optional(pool, insert, params).await {
            Ok(Some(_)) => return require(pool, &intent.reference).await.map(OpenedRefund::New),
            Ok(None) => return Ok(OpenedRefund::TooLarge),
            Err(StoreError::Sql(why)) if why.ends_with("23505") => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Overloaded)
}

/// Moves a refund on with its ledger row in one statement; returns whether it was still where it was.
async fn move_refund(
    pool: &Pool,
    before: &Refund,
    state: PaymentState,
    settlement: &Settlement,
) -> Result<bool, StoreError> {
    let update = "WITH moved AS (
                      UPDATE refunds SET state = $3, approval = coalesce(approval, $4), decline = coalesce(decline, $5),
                                         key = CASE WHEN $6 THEN key || ' ' || reference ELSE key END
                      WHERE reference = $1 AND state = $2 RETURNING payment, amount_minor
                  ), written AS (
                      INSERT INTO entries (payment, kind, debit, credit, amount_minor)
                      SELECT payment, $7, $8, 'bank', amount_minor FROM moved WHERE $9
                  ), given_back AS (
                      UPDATE payments SET refunded_minor = refunded_minor - moved.amount_minor
                      FROM moved WHERE id = payment AND $10
                  )
                  SELECT 1 FROM moved";
    let (approval, decline) = settlement.codes();
    let (from, to) = (before.state.code(), state.code());
    let (kind, debit) = (entry_name(&before.reference), format!("merchant/{}", before.merchant));
    let (is_posted, is_voided) = (state == PaymentState::Posted, state == PaymentState::Voided);
    let frees_key = settlement.frees_key();
    let params: Params<'_> =
        &[&before.reference, &from, &to, &approval, &decline, &frees_key, &kind, &debit, &is_posted, &is_voided];
    Ok(optional(pool, update, params).await?.is_some())
}

async fn require(pool: &Pool, reference: &str) -> Result<Refund, StoreError> {
    refunds(pool, "WHERE refunds.reference = $1", &[&reference]).await?.pop().ok_or(corrupt("a refund"))
}

async fn refunds(pool: &Pool, condition: &str, params: Params<'_>) -> Result<Vec<Refund>, StoreError> {
    rows(pool, &format!("{REFUNDS}{condition}"), params).await?.iter().map(refund_of).collect()
}

fn refund_of(row: &Row) -> Result<Refund, StoreError> {
    let payment: &[u8] = row.get(2);
    let wrong = || corrupt("a refund");
    Ok(Refund {
        reference: row.get(0),
        original: row.get(1),
        payment: PaymentId(u128::from_be_bytes(payment.try_into().map_err(|_| wrong())?)),
        merchant: Merchant::new(row.get::<_, String>(3)).map_err(|_| wrong())?,
        amount: MinorUnits::new(row.get::<_, i64>(4) as u64).map_err(|_| wrong())?,
        currency: Currency::new(row.get::<_, String>(5)).map_err(|_| wrong())?,
        state: PaymentState::from_code(row.get(6)).ok_or_else(wrong)?,
        decline: row.get::<_, Option<&str>>(7).map(Decline::from_code),
        at_ms: row.get::<_, i64>(8) as u64,
    })
}
