//! What outlasts the processes of a hunted run: disks, roads, the calendar, and what the operator has configured.

use super::clock::{HuntClock, Skew};
use super::disk::{Disk, Mounted, VFS, mount};
use super::fault::{Case, FaultKind, Part};
use super::findings::Findings;
use super::journal::Journal;
use super::road::Road;
use crate::Scenario;
use crate::people::Population;
use crate::scenario::us;
use crate::virtual_time::env::{SeededEntropy, ServiceTimes, VirtualCpu};
use crate::virtual_time::server::Keys;
use crate::virtual_time::store::Fate;
use crate::virtual_time::{Timeline, tls};
use biopay_datasets::stream::stream;
use biopay_server::config::PasswordConfig;
use biopay_server::crypto::check_value::{KeyName, NamedKey};
use biopay_server::crypto::vault::VaultKeys;
use biopay_server::env::Env;
use biopay_server::issuer::faults::Faults;
use biopay_server::sqlite::Location;
use biopay_server::tls::TlsSources;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// How long a message to the bank takes at first.
pub(super) const ONE_WAY: Duration = Duration::from_millis(20);
/// The server's database.
const STORE: &str = "store.db";
/// The bank's.
const LEDGER: &str = "bank.db";

/// Everything that processes share.
pub(super) struct Scene {
    pub(super) scenario: Arc<Scenario>,
    pub(super) population: Arc<Population>,
    pub(super) seed: u64,
    pub(super) timeline: Arc<Timeline>,
    pub(super) journal: Journal,
    pub(super) findings: Findings,
    pub(super) keys: Keys,
    pub(super) tls: TlsSources,
    pub(super) server_disk: Disk,
    pub(super) bank_disk: Disk,
    server_mount: Mounted,
    bank_mount: Mounted,
    pub(super) road: Arc<Road>,
    pub(super) skew: Arc<Skew>,
    /// Whether the next server draws what the one before drew.
    pub(super) repeats_entropy: AtomicBool,
    /// How many keys the operator has configured.
    pub(super) vault_keys: AtomicU32,
    pub(super) bank_faults: Mutex<Faults>,
    database: Option<Mutex<Database>>,
}

/// The network between servers and a database that they share.
struct Database {
    rng: ChaCha8Rng,
    loses: f64,
    hangs: f64,
}

impl Scene {
    pub(super) fn new(
        scenario: &Arc<Scenario>,
        population: &Arc<Population>,
        case: &Case,
        timeline: &Arc<Timeline>,
    ) -> Arc<Self> {
        let (seed, journal) = (case.seed, Journal::new(timeline.clone()));
        let disk = |owner| Disk::new(seed, owner, journal.clone());
        let (server_disk, bank_disk) = (disk("server"), disk("bank"));
        let needs_database = |kind: FaultKind| kind.part() == Part::Database || kind == FaultKind::Standby;
        let is_shared = case.faults.iter().any(|entry| needs_database(entry.kind));
        let rng = || stream(seed, "hunt/database", 0);
        Arc::new(Self {
            scenario: scenario.clone(),
            population: population.clone(),
            seed,
            timeline: timeline.clone(),
            findings: Findings::new(journal.clone()),
            keys: Keys::draw(seed),
            tls: tls::seeded_sources(timeline, seed),
            server_mount: mount(server_disk.clone()),
            bank_mount: mount(bank_disk.clone()),
            server_disk,
            bank_disk,
            road: Road::new(timeline.clone(), journal.clone(), ONE_WAY),
            skew: Arc::default(),
            repeats_entropy: AtomicBool::new(false),
            vault_keys: AtomicU32::new(1),
            bank_faults: Mutex::new(Faults { seed, ..Faults::default() }),
            database: is_shared.then(|| Mutex::new(Database { rng: rng(), loses: 0.0, hangs: 0.0 })),
            journal,
        })
    }

    /// Returns the place of the server's database for one process.
    pub(super) fn store(&self, process: u32) -> Location {
        Location::Through { path: self.server_mount.path(process, STORE).into(), vfs: VFS.into() }
    }

    /// Returns the place of the bank's database for one process.
    pub(super) fn ledger(&self, process: u32) -> Location {
        Location::Through { path: self.bank_mount.path(process, LEDGER).into(), vfs: VFS.into() }
    }

    /// Returns the surroundings of a process that starts now.
    pub(super) fn env(&self, name: &str, process: u32) -> Env {
        let settings = &self.scenario.server;
        let queue = PasswordConfig::default().queue;
        let times = ServiceTimes::of(&settings.service, settings.hash_threads, settings.hash_memory_kib, queue);
        let origin = self.timeline.elapsed();
        let drawn = if self.repeats_entropy.load(Ordering::Relaxed) { 0 } else { process };
        Env {
            clock: Arc::new(HuntClock { timeline: self.timeline.clone(), skew: self.skew.clone(), origin }),
            cpu: Arc::new(VirtualCpu::new(self.timeline.clone(), times)),
            entropy: Arc::new(SeededEntropy::new(self.seed, &format!("{name}/{drawn}"))),
        }
    }

    /// Returns the vault's keys as the operator has configured them.
    pub(super) fn vault(&self) -> VaultKeys {
        let numbers = 1..=self.vault_keys.load(Ordering::Relaxed);
        let keys: BTreeMap<_, _> = numbers.map(|number| (number, self.vault_key(number))).collect();
        VaultKeys::new(keys, None).expect("there is a first key")
    }

    /// Returns the same keys as the store knows them.
    pub(super) fn named_keys(&self) -> Vec<NamedKey> {
        let numbers = 1..=self.vault_keys.load(Ordering::Relaxed);
        let named =
            |number| NamedKey { name: KeyName::Vault(number), key: Zeroizing::new(self.vault_key(number).to_vec()) };
        numbers.map(named).collect()
    }

    fn vault_key(&self, number: u32) -> Zeroizing<[u8; 32]> {
        let mut key = self.keys.vault;
        key[0] ^= number as u8;
        Zeroizing::new(key)
    }

    /// Returns whether servers share the store over a network.
    pub(super) fn is_shared(&self) -> bool {
        self.database.is_some()
    }

    /// Changes how often the database's answers are lost, and how often it hangs. Shares in percent.
    pub(super) fn set_database(&self, loses: Option<u32>, hangs: Option<u32>) {
        let Some(database) = &self.database else { return };
        let mut database = database.lock().unwrap_or_else(PoisonError::into_inner);
        let share = |percent: u32| f64::from(percent.min(100)) / 100.0;
        database.loses = loses.map_or(database.loses, share);
        database.hangs = hangs.map_or(database.hangs, share);
    }

    /// Decides what becomes of the next answer of the database.
    pub(super) fn fate(&self) -> Fate {
        let Some(database) = &self.database else { return Fate::Answered };
        let mut database = database.lock().unwrap_or_else(PoisonError::into_inner);
        let (loses, hangs) = (database.loses, database.hangs);
        let mut happens = |share: f64| share > 0.0 && database.rng.random_bool(share);
        // The deadline of the PostgreSQL store is ten seconds.
        match (happens(loses / 4.0), happens(hangs / 4.0)) {
            (true, _) => Fate::Lost(Duration::from_millis(500)),
            (false, true) if happens(0.5) => Fate::Late(us(8e6)),
            (false, true) => Fate::Lost(Duration::from_secs(10)),
            (false, false) => Fate::Answered,
        }
    }
}
