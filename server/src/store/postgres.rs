//! The store that several server processes share.
//!
//! Every command is one statement, and so one transaction and one trip, except where a look before the leap is needed;
//! then the statement repeats what was seen as a condition, and the command looks again when it no longer holds.

use super::payment::{AUDIT, AUDIT_COLUMNS, BACKLOG, Entry, transition};
use super::postgres_query::{COMMAND_TIMEOUT, Params, change, corrupt, optional, rows, unreachable_pool};
use super::{
    Account, AccountId, Backlog, Binding, BoundAccount, Change, Creation, Intent, LimitStore, Opened, Payment,
    PaymentAudit, PaymentState, Settlement, Standing, Store, StoreError, Stored,
};
use crate::bank::Decline;
use crate::crypto::credential::Credential;
use crate::env::BoxFuture;
use biopay_protocol::{Currency, IdempotencyKey, LoginName, Merchant, MinorUnits, OrderId, PaymentId};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

mod books;

const MIGRATIONS: &[&str] = &[
    include_str!("postgres.sql"),
    include_str!("postgres_life.sql"),
    include_str!("postgres_upkeep.sql"),
    include_str!("postgres_books.sql"),
];
/// Connections of one server process.
const CONNECTIONS_MAX: usize = 16;
/// Any number that nobody else locks: migrations of several processes wait for each other.
const MIGRATION_LOCK: i64 = 0x6269_6f70_6179;
/// How long a connection may take to open, and how long a command waits for a free one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// After this the database gives a statement up by itself, in milliseconds.
const STATEMENT_MS: u32 = 4_000;
/// How often a command looks again when another process was faster.
const ATTEMPTS_MAX: usize = 16;
const PAYMENT_COLUMNS: &str = "id, account, merchant, amount_minor, currency, reference, state, approval, decline";

/// A store in a PostgreSQL database.
pub struct PostgresStore {
    pub(super) pool: Pool,
}

impl PostgresStore {
    /// Connects, and brings the schema up to date. Without `tls` the database must be on this machine.
    ///
    /// # Errors
    ///
    /// [`StoreError::NewerSchema`] when a newer program wrote it; [`StoreError::Sql`] otherwise.
    pub async fn open(url: &str, tls: Option<MakeRustlsConnect>) -> Result<Self, StoreError> {
        let mut config: tokio_postgres::Config = url.parse()?;
        let options = config.get_options().unwrap_or_default();
        config.options(format!("{options} -c statement_timeout={STATEMENT_MS} -c lock_timeout={STATEMENT_MS}"));
        config.connect_timeout(CONNECT_TIMEOUT).tcp_user_timeout(COMMAND_TIMEOUT);
        let pooling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match tls {
            Some(tls) => {
                config.ssl_mode(SslMode::Require);
                Manager::from_config(config, tls, pooling)
            }
            None if config.get_hosts().iter().all(is_here) => Manager::from_config(config, NoTls, pooling),
            None => return Err(StoreError::Sql("store-certificate is needed for a database elsewhere".into())),
        };
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS_MAX)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(CONNECT_TIMEOUT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .recycle_timeout(Some(CONNECT_TIMEOUT))
            .build()
            .map_err(|_| StoreError::Failed)?;
        let store = Self { pool };
        store.migrate().await?;
        Ok(store)
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        let mut client = self.pool.get().await.map_err(unreachable_pool)?;
        let transaction = client.transaction().await?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await?;
        transaction.batch_execute("CREATE TABLE IF NOT EXISTS schema_version (version bigint NOT NULL)").await?;
        let found = transaction.query_opt("SELECT version FROM schema_version", &[]).await?;
        let (found, known) = (found.map_or(0, |row| row.get::<_, i64>(0)) as usize, MIGRATIONS.len());
        for migration in MIGRATIONS.get(found..).ok_or(StoreError::NewerSchema { found, known })? {
            transaction.batch_execute(migration).await?;
        }
        transaction.batch_execute("DELETE FROM schema_version").await?;
        transaction.execute("INSERT INTO schema_version VALUES ($1)", &[&(known as i64)]).await?;
        Ok(transaction.commit().await?)
    }
}

impl Store for PostgresStore {
    fn create_account(&self, login: LoginName, credential: Credential, binding: Option<Binding>) -> Stored<Creation> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let password = credential.to_bytes();
            let login = login.as_str();
            let created = match &binding {
                None => {
                    let insert = "INSERT INTO accounts (login, password) VALUES ($1, $2)
                                  ON CONFLICT DO NOTHING RETURNING id";
                    optional(&pool, insert, &[&login, &password]).await?
                }
                Some(Binding { record, helper, bank_account, authority }) => {
                    let insert = "WITH created AS (INSERT INTO accounts (login, password) VALUES ($1, $2)
                                      ON CONFLICT DO NOTHING RETURNING id)
                                  INSERT INTO bindings (account, record, helper, bank_account, authority)
                                      SELECT id, $3, $4, $5, $6 FROM created RETURNING account";
                    optional(&pool, insert, &[&login, &password, record, helper, bank_account, authority]).await?
                }
            };
            Ok(created.map_or(Creation::LoginTaken, |row| Creation::Created(AccountId(row.get(0)))))
        })
    }

    fn find_account(&self, login: LoginName) -> Stored<Option<Account>> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let find = "SELECT id, password, epoch FROM accounts WHERE login = $1";
            let Some(row) = optional(&pool, find, &[&login.as_str()]).await? else { return Ok(None) };
            let credential = Credential::from_bytes(row.get(1)).map_err(|_| corrupt("a login"))?;
            Ok(Some(Account { id: AccountId(row.get(0)), credential, epoch: row.get(2) }))
        })
    }

    fn login_of(&self, account: AccountId) -> Stored<LoginName> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let row = optional(&pool, "SELECT login FROM accounts WHERE id = $1", &[&account.0]).await?;
            let login: String = row.ok_or(corrupt("an account"))?.get(0);
            LoginName::new(login).map_err(|_| corrupt("a login name"))
        })
    }

    fn bind(&self, account: AccountId, binding: Binding) -> Stored<Change> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let Binding { record, helper, bank_account, authority } = &binding;
            let insert = "INSERT INTO bindings (account, record, helper, bank_account, authority)
                          VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
            change(&pool, insert, &[&account.0, record, helper, bank_account, authority]).await
        })
    }

    fn binding(&self, account: AccountId) -> Stored<Option<Binding>> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let find = "SELECT record, helper, bank_account, authority FROM bindings WHERE account = $1";
            let found = optional(&pool, find, &[&account.0]).await?;
            Ok(found.map(|row| {
                let (record, helper) = (row.get(0), row.get(1));
                Binding { record, helper, bank_account: row.get(2), authority: row.get(3) }
            }))
        })
    }

    fn standing(&self, account: AccountId) -> Stored<Option<Standing>> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let find = "SELECT epoch, record, helper, bank_account, authority FROM accounts
                        LEFT JOIN bindings ON account = accounts.id WHERE accounts.id = $1";
            Ok(optional(&pool, find, &[&account.0]).await?.map(|row| {
                let bound = row.get::<_, Option<Vec<u8>>>(3).zip(row.get::<_, Option<Vec<u8>>>(4));
                let (record, helper) = (row.get(1), row.get(2));
                let binding =
                    bound.map(|(bank_account, authority)| Binding { record, helper, bank_account, authority });
                Standing { epoch: row.get(0), binding }
            }))
        })
    }

    fn change_credential(&self, account: AccountId, credential: Credential) -> Stored<i64> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let update = "UPDATE accounts SET password = $2, epoch = epoch + 1 WHERE id = $1 RETURNING epoch";
            let row = optional(&pool, update, &[&account.0, &credential.to_bytes()]).await?;
            Ok(row.ok_or(corrupt("an account"))?.get(0))
        })
    }

    fn end_logins(&self, account: AccountId) -> Stored<i64> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let update = "UPDATE accounts SET epoch = epoch + 1 WHERE id = $1 RETURNING epoch";
            Ok(optional(&pool, update, &[&account.0]).await?.ok_or(corrupt("an account"))?.get(0))
        })
    }

    fn has_open_payments(&self, account: AccountId) -> Stored<bool> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let find = "SELECT EXISTS (SELECT 1 FROM payments WHERE account = $1 AND state IN (1, 2, 5))";
            Ok(optional(&pool, find, &[&account.0]).await?.is_some_and(|row| row.get(0)))
        })
    }

    fn unbind(&self, account: AccountId) -> Stored<Change> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let delete = "DELETE FROM bindings WHERE account = $1 AND NOT EXISTS
                              (SELECT 1 FROM payments WHERE payments.account = $1 AND state IN (1, 2, 5))";
            change(&pool, delete, &[&account.0]).await
        })
    }

    fn erase_account(&self, account: AccountId) -> Stored<Change> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let erase = r"WITH erased AS (
                              UPDATE accounts SET login = E'\x01' || id, password = '', epoch = epoch + 1
                              WHERE id = $1 AND NOT EXISTS
                                  (SELECT 1 FROM payments WHERE payments.account = $1 AND state IN (1, 2, 5))
                              RETURNING id
                          ), unbound AS (DELETE FROM bindings WHERE account IN (SELECT id FROM erased))
                          SELECT id FROM erased";
            let erased = optional(&pool, erase, &[&account.0]).await?;
            Ok(if erased.is_some() { Change::Done } else { Change::Refused })
        })
    }

    fn replace_record(&self, account: AccountId, record: Option<Vec<u8>>, helper: Option<Vec<u8>>) -> Stored<Change> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let update = "UPDATE bindings SET record = $2, helper = $3 WHERE account = $1";
            change(&pool, update, &[&account.0, &record, &helper]).await
        })
    }

    fn bindings_above(&self, account: AccountId) -> Stored<Vec<BoundAccount>> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let list = "SELECT account, login, record, helper, bank_account, authority FROM bindings
                        JOIN accounts ON accounts.id = account WHERE account > $1 ORDER BY account LIMIT 256";
            let page = rows(&pool, list, &[&account.0]).await?;
            let read = |row: &Row| {
                let login = LoginName::new(row.get::<_, String>(1)).map_err(|_| corrupt("a login name"))?;
                let (record, helper) = (row.get(2), row.get(3));
                let binding = Binding { record, helper, bank_account: row.get(4), authority: row.get(5) };
                Ok(BoundAccount { id: AccountId(row.get(0)), login, binding })
            };
            page.iter().map(read).collect()
        })
    }

    fn replace_binding(&self, account: AccountId, before: Binding, after: Binding) -> Stored<Change> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let update = "UPDATE bindings SET record = $5, bank_account = $6, authority = $7
                          WHERE account = $1 AND record IS NOT DISTINCT FROM $2 AND bank_account = $3
                            AND authority = $4";
            let (from, to) = (before, after);
            let params: Params<'_> = &[
                &account.0,
                &from.record,
                &from.bank_account,
                &from.authority,
                &to.record,
                &to.bank_account,
                &to.authority,
            ];
            change(&pool, update, params).await
        })
    }

    fn find_payment_by_key(&self, account: AccountId, key: IdempotencyKey) -> Stored<Option<Payment>> {
        let pool = self.pool.clone();
        Box::pin(async move { payment_where(&pool, "account = $1 AND key = $2", &[&account.0, &key.as_str()]).await })
    }

    fn find_payment(&self, account: AccountId, payment: PaymentId) -> Stored<Option<Payment>> {
        let pool = self.pool.clone();
        Box::pin(async move { payment_where(&pool, "account = $1 AND id = $2", &[&account.0, &id(payment)]).await })
    }

    fn find_payment_by_reference(&self, reference: String) -> Stored<Option<Payment>> {
        let pool = self.pool.clone();
        Box::pin(async move { payment_where(&pool, "reference = $1", &[&reference]).await })
    }

    fn open_payment(&self, intent: Intent) -> Stored<Opened> {
        let pool = self.pool.clone();
        Box::pin(async move {
            for _ in 0..ATTEMPTS_MAX {
                if let Some(opened) = insert_payment(&pool, &intent).await? {
                    return Ok(Opened::New(opened));
                }
                let key: Params<'_> = &[&intent.account.0, &intent.key.as_str()];
                if let Some(existing) = payment_where(&pool, "account = $1 AND key = $2", key).await? {
                    let same = intent.is_same_request(&existing);
                    return Ok(if same { Opened::Existing(existing) } else { Opened::Conflict });
                }
                let paid = "merchant = $1 AND order_id = $2 AND state IN (1, 2, 3, 5)";
                let order: Params<'_> = &[&intent.merchant.as_str(), &intent.order.as_ref().map(OrderId::as_str)];
                if payment_where(&pool, paid, order).await?.is_some() {
                    return Ok(Opened::OrderTaken);
                }
            }
            Err(StoreError::Overloaded)
        })
    }

    fn settle(&self, payment: PaymentId, settlement: Settlement) -> Stored<Payment> {
        let pool = self.pool.clone();
        Box::pin(async move {
            for _ in 0..ATTEMPTS_MAX {
                let before = payment_where(&pool, "id = $1", &[&id(payment)]).await?.ok_or(corrupt("a payment"))?;
                let Some((state, entries)) = transition(before.state, &settlement) else { return Ok(before) };
                if let Some(settled) = move_payment(&pool, &before, state, entries, &settlement).await? {
                    return Ok(settled);
                }
            }
            Err(StoreError::Overloaded)
        })
    }

    fn unresolved(&self) -> Stored<Vec<Payment>> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let list = format!("SELECT {PAYMENT_COLUMNS} FROM payments WHERE state IN (1, 2, 5) ORDER BY at_ms");
            rows(&pool, &list, &[]).await?.iter().map(payment_of).collect()
        })
    }

    fn backlog(&self) -> Stored<Backlog> {
        let pool = self.pool.clone();
        Box::pin(async move {
            let row = optional(&pool, BACKLOG, &[]).await?.ok_or(corrupt("a count"))?;
            Ok(Backlog::from_row((row.get(0), row.get(1), row.get(2))))
        })
    }

    fn waiting(&self) -> Option<u64> {
        Some(self.pool.status().waiting as u64)
    }

    fn audit(&self) -> Stored<PaymentAudit> {
        let pool = self.pool.clone();
        Box::pin(async move { audit(&pool).await })
    }

    fn limits(&self) -> Option<Arc<dyn LimitStore>> {
        Some(self.limit_store())
    }

    fn is_shared(&self) -> bool {
        true
    }

    /// The database recovers by itself, and the pool connects again.
    fn failed(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

/// Returns whether nobody can listen in on the way to a host.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
    }
}

fn id(payment: PaymentId) -> Vec<u8> {
    payment.0.to_be_bytes().to_vec()
}

async fn payment_where(pool: &Pool, condition: &str, params: Params<'_>) -> Result<Option<Payment>, StoreError> {
    let find = format!("SELECT {PAYMENT_COLUMNS} FROM payments WHERE {condition}");
    optional(pool, &find, params).await?.as_ref().map(payment_of).transpose()
}

/// Writes the intent and its hold in one statement; `None` when the key or the order is taken.
async fn insert_payment(pool: &Pool, intent: &Intent) -> Result<Option<Payment>, StoreError> {
    let insert = format!(
        "WITH opened AS (
             INSERT INTO payments (id, account, key, merchant, amount_minor, currency, reference, state, at_ms,
                                   order_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $13) ON CONFLICT DO NOTHING RETURNING *
         ), held AS (
             INSERT INTO entries (payment, kind, debit, credit, amount_minor)
             SELECT id, $10, $11, $12, amount_minor FROM opened
         )
         SELECT {PAYMENT_COLUMNS} FROM opened"
    );
    let (debit, credit) = Entry::Hold.accounts(&intent.merchant);
    let params: Params<'_> = &[
        &id(intent.payment),
        &intent.account.0,
        &intent.key.as_str(),
        &intent.merchant.as_str(),
        &(intent.amount.value() as i64),
        &intent.currency.as_str(),
        &intent.reference,
        &PaymentState::Pending.code(),
        &(intent.at_ms as i64),
        &Entry::Hold.name(),
        &debit,
        &credit,
        &intent.order.as_ref().map(OrderId::as_str),
    ];
    optional(pool, &insert, params).await?.as_ref().map(payment_of).transpose()
}

/// Moves a payment on and writes its ledger rows in one statement; `None` when it is no longer where it was.
async fn move_payment(
    pool: &Pool,
    before: &Payment,
    state: PaymentState,
    entries: &[Entry],
    settlement: &Settlement,
) -> Result<Option<Payment>, StoreError> {
    let update = format!(
        "WITH moved AS (
             UPDATE payments SET state = $3, approval = coalesce(approval, $4), decline = coalesce(decline, $5),
                                 key = CASE WHEN $9 THEN key || ' ' || encode(id, 'hex') ELSE key END
             WHERE id = $1 AND state = $2 RETURNING *
         ), written AS (
             INSERT INTO entries (payment, kind, debit, credit, amount_minor)
             SELECT id, kind, debit, credit, amount_minor
             FROM moved CROSS JOIN unnest($6::text[], $7::text[], $8::text[]) AS entry (kind, debit, credit)
             ON CONFLICT DO NOTHING
         )
         SELECT {PAYMENT_COLUMNS} FROM moved"
    );
    let (approval, decline) = settlement.codes();
    let kinds: Vec<&str> = entries.iter().map(|entry| entry.name()).collect();
    let (debits, credits): (Vec<String>, Vec<String>) =
        entries.iter().map(|entry| entry.accounts(&before.merchant)).unzip();
    let (from, to) = (before.state.code(), state.code());
    let params: Params<'_> =
        &[&id(before.id), &from, &to, &approval, &decline, &kinds, &debits, &credits, &settlement.frees_key()];
    optional(pool, &update, params).await?.as_ref().map(payment_of).transpose()
}

fn payment_of(row: &Row) -> Result<Payment, StoreError> {
    let bytes: &[u8] = row.get(0);
    let wrong = || corrupt("a payment");
    Ok(Payment {
        id: PaymentId(u128::from_be_bytes(bytes.try_into().map_err(|_| wrong())?)),
        account: AccountId(row.get(1)),
        merchant: Merchant::new(row.get::<_, String>(2)).map_err(|_| wrong())?,
        amount: MinorUnits::new(row.get::<_, i64>(3) as u64).map_err(|_| wrong())?,
        currency: Currency::new(row.get::<_, String>(4)).map_err(|_| wrong())?,
        reference: row.get(5),
        state: PaymentState::from_code(row.get(6)).ok_or_else(wrong)?,
        approval: row.get(7),
        decline: row.get::<_, Option<&str>>(8).map(Decline::from_code),
    })
}

/// One statement sees one moment, whatever other processes do meanwhile.
async fn audit(pool: &Pool) -> Result<PaymentAudit, StoreError> {
    let row = optional(pool, AUDIT, &[]).await?.ok_or(corrupt("an audit"))?;
    Ok(PaymentAudit::from_row(std::array::from_fn::<_, AUDIT_COLUMNS, _>(|column| row.get(column))))
}
