//! The audit of the bank's ledger: no money is made or lost.

use rusqlite::Connection;
use serde::Serialize;

/// The ledger's sums, for an audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerAudit {
    /// How many accounts there are.
    pub accounts: u64,
    /// The money that all accounts opened with.
    pub opened_minor: i64,
    /// The money in all accounts now.
    pub balance_minor: i64,
    /// The money that acquirers are owed: charges less reversals.
    pub acquirers_minor: i64,
    /// How many charges were posted.
    pub charges: u64,
    /// How many of them were reversed.
    pub reversals: u64,
    /// Accounts whose balance is not what their postings say.
    pub wrong_balances: u64,
    /// Approved requests without exactly one charge posting, and charge postings without an approved request.
    pub wrong_postings: u64,
}

impl LedgerAudit {
    /// Returns whether no money was made or lost.
    pub fn is_clean(&self) -> bool {
        self.wrong_balances == 0
            && self.wrong_postings == 0
            && self.opened_minor == self.balance_minor + self.acquirers_minor
    }
}

pub(super) fn audit(connection: &Connection) -> rusqlite::Result<LedgerAudit> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let signed = "CASE kind WHEN 'charge' THEN amount_minor ELSE -amount_minor END";
    Ok(LedgerAudit {
        accounts: number("SELECT count(*) FROM accounts")? as u64,
        opened_minor: number("SELECT coalesce(sum(opened_minor), 0) FROM accounts")?,
        balance_minor: number("SELECT coalesce(sum(balance_minor), 0) FROM accounts")?,
        acquirers_minor: number(&format!("SELECT coalesce(sum({signed}), 0) FROM postings"))?,
        charges: number("SELECT count(*) FROM postings WHERE kind = 'charge'")? as u64,
        reversals: number("SELECT count(*) FROM postings WHERE kind = 'reversal'")? as u64,
        wrong_balances: number(&format!(
            "SELECT count(*) FROM accounts
             LEFT JOIN (SELECT account, sum({signed}) AS moved FROM postings GROUP BY account) ON account = number
             WHERE balance_minor != opened_minor - coalesce(moved, 0)"
        ))? as u64,
        // Two joins that an index answers: one full join takes time in the square of the charges.
        wrong_postings: number(
            "SELECT (SELECT count(*) FROM requests
                     LEFT JOIN postings AS charges
                         ON charges.acquirer = requests.acquirer AND charges.reference = requests.reference
                         AND charges.kind = CASE WHEN original IS NULL THEN 'charge' ELSE 'refund' END
                     WHERE (code = '00') != (charges.id IS NOT NULL) OR charges.amount_minor != requests.amount_minor)
                  + (SELECT count(*) FROM postings
                     WHERE kind = 'charge' AND NOT EXISTS (
                         SELECT 1 FROM requests
                         WHERE requests.acquirer = postings.acquirer AND requests.reference = postings.reference))",
        )? as u64,
    })
}
