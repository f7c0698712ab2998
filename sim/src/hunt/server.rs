//! A server process of a hunted run: started as the program starts it, on its disk, and ended by whatever ends it.

use super::disk::PowerCut;
use super::findings::Checker;
use super::journal::Who;
use super::process::Process;
use super::road::{Origin, Way};
use super::scene::Scene;
use super::times::{CODE_VALID_MS, PAGE_VALID_MS};
use crate::network::End;
use crate::scenario::us;
use crate::virtual_time::server::{greeting, open_as, service_parts};
use crate::virtual_time::store::{StoreTimes, TimedStore};
use biopay_server::bank::acquirer::Acquirer;
use biopay_server::bank::tcp::TcpWire;
use biopay_server::config::{Limits, Rules, ServerConfig};
use biopay_server::crypto::password::{HashCost, Peppers};
use biopay_server::endpoint::{QuicListener, serve};
use biopay_server::env::Env;
use biopay_server::service::{Parts, Service, admit, rotate};
use biopay_server::shutdown;
use biopay_server::store::{SqliteStore, Store};
use biopay_server::tls::Identity;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// The hash that is really computed; its modelled time is charged.
const COST: HashCost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };

/// What a server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It serves handsets, and resolves open payments.
    Front,
    /// It only resolves open payments.
    Standby,
}

/// A server process.
pub(super) struct Server {
    pub(super) process: Process,
    pub(super) number: u32,
    status: Arc<Mutex<Status>>,
}

enum Status {
    Starting,
    Serving(Arc<Service>),
    Ended(String),
}

impl Server {
    /// Starts a process of this number.
    pub(super) fn start(scene: &Arc<Scene>, role: Role, number: u32) -> Self {
        let process = Process::start();
        scene.server_disk.admit(number, process.alive());
        let status = Arc::new(Mutex::new(Status::Starting));
        let started = Started { scene: scene.clone(), role, number, alive: process.alive(), status: status.clone() };
        process.spawn(async move {
            let (status, journal, who) = (started.status.clone(), started.scene.journal.clone(), started.who());
            let ended = started.run().await.map_or_else(|why| why, |()| "it ended by itself".into());
            journal.note(who, format!("ends: {ended}"));
            *lock(&status) = Status::Ended(ended);
        });
        Self { process, number, status }
    }

    /// Returns why the process has ended by itself.
    pub(super) fn ended(&self) -> Option<String> {
        match &*lock(&self.status) {
            Status::Ended(why) => Some(why.clone()),
            Status::Starting | Status::Serving(_) => None,
        }
    }

    /// Returns whether it takes requests.
    pub(super) fn is_serving(&self) -> bool {
        matches!(&*lock(&self.status), Status::Serving(_))
    }

    /// Lets it take the keys that are configured now, as a hangup does.
    pub(super) fn reload(&self, scene: &Arc<Scene>) {
        let Status::Serving(service) = &*lock(&self.status) else { return };
        let pepper = Zeroizing::new(scene.keys.pepper.to_vec());
        let peppers = Peppers::new(BTreeMap::from([(0, pepper)]), None);
        service.renew_keys(scene.vault(), COST, peppers.expect("there is one"));
    }

    /// Ends it where it stands.
    pub(super) fn kill(self, scene: &Scene, power: PowerCut) {
        if power == PowerCut::Lost {
            scene.road.silence_all();
        }
        scene.server_disk.bury(self.number, power);
        self.process.kill();
    }
}

struct Started {
    scene: Arc<Scene>,
    role: Role,
    number: u32,
    alive: Arc<AtomicBool>,
    status: Arc<Mutex<Status>>,
}

impl Started {
    fn who(&self) -> Who {
        match self.role {
            Role::Front => Who::Server,
            Role::Standby => Who::Standby,
        }
    }

    fn origin(&self) -> Origin {
        match self.role {
            Role::Front => Origin::Front,
            Role::Standby => Origin::Standby,
        }
    }

    async fn run(self) -> Result<(), String> {
        let scene = self.scene.clone();
        let name = match self.role {
            Role::Front => "hunt/server",
            Role::Standby => "hunt/standby",
        };
        let env = scene.env(name, self.number);
        let store = open_store(&scene, self.number)?;
        let failed = store.failed();
        let serving = self.serve(env, store);
        tokio::select! {
            biased;
            () = failed => Err("its disk has failed".into()),
            served = serving => served,
        }
    }

    async fn serve(&self, env: Env, store: Arc<dyn Store>) -> Result<(), String> {
        let scene = &self.scene;
        let audit = store.audit().await.map_err(|error| error.to_string())?;
        if !audit.is_clean() {
            scene.findings.add(Checker::Audit, scene.timeline.elapsed(), format!("at a start: {audit:?}"));
        }
        admit(&*store, &env, &scene.named_keys(), COST).await.map_err(|error| error.to_string())?;
        let bank = Arc::new(connect_bank(scene, &env, self.origin(), self.alive.clone()));
        let (settings, registry) = (&scene.scenario.server, scene.population.registry.clone());
        let parts = service_parts(settings, env, store, bank, registry, &scene.keys, scene.vault());
        let rules = Rules { code_valid_ms: CODE_VALID_MS, page_valid_ms: PAGE_VALID_MS, ..parts.rules };
        let service = Arc::new(Service::new(Parts { rules, ..parts }));
        service.restore_limits().await.map_err(|error| error.to_string())?;
        scene.journal.note(self.who(), "is ready");
        *lock(&self.status) = Status::Serving(service.clone());
        let (_trigger, shutdown) = shutdown::channel();
        match self.role {
            Role::Front => {
                let front = self.listen()?;
                serve(front, service, shutdown).await;
            }
            Role::Standby => {
                let late = tokio::spawn(service.clone().take_late_answers(shutdown.clone()));
                service.resolve(shutdown).await;
                drop(late.await);
            }
        }
        Ok(())
    }

    /// Opens the server's socket.
    fn listen(&self) -> Result<Arc<QuicListener>, String> {
        let scene = &self.scene;
        let limits = Limits { early_data: scene.scenario.server.early_data, ..Limits::default() };
        let identity = Identity::development_of(&scene.keys.certificate).map_err(|error| error.to_string())?;
        let config =
            greeting(identity, &limits, &scene.tls, &scene.timeline, scene.seed).map_err(|error| error.to_string())?;
        scene.timeline.with_fabric(crate::network::Fabric::open_server);
        let seed = scene.seed.wrapping_add(u64::from(self.number));
        let endpoint = open_as(&scene.timeline, End::Server, seed, self.alive.clone());
        Ok(Arc::new(QuicListener::with_config(endpoint.map_err(|error| error.to_string())?, config, limits)))
    }
}

fn open_store(scene: &Arc<Scene>, process: u32) -> Result<Arc<dyn Store>, String> {
    let service = &scene.scenario.server.service;
    let times = StoreTimes {
        read: us(service.store_read_us),
        write: us(service.store_write_us),
        commit: us(service.store_commit_us),
    };
    let store = SqliteStore::open(&scene.store(process)).map_err(|error| error.to_string())?;
    let store = TimedStore::new(store, scene.timeline.clone(), times);
    if !scene.is_shared() {
        return Ok(Arc::new(store));
    }
    let asked = scene.clone();
    Ok(Arc::new(store.shared(Arc::new(move || asked.fate()))))
}

fn connect_bank(scene: &Arc<Scene>, env: &Env, origin: Origin, alive: Arc<AtomicBool>) -> Acquirer<TcpWire> {
    let config = ServerConfig::default().bank;
    let timeout = Duration::from_millis(u64::from(config.timeout_ms));
    let wire = TcpWire::new(Way { road: scene.road.clone(), origin, alive }, env.clone(), timeout);
    Acquirer::new(wire, env.clone(), config.institution, scene.keys.pin())
}

/// Rotates the vault's keys as the operator's command does, in a process of its own.
pub(super) fn start_rotation(scene: &Arc<Scene>, number: u32) -> Process {
    let process = Process::start();
    scene.server_disk.admit(number, process.alive());
    let scene = scene.clone();
    process.spawn(async move {
        let rotated = rotate_keys(&scene, number).await;
        let said = rotated.map_or_else(|why| format!("the rotation failed: {why}"), |()| "the keys are rotated".into());
        scene.journal.note(Who::Operator, said);
    });
    process
}

async fn rotate_keys(scene: &Arc<Scene>, number: u32) -> Result<(), String> {
    let env = scene.env("hunt/operator", number);
    let store = open_store(scene, number)?;
    admit(&*store, &env, &scene.named_keys(), COST).await.map_err(|error| error.to_string())?;
    let vault = biopay_server::crypto::vault::Vault::with_keys(env, scene.vault());
    let rotation = rotate(&*store, &vault).await.map_err(|error| error.to_string())?;
    scene.journal.note(Who::Operator, format!("{rotation:?}"));
    Ok(())
}

fn lock(status: &Mutex<Status>) -> std::sync::MutexGuard<'_, Status> {
    status.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds one key to the configuration, once; returns whether there was only one.
pub(super) fn configure_second_key(scene: &Scene) -> bool {
    scene.vault_keys.compare_exchange(1, 2, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}
