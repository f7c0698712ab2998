//! The bank's ledger: the accounts' balances, the postings, and the answer to each reference.

use super::accounts::NewAccount;
pub use super::audit::LedgerAudit;
use super::audit::audit;
use crate::durable::StoreError;
use crate::env::{BoxFuture, Env};
use crate::sqlite::{Location, Schema, Writer, checkpoint, open};
use biopay_protocol::BankAccount;
use ring::hmac;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The number spells "bank".
const SCHEMA: Schema = Schema {
    application: 0x6261_6e6b,
    migrations: &[
        include_str!("schema.sql"),
        "ALTER TABLE accounts ADD COLUMN wrong_pins INTEGER NOT NULL DEFAULT 0",
        include_str!("refunds.sql"),
    ],
};
/// Wrong PINs in a row after which an account's PIN is blocked (NIST SP 800-63B-4, 3.2.2, asks for at most 100; cards
/// allow three).
const WRONG_PINS_MAX: i64 = 3;

/// Response codes (ISO 8583:1987, data element 39).
pub mod code {
    /// Approved.
    pub const APPROVED: &str = "00";
    /// The transaction is not valid: here, its reversal came first.
    pub const INVALID_TRANSACTION: &str = "12";
    /// There is no such account.
    pub const NO_SUCH_ACCOUNT: &str = "14";
    /// The original of a reversal is not known.
    pub const NO_ORIGINAL: &str = "25";
    /// The message misses what it needs.
    pub const FORMAT_ERROR: &str = "30";
    /// Too little money.
    pub const INSUFFICIENT_FUNDS: &str = "51";
    /// The PIN or the mandate is wrong.
    pub const WRONG_PIN: &str = "55";
    /// The account cannot pay in this currency: transaction not permitted to the cardholder.
    pub const WRONG_CURRENCY: &str = "57";
    /// The PIN was wrong too often.
    pub const PIN_BLOCKED: &str = "75";
    /// Declined without a reason, by a fault knob.
    pub const DO_NOT_HONOUR: &str = "05";
    /// The reference was used for another charge.
    pub const DUPLICATE: &str = "94";
    /// The bank itself is in trouble; nothing was done.
    pub const MALFUNCTION: &str = "96";
}

/// The account that pays, and the right to charge it.
#[derive(Clone)]
pub enum Payer {
    /// An account, with its PIN.
    Pin {
        /// The account's number.
        account: String,
        /// The PIN as decrypted; `None` when the block could not be.
        pin: Option<zeroize::Zeroizing<String>>,
    },
    /// The account that a mandate names.
    Mandate(String),
}

/// A charge as the bank sees it.
pub struct Charge {
    /// Who asks.
    pub acquirer: String,
    /// The acquirer's name for this payment.
    pub reference: String,
    /// Who pays.
    pub payer: Payer,
    /// How much.
    pub amount_minor: u64,
}

/// A refund as the bank sees it.
pub struct Refund {
    /// Who asks.
    pub acquirer: String,
    /// The acquirer's name for this refund.
    pub reference: String,
    /// The acquirer's name for the charge.
    pub original: String,
    /// How much.
    pub amount_minor: u64,
}

/// The bank's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Data element 39.
    pub code: String,
    /// Data element 38, when approved.
    pub approval: Option<String>,
}

/// The bank's ledger.
#[derive(Clone)]
pub struct Ledger {
    pub(super) writer: Writer,
    env: Env,
    pin_mac: Arc<hmac::Key>,
    location: Location,
}

impl Ledger {
    /// Opens the ledger. `pin_key` keys the stored check values of PINs.
    ///
    /// # Errors
    ///
    /// Those of [`open`].
    pub fn open(location: &Location, env: Env, pin_key: &[u8]) -> Result<Self, StoreError> {
        let connection = open(location, SCHEMA)?;
        let writer = match location {
            Location::File(_) => Writer::start(connection),
            Location::Through { .. } | Location::Memory => Writer::inline(connection),
        };
        let pin_mac = Arc::new(hmac::Key::new(hmac::HMAC_SHA256, pin_key));
        Ok(Self { writer, env, pin_mac, location: location.clone() })
    }

    /// Opens accounts in one transaction; one that exists already stays as it is. Returns how many are new.
    pub fn open_accounts(&self, accounts: Vec<NewAccount>) -> BoxFuture<'static, Result<usize, StoreError>> {
        let key = self.pin_mac.clone();
        self.writer.submit(move |connection| {
            let mut insert = connection.prepare_cached(
                "INSERT INTO accounts (number, pin_mac, opened_minor, balance_minor) VALUES (?1, ?2, ?3, ?3)
                 ON CONFLICT DO NOTHING",
            )?;
            let mut opened = 0;
            for NewAccount { number, pin, balance_minor } in &accounts {
                let mac = pin_mac(&key, number.as_str(), pin.expose());
                opened += insert.execute(params![number.as_str(), mac, *balance_minor as i64])?;
            }
            Ok(opened)
        })
    }

    /// Verifies an account's PIN and opens a mandate: a token that charges the account without the PIN.
    pub fn open_mandate(&self, payer: Payer) -> BoxFuture<'static, Result<Result<String, &'static str>, StoreError>> {
        let token: [u8; 16] = self.env.random();
        let token: String = token.iter().map(|byte| format!("{byte:02X}")).collect();
        let key = self.pin_mac.clone();
        self.writer.submit(move |connection| {
            let account = match authorise(connection, &key, &payer)? {
                Ok(account) => account,
                Err(code) => return Ok(Err(code)),
            };
            let insert = "INSERT INTO mandates (token_hash, account) VALUES (?1, ?2)";
            connection.prepare_cached(insert)?.execute(params![token_hash(&token), account])?;
            Ok(Ok(token.clone()))
        })
    }

    /// Ends a mandate; returns whether there was one.
    pub fn close_mandate(&self, token: String) -> BoxFuture<'static, Result<bool, StoreError>> {
        self.writer.submit(move |connection| {
            let delete = "DELETE FROM mandates WHERE token_hash = ?1";
            Ok(connection.prepare_cached(delete)?.execute([token_hash(&token)])? > 0)
        })
    }

    /// Lets an account's PIN be tried again that was blocked after wrong ones; returns whether there is such an account.
    pub fn unblock_pin(&self, account: BankAccount) -> BoxFuture<'static, Result<bool, StoreError>> {
        self.writer.submit(move |connection| {
            let update = "UPDATE accounts SET wrong_pins = 0 WHERE number = ?1";
            Ok(connection.prepare_cached(update)?.execute([account.as_str()])? > 0)
        })
    }

    /// Takes money, once a reference.
    pub fn charge(&self, charge: Charge) -> BoxFuture<'static, Result<Answer, StoreError>> {
        let key = self.pin_mac.clone();
        self.writer.submit(move |connection| match find_answer(connection, &charge)? {
            Some(answer) => Ok(answer),
            None => post_charge(connection, &key, &charge),
        })
    }

    /// Declines a charge without looking at the account, and remembers having done so.
    pub fn decline(&self, charge: Charge) -> BoxFuture<'static, Result<Answer, StoreError>> {
        self.writer.submit(move |connection| match find_answer(connection, &charge)? {
            Some(answer) => Ok(answer),
            None => remember(connection, &charge, None, code::DO_NOT_HONOUR, None),
        })
    }

    /// Takes a charge back, once; one that never came is refused when it does.
    pub fn reverse(&self, acquirer: String, reference: String) -> BoxFuture<'static, Result<Answer, StoreError>> {
        self.writer.submit(move |connection| post_reversal(connection, &acquirer, &reference))
    }

    /// Lists the references of all charges that stand, in order, for reconciliation.
    pub fn charged_references(&self) -> BoxFuture<'static, Result<Vec<String>, StoreError>> {
        self.writer.submit(|connection| {
            let list = "SELECT reference FROM postings GROUP BY acquirer, reference HAVING count(*) = 1 AND min(kind) = 'charge'
                        ORDER BY reference";
            connection.prepare_cached(list)?.query_map([], |row| row.get(0))?.collect()
        })
    }

    /// Opens a ledger that is there already, and makes no new one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] when there is none; those of [`Ledger::open`].
    pub fn open_existing(location: &Location, env: Env, pin_key: &[u8]) -> Result<Self, StoreError> {
        match location {
            Location::File(path) if !path.exists() => Err(StoreError::Missing(path.clone())),
            Location::File(_) | Location::Through { .. } | Location::Memory => Self::open(location, env, pin_key),
        }
    }

    /// Leaves the ledger as one whole file; call it when everything else is done.
    ///
    /// # Errors
    ///
    /// Those of [`checkpoint`].
    pub fn close(&self) -> Result<(), StoreError> {
        checkpoint(&self.location)
    }

    /// Waits until the disk has failed; the process should end then.
    pub fn failed(&self) -> BoxFuture<'static, ()> {
        self.writer.failed()
    }

    /// Proves the sums.
    pub fn audit(&self) -> BoxFuture<'static, Result<LedgerAudit, StoreError>> {
        self.writer.submit(audit)
    }
}

fn pin_mac(key: &hmac::Key, account: &str, pin: &str) -> Vec<u8> {
    // A real issuer keeps a PIN verification value that only its HSM can compute; the key stands for the HSM.
    hmac::sign(key, format!("{account}/{pin}").as_bytes()).as_ref().to_vec()
}

fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// Finds the account that pays, or the code to decline with.
fn authorise(
    connection: &Connection,
    key: &hmac::Key,
    payer: &Payer,
) -> rusqlite::Result<Result<String, &'static str>> {
    match payer {
        Payer::Pin { account, pin } => {
            let find = "SELECT pin_mac, wrong_pins FROM accounts WHERE number = ?1";
            let stored = connection
                .prepare_cached(find)?
                .query_row([account], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?)));
            let Some((stored, wrong)) = stored.optional()? else { return Ok(Err(code::NO_SUCH_ACCOUNT)) };
            if wrong >= WRONG_PINS_MAX {
                return Ok(Err(code::PIN_BLOCKED));
            }
            let right = pin.as_ref().is_some_and(|pin| {
                let content = zeroize::Zeroizing::new(format!("{account}/{}", pin.as_str()));
                hmac::verify(key, content.as_bytes(), &stored).is_ok()
            });
            if wrong > 0 || !right {
                let count = "UPDATE accounts SET wrong_pins = ?2 WHERE number = ?1";
                connection.prepare_cached(count)?.execute(params![account, if right { 0 } else { wrong + 1 }])?;
            }
            Ok(if right { Ok(account.clone()) } else { Err(code::WRONG_PIN) })
        }
        Payer::Mandate(token) => {
            let find = "SELECT account FROM mandates WHERE token_hash = ?1";
            let account = connection.prepare_cached(find)?.query_row([token_hash(token)], |row| row.get(0));
            Ok(account.optional()?.ok_or(code::WRONG_PIN))
        }
    }
}

/// Finds what was answered to this reference before; another amount under it is a duplicate.
fn find_answer(connection: &Connection, charge: &Charge) -> rusqlite::Result<Option<Answer>> {
    let find = "SELECT code, approval, amount_minor FROM requests WHERE acquirer = ?1 AND reference = ?2";
    let found = connection.prepare_cached(find)?.query_row([&charge.acquirer, &charge.reference], |row| {
        Ok((Answer { code: row.get(0)?, approval: row.get(1)? }, row.get::<_, Option<i64>>(2)?))
    });
    Ok(found.optional()?.map(|(answer, amount)| match amount {
        Some(amount) if amount as u64 != charge.amount_minor => Answer { code: code::DUPLICATE.into(), approval: None },
        _ => answer,
    }))
}

fn post_charge(connection: &Connection, key: &hmac::Key, charge: &Charge) -> rusqlite::Result<Answer> {
    let account = match authorise(connection, key, &charge.payer)? {
        Ok(account) => account,
        Err(declined) => return remember(connection, charge, None, declined, None),
    };
    let amount = charge.amount_minor as i64;
    let debit = "UPDATE accounts SET balance_minor = balance_minor - ?2 WHERE number = ?1 AND balance_minor >= ?2";
    if connection.prepare_cached(debit)?.execute(params![account, amount])? == 0 {
        return remember(connection, charge, Some(&account), code::INSUFFICIENT_FUNDS, None);
    }
    let posting = post(connection, &charge.acquirer, &charge.reference, "charge", &account, amount)?;
    let approval = format!("{:06}", posting % 1_000_000);
    remember(connection, charge, Some(&account), code::APPROVED, Some(approval))
}

fn remember(
    connection: &Connection,
    charge: &Charge,
    account: Option<&str>,
    code: &str,
    approval: Option<String>,
) -> rusqlite::Result<Answer> {
    let insert = "INSERT INTO requests (acquirer, reference, account, amount_minor, code, approval)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let amount = charge.amount_minor as i64;
    let row = params![charge.acquirer, charge.reference, account, amount, code, approval];
    connection.prepare_cached(insert)?.execute(row)?;
    Ok(Answer { code: code.into(), approval })
}

fn post(
    connection: &Connection,
    acquirer: &str,
    reference: &str,
    kind: &str,
    account: &str,
    amount: i64,
) -> rusqlite::Result<i64> {
    let insert = "INSERT INTO postings (acquirer, reference, kind, account, amount_minor) VALUES (?1, ?2, ?3, ?4, ?5)";
    connection.prepare_cached(insert)?.execute(params![acquirer, reference, kind, account, amount])?;
    Ok(connection.last_insert_rowid())
}

fn post_reversal(connection: &Connection, acquirer: &str, reference: &str) -> rusqlite::Result<Answer> {
    // What was given back in part is not void, and a refund is no charge.
    let find = "SELECT account, amount_minor,
                       CASE WHEN original IS NULL AND NOT EXISTS (
                           SELECT 1 FROM requests AS given
                           WHERE given.acquirer = ?1 AND given.original = ?2 AND given.code = '00'
                       ) THEN code ELSE '12' END, reversed
                FROM requests WHERE acquirer = ?1 AND reference = ?2";
    let found = connection.prepare_cached(find)?.query_row([acquirer, reference], |row| {
        let (account, amount) = (row.get::<_, Option<String>>(0)?, row.get::<_, Option<i64>>(1)?);
        Ok((account, amount, row.get::<_, String>(2)?, row.get::<_, bool>(3)?))
    });
    let answer = |code: &str| Ok(Answer { code: code.into(), approval: None });
    match found.optional()? {
        None => {
            let insert = "INSERT INTO requests (acquirer, reference, code, reversed) VALUES (?1, ?2, ?3, 1)";
            connection.prepare_cached(insert)?.execute([acquirer, reference, code::INVALID_TRANSACTION])?;
            answer(code::NO_ORIGINAL)
        }
        Some((Some(account), Some(amount), approved, false)) if approved == code::APPROVED => {
            post(connection, acquirer, reference, "reversal", &account, amount)?;
            let credit = "UPDATE accounts SET balance_minor = balance_minor + ?2 WHERE number = ?1";
            connection.prepare_cached(credit)?.execute(params![account, amount])?;
            let mark = "UPDATE requests SET reversed = 1 WHERE acquirer = ?1 AND reference = ?2";
            connection.prepare_cached(mark)?.execute([acquirer, reference])?;
            answer(code::APPROVED)
        }
        Some((Some(_), _, approved, true)) if approved == code::APPROVED => answer(code::APPROVED),
        Some(_) => answer(code::NO_ORIGINAL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(balance_minor: u64) -> Ledger {
        let ledger = Ledger::open(&Location::Memory, crate::env::system::env(1, 1), b"key").unwrap();
        let account = NewAccount {
            number: BankAccount::new("400000000001").unwrap(),
            pin: biopay_protocol::Secret::new("1234").unwrap(),
            balance_minor,
        };
        drop(ledger.open_accounts(vec![account]));
        ledger
    }

    fn by_pin(pin: &str) -> Payer {
        Payer::Pin { account: "400000000001".into(), pin: Some(pin.to_owned().into()) }
    }

    async fn charge(ledger: &Ledger, reference: &str, payer: Payer, amount_minor: u64) -> String {
        let charge = Charge { acquirer: "1".into(), reference: reference.into(), payer, amount_minor };
        ledger.charge(charge).await.unwrap().code
    }

    #[tokio::test]
    async fn a_reference_is_charged_once() {
        let ledger = ledger(100);
        assert_eq!(charge(&ledger, "A", by_pin("1234"), 60).await, code::APPROVED);
        assert_eq!(charge(&ledger, "A", by_pin("1234"), 60).await, code::APPROVED);
        assert_eq!(charge(&ledger, "A", by_pin("1234"), 61).await, code::DUPLICATE);
        assert_eq!(charge(&ledger, "B", by_pin("1234"), 60).await, code::INSUFFICIENT_FUNDS);
        assert_eq!(charge(&ledger, "C", by_pin("9999"), 1).await, code::WRONG_PIN);
        let audit = ledger.audit().await.unwrap();
        assert!(audit.is_clean(), "{audit:?}");
        assert_eq!((audit.charges, audit.balance_minor), (1, 40));
    }

    #[tokio::test]
    async fn a_reversal_gives_the_money_back_once() {
        let ledger = ledger(100);
        charge(&ledger, "A", by_pin("1234"), 60).await;
        for _ in 0..2 {
            assert_eq!(ledger.reverse("1".into(), "A".into()).await.unwrap().code, code::APPROVED);
        }
        let audit = ledger.audit().await.unwrap();
        assert!(audit.is_clean(), "{audit:?}");
        assert_eq!((audit.reversals, audit.balance_minor), (1, 100));
    }

    #[tokio::test]
    async fn a_charge_after_its_reversal_is_refused() {
        let ledger = ledger(100);
        assert_eq!(ledger.reverse("1".into(), "A".into()).await.unwrap().code, code::NO_ORIGINAL);
        assert_eq!(charge(&ledger, "A", by_pin("1234"), 60).await, code::INVALID_TRANSACTION);
        assert_eq!(ledger.audit().await.unwrap().balance_minor, 100);
    }

    #[tokio::test]
    async fn a_mandate_charges_without_the_pin() {
        let ledger = ledger(100);
        assert_eq!(ledger.open_mandate(by_pin("9999")).await.unwrap(), Err(code::WRONG_PIN));
        let token = ledger.open_mandate(by_pin("1234")).await.unwrap().unwrap();
        assert_eq!(charge(&ledger, "A", Payer::Mandate(token.clone()), 30).await, code::APPROVED);
        assert!(
            ledger.close_mandate(token.clone()).await.unwrap() && !ledger.close_mandate(token.clone()).await.unwrap()
        );
        assert_eq!(charge(&ledger, "C", Payer::Mandate(token), 30).await, code::WRONG_PIN);
        assert_eq!(charge(&ledger, "B", Payer::Mandate("0".repeat(32)), 1).await, code::WRONG_PIN);
    }

    #[tokio::test]
    async fn a_pin_is_blocked_after_three_wrong_ones_in_a_row() {
        let ledger = ledger(100);
        for (reference, pin, code) in [
            ("A", "0000", code::WRONG_PIN),
            ("B", "1234", code::APPROVED),
            ("C", "0000", code::WRONG_PIN),
            ("D", "0001", code::WRONG_PIN),
            ("E", "0002", code::WRONG_PIN),
            ("F", "1234", code::PIN_BLOCKED),
        ] {
            assert_eq!(charge(&ledger, reference, by_pin(pin), 1).await, code, "{reference}");
        }
        // The bank's own people let it be tried again; a wrong one counts from the beginning.
        let account = |number| BankAccount::new(number).unwrap();
        assert!(ledger.unblock_pin(account("400000000001")).await.unwrap());
        assert!(!ledger.unblock_pin(account("400000000009")).await.unwrap());
        assert_eq!(charge(&ledger, "G", by_pin("1234"), 1).await, code::APPROVED);
        assert!(ledger.audit().await.unwrap().is_clean());
    }

    #[tokio::test]
    async fn the_audit_notices_tampering() {
        let ledger = ledger(100);
        charge(&ledger, "A", by_pin("1234"), 60).await;
        let tamper = |connection: &Connection| connection.execute("UPDATE accounts SET balance_minor = 41", []);
        ledger.writer.submit(tamper).await.unwrap();
        assert!(!ledger.audit().await.unwrap().is_clean());
        let erase = |connection: &Connection| connection.execute("DELETE FROM postings", []);
        assert!(ledger.writer.submit(erase).await.is_err());
    }
}
