//! The real server and bank of a virtual run: the same service, endpoint, bank connector and issuer as in the programs,
//! assembled on virtual time.

use super::env::ServiceTimes;
use super::env::{SeededEntropy, virtual_env};
use super::runtime::VirtualRuntime;
use super::socket::FabricSocket;
use super::store::{StoreTimes, TimedStore};
use super::timeline::Timeline;
use super::tls;
use crate::Error;
use crate::io::ServerAddress;
use crate::network::End;
use crate::scenario::{Network, ServerSettings, ServiceModel, us};
use crate::server_setup::{figures_of, rules_of, server_mode, throttle_of};
use biopay_biometrics::scheme::Registry;
use biopay_reports::records::ServerFigure;
use biopay_server::bank::Bank;
use biopay_server::bank::acquirer::Acquirer;
use biopay_server::bank::direct::DirectWire;
use biopay_server::config::{ImageLimits, Limits, PasswordConfig, ServerConfig};
use biopay_server::crypto::blocklist::Blocklist;
use biopay_server::crypto::opaque::OpaqueServer;
use biopay_server::crypto::password::{HashCost, Passwords};
use biopay_server::crypto::vault::{Vault, VaultKeys};
use biopay_server::endpoint::{QuicListener, serve};
use biopay_server::env::{Entropy, Env};
use biopay_server::images::{ImageReader, WorkerCommand};
use biopay_server::iso8583::pin_block::PinKey;
use biopay_server::issuer::accounts::NewAccount;
use biopay_server::issuer::faults::{Faults, FaultyHost};
use biopay_server::issuer::host::Host;
use biopay_server::issuer::ledger::{Ledger, LedgerAudit};
use biopay_server::merchants::MerchantKeys;
use biopay_server::metrics::Metrics;
use biopay_server::service::{Parts, Service};
use biopay_server::shutdown::{self, Trigger};
use biopay_server::sqlite::Location;
use biopay_server::store::{SqliteStore, Store};
use biopay_server::telemetry::Telemetry;
use biopay_server::tls::{DEVELOPMENT_NAMES, Identity, TlsSources, client_config, server_config, server_transport};
use biopay_server::trail::Trail;
use quinn::Endpoint;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

/// The memory of the hash that is really computed, the least that argon2 accepts; its modelled time is charged. Units:
/// KiB.
const HASH_KIB: u32 = 8;

/// A running server with its bank.
pub struct VirtualServer {
    service: Arc<Service>,
    store: Arc<dyn Store>,
    ledger: Ledger,
    trigger: Trigger,
    serving: JoinHandle<()>,
    handsets: Endpoint,
    client: quinn::ClientConfig,
    resuming: quinn::ClientConfig,
}

impl VirtualServer {
    /// Starts the server with its schemes, and the bank with its accounts. Must be called within the executor.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] with the component that failed.
    pub async fn start(
        settings: &ServerSettings,
        network: &Network,
        registry: Arc<Registry>,
        accounts: Vec<NewAccount>,
        timeline: &Arc<Timeline>,
        seed: u64,
    ) -> Result<Self, Error> {
        let failed = |why: String| Error::Start { component: "server", why };
        let queue = PasswordConfig::default().queue;
        let times = ServiceTimes::of(&settings.service, settings.hash_threads, settings.hash_memory_kib, queue);
        let env = virtual_env(timeline, times, seed, "sim/server");
        let keys = Keys::draw(seed);
        let ledger = open_bank(accounts, timeline, times, seed, &keys).await?;
        let store = open_store(&settings.service, timeline).map_err(|error| failed(error.to_string()))?;
        let bank = connect_bank(&settings.service, &env, ledger.clone(), &keys);
        let vault = VaultKeys::new(BTreeMap::from([(1, Zeroizing::new(keys.vault))]), None);
        let vault = vault.ok_or_else(|| failed("it has no key".into()))?;
        let parts = service_parts(settings, env, store.clone(), Arc::new(bank), registry, &keys, vault);
        let service = Arc::new(Service::new(parts));
        let limits = Limits { early_data: settings.early_data, ..Limits::default() };
        let sources = tls::seeded_sources(timeline, seed);
        let identity = Identity::development_of(&keys.certificate).map_err(|error| failed(error.to_string()))?;
        let trusted = identity.chain.clone();
        let config =
            greeting(identity, &limits, &sources, timeline, seed).map_err(|error| failed(error.to_string()))?;
        let front = Arc::new(QuicListener::with_config(open(timeline, End::Server, seed)?, config, limits));
        let (trigger, shutdown) = shutdown::channel();
        let serving = tokio::spawn(serve(front, service.clone(), shutdown));
        let mut client = client_config(&trusted, &sources).map_err(|error| failed(error.to_string()))?;
        let mut resuming = tls::resuming_client(&trusted, &sources).map_err(|error| failed(error.to_string()))?;
        for (client, name) in [(&mut client, "sim/first-ids"), (&mut resuming, "sim/resumed-ids")] {
            client.transport_config(Arc::new(handset_transport(network)));
            tls::seed_first_ids(client, seed, name);
        }
        let handsets = open(timeline, End::Handsets, seed)?;
        Ok(Self { service, store, ledger, trigger, serving, handsets, client, resuming })
    }

    /// Returns the way in which handsets reach it.
    pub fn address(&self) -> ServerAddress {
        let name = DEVELOPMENT_NAMES[0].to_owned();
        ServerAddress::Virtual { endpoint: self.handsets.clone(), config: self.client.clone(), name }
    }

    /// Returns the configuration of a client that resumes connections and sends early data where the server allows it.
    pub fn resuming(&self) -> quinn::ClientConfig {
        self.resuming.clone()
    }

    /// Returns the number of answers to an operation so far.
    pub fn answered(&self, operation: &str) -> u64 {
        let snapshot = self.service.metrics().snapshot(self.service.env());
        snapshot.operations.get(operation).map_or(0, |counted| counted.count)
    }

    /// Reads the bank's books.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRun`] if they cannot be read.
    pub async fn books(&self) -> Result<LedgerAudit, Error> {
        self.ledger.audit().await.map_err(|error| Error::InvalidRun(format!("the bank's books: {error}")))
    }

    /// Ends both gracefully and returns their figures.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRun`] if the sums are wrong.
    pub async fn finish(self) -> Result<Vec<ServerFigure>, Error> {
        self.trigger.begin();
        let broke = |error: &dyn std::fmt::Display| Error::InvalidRun(format!("the server failed: {error}"));
        self.serving.await.map_err(|error| broke(&error))?;
        let mut snapshot = self.service.metrics().snapshot(self.service.env());
        // What the process used is this machine's, and not virtual.
        (snapshot.cpu_seconds, snapshot.memory_bytes_max) = (None, None);
        let server = self.store.audit().await.map_err(|error| broke(&error))?;
        let bank = self.ledger.audit().await.map_err(|error| broke(&error))?;
        if !server.is_clean() || !bank.is_clean() {
            return Err(Error::InvalidRun("the sums of the server's or the bank's ledger are wrong".into()));
        }
        let mut figures = figures_of("server", &snapshot)?;
        figures.extend(figures_of("server", &BTreeMap::from([("audit", server)]))?);
        figures.extend(figures_of("bank", &BTreeMap::from([("audit", bank)]))?);
        Ok(figures)
    }
}

/// The keys of a run's server and bank. They follow from the seed, and protect nothing.
pub(crate) struct Keys {
    pub(crate) pin: [u8; 16],
    pub(crate) vault: [u8; 32],
    opaque: [u8; 32],
    pub(crate) pepper: [u8; 32],
    pub(crate) certificate: [u8; 32],
}

impl Keys {
    pub(crate) fn draw(seed: u64) -> Self {
        let entropy = SeededEntropy::new(seed, "sim/keys");
        let key = || {
            let mut bytes = [0; 32];
            entropy.fill(&mut bytes);
            bytes
        };
        let pin = key();
        Self { pin: std::array::from_fn(|i| pin[i]), vault: key(), opaque: key(), pepper: key(), certificate: key() }
    }

    pub(crate) fn pin(&self) -> Arc<PinKey> {
        Arc::new(PinKey::new(self.pin))
    }
}

async fn open_bank(
    accounts: Vec<NewAccount>,
    timeline: &Arc<Timeline>,
    times: ServiceTimes,
    seed: u64,
    keys: &Keys,
) -> Result<Ledger, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Start { component: "bank", why: error.to_string() };
    let env = virtual_env(timeline, times, seed, "sim/bank");
    let ledger = Ledger::open(&Location::Memory, env, &keys.pin).map_err(|error| failed(&error))?;
    ledger.open_accounts(accounts).await.map_err(|error| failed(&error))?;
    Ok(ledger)
}

fn open_store(
    service: &ServiceModel,
    timeline: &Arc<Timeline>,
) -> Result<Arc<dyn Store>, biopay_server::store::StoreError> {
    let times = StoreTimes {
        read: us(service.store_read_us),
        write: us(service.store_write_us),
        commit: us(service.store_commit_us),
    };
    Ok(Arc::new(TimedStore::new(SqliteStore::open(&Location::Memory)?, timeline.clone(), times)))
}

fn connect_bank(service: &ServiceModel, env: &Env, ledger: Ledger, keys: &Keys) -> Acquirer<DirectWire> {
    let host = FaultyHost::new(Host::new(ledger, keys.pin()), Faults::default(), env.clone());
    let config = ServerConfig::default().bank;
    let timeout = Duration::from_millis(u64::from(config.timeout_ms));
    let wire = DirectWire::new(host, env.clone(), us(service.bank_us / 2.0), timeout);
    Acquirer::new(wire, env.clone(), config.institution, keys.pin())
}

/// Puts together what a run's server decides with.
pub(crate) fn service_parts(
    settings: &ServerSettings,
    env: Env,
    store: Arc<dyn Store>,
    bank: Arc<dyn Bank>,
    schemes: Arc<Registry>,
    keys: &Keys,
    vault: VaultKeys,
) -> Parts {
    let cost = HashCost { memory_kib: HASH_KIB, passes: 1, lanes: 1 };
    // In virtual time nobody sends an image: reading one is a process of its own, on the wall clock.
    let worker = WorkerCommand { program: "no-worker-in-virtual-time".into(), arguments: Vec::new() };
    Parts {
        rules: rules_of(settings),
        mode: server_mode(settings),
        throttle: throttle_of(settings),
        hides_unknown_names: settings.hides_unknown_names,
        store,
        bank,
        schemes,
        vault: Vault::with_keys(env.clone(), vault),
        passwords: Passwords::new(env.clone(), cost, keys.pepper.to_vec()),
        opaque: OpaqueServer::new(env.clone(), Zeroizing::new(keys.opaque)),
        images: ImageReader::new(env.clone(), worker, ImageLimits::default()),
        metrics: Arc::new(Metrics::default()),
        merchants: MerchantKeys::default(),
        trail: Trail::default(),
        telemetry: Telemetry::default(),
        blocklist: Blocklist::default(),
        env,
    }
}

/// Returns the server's TLS configuration: the real one, with seeded keys.
pub(crate) fn greeting(
    identity: Identity,
    limits: &Limits,
    sources: &TlsSources,
    timeline: &Arc<Timeline>,
    seed: u64,
) -> Result<quinn::ServerConfig, biopay_server::Error> {
    let mut config = server_config(identity, limits, sources)?;
    let mut transport = server_transport(limits);
    transport.mtu_discovery_config(None);
    config.transport_config(Arc::new(transport));
    tls::seed_tokens(&mut config, timeline, seed);
    Ok(config)
}

/// Returns the handsets' transport settings, without a search for the largest datagram: a simulated link carries every
/// size.
pub(crate) fn handset_transport(network: &Network) -> quinn::TransportConfig {
    let mut transport = quinn::TransportConfig::default();
    transport.mtu_discovery_config(None).initial_rtt(Duration::from_millis(network.initial_rtt_ms));
    transport
}

fn open(timeline: &Arc<Timeline>, end: End, seed: u64) -> Result<Endpoint, Error> {
    open_as(timeline, end, seed, Arc::new(AtomicBool::new(true)))
}

/// Opens an end of the network for a process that may die.
pub(crate) fn open_as(
    timeline: &Arc<Timeline>,
    end: End,
    seed: u64,
    alive: Arc<AtomicBool>,
) -> Result<Endpoint, Error> {
    let name = match end {
        End::Handsets => "sim/endpoint/handsets",
        End::Server => "sim/endpoint/server",
    };
    let socket = Arc::new(FabricSocket { timeline: timeline.clone(), end, alive });
    let runtime = Arc::new(VirtualRuntime(timeline.clone()));
    Endpoint::new_with_abstract_socket(tls::seeded_endpoint(seed, name), None, socket, runtime)
        .map_err(Error::file("a virtual socket"))
}
