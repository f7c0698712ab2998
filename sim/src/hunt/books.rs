//! The books as they lie on the two disks, read with SQL of the hunt's own.

use super::scene::Scene;
use crate::Error;
use biopay_server::sqlite::Location;
use biopay_server::store::PaymentState;
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Where the nonce of a sealed record's key lies, with the key's number before it.
const NONCE: std::ops::Range<usize> = 1..17;

/// A payment in the server's books.
#[derive(Debug)]
pub(super) struct StoredPayment {
    pub(super) id: u128,
    pub(super) login: String,
    pub(super) amount: u64,
    pub(super) reference: String,
    pub(super) state: PaymentState,
}

/// A posting at the bank that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PostedAt {
    pub(super) account: String,
    pub(super) amount: u64,
}

/// Both books.
pub(super) struct Books {
    pub(super) payments: Vec<StoredPayment>,
    pub(super) suspended: u64,
    pub(super) nonces: Vec<Vec<u8>>,
    standing: BTreeMap<String, Vec<PostedAt>>,
    charged: Vec<String>,
}

impl Books {
    /// Reads both disks as a process of this number.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRun`].
    pub(super) fn read(scene: &Scene, process: u32) -> Result<Self, Error> {
        let alive = Arc::new(AtomicBool::new(true));
        scene.server_disk.admit(process, alive.clone());
        scene.bank_disk.admit(process, alive);
        read_both(scene, process).map_err(|error| Error::InvalidRun(format!("the hunt cannot read the books: {error}")))
    }

    /// Returns the postings that stand under a reference.
    pub(super) fn standing(&self, reference: &str) -> &[PostedAt] {
        self.standing.get(reference).map_or(&[], Vec::as_slice)
    }

    pub(super) fn all_standing(&self) -> impl Iterator<Item = (&str, &PostedAt)> {
        self.standing.iter().flat_map(|(reference, posted)| posted.iter().map(move |one| (reference.as_str(), one)))
    }

    /// Returns whether a charge was posted under a reference, whatever became of it.
    pub(super) fn was_charged(&self, reference: &str) -> bool {
        self.charged.iter().any(|charged| charged == reference)
    }

    /// Returns the owner's name of a bank account.
    pub(super) fn name_of(&self, scene: &Scene, account: &str) -> String {
        let owner = scene.population.owners.values().find(|owner| owner.bank_account.as_str() == account);
        owner.map_or_else(|| "nobody".into(), |owner| owner.credentials.login.as_str().to_owned())
    }
}

fn connect(location: &Location) -> rusqlite::Result<Connection> {
    match location {
        Location::Through { path, vfs } => {
            Connection::open_with_flags_and_vfs(path, OpenFlags::SQLITE_OPEN_READ_WRITE, vfs.as_str())
        }
        Location::File(path) => Connection::open(path),
        Location::Memory => Connection::open_in_memory(),
    }
}

fn read_both(scene: &Scene, process: u32) -> rusqlite::Result<Books> {
    let store = connect(&scene.store(process))?;
    let list = "SELECT payments.id, login, amount_minor, reference, state FROM payments
                JOIN accounts ON accounts.id = account ORDER BY payments.id";
    let mut statement = store.prepare(list)?;
    let payments = statement.query_map([], |row| {
        let (id, login) = (u128::from_be_bytes(row.get(0)?), row.get(1)?);
        let state = PaymentState::from_code(row.get(4)?).ok_or(rusqlite::Error::InvalidQuery)?;
        Ok(StoredPayment { id, login, amount: row.get::<_, i64>(2)? as u64, reference: row.get(3)?, state })
    })?;
    let payments = payments.collect::<Result<_, _>>()?;
    let suspended = "SELECT count(*) FROM entries WHERE kind = 'suspense'";
    let suspended = store.query_row(suspended, [], |row| row.get::<_, i64>(0))? as u64;
    let sealed = "SELECT record FROM bindings UNION ALL SELECT bank_account FROM bindings
                  UNION ALL SELECT authority FROM bindings";
    let mut statement = store.prepare(sealed)?;
    let nonces = statement.query_map([], |row| row.get::<_, Option<Vec<u8>>>(0))?;
    let nonces = nonces.collect::<Result<Vec<_>, _>>()?.into_iter().flatten();
    let nonces = nonces.filter_map(|sealed| sealed.get(NONCE).map(<[u8]>::to_vec)).collect();
    let (standing, charged) = read_bank(&connect(&scene.ledger(process))?)?;
    Ok(Books { payments, suspended, nonces, standing, charged })
}

type Postings = (BTreeMap<String, Vec<PostedAt>>, Vec<String>);

fn read_bank(bank: &Connection) -> rusqlite::Result<Postings> {
    let (mut standing, mut charged) = (BTreeMap::<String, Vec<PostedAt>>::new(), Vec::new());
    let mut statement = bank.prepare("SELECT reference, kind, account, amount_minor FROM postings ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        let posted = PostedAt { account: row.get(2)?, amount: row.get::<_, i64>(3)? as u64 };
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, posted))
    })?;
    for row in rows {
        let (reference, kind, posted) = row?;
        let under = standing.entry(reference.clone()).or_default();
        if kind == "charge" {
            under.push(posted);
            charged.push(reference);
        } else {
            under.retain(|one| *one != posted);
        }
    }
    standing.retain(|_, posted| !posted.is_empty());
    Ok((standing, charged))
}
