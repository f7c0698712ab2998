//! The embedded store.

use super::payment::{AUDIT, AUDIT_COLUMNS, BACKLOG, Entry, transition};
use super::sqlite_life as life;
use super::{
    Account, AccountId, Backlog, Binding, BoundAccount, Change, Commits, Creation, Intent, LimitStore, Opened, Payment,
    PaymentAudit, PaymentState, Settlement, Standing, Store, StoreError, Stored,
};
use crate::bank::Decline;
use crate::crypto::credential::Credential;
use crate::env::BoxFuture;
use crate::planted::{PlantedBug, planted};
use crate::sqlite::{Location, Redo, Schema, Writer, checkpoint, open, replay};
use biopay_protocol::{Currency, IdempotencyKey, LoginName, Merchant, MinorUnits, OrderId, PaymentId};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::path::Path;
use std::sync::Arc;

mod books;

/// The number spells "bpay".
const SCHEMA: Schema = Schema { application: 0x6270_6179, migrations: MIGRATIONS };
const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("schema_life.sql"),
    include_str!("upkeep.sql"),
    include_str!("schema_books.sql"),
];

/// Selects payments, under the condition that follows.
macro_rules! payments {
    ($condition:literal) => {
        concat!(
            "SELECT id, account, merchant, amount_minor, currency, reference, state, approval, decline FROM payments ",
            $condition
        )
    };
}

/// A store in one SQLite file, or in memory.
pub struct SqliteStore {
    pub(super) writer: Writer,
    /// Reads that take their time.
    pub(super) reader: Writer,
    /// Reads of a row by its key.
    lookups: Writer,
    location: Location,
}

/// What a connection that only reads keeps of the database, in KiB: the operating system keeps the rest.
const READER_CACHE_KIB: i64 = 8_192;

impl SqliteStore {
    /// Opens the store and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// Those of [`open`].
    pub fn open(location: &Location) -> Result<Self, StoreError> {
        Self::open_with(location, None)
    }

    /// Opens the store, and writes each of its transactions to a redo log in a folder before it is durable here.
    ///
    /// # Errors
    ///
    /// Those of [`open`] and of [`Redo::begin`].
    pub fn open_with(location: &Location, log: Option<&Path>) -> Result<Self, StoreError> {
        let mut connection = open(location, SCHEMA)?;
        let redo = log.map(|folder| Redo::begin(folder, &mut connection)).transpose()?;
        if *location == Location::Memory {
            let writer = Writer::inline(connection);
            return Ok(Self { reader: writer.clone(), lookups: writer.clone(), writer, location: Location::Memory });
        }
        let beside = || -> Result<Connection, StoreError> {
            let beside = open(location, SCHEMA)?;
            beside.pragma_update(None, "query_only", true)?;
            beside.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
            Ok(beside)
        };
        let lookups = Writer::inline_reader(beside()?);
        let (writer, reader) = match location {
            Location::Through { .. } => (Writer::inline(connection), Writer::inline_reader(beside()?)),
            Location::File(_) | Location::Memory => {
                (Writer::start_with(connection, redo), Writer::start_reader(beside()?))
            }
        };
        Ok(Self { writer, reader, lookups, location: location.clone() })
    }

    /// Runs the transactions of a redo log that the store does not have; returns how many.
    ///
    /// # Errors
    ///
    /// Those of [`open`] and of [`replay`].
    pub fn catch_up(location: &Location, log: &Path) -> Result<u64, StoreError> {
        replay(log, &open(location, SCHEMA)?)
    }

    /// Opens a store that is there already, and makes no new one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] when there is none; those of [`open`].
    pub fn open_existing(location: &Location) -> Result<Self, StoreError> {
        match location {
            Location::File(path) if !path.exists() => Err(StoreError::Missing(path.clone())),
            Location::File(_) | Location::Through { .. } | Location::Memory => Self::open(location),
        }
    }

    /// Opens payments in one command, and so in one commit: what the queue in front of the writer is measured against.
    #[doc(hidden)]
    pub fn open_together(&self, intents: Vec<Intent>) -> Stored<Vec<Opened>> {
        self.writer.submit(move |connection| intents.iter().map(|intent| open_in(connection, intent)).collect())
    }

    /// Settles payments in one command, like [`Self::open_together`].
    #[doc(hidden)]
    pub fn settle_together(&self, payments: Vec<PaymentId>, settlement: Settlement) -> Stored<Vec<Payment>> {
        self.writer.submit(move |connection| {
            payments.iter().map(|&payment| settle_in(connection, payment, &settlement)).collect()
        })
    }
}

impl Store for SqliteStore {
    fn create_account(&self, login: LoginName, credential: Credential, binding: Option<Binding>) -> Stored<Creation> {
        self.writer.submit(move |connection| {
            let password = credential.to_bytes();
            let insert = "INSERT INTO accounts (login, password) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            if connection.prepare_cached(insert)?.execute(params![login.as_str(), password])? == 0 {
                return Ok(Creation::LoginTaken);
            }
            let account = AccountId(connection.last_insert_rowid());
            if let Some(binding) = &binding {
                insert_binding(connection, account, binding)?;
            }
            Ok(Creation::Created(account))
        })
    }

    fn find_account(&self, login: LoginName) -> Stored<Option<Account>> {
        self.lookups.submit(move |connection| {
            let find = "SELECT id, password, epoch FROM accounts WHERE login = ?1";
            let found = connection.prepare_cached(find)?.query_row([login.as_str()], |row| {
                let credential = Credential::from_bytes(row.get_ref(1)?.as_blob()?);
                let credential = credential.map_err(|_| corrupt(1, Type::Blob))?;
                Ok(Account { id: AccountId(row.get(0)?), credential, epoch: row.get(2)? })
            });
            found.optional()
        })
    }

    fn login_of(&self, account: AccountId) -> Stored<LoginName> {
        self.lookups.submit(move |connection| {
            let find = "SELECT login FROM accounts WHERE id = ?1";
            let login: String = connection.prepare_cached(find)?.query_row([account.0], |row| row.get(0))?;
            LoginName::new(login).map_err(|_| corrupt(0, Type::Text))
        })
    }

    fn bind(&self, account: AccountId, binding: Binding) -> Stored<Change> {
        self.writer.submit(move |connection| insert_binding(connection, account, &binding).map(change))
    }

    fn binding(&self, account: AccountId) -> Stored<Option<Binding>> {
        self.lookups.submit(move |connection| {
            let find = "SELECT record, helper, bank_account, authority FROM bindings WHERE account = ?1";
            let found = connection.prepare_cached(find)?.query_row([account.0], |row| {
                let (record, helper) = (row.get(0)?, row.get(1)?);
                Ok(Binding { record, helper, bank_account: row.get(2)?, authority: row.get(3)? })
            });
            found.optional()
        })
    }

    fn standing(&self, account: AccountId) -> Stored<Option<Standing>> {
        self.lookups.submit(move |connection| life::standing(connection, account))
    }

    fn change_credential(&self, account: AccountId, credential: Credential) -> Stored<i64> {
        self.writer.submit(move |connection| life::change_credential(connection, account, &credential))
    }

    fn end_logins(&self, account: AccountId) -> Stored<i64> {
        self.writer.submit(move |connection| life::end_logins(connection, account))
    }

    fn has_open_payments(&self, account: AccountId) -> Stored<bool> {
        self.lookups.submit(move |connection| life::has_open_payments(connection, account))
    }

    fn unbind(&self, account: AccountId) -> Stored<Change> {
        self.writer.submit(move |connection| life::unbind(connection, account).map(change))
    }

    fn erase_account(&self, account: AccountId) -> Stored<Change> {
        self.writer.submit(move |connection| life::erase(connection, account).map(change))
    }

    fn replace_record(&self, account: AccountId, record: Option<Vec<u8>>, helper: Option<Vec<u8>>) -> Stored<Change> {
        self.writer.submit(move |connection| {
            let update = "UPDATE bindings SET record = ?2, helper = ?3 WHERE account = ?1";
            connection.prepare_cached(update)?.execute(params![account.0, record, helper]).map(change)
        })
    }

    fn bindings_above(&self, account: AccountId) -> Stored<Vec<BoundAccount>> {
        self.reader.submit(move |connection| {
            let list = "SELECT account, login, record, helper, bank_account, authority FROM bindings
                        JOIN accounts ON accounts.id = account WHERE account > ?1 ORDER BY account LIMIT 256";
            let mut statement = connection.prepare_cached(list)?;
            let page = statement.query_map([account.0], |row| {
                let login = LoginName::new(row.get::<_, String>(1)?).map_err(|_| corrupt(1, Type::Text))?;
                let (record, helper) = (row.get(2)?, row.get(3)?);
                let binding = Binding { record, helper, bank_account: row.get(4)?, authority: row.get(5)? };
                Ok(BoundAccount { id: AccountId(row.get(0)?), login, binding })
            })?;
            page.collect()
        })
    }

    fn replace_binding(&self, account: AccountId, before: Binding, after: Binding) -> Stored<Change> {
        self.writer.submit(move |connection| {
            let update = "UPDATE bindings SET record = ?5, bank_account = ?6, authority = ?7
                          WHERE account = ?1 AND record IS ?2 AND bank_account = ?3 AND authority = ?4";
            let (from, to) = (&before, &after);
            let row = params![
                account.0,
                from.record,
                from.bank_account,
                from.authority,
                to.record,
                to.bank_account,
                to.authority
            ];
            connection.prepare_cached(update)?.execute(row).map(change)
        })
    }

    fn find_payment_by_key(&self, account: AccountId, key: IdempotencyKey) -> Stored<Option<Payment>> {
        self.lookups.submit(move |connection| payment_by_key(connection, account, &key))
    }

    fn find_payment(&self, account: AccountId, payment: PaymentId) -> Stored<Option<Payment>> {
        self.lookups.submit(move |connection| {
            let found = payment_by_id(connection, payment)?;
            Ok(found.filter(|found| found.account == account))
        })
    }

    fn find_payment_by_reference(&self, reference: String) -> Stored<Option<Payment>> {
        self.lookups.submit(move |connection| {
            let find = payments!("WHERE reference = ?1");
            connection.prepare_cached(find)?.query_row([&reference], payment_of).optional()
        })
    }

    fn open_payment(&self, intent: Intent) -> Stored<Opened> {
        self.writer.submit(move |connection| open_in(connection, &intent))
    }

    fn settle(&self, payment: PaymentId, settlement: Settlement) -> Stored<Payment> {
        self.writer.submit(move |connection| settle_in(connection, payment, &settlement))
    }

    fn unresolved(&self) -> Stored<Vec<Payment>> {
        self.reader.submit(|connection| {
            let list = if planted(PlantedBug::PendingForgotten) {
                payments!("WHERE state IN (2, 5) ORDER BY at_ms")
            } else {
                payments!("WHERE state IN (1, 2, 5) ORDER BY at_ms")
            };
            connection.prepare_cached(list)?.query_map([], payment_of)?.collect()
        })
    }

    fn audit(&self) -> Stored<PaymentAudit> {
        self.reader.submit(audit)
    }

    fn backlog(&self) -> Stored<Backlog> {
        self.reader.submit(|connection| {
            let row =
                connection.prepare_cached(BACKLOG)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
            row.map(Backlog::from_row)
        })
    }

    fn waiting(&self) -> Option<u64> {
        Some(self.writer.waiting() + self.reader.waiting())
    }

    fn commits(&self) -> Option<Commits> {
        Some(self.writer.commits())
    }

    fn limits(&self) -> Option<Arc<dyn LimitStore>> {
        self.location.is_kept().then(|| self.limit_store())
    }

    fn failed(&self) -> BoxFuture<'static, ()> {
        self.writer.failed()
    }

    fn close(&self) -> Stored<()> {
        let location = self.location.clone();
        Box::pin(async move { checkpoint(&location) })
    }
}

fn open_in(connection: &Connection, intent: &Intent) -> rusqlite::Result<Opened> {
    if let Some(existing) = payment_by_key(connection, intent.account, &intent.key)? {
        let same = intent.is_same_request(&existing);
        return Ok(if same { Opened::Existing(existing) } else { Opened::Conflict });
    }
    if is_order_taken(connection, intent)? {
        return Ok(Opened::OrderTaken);
    }
    insert_payment(connection, intent)?;
    let payment = require_payment(connection, intent.payment)?;
    append(connection, &payment, Entry::Hold)?;
    Ok(Opened::New(payment))
}

fn settle_in(connection: &Connection, payment: PaymentId, settlement: &Settlement) -> rusqlite::Result<Payment> {
    let before = require_payment(connection, payment)?;
    let Some((state, entries)) = transition(before.state, settlement) else { return Ok(before) };
    for &entry in entries {
        append(connection, &before, entry)?;
    }
    update_payment(connection, payment, state, settlement)?;
    require_payment(connection, payment)
}

pub(super) fn change(rows: usize) -> Change {
    if rows == 0 { Change::Refused } else { Change::Done }
}

pub(super) fn corrupt(column: usize, kind: Type) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(column, "a value that this program did not write".into(), kind)
}

fn insert_binding(connection: &Connection, account: AccountId, binding: &Binding) -> rusqlite::Result<usize> {
    let insert = "INSERT INTO bindings (account, record, helper, bank_account, authority) VALUES (?1, ?2, ?3, ?4, ?5)
                  ON CONFLICT DO NOTHING";
    let Binding { record, helper, bank_account, authority } = binding;
    connection.prepare_cached(insert)?.execute(params![account.0, record, helper, bank_account, authority])
}

fn is_order_taken(connection: &Connection, intent: &Intent) -> rusqlite::Result<bool> {
    let Some(order) = &intent.order else { return Ok(false) };
    let find = "SELECT EXISTS (SELECT 1 FROM payments WHERE merchant = ?1 AND order_id = ?2 AND state IN (1, 2, 3, 5))";
    let row = params![intent.merchant.as_str(), order.as_str()];
    connection.prepare_cached(find)?.query_row(row, |row| row.get(0))
}

fn insert_payment(connection: &Connection, intent: &Intent) -> rusqlite::Result<()> {
    let insert = "INSERT INTO payments (id, account, key, merchant, amount_minor, currency, reference, state, at_ms,
                                        order_id)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let key = if planted(PlantedBug::KeyForgotten) { intent.reference.as_str() } else { intent.key.as_str() };
    let row = params![
        intent.payment.0.to_be_bytes(),
        intent.account.0,
        key,
        intent.merchant.as_str(),
        intent.amount.value() as i64,
        intent.currency.as_str(),
        intent.reference,
        PaymentState::Pending.code(),
        intent.at_ms as i64,
        intent.order.as_ref().map(OrderId::as_str),
    ];
    connection.prepare_cached(insert)?.execute(row).map(drop)
}

fn update_payment(
    connection: &Connection,
    payment: PaymentId,
    state: PaymentState,
    settlement: &Settlement,
) -> rusqlite::Result<()> {
    let (approval, decline) = settlement.codes();
    let update = "UPDATE payments SET state = ?2, approval = coalesce(approval, ?3), decline = coalesce(decline, ?4),
                                      key = CASE WHEN ?5 THEN key || ' ' || hex(id) ELSE key END
                  WHERE id = ?1";
    let row = params![payment.0.to_be_bytes(), state.code(), approval, decline, settlement.frees_key()];
    connection.prepare_cached(update)?.execute(row).map(drop)
}

/// Writes one ledger row; a row that is there already stays alone.
fn append(connection: &Connection, payment: &Payment, entry: Entry) -> rusqlite::Result<()> {
    let (debit, credit) = entry.accounts(&payment.merchant);
    let insert = "INSERT INTO entries (payment, kind, debit, credit, amount_minor) VALUES (?1, ?2, ?3, ?4, ?5)
                  ON CONFLICT DO NOTHING";
    let row = params![payment.id.0.to_be_bytes(), entry.name(), debit, credit, payment.amount.value() as i64];
    connection.prepare_cached(insert)?.execute(row).map(drop)
}

fn payment_by_key(
    connection: &Connection,
    account: AccountId,
    key: &IdempotencyKey,
) -> rusqlite::Result<Option<Payment>> {
    let find = payments!("WHERE account = ?1 AND key = ?2");
    connection.prepare_cached(find)?.query_row(params![account.0, key.as_str()], payment_of).optional()
}

fn payment_by_id(connection: &Connection, payment: PaymentId) -> rusqlite::Result<Option<Payment>> {
    let find = payments!("WHERE id = ?1");
    connection.prepare_cached(find)?.query_row([payment.0.to_be_bytes()], payment_of).optional()
}

fn require_payment(connection: &Connection, payment: PaymentId) -> rusqlite::Result<Payment> {
    payment_by_id(connection, payment)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

fn payment_of(row: &Row<'_>) -> rusqlite::Result<Payment> {
    let text = |column: usize| row.get::<_, String>(column);
    Ok(Payment {
        id: PaymentId(u128::from_be_bytes(row.get(0)?)),
        account: AccountId(row.get(1)?),
        merchant: Merchant::new(text(2)?).map_err(|_| corrupt(2, Type::Text))?,
        amount: MinorUnits::new(row.get::<_, i64>(3)? as u64).map_err(|_| corrupt(3, Type::Integer))?,
        currency: Currency::new(text(4)?).map_err(|_| corrupt(4, Type::Text))?,
        reference: text(5)?,
        state: PaymentState::from_code(row.get(6)?).ok_or(corrupt(6, Type::Integer))?,
        approval: row.get(7)?,
        decline: row.get_ref(8)?.as_str_or_null()?.map(Decline::from_code),
    })
}

fn audit(connection: &Connection) -> rusqlite::Result<PaymentAudit> {
    connection.query_row(AUDIT, [], |row| {
        let mut numbers = [0; AUDIT_COLUMNS];
        for (column, number) in numbers.iter_mut().enumerate() {
            *number = row.get(column)?;
        }
        Ok(PaymentAudit::from_row(numbers))
    })
}
