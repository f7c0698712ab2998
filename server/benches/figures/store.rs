//! Durable charges with group commit, and logins through the pool, each against the bare thing.

use super::usage::cpu_seconds;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use biopay_protocol::{Currency, IdempotencyKey, LoginName, Merchant, MinorUnits, Secret};
use biopay_server::crypto::credential::Credential;
use biopay_server::crypto::password::{HashCost, Passwords};
use biopay_server::env::{Env, system};
use biopay_server::sqlite::Location;
use biopay_server::store::{AccountId, Binding, Creation, Intent, Settlement, SqliteStore, Store};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many charges share a commit in the raw loop: as many as the writer takes together.
const GROUP: usize = 256;
/// Twice as many: while one group is written and answered, the next one gathers.
const CLIENTS: usize = 2 * GROUP;
/// Both sides of a ratio are measured in turns this long, so that a machine that slows down slows both.
const TURN: Duration = Duration::from_secs(1);
const TURNS: usize = 4;

/// Compares durable charges with a raw loop over the same store calls.
pub async fn group_commit(round: usize) {
    let (mut raw, mut grouped) = (0.0, 0.0);
    // The first turn of a process also fetches its memory from the system, thread by thread.
    charges_one_by_one().await;
    for _ in 0..TURNS {
        raw += charges_in_batches().await / TURNS as f64;
        grouped += charges_one_by_one().await / TURNS as f64;
    }
    println!(
        "round {round}: durable charges/s: {grouped:.0} one by one from {CLIENTS} clients, {raw:.0} in a raw loop of \
         batches of {GROUP}: {:.2} (asked for: at least 0.80)",
        grouped / raw
    );
}

/// Compares logins with bare argon2id on the same threads.
pub async fn logins(round: usize) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut bare, mut pooled) = (0.0, 0.0);
    for _ in 0..TURNS {
        bare += hashes_bare(threads) / TURNS as f64;
        pooled += logins_pooled(threads).await / TURNS as f64;
    }
    println!(
        "round {round}: argon2id/s on {threads} threads: {pooled:.0} through the pool, {bare:.0} bare, both at \
         niceness {}: {:.2} (asked for: at least 0.90)",
        system::HASHING_NICENESS,
        pooled / bare
    );
}

/// Measures the processor time of a charge's store calls in groups of this size, in microseconds, on a store that has
/// so many payments already: an index that is larger costs more.
pub async fn raw_cpu_us(charges: usize, group: usize, filled: usize) -> f64 {
    let (folder, env) = (tempfile::tempdir().unwrap(), system::env(1, 1));
    let (store, account) = store(&folder).await;
    for _ in 0..filled / GROUP {
        pay_together(&store, (0..GROUP).map(|_| intent(&env, account)).collect()).await;
    }
    let before = cpu_seconds(std::process::id());
    for _ in 0..charges / group {
        let intents: Vec<Intent> = (0..group).map(|_| intent(&env, account)).collect();
        let keys = intents.iter().map(|intent| store.find_payment_by_key(account, intent.key.clone()));
        for read in keys.collect::<Vec<_>>() {
            read.await.unwrap();
        }
        for read in (0..group).map(|_| store.binding(account)).collect::<Vec<_>>() {
            read.await.unwrap();
        }
        pay_together(&store, intents).await;
    }
    (cpu_seconds(std::process::id()) - before) * 1e6 / (charges / group * group) as f64
}

/// Opens payments in one commit and settles them in another; says how many.
async fn pay_together(store: &SqliteStore, intents: Vec<Intent>) -> usize {
    let payments = intents.iter().map(|intent| intent.payment).collect();
    store.open_together(intents).await.unwrap();
    store.settle_together(payments, approved()).await.unwrap().len()
}

async fn store(folder: &tempfile::TempDir) -> (Arc<SqliteStore>, AccountId) {
    let store = SqliteStore::open(&Location::File(folder.path().join("db"))).unwrap();
    let cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
    let passwords = Passwords::new(system::env(1, 1), cost, vec![]);
    let password = passwords.hash(Secret::new("x").unwrap()).await.unwrap();
    let created = store
        .create_account(LoginName::new("ada").unwrap(), Credential::Password(password), Some(bound()))
        .await
        .unwrap();
    let Creation::Created(account) = created else { panic!("the store was not empty") };
    (Arc::new(store), account)
}

/// Makes what an account pays with, in sizes like those that the server seals: a row to read, and not the lack of one.
fn bound() -> Binding {
    Binding { record: Some(vec![7; 192]), helper: None, bank_account: vec![7; 128], authority: vec![7; 128] }
}

/// Makes an intent with the name that the server would give it.
fn intent(env: &Env, account: AccountId) -> Intent {
    let payment = env.draw_payment();
    // Its random half: clients' keys and our references have no order.
    let random = payment.0 as u64;
    Intent {
        payment,
        account,
        key: IdempotencyKey::new(format!("{random:016x}")).unwrap(),
        merchant: Merchant::new("corner shop").unwrap(),
        amount: MinorUnits::new(100).unwrap(),
        currency: Currency::new("EUR").unwrap(),
        reference: format!("{:012X}", random >> 16),
        at_ms: 0,
        order: None,
    }
}

fn approved() -> Settlement {
    Settlement::Approved { approval: "000001".into() }
}

async fn charges_in_batches() -> f64 {
    let (folder, env) = (tempfile::tempdir().unwrap(), system::env(1, 1));
    let (store, account) = store(&folder).await;
    let (began, mut charges) = (Instant::now(), 0);
    while began.elapsed() < TURN {
        charges += pay_together(&store, (0..GROUP).map(|_| intent(&env, account)).collect()).await;
    }
    charges as f64 / began.elapsed().as_secs_f64()
}

async fn charges_one_by_one() -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let (store, account) = store(&folder).await;
    let began = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (store, env) = (store.clone(), system::env(1, 1));
            tokio::spawn(async move {
                let mut charges = 0_usize;
                while began.elapsed() < TURN {
                    let intent = intent(&env, account);
                    let payment = intent.payment;
                    store.open_payment(intent).await.unwrap();
                    store.settle(payment, approved()).await.unwrap();
                    charges += 1;
                }
                charges
            })
        })
        .collect();
    let mut charges = 0;
    for client in clients {
        charges += client.await.unwrap();
    }
    charges as f64 / began.elapsed().as_secs_f64()
}

/// Hashes on so many threads with nothing around it.
fn hashes_bare(threads: usize) -> f64 {
    let began = Instant::now();
    let work = || {
        let _ = rustix::process::nice(system::HASHING_NICENESS);
        let params = Params::new(19 * 1024, 2, 1, Some(32)).unwrap();
        let mut memory = vec![Block::default(); params.block_count()];
        let argon2 = Argon2::new_with_secret(b"pepper", Algorithm::Argon2id, Version::V0x13, params).unwrap();
        let (mut tag, mut hashes) = ([0; 32], 0_usize);
        while began.elapsed() < TURN {
            argon2.hash_password_into_with_memory(b"password", &[7; 16], &mut tag, &mut memory).unwrap();
            hashes += 1;
        }
        hashes
    };
    let hashes: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    hashes as f64 / began.elapsed().as_secs_f64()
}

/// Checks passwords through the server's pool, with more askers than threads.
async fn logins_pooled(threads: usize) -> f64 {
    let passwords = Passwords::new(system::env(threads, 64), HashCost::default(), b"pepper".to_vec());
    let passwords = Arc::new(passwords);
    let stored = passwords.hash(Secret::new("password").unwrap()).await.unwrap();
    let began = Instant::now();
    let askers: Vec<_> = (0..4 * threads)
        .map(|_| {
            let (passwords, stored) = (passwords.clone(), stored.clone());
            tokio::spawn(async move {
                let mut logins = 0_usize;
                while began.elapsed() < TURN {
                    let password = Secret::new("password").unwrap();
                    assert!(passwords.verify(password, Some(stored.clone())).await.unwrap());
                    logins += 1;
                }
                logins
            })
        })
        .collect();
    let mut logins = 0;
    for asker in askers {
        logins += asker.await.unwrap();
    }
    logins as f64 / began.elapsed().as_secs_f64()
}
