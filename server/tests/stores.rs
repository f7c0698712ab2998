//! One suite for every store: random commands, held against a model.
//!
//! PostgreSQL is found by `BIOPAY_TEST_POSTGRES` (a URL of an empty database that the suite may fill) or started from
//! its installed binaries. Without either the test says so and checks nothing, unless `BIOPAY_REQUIRE_PEERS` is set.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::*;
use biopay_server::bank::Decline;
use biopay_server::crypto::credential::Credential;
use biopay_server::crypto::password::{HashCost, Passwords};
use biopay_server::env::system;
use biopay_server::sqlite::Location;
use biopay_server::store::payment::transition;
use biopay_server::store::*;
use common::postgres::Postgres;
use proptest::prelude::*;
use std::collections::BTreeMap;

const LOGINS: u64 = 4;
const KEYS: u64 = 3;

/// A command, over few enough names that they meet.
#[derive(Clone, Debug)]
enum Command {
    Create(u64, Option<u8>),
    Bind(u64, u8),
    Replace(u64, Option<u8>),
    Open(u64, u64, u64),
    Settle(usize, Settlement),
}

fn command() -> impl Strategy<Value = Command> {
    let settlement = prop_oneof![
        3 => Just(Settlement::Approved { approval: "000001".into() }),
        2 => Just(Settlement::Declined(Decline::InsufficientFunds)),
        1 => Just(Settlement::NotSent),
        3 => Just(Settlement::Unknown),
        2 => Just(Settlement::Cancelled),
        2 => Just(Settlement::Reversed),
    ];
    prop_oneof![
        1 => (0..LOGINS, any::<Option<u8>>()).prop_map(|(login, binding)| Command::Create(login, binding)),
        1 => (0..LOGINS, any::<u8>()).prop_map(|(login, binding)| Command::Bind(login, binding)),
        1 => (0..LOGINS, any::<Option<u8>>()).prop_map(|(login, record)| Command::Replace(login, record)),
        4 => (0..LOGINS, 0..KEYS, 1..3_u64).prop_map(|(login, key, amount)| Command::Open(login, key, amount)),
        6 => (0..8_usize, settlement).prop_map(|(payment, settlement)| Command::Settle(payment, settlement)),
    ]
}

/// What a store should remember.
#[derive(Default)]
struct Model {
    accounts: BTreeMap<u64, AccountId>,
    bindings: BTreeMap<u64, Binding>,
    payments: Vec<(u64, u64, Payment)>,
    suspended: std::collections::BTreeSet<usize>,
}

struct Suite<'a> {
    store: &'a dyn Store,
    /// Sets one run's names apart from another's in the same store.
    run: u64,
    credential: Credential,
    model: Model,
}

impl Suite<'_> {
    fn login(&self, login: u64) -> LoginName {
        LoginName::new(format!("{}-{login}", self.run)).unwrap()
    }

    async fn apply(&mut self, command: Command) {
        match command {
            Command::Create(login, record) => self.create(login, record).await,
            Command::Bind(login, byte) => self.bind(login, byte).await,
            Command::Replace(login, byte) => self.replace(login, byte).await,
            Command::Open(login, key, amount) => self.open(login, key, amount).await,
            Command::Settle(payment, settlement) => self.settle(payment, settlement).await,
        }
    }

    async fn create(&mut self, login: u64, byte: Option<u8>) {
        let bound = byte.map(binding);
        let created =
            self.store.create_account(self.login(login), self.credential.clone(), bound.clone()).await.unwrap();
        match (self.model.accounts.contains_key(&login), created) {
            (false, Creation::Created(id)) => {
                self.model.accounts.insert(login, id);
                self.model.bindings.extend(bound.map(|bound| (login, bound)));
            }
            (true, Creation::LoginTaken) => {}
            other => panic!("{other:?}"),
        }
        let found = self.store.find_account(self.login(login)).await.unwrap().unwrap();
        assert_eq!(found.id, self.model.accounts[&login]);
        assert!(found.credential == self.credential);
        assert_eq!(self.store.login_of(found.id).await.unwrap(), self.login(login));
    }

    async fn bind(&mut self, login: u64, byte: u8) {
        let Some(&account) = self.model.accounts.get(&login) else { return };
        let change = self.store.bind(account, binding(byte)).await.unwrap();
        let expected = if self.model.bindings.contains_key(&login) { Change::Refused } else { Change::Done };
        assert_eq!(change, expected);
        self.model.bindings.entry(login).or_insert_with(|| binding(byte));
        assert!(self.store.binding(account).await.unwrap().as_ref() == self.model.bindings.get(&login));
    }

    async fn replace(&mut self, login: u64, byte: Option<u8>) {
        let Some(&account) = self.model.accounts.get(&login) else { return };
        let (record, helper) = (byte.map(|byte| vec![byte]), None);
        let change = self.store.replace_record(account, record.clone(), helper.clone()).await.unwrap();
        let bound = self.model.bindings.get_mut(&login);
        assert_eq!(change, if bound.is_some() { Change::Done } else { Change::Refused });
        if let Some(bound) = bound {
            (bound.record, bound.helper) = (record, helper);
        }
        assert!(self.store.binding(account).await.unwrap().as_ref() == self.model.bindings.get(&login));
        self.exchange(account, login).await;
    }

    /// Lists the account and exchanges what it pays with, which only works on what is there.
    async fn exchange(&mut self, account: AccountId, login: u64) {
        let Some(bound) = self.model.bindings.get_mut(&login) else { return };
        let page = self.store.bindings_above(AccountId(account.0 - 1)).await.unwrap();
        assert_eq!((page[0].id, page[0].login.as_str()), (account, format!("{}-{login}", self.run).as_str()));
        assert!(page[0].binding == *bound);
        let after = Binding { authority: [bound.authority.as_slice(), &[1]].concat(), ..bound.clone() };
        let missed = self.store.replace_binding(account, after.clone(), bound.clone()).await.unwrap();
        let done = self.store.replace_binding(account, bound.clone(), after.clone()).await.unwrap();
        assert_eq!((missed, done), (Change::Refused, Change::Done));
        *bound = after;
    }

    async fn open(&mut self, login: u64, key: u64, amount: u64) {
        let Some(&account) = self.model.accounts.get(&login) else { return };
        let number = self.model.payments.len() as u128;
        let payment = PaymentId(u128::from(self.run) << 64 | number);
        let intent = Intent {
            payment,
            account,
            key: IdempotencyKey::new(format!("k{key}")).unwrap(),
            merchant: Merchant::new("shop").unwrap(),
            amount: MinorUnits::new(amount).unwrap(),
            currency: Currency::new("EUR").unwrap(),
            reference: format!("{:06}{number:06}", self.run),
            at_ms: number as u64,
            order: None,
        };
        let existing = self.model.payments.iter().find(|(l, k, _)| (*l, *k) == (login, key));
        let opened = self.store.open_payment(intent.clone()).await.unwrap();
        match (existing, opened) {
            (None, Opened::New(payment)) => {
                assert_eq!((payment.state, payment.reference.clone()), (PaymentState::Pending, intent.reference));
                self.model.payments.push((login, key, payment));
            }
            (Some((_, _, before)), Opened::Existing(payment)) if before.amount == intent.amount => {
                assert_eq!(payment, *before);
            }
            (Some((_, _, before)), Opened::Conflict) if before.amount != intent.amount => {}
            other => panic!("{other:?}"),
        }
    }

    async fn settle(&mut self, at: usize, settlement: Settlement) {
        let Some((_, key, before)) = self.model.payments.get_mut(at) else { return };
        if let Some((state, entries)) = transition(before.state, &settlement) {
            let (approval, decline) = settlement.codes();
            before.state = state;
            if settlement.frees_key() {
                *key = u64::MAX - at as u64;
            }
            before.approval = before.approval.take().or(approval.map(str::to_owned));
            before.decline = before.decline.take().or(decline.map(Decline::from_code));
            if entries.iter().any(|entry| entry.name() == "suspense") {
                self.model.suspended.insert(at);
            }
        }
        let expected = before.clone();
        assert_eq!(self.store.settle(expected.id, settlement).await.unwrap(), expected);
        let found = self.store.find_payment(expected.account, expected.id).await.unwrap();
        assert_eq!(found, Some(expected.clone()));
        let found = self.store.find_payment_by_reference(expected.reference.clone()).await.unwrap();
        assert_eq!(found, Some(expected.clone()));
        assert_eq!(self.store.find_payment(AccountId(-1), expected.id).await.unwrap(), None);
    }

    /// Compares what is open, and what this run added to the sums since `before`.
    async fn compare(&self, before: &PaymentAudit) {
        let is_open = |payment: &Payment| {
            matches!(payment.state, PaymentState::Pending | PaymentState::Unknown | PaymentState::Reversing)
        };
        let states = self.model.payments.iter().map(|(_, _, payment)| payment);
        let mut open: Vec<Payment> = self.store.unresolved().await.unwrap();
        open.retain(|payment| payment.id.0 >> 64 == u128::from(self.run));
        assert_eq!(open, states.clone().filter(|payment| is_open(payment)).cloned().collect::<Vec<_>>());
        let audit = self.store.audit().await.unwrap();
        assert!(audit.is_clean(), "{audit:?}");
        let count = |state| states.clone().filter(|payment| payment.state == state).count() as u64;
        let sum = |wanted: &dyn Fn(&Payment) -> bool| {
            states.clone().filter(|payment| wanted(payment)).map(|payment| payment.amount.value() as i64).sum::<i64>()
        };
        assert_eq!(audit.posted - before.posted, count(PaymentState::Posted));
        assert_eq!(audit.reversed - before.reversed, count(PaymentState::Reversed));
        assert_eq!(audit.suspended - before.suspended, self.model.suspended.len() as u64);
        assert_eq!(audit.posted_minor - before.posted_minor, sum(&|payment| payment.state == PaymentState::Posted));
        assert_eq!(audit.held_minor - before.held_minor, sum(&is_open));
    }
}

fn binding(byte: u8) -> Binding {
    let helper = (byte > 100).then(|| vec![byte; 3]);
    Binding { record: Some(vec![byte]), helper, bank_account: vec![byte; 2], authority: vec![] }
}

/// Runs many sequences of commands on one store.
fn check(store: &dyn Store, runtime: &tokio::runtime::Runtime, cases: u32) {
    let cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
    let passwords = Passwords::new(system::env(1, 8), cost, vec![]);
    let credential = Credential::Password(runtime.block_on(passwords.hash(Secret::new("x").unwrap())).unwrap());
    runtime.block_on(check_life(store, &credential));
    runtime.block_on(check_books(store, &credential));
    let run = std::cell::Cell::new(0);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(commands in proptest::collection::vec(command(), 1..40))| {
        run.set(run.get() + 1);
        let (run, credential) = (run.get(), credential.clone());
        runtime.block_on(async {
            let before = store.audit().await.unwrap();
            let mut suite = Suite { store, run, credential, model: Model::default() };
            for command in commands {
                suite.apply(command).await;
            }
            suite.compare(&before).await;
        });
    });
}

/// Goes through what becomes of an account after it was bound.
async fn check_life(store: &dyn Store, credential: &Credential) {
    let login = || LoginName::new("somebody whose account is closed").unwrap();
    let create = || store.create_account(login(), credential.clone(), Some(binding(200)));
    let Creation::Created(account) = create().await.unwrap() else { panic!() };
    let standing = async || store.standing(account).await.unwrap().unwrap();
    assert!(standing().await == Standing { epoch: 0, binding: Some(binding(200)) });
    assert_eq!(store.end_logins(account).await, Ok(1));
    assert_eq!(store.change_credential(account, credential.clone()).await, Ok(2));
    assert_eq!(store.find_account(login()).await.unwrap().unwrap().epoch, 2);
    let payment = PaymentId(u128::MAX);
    let intent = Intent {
        payment,
        account,
        key: IdempotencyKey::new("k").unwrap(),
        merchant: Merchant::new("shop").unwrap(),
        amount: MinorUnits::new(5).unwrap(),
        currency: Currency::new("EUR").unwrap(),
        reference: "LIFE00000000".into(),
        at_ms: 1,
        order: None,
    };
    assert!(!store.has_open_payments(account).await.unwrap());
    assert!(matches!(store.open_payment(intent).await, Ok(Opened::New(_))));
    assert!(store.has_open_payments(account).await.unwrap());
    assert_eq!(store.unbind(account).await, Ok(Change::Refused), "the resolver needs it");
    assert_eq!(store.erase_account(account).await, Ok(Change::Refused));
    store.settle(payment, Settlement::Approved { approval: "000001".into() }).await.unwrap();
    assert_eq!(store.unbind(account).await, Ok(Change::Done));
    assert_eq!(store.unbind(account).await, Ok(Change::Refused));
    assert!(standing().await == Standing { epoch: 2, binding: None });
    assert_eq!(store.bind(account, binding(1)).await, Ok(Change::Done));
    assert_eq!(store.erase_account(account).await, Ok(Change::Done));
    assert!(store.find_account(login()).await.unwrap().is_none());
    assert!(standing().await == Standing { epoch: 3, binding: None });
    let kept = store.find_payment(account, payment).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.amount.value()), (PaymentState::Posted, 5), "the books are kept");
    let Creation::Created(another) = create().await.unwrap() else { panic!("the name is free") };
    assert_ne!(account, another);
}

/// Opens a payment and has the bank approve it.
async fn posted(store: &dyn Store, account: AccountId, number: u128, order: Option<&str>) -> Opened {
    let intent = Intent {
        payment: PaymentId(number << 100),
        account,
        key: IdempotencyKey::new(format!("books-{number}")).unwrap(),
        merchant: Merchant::new("book shop").unwrap(),
        amount: MinorUnits::new(10).unwrap(),
        currency: Currency::new("EUR").unwrap(),
        reference: format!("BOOKS{number:07}"),
        at_ms: 1,
        order: order.map(|order| OrderId::new(order).unwrap()),
    };
    let opened = store.open_payment(intent).await.unwrap();
    if let Opened::New(payment) = &opened {
        store.settle(payment.id, Settlement::Approved { approval: "000001".into() }).await.unwrap();
    }
    opened
}

/// Goes through refunds, orders, suspense and settlement.
async fn check_books(store: &dyn Store, credential: &Credential) {
    let login = LoginName::new("somebody who gets something back").unwrap();
    let Creation::Created(account) = store.create_account(login, credential.clone(), None).await.unwrap() else {
        panic!()
    };
    let before = store.audit().await.unwrap();
    let Opened::New(payment) = posted(store, account, 1, Some("A-1")).await else { panic!() };
    assert_eq!(posted(store, account, 2, Some("A-1")).await, Opened::OrderTaken, "an order is paid once");
    assert!(matches!(posted(store, account, 3, Some("A-2")).await, Opened::New(_)));
    let open = async |key: &str, amount, reference: &str| {
        let (key, amount) = (IdempotencyKey::new(key).unwrap(), MinorUnits::new(amount).unwrap());
        let (payment, reference) = (payment.id, reference.to_owned());
        store.open_refund(RefundIntent { payment, key, amount, reference, at_ms: 2 }).await.unwrap()
    };
    let OpenedRefund::New(first) = open("a", 6, "REFUND000001").await else { panic!() };
    assert_eq!((first.state, first.original.as_str()), (PaymentState::Pending, "BOOKS0000001"));
    assert_eq!(open("a", 6, "REFUND000002").await, OpenedRefund::Existing(first));
    assert_eq!(open("a", 5, "REFUND000002").await, OpenedRefund::Conflict);
    assert_eq!(open("b", 5, "REFUND000002").await, OpenedRefund::TooLarge, "what is under way counts");
    assert!(matches!(open("b", 4, "REFUND000002").await, OpenedRefund::New(_)));
    let settle =
        async |reference: &str, settlement| store.settle_refund(reference.into(), settlement).await.unwrap().state;
    assert_eq!(store.unresolved_refunds().await.unwrap().len(), 2);
    assert_eq!(settle("REFUND000001", Settlement::Unknown).await, PaymentState::Unknown);
    assert_eq!(settle("REFUND000001", Settlement::NotSent).await, PaymentState::Unknown, "it says nothing any more");
    let approved = || Settlement::Approved { approval: "000002".into() };
    assert_eq!(settle("REFUND000001", approved()).await, PaymentState::Posted);
    assert_eq!(settle("REFUND000001", approved()).await, PaymentState::Posted, "once");
    // What was never sent leaves key and money free.
    assert_eq!(settle("REFUND000002", Settlement::NotSent).await, PaymentState::Voided);
    assert!(matches!(open("b", 4, "REFUND000003").await, OpenedRefund::New(_)));
    assert_eq!(settle("REFUND000003", Settlement::Declined(Decline::Other("12".into()))).await, PaymentState::Voided);
    let after = store.audit().await.unwrap();
    assert!(after.is_clean(), "{after:?}");
    assert_eq!((after.refunded_minor - before.refunded_minor, after.posted - before.posted), (6, 2));
    let (batch, rows) = store.close_batch().await.unwrap();
    let lines = store.batch_lines(batch).await.unwrap();
    assert_eq!(rows, lines.len() as u64);
    let ours = lines.iter().filter(|line| line.merchant == "book shop");
    assert_eq!(ours.map(|line| line.amount_minor).sum::<i64>(), 20 - 6);
    assert_eq!(store.close_batch().await, Ok((batch + 1, 0)), "nothing is paid out twice");
    assert_eq!(store.clear_suspense(payment.id).await, Ok(Change::Refused), "none is there");
    let listed = store.payments_above(PaymentId(0)).await.unwrap();
    assert!(listed.is_sorted_by_key(|payment| payment.id) && listed.iter().any(|listed| listed.id == payment.id));
    let above = store.refunds_above("REFUND000001".into()).await.unwrap();
    assert_eq!(
        above.iter().map(|refund| refund.reference.as_str()).collect::<Vec<_>>(),
        ["REFUND000002", "REFUND000003"]
    );
    check_race(store, account).await;
}

/// Eight refunds of a half each race: two fit, on a store that runs them one after the other or side by side.
async fn check_race(store: &dyn Store, account: AccountId) {
    let Opened::New(payment) = posted(store, account, 4, None).await else { panic!() };
    let intent = |n: u32| RefundIntent {
        payment: payment.id,
        key: IdempotencyKey::new(format!("race-{n}")).unwrap(),
        amount: MinorUnits::new(5).unwrap(),
        reference: format!("RACING{n:06}"),
        at_ms: 2,
    };
    let racing: Vec<_> = (0..8).map(|n| tokio::spawn(store.open_refund(intent(n)))).collect();
    let mut new = 0;
    for opened in racing {
        match opened.await.unwrap().unwrap() {
            OpenedRefund::New(refund) => {
                new += 1;
                let approved = Settlement::Approved { approval: "000003".into() };
                store.settle_refund(refund.reference, approved).await.unwrap();
            }
            OpenedRefund::TooLarge => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(new, 2);
    assert!(store.audit().await.unwrap().is_clean());
}

#[test]
fn sqlite_in_a_file_keeps_to_the_model() {
    let (runtime, folder) = (tokio::runtime::Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    check(&SqliteStore::open(&Location::File(folder.path().join("db"))).unwrap(), &runtime, 48);
}

#[test]
fn sqlite_in_memory_keeps_to_the_model() {
    check(&SqliteStore::open(&Location::Memory).unwrap(), &tokio::runtime::Runtime::new().unwrap(), 128);
}

#[test]
fn postgresql_keeps_to_the_model() {
    let Some(postgres) = Postgres::find() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(PostgresStore::open(&postgres.url(), None)).unwrap();
    // A second process finds the schema there already.
    drop(runtime.block_on(PostgresStore::open(&postgres.url(), None)).unwrap());
    check(&store, &runtime, 48);
}

#[test]
fn a_database_elsewhere_is_spoken_to_under_tls_alone() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let elsewhere = runtime.block_on(PostgresStore::open("postgres://biopay@192.0.2.1/postgres", None));
    assert!(matches!(elsewhere, Err(StoreError::Sql(why)) if why.contains("store-certificate")));
    if Postgres::find().is_none() {
        return;
    }
    let Some((postgres, trusted)) = Postgres::with_tls() else { return };
    let connector = || biopay_server::tls::database_connector(&trusted).unwrap();
    // The reload takes a moment.
    let mut tries = (0..50).map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        runtime.block_on(PostgresStore::open(&postgres.url(), Some(connector())))
    });
    let store = tries.find_map(Result::ok).expect("the database speaks TLS after its reload");
    check(&store, &runtime, 4);
    // In the clear the database refuses, and a certificate that is not trusted is refused by us.
    assert!(runtime.block_on(PostgresStore::open(&postgres.url(), None)).is_err());
    let (folder, other) = (tempfile::tempdir().unwrap(), biopay_server::tls::Identity::development().unwrap());
    let wrong = folder.path().join("wrong.pem");
    std::fs::write(&wrong, other.chain_pem()).unwrap();
    let wrong = biopay_server::tls::database_connector(&wrong).unwrap();
    assert!(runtime.block_on(PostgresStore::open(&postgres.url(), Some(wrong))).is_err());
}

#[test]
fn an_audit_notices_what_was_tampered_with() {
    let (runtime, folder) = (tokio::runtime::Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let path = folder.path().join("db");
    let store = SqliteStore::open(&Location::File(path.clone())).unwrap();
    let tamper = rusqlite::Connection::open(&path).unwrap();
    let cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
    let passwords = Passwords::new(system::env(1, 8), cost, vec![]);
    let credential = Credential::Password(runtime.block_on(passwords.hash(Secret::new("x").unwrap())).unwrap());
    let mut suite = Suite { store: &store, run: 1, credential, model: Model::default() };
    runtime.block_on(async {
        suite.apply(Command::Create(0, None)).await;
        suite.apply(Command::Open(0, 0, 2)).await;
        suite.apply(Command::Settle(0, Settlement::Approved { approval: "1".into() })).await;
        assert!(store.audit().await.unwrap().is_clean());
        assert!(tamper.execute("UPDATE entries SET amount_minor = 1", []).is_err());
        assert!(tamper.execute("DELETE FROM entries", []).is_err());
        for wrong in ["UPDATE payments SET amount_minor = 1", "UPDATE payments SET amount_minor = 2, state = 4"] {
            tamper.execute(wrong, []).unwrap();
            assert!(!store.audit().await.unwrap().is_clean(), "{wrong}");
        }
        tamper.execute("UPDATE payments SET state = 3", []).unwrap();
        assert!(store.audit().await.unwrap().is_clean());
    });
}
