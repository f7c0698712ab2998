//! Payers who follow every key to its end, and the check that no money was made or lost.

use super::processes::Door;
use super::*;
use biopay_server::store::PostgresStore;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use tokio::sync::watch;

pub const USERS: u64 = 8;
const AMOUNT_MAX: u64 = 40;

/// What the payers share.
pub struct Shared {
    pub doors: watch::Sender<Vec<Door>>,
    pub stop: AtomicBool,
}

/// Pays again and again, and follows each key to a definite answer through every loss of the connection. Returns the
/// references of what was acknowledged.
pub async fn keep_paying(user: u64, round: u64, shared: Arc<Shared>, seed: u64) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut connection, mut receipts) = (None, Vec::new());
    for n in 0.. {
        if shared.stop.load(Ordering::Relaxed) && n > 0 {
            break;
        }
        let (amount, key) = (1 + rng.next_u64() % AMOUNT_MAX, format!("{round}-{n}"));
        loop {
            match try_to_pay(&mut connection, user, &shared.doors, rng.next_u32(), amount, &key).await {
                Ok(Response::Charged(receipt)) => {
                    receipts.push(receipt.reference);
                    break;
                }
                Ok(Response::Refused(Refusal::InsufficientFunds | Refusal::BankUnreachable)) => break,
                // A server whose store failed under it says `Internal` before it ends: the outcome is open like any other.
                Ok(Response::Refused(
                    Refusal::UnknownOutcome { .. }
                    | Refusal::InProgress { .. }
                    | Refusal::NoSuchPayment
                    | Refusal::Internal,
                ))
                | Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                Ok(other) => panic!("{other:?}"),
            }
        }
    }
    receipts
}

async fn try_to_pay(
    slot: &mut Option<Connection>,
    user: u64,
    doors: &watch::Sender<Vec<Door>>,
    draw: u32,
    amount: u64,
    key: &str,
) -> Result<Response, ClientError> {
    let connection = match slot.take() {
        Some(connection) => connection,
        None => {
            // Whichever server: a client that lost one tries another.
            let door = {
                let doors = doors.borrow();
                doors[draw as usize % doors.len()].clone()
            };
            let connection = tokio::time::timeout(Duration::from_secs(1), door.connect());
            let connection = connection.await.map_err(|_| ClientError::Deadline)??;
            let entered = connection.request(&login(&connection, user, "password")).await?;
            assert!(matches!(entered, Response::LoggedIn { .. }), "{entered:?}");
            connection
        }
    };
    let mut answer = connection.request(&begin(amount, key)).await?;
    if let Response::PaymentOpened { payment, .. } = answer {
        answer = connection
            .request(&Request::PresentQr { payment, payload: payload(user), proof: PresentationProof::default() })
            .await?;
    }
    *slot = Some(connection);
    Ok(answer)
}

/// Waits until no outcome is open, then holds both ledgers against each other and against what was acknowledged.
pub async fn check_money(folder: &Path, store: &str, receipts: &BTreeSet<String>, opened_minor: u64, when: &str) {
    let store: Box<dyn Store> = match store.strip_prefix("sqlite:") {
        Some(path) => Box::new(SqliteStore::open(&Location::File(path.into())).unwrap()),
        None => Box::new(PostgresStore::open(store, None).await.unwrap()),
    };
    let ledger = Ledger::open(&Location::File(folder.join("bank.db")), system::env(1, 1), b"unused").unwrap();
    for _ in 0..200 {
        if store.audit().await.unwrap().open == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (ours, theirs) = (store.audit().await.unwrap(), ledger.audit().await.unwrap());
    let both = format!("{when}: {ours:?} {theirs:?}, {} acknowledged", receipts.len());
    assert_eq!(ours.open, 0, "an outcome stays open, {both}");
    assert!(ours.is_clean() && theirs.is_clean(), "{both}");
    assert_eq!(ours.posted_minor, theirs.acquirers_minor, "{both}");
    assert_eq!(theirs.opened_minor, opened_minor as i64, "{both}");
    // Every key was followed to its end, so what was acknowledged is what was posted, on both sides.
    assert_eq!((ours.posted, theirs.charges), (receipts.len() as u64, receipts.len() as u64), "{both}");
    let references = ledger.charged_references().await.unwrap();
    assert!(references.iter().eq(receipts.iter()), "{both}");
}
