//! A whole system on loopback: bank, server, clients, over real TCP and QUIC.

#![allow(dead_code, reason = "each test uses its part")]

pub mod postgres;
pub mod processes;
pub mod proxy;
pub mod relay;
pub mod soaking;

use biopay_biometrics::Template;
use biopay_biometrics::scheme::{Registry, SchemeId};
use biopay_protocol::*;
use biopay_server::bank::acquirer::Acquirer;
use biopay_server::bank::dial::{BankAddress, BankTrust};
use biopay_server::bank::tcp::TcpWire;
use biopay_server::client::{ClientError, Connection};
use biopay_server::config::{
    CodeRule, FailureLimit, ImageLimits, Limits, MerchantConfig, Mode, OrderRule, Presentation, Rules, ServerConfig,
    ThrottleConfig, TlsConfig,
};
use biopay_server::crypto::blocklist::Blocklist;
use biopay_server::crypto::opaque::OpaqueServer;
use biopay_server::crypto::password::{HashCost, Passwords};
use biopay_server::crypto::vault::Vault;
use biopay_server::endpoint::QuicListener;
use biopay_server::env::{BoxFuture, CostClass, Cpu, Env, HashPlaces, Overloaded, Work, system};
use biopay_server::images::{ImageReader, WorkerCommand};
use biopay_server::iso8583::pin_block::PinKey;
use biopay_server::issuer::accounts::NewAccount;
use biopay_server::issuer::faults::{Faults, FaultyHost};
use biopay_server::issuer::host::Host;
use biopay_server::issuer::ledger::Ledger;
use biopay_server::issuer::listener::listen;
use biopay_server::merchants::MerchantKeys;
use biopay_server::metrics::Metrics;
use biopay_server::service::{Parts, Service};
use biopay_server::shutdown::{self, Trigger};
use biopay_server::sqlite::Location;
use biopay_server::store::{SqliteStore, Store};
use biopay_server::telemetry::Telemetry;
use biopay_server::trail::Trail;
use biopay_server::{endpoint, tls};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rustls_pki_types::CertificateDer;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

pub const PIN: &str = "4711";

/// How a system under test differs from the default.
#[derive(Clone)]
pub struct Setup {
    pub mode: Mode,
    pub code: CodeRule,
    pub presentation: Presentation,
    pub bank_timeout: Duration,
    pub limits: Limits,
    pub images: ImageLimits,
    pub qlog: Option<std::path::PathBuf>,
    pub faults: Faults,
    pub hash_memory_kib: u32,
    pub throttle: ThrottleConfig,
    pub page_valid_ms: u32,
    pub login_valid_ms: u32,
    /// What each of the bank's accounts has.
    pub balance_minor: u64,
    pub merchants: Vec<MerchantConfig>,
    pub orders: OrderRule,
    /// Where the trail is written.
    pub trail: Option<std::path::PathBuf>,
    pub blocklist: Blocklist,
    pub telemetry: Telemetry,
    /// A bank instead of the system's own.
    pub bank: Option<SocketAddr>,
    /// What stands between the server and its store.
    pub before_store: fn(Arc<dyn Store>) -> Arc<dyn Store>,
}

impl Default for Setup {
    fn default() -> Self {
        let bank_timeout = Duration::from_secs(5);
        Self {
            mode: Mode::Mandate,
            code: CodeRule::Off,
            presentation: Presentation::Static,
            bank_timeout,
            limits: Limits::default(),
            images: ImageLimits::default(),
            qlog: None,
            faults: Faults::default(),
            hash_memory_kib: 64,
            // All users of a test share one address.
            throttle: ThrottleConfig {
                registrations: FailureLimit::OFF,
                prefix_registrations: FailureLimit::OFF,
                ..ThrottleConfig::default()
            },
            page_valid_ms: Rules::default().page_valid_ms,
            login_valid_ms: Rules::default().login_valid_ms,
            balance_minor: 1_000,
            merchants: Vec::new(),
            orders: OrderRule::Free,
            trail: None,
            blocklist: Blocklist::default(),
            telemetry: Telemetry::default(),
            bank: None,
            before_store: |store| store,
        }
    }
}

pub struct System {
    pub address: SocketAddr,
    pub ledger: Ledger,
    pub store: Arc<dyn Store>,
    pub service: Arc<Service>,
    chain: Vec<CertificateDer<'static>>,
    chain_pem: String,
    hashes: Arc<AtomicU64>,
    client_config: quinn::ClientConfig,
    client: quinn::Endpoint,
    server_trigger: Trigger,
    server: JoinHandle<()>,
    bank_trigger: Trigger,
    folder: tempfile::TempDir,
}

fn rules(setup: &Setup) -> Rules {
    Rules {
        code: setup.code,
        presentation: setup.presentation,
        page_valid_ms: setup.page_valid_ms,
        login_valid_ms: setup.login_valid_ms,
        orders: setup.orders,
        ..Rules::default()
    }
}

async fn bank_socket() -> (tokio::net::TcpListener, SocketAddr) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn open_trail(path: Option<std::path::PathBuf>) -> Trail {
    path.map_or_else(Trail::default, |path| Trail::open(&path, &[3; 32], 0).unwrap())
}

/// Opens an endpoint that a server can listen on.
fn open_endpoint() -> quinn::Endpoint {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let (config, runtime) = (quinn::EndpointConfig::default(), Arc::new(quinn::TokioRuntime));
    quinn::Endpoint::new(config, None, socket, runtime).unwrap()
}

impl System {
    /// Starts everything with accounts 400000000000 and up, of 1,000 minor units each.
    pub async fn start(setup: Setup) -> Self {
        let rules = rules(&setup);
        let (folder, (env, hashes)) = (tempfile::tempdir().unwrap(), counting_env());
        let pin_key = || Arc::new(PinKey::new([9; 16]));
        let ledger = Ledger::open(&Location::File(folder.path().join("bank.db")), env.clone(), b"key").unwrap();
        ledger.open_accounts(accounts(setup.balance_minor)).await.unwrap();
        let (listener, bank_address) = bank_socket().await;
        let (bank_trigger, bank_shutdown) = shutdown::channel();
        let host = FaultyHost::new(Host::new(ledger.clone(), pin_key()), setup.faults, env.clone());
        let (bank_identity, bank_pem) = (tls::Identity::development().unwrap(), folder.path().join("bank.pem"));
        std::fs::write(&bank_pem, bank_identity.chain_pem()).unwrap();
        let acceptor = tls::bank_acceptor(bank_identity, None).unwrap();
        tokio::spawn(listen(listener, Some(acceptor), host, env.clone(), bank_shutdown));
        let trust =
            BankTrust { certificate: bank_pem, name: "localhost".try_into().unwrap(), own: TlsConfig::default() };
        let bank = match setup.bank {
            Some(address) => BankAddress { address, tls: None },
            None => BankAddress { address: bank_address, tls: Some(trust) },
        };
        let wire = TcpWire::new(bank, env.clone(), setup.bank_timeout);
        let cost = HashCost { memory_kib: setup.hash_memory_kib, passes: 1, lanes: 1 };
        let database = Location::File(folder.path().join("server.db"));
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&database).unwrap());
        let vault_keys = BTreeMap::from([(1, Zeroizing::new([3; 32]))]);
        let service = Arc::new(Service::new(Parts {
            hides_unknown_names: true,
            rules,
            mode: setup.mode,
            throttle: setup.throttle,
            store: (setup.before_store)(store.clone()),
            bank: Arc::new(Acquirer::new(wire, env.clone(), "100001".into(), pin_key())),
            schemes: Arc::new(Registry::new(&ServerConfig::default().schemes).unwrap()),
            vault: Vault::new(env.clone(), vault_keys).unwrap(),
            passwords: Passwords::new(env.clone(), cost, b"pepper".to_vec()),
            opaque: OpaqueServer::new(env.clone(), Zeroizing::new([4; 32])),
            images: ImageReader::new(env.clone(), image_worker(), setup.images),
            metrics: Arc::new(Metrics::default()),
            merchants: MerchantKeys::read(&setup.merchants).unwrap(),
            blocklist: setup.blocklist,
            trail: open_trail(setup.trail),
            telemetry: setup.telemetry,
            env,
        }));
        let identity = tls::Identity::development().unwrap();
        let chain_pem = identity.chain_pem();
        let (chain, client_config) =
            (identity.chain.clone(), tls::client_config(&identity.chain, &tls::TlsSources::system()).unwrap());
        let front = QuicListener::new(open_endpoint(), identity, setup.limits, setup.qlog.as_deref());
        let front = Arc::new(front.unwrap());
        let address = front.address().unwrap();
        let (server_trigger, server_shutdown) = shutdown::channel();
        let server = tokio::spawn(endpoint::serve(front, service.clone(), server_shutdown));
        let client = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        Self {
            address,
            ledger,
            store,
            service,
            chain,
            chain_pem,
            hashes,
            client_config,
            client,
            server_trigger,
            server,
            bank_trigger,
            folder,
        }
    }

    pub async fn connect(&self) -> Connection {
        self.try_connect().await.unwrap()
    }

    pub async fn try_connect(&self) -> Result<Connection, ClientError> {
        self.connect_to(self.address).await
    }

    /// Connects through whatever stands at another address.
    pub async fn connect_to(&self, address: SocketAddr) -> Result<Connection, ClientError> {
        Connection::connect(&self.client, self.client_config.clone(), address, "localhost").await
    }

    /// Connects from another address of this machine.
    pub async fn connect_from(&self, source: &str) -> Result<Connection, ClientError> {
        let client = quinn::Endpoint::client(format!("{source}:0").parse().unwrap()).unwrap();
        Connection::connect(&client, self.client_config.clone(), self.address, "localhost").await
    }

    /// Returns the server's certificate in PEM.
    pub fn chain_pem(&self) -> &str {
        &self.chain_pem
    }

    /// Returns the server's certificate.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// Counts the password hashes that were computed since the start.
    pub fn hashes_computed(&self) -> u64 {
        self.hashes.load(Ordering::Relaxed)
    }

    /// Registers user `n` with finger `n` and bank account `n`, and logs in on a new connection.
    pub async fn user(&self, n: u64) -> Connection {
        let connection = self.connect().await;
        assert_eq!(connection.request(&register(n)).await.unwrap(), Response::Registered);
        self.log_in(n).await
    }

    pub async fn log_in(&self, n: u64) -> Connection {
        let connection = self.connect().await;
        let answer = connection.request(&login(&connection, n, "password")).await.unwrap();
        assert_eq!(answer, Response::LoggedIn { account: message::AccountState::Bound });
        connection
    }

    /// Stops the server gracefully, and the bank after it.
    pub async fn stop(self) {
        self.server_trigger.begin();
        self.server.await.unwrap();
        self.bank_trigger.begin();
    }

    /// Returns where the bank's books are.
    pub fn bank_path(&self) -> std::path::PathBuf {
        self.folder.path().join("bank.db")
    }

    /// Returns where the server's store is.
    pub fn store_path(&self) -> std::path::PathBuf {
        self.folder.path().join("server.db")
    }

    /// Waits until no outcome is open.
    pub async fn settle(&self) {
        for _ in 0..400 {
            if self.store.audit().await.unwrap().open == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("an outcome stays open: {:?}", self.store.audit().await);
    }

    /// Asserts that both ledgers add up, and that together they say the same.
    pub async fn assert_money(&self) {
        let (ours, theirs) = (self.store.audit().await.unwrap(), self.ledger.audit().await.unwrap());
        assert!(ours.is_clean(), "{ours:?}");
        assert!(theirs.is_clean(), "{theirs:?}");
        if ours.open == 0 {
            assert_eq!(ours.posted_minor - ours.refunded_minor, theirs.acquirers_minor, "{ours:?} {theirs:?}");
        }
    }
}

/// Makes real surroundings that count their password hashes.
fn counting_env() -> (Env, Arc<AtomicU64>) {
    let (env, hashes) = (system::env(2, 256), Arc::new(AtomicU64::new(0)));
    let cpu = Arc::new(Counting { cpu: env.cpu.clone(), hashes: hashes.clone() });
    (Env { cpu, ..env }, hashes)
}

struct Counting {
    cpu: Arc<dyn Cpu>,
    hashes: Arc<AtomicU64>,
}

impl Cpu for Counting {
    fn hash_places(&self) -> Option<HashPlaces> {
        self.cpu.hash_places()
    }

    fn submit(&self, class: CostClass, work: Work) -> Result<BoxFuture<'static, ()>, Overloaded> {
        self.hashes.fetch_add(u64::from(class == CostClass::PasswordHash), Ordering::Relaxed);
        self.cpu.submit(class, work)
    }
}

/// The key of a merchant that signs.
pub fn merchant_key() -> DeviceSecret {
    DeviceSecret::from_seed(&[7; 32])
}

/// Makes that key known under a merchant's name.
pub fn merchant_keys(name: &str) -> Vec<MerchantConfig> {
    let key = merchant_key().key().0.iter().map(|byte| format!("{byte:02x}")).collect();
    vec![MerchantConfig { name: name.into(), key }]
}

fn accounts(balance_minor: u64) -> Vec<NewAccount> {
    (0..100).map(|n| NewAccount { balance_minor, ..account(n) }).collect()
}

pub fn account(n: u64) -> NewAccount {
    NewAccount { number: bank_account(n), pin: Secret::new(PIN).unwrap(), balance_minor: 1_000 }
}

pub fn bank_account(n: u64) -> BankAccount {
    BankAccount::new(format!("{}", 400_000_000_000 + n)).unwrap()
}

pub fn name(n: u64) -> LoginName {
    LoginName::new(format!("user{n}")).unwrap()
}

/// Says how the image worker is started: as the server does it.
fn image_worker() -> WorkerCommand {
    WorkerCommand { program: env!("CARGO_BIN_EXE_biopay-server").into(), arguments: vec![] }
}

/// Makes a login for a connection.
pub fn login(connection: &Connection, n: u64, password: &str) -> Request {
    Request::Login { login: name(n), password: Secret::new(password).unwrap(), channel: connection.channel() }
}

/// Makes finger `n`'s payload, the template of a random projection.
pub fn payload(n: u64) -> PayloadBytes {
    let mut rng = ChaCha8Rng::seed_from_u64(n);
    let margins = (0..512).map(|_| if rng.next_u32() & 1 == 0 { 1.0 } else { -1.0 }).collect();
    let template = Template::new(vec![1.0; 8], margins);
    let registry = Registry::new(&ServerConfig::default().schemes).unwrap();
    let enrolment = registry.scheme(SchemeId::Template).enrol(&[template], None, &mut rng).unwrap();
    PayloadBytes::new(enrolment.payload.to_bytes()).unwrap()
}

pub fn register(n: u64) -> Request {
    Request::Register {
        login: name(n),
        password: Secret::new("password").unwrap(),
        enrolment: payload(n),
        helper: Some(HelperBytes::new(vec![n as u8; 100]).unwrap()),
        bank_account: bank_account(n),
        pin: Secret::new(PIN).unwrap(),
        devices: DeviceKeys::default(),
    }
}

pub fn begin(amount: u64, key: &str) -> Request {
    Request::BeginPayment {
        merchant: Merchant::new("corner shop").unwrap(),
        amount: MinorUnits::new(amount).unwrap(),
        currency: Currency::new("EUR").unwrap(),
        idempotency_key: IdempotencyKey::new(key).unwrap(),
        order: None,
    }
}

/// Opens a payment page.
pub async fn open_page(connection: &Connection, amount: u64, key: &str) -> PaymentId {
    match connection.request(&begin(amount, key)).await.unwrap() {
        Response::PaymentOpened { payment, qr_tries: 3 } => payment,
        other => panic!("{other:?}"),
    }
}

/// Opens a page and presents finger `finger`.
pub async fn pay(connection: &Connection, amount: u64, key: &str, finger: u64) -> Response {
    let payment = open_page(connection, amount, key).await;
    connection
        .request(&Request::PresentQr { payment, payload: payload(finger), proof: PresentationProof::default() })
        .await
        .unwrap()
}
