//! `biopay-server`.

use super::bookkeeping::{print_reconciliation, write_settlement};
use super::{CommonArgs, announce, image, keys, notify, parse, run};
use crate::bank::acquirer::Acquirer;
use crate::bank::tcp::{BankAddress, BankTrust, TcpWire};
use crate::config::{BankConfig, CodeRule, Mode, ServerConfig, Visibility, parse_location};
use crate::crypto::opaque::OpaqueServer;
use crate::crypto::password::Passwords;
use crate::crypto::vault::Vault;
use crate::endpoint::{QuicListener, serve};
use crate::env::{Env, HashPriority, system};
use crate::error::Error;
use crate::images::{ImageReader, WorkerCommand};
use crate::merchants::MerchantKeys;
use crate::metrics::Metrics;
use crate::operations::serve_operations;
use crate::service::{Parts, Service, rotate};
use crate::shutdown::Shutdown;
use crate::socket;
use crate::store::{PostgresStore, SqliteStore, Store, StoreError};
use crate::tls::{Identity, bank_connector, database_connector};
use crate::trail::{Event, Trail, verify};
use biopay_biometrics::scheme::Registry;
use clap::Parser;
use rustls_pki_types::ServerName;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

const EXAMPLES: &str = "Examples:
  biopay-bank --store memory --accounts accounts.csv &
  biopay-server --store sqlite:biopay.db --bank 127.0.0.1:4434
  biopay-server --config server.toml --print-config
  biopay-server --listen 127.0.0.1:0 --store memory --code on --metrics metrics.json

A flag wins over its environment variable, and that over the file. The ready line on standard output is one JSON
object: the address, and the certificate that clients are to trust.";

/// The payment server: QUIC to handsets, ISO 8583 to the bank.
#[derive(Parser, Debug)]
#[command(name = "biopay-server", version, after_help = EXAMPLES)]
struct ServerArgs {
    /// Configuration file, TOML.
    #[arg(long, env = "BIOPAY_SERVER_CONFIG")]
    config: Option<PathBuf>,
    /// Address to listen on; port 0 takes any free one.
    #[arg(long, env = "BIOPAY_SERVER_LISTEN")]
    listen: Option<SocketAddr>,
    /// `sqlite:PATH`, `postgres://USER@HOST/DATABASE` or `memory`.
    #[arg(long, env = "BIOPAY_SERVER_STORE")]
    store: Option<String>,
    /// The bank's address.
    #[arg(long, env = "BIOPAY_SERVER_BANK")]
    bank: Option<SocketAddr>,
    /// The bank's certificate, PEM: speak TLS to the bank and trust nothing else.
    #[arg(long, env = "BIOPAY_SERVER_BANK_CERTIFICATE")]
    bank_certificate: Option<PathBuf>,
    /// Make a development certificate and write it, PEM, to this file, for clients to trust.
    #[arg(long, value_name = "FILE")]
    development_certificate: Option<PathBuf>,
    /// What is kept of a bank account's PIN.
    #[arg(long, value_enum, env = "BIOPAY_SERVER_MODE")]
    mode: Option<Mode>,
    /// Whether a verification code is asked for.
    #[arg(long, value_enum, env = "BIOPAY_SERVER_CODE")]
    code: Option<CodeRule>,
    /// The least agreement of bits that the `template` scheme accepts.
    #[arg(long, env = "BIOPAY_SERVER_TEMPLATE_THRESHOLD")]
    template_threshold: Option<f32>,
    /// Threads that hash passwords.
    #[arg(long, env = "BIOPAY_SERVER_HASH_THREADS")]
    hash_threads: Option<usize>,
    /// How much the hashing threads give way to other work.
    #[arg(long, value_enum, env = "BIOPAY_SERVER_HASH_PRIORITY")]
    hash_priority: Option<HashPriority>,
    /// Who may ask for the counters over QUIC.
    #[arg(long, value_enum, env = "BIOPAY_SERVER_METRICS_FOR")]
    metrics_for: Option<Visibility>,
    /// Write the counters to this file at the end, as JSON.
    #[arg(long)]
    metrics: Option<PathBuf>,
    /// Address to answer HTTP on: /metrics for Prometheus, and /healthz.
    #[arg(long, env = "BIOPAY_SERVER_OPERATIONS")]
    operations: Option<SocketAddr>,
    /// Trace every connection into a qlog file of its own in this folder.
    #[arg(long, value_name = "FOLDER")]
    qlog: Option<PathBuf>,
    /// Print the ledger's sums as JSON and stop; exit code 1 when they are wrong.
    #[arg(long)]
    audit: bool,
    /// Seal every record again with the newest key, print how many, and stop; safe beside running servers.
    #[arg(long)]
    rotate_keys: bool,
    /// Hold the books against the bank's statement, a CSV file of `biopay-bank --statement`, work suspense off, print what
    /// differs, and stop; exit code 1 when anything does.
    #[arg(long, value_name = "FILE")]
    reconcile: Option<PathBuf>,
    /// Write everything that is posted and in no settlement file yet into this one, CSV, and stop.
    #[arg(long, value_name = "FILE")]
    settle: Option<PathBuf>,
    /// With --settle: write this batch again instead of a new one.
    #[arg(long, value_name = "NUMBER", requires = "settle")]
    batch: Option<i64>,
    /// Check a trail, print how many lines it has, and stop; exit code 1 at a line that is altered, missing or moved.
    #[arg(long, value_name = "FILE")]
    verify_trail: Option<PathBuf>,
    /// Print the configuration in effect, secrets masked, and stop.
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    common: CommonArgs,
}

/// Runs the server; `args` begin with the program's name, as in [`std::env::args_os`].
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    if image::is_worker(&args) {
        return image::main();
    }
    let given = args.len();
    let args: ServerArgs = match parse(args) {
        Ok(args) => args,
        Err(code) => return code,
    };
    args.common.prepare();
    run(start(args, given))
}

async fn start(args: ServerArgs, given: usize) -> Result<(), Error> {
    let config = resolve(&args)?;
    if args.print_config {
        print!("{}", config.to_masked_toml());
        return Ok(());
    }
    config.check()?;
    if args.audit {
        return print_audit(&config).await;
    }
    if args.rotate_keys {
        return rotate_keys(&config).await;
    }
    if let Some(trail) = &args.verify_trail {
        let lines = verify(trail, &*keys::trail(&config.trail)?)?;
        return announce(&serde_json::json!({ "lines": lines }));
    }
    if let Some(statement) = &args.reconcile {
        let (store, bank) = (open_existing_store(&config).await?, connect_bank(&config, system::env(1, 1))?);
        return print_reconciliation(&*store, &bank, &config.bank.institution, statement).await;
    }
    if let Some(path) = &args.settle {
        return write_settlement(&*open_existing_store(&config).await?, path, args.batch).await;
    }
    let shutdown = args.common.listen_for_end()?;
    let store = open_store(&config).await?;
    let (failed, closing) = (store.failed(), store.clone());
    let service = Arc::new(build_service(&config, store, image::worker_command(given)?)?);
    let (listener, certificate) = open_front(&config, args.development_certificate.as_deref())?;
    let operations = open_operations(&config, &service, &shutdown).await?;
    let listening = listener.address()?.to_string();
    // Listened for before anybody hears that the server is ready: a hangup that nobody listens for ends a process.
    tokio::spawn(notify::reload_on_hangup(listener.clone(), config.tls.clone())?);
    announce(&serde_json::json!({
        "listening": listening, "certificate_hex": certificate, "operations": operations,
    }))?;
    notify::ready();
    let serving = serve(listener, service.clone(), shutdown.clone());
    tokio::select! {
        biased;
        () = failed => return Err(StoreError::Failed.into()),
        () = notify::stopping(shutdown, serving) => {}
    }
    service.trail().close();
    if let Err(error) = closing.close().await {
        tracing::warn!(%error, "the store's write-ahead log stays beside it: copy both files together");
    }
    match &args.metrics {
        Some(path) => write_whole(path, &service.snapshot().to_json()),
        None => Ok(()),
    }
}

/// Opens the socket; returns the certificate in hexadecimal digits too.
fn open_front(config: &ServerConfig, made: Option<&Path>) -> Result<(Arc<QuicListener>, String), Error> {
    let identity = Identity::load(&config.tls)?;
    match made {
        Some(_) if config.tls.certificate.is_some() => {
            return Err(Error::Config("use either --development-certificate or tls.certificate, not both".into()));
        }
        Some(path) => write_whole(path, &identity.chain_pem())?,
        None => {}
    }
    if config.tls.certificate.is_none() {
        tracing::warn!("DEVELOPMENT CERTIFICATE: made for this run; no client should trust it outside a test");
    }
    let certificate = identity.chain.first().ok_or_else(|| Error::Certificate("the file has no certificate".into()))?;
    let certificate: String = certificate.iter().map(|byte| format!("{byte:02x}")).collect();
    let qlog = config.operations.qlog.as_deref();
    if let Some(folder) = qlog {
        std::fs::create_dir_all(folder).map_err(|error| Error::File { path: folder.into(), error })?;
    }
    let endpoint = socket::endpoint(config.listen)?;
    Ok((Arc::new(QuicListener::new(endpoint, identity, config.limits, qlog)?), certificate))
}

/// Listens for the operator's tools, where it is configured; returns the address.
async fn open_operations(
    config: &ServerConfig,
    service: &Arc<Service>,
    shutdown: &Shutdown,
) -> Result<Option<String>, Error> {
    let Some(address) = config.operations.listen else { return Ok(None) };
    let listener = tokio::net::TcpListener::bind(address).await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(serve_operations(listener, service.clone(), shutdown.clone()));
    Ok(Some(address))
}

async fn print_audit(config: &ServerConfig) -> Result<(), Error> {
    let audit = open_existing_store(config).await?.audit().await?;
    announce(&serde_json::to_value(&audit).expect("an audit has a form in JSON"))?;
    let wrong = StoreError::Sql("the ledger's sums are wrong".into());
    if audit.is_clean() { Ok(()) } else { Err(wrong.into()) }
}

async fn rotate_keys(config: &ServerConfig) -> Result<(), Error> {
    let vault = open_vault(config, system::env(1, 1))?;
    let rotation = rotate(&*open_existing_store(config).await?, &vault).await?;
    if let Some(path) = &config.trail.file {
        // A running server writes to its own file: the rotation's stands beside it.
        let trail = Trail::open(&path.with_extension("rotations.jsonl"), &*keys::trail(&config.trail)?)?;
        note_keys(&trail, &system::env(1, 1), "keys-rotated", keys::vault_keys(&config.keys)?.keys());
        trail.close();
    }
    announce(&serde_json::to_value(rotation).expect("counts have a form in JSON"))
}

/// Opens the trail, where one is configured, and notes which keys this server begins with.
fn open_trail(config: &ServerConfig, env: &Env) -> Result<Trail, Error> {
    let Some(path) = &config.trail.file else { return Ok(Trail::default()) };
    let trail = Trail::open(path, &*keys::trail(&config.trail)?)?;
    note_keys(&trail, env, "keys-loaded", keys::vault_keys(&config.keys)?.keys());
    Ok(trail)
}

fn note_keys<'a>(trail: &Trail, env: &Env, outcome: &str, keys: impl Iterator<Item = &'a u32>) {
    let numbers: Vec<String> = keys.map(u32::to_string).collect();
    let on = Some(format!("vault keys {}", numbers.join(", ")));
    let (at_ms, outcome) = (env.clock.unix_ms(), outcome.to_owned());
    trail.note(Event { at_ms, event: "key-use", outcome, login: None, source: None, on });
}

fn open_vault(config: &ServerConfig, env: Env) -> Result<Vault, Error> {
    Vault::new(env, keys::vault_keys(&config.keys)?).ok_or_else(|| Error::Config("keys.vault is empty".into()))
}

/// Applies environment and flags on top of the file.
fn resolve(args: &ServerArgs) -> Result<ServerConfig, Error> {
    let mut config = args.config.as_deref().map_or_else(|| Ok(ServerConfig::default()), ServerConfig::read)?;
    let over = |slot: &mut SocketAddr, value: Option<SocketAddr>| *slot = value.unwrap_or(*slot);
    over(&mut config.listen, args.listen);
    over(&mut config.bank.address, args.bank);
    config.bank.certificate = args.bank_certificate.clone().or(config.bank.certificate);
    config.store = args.store.clone().unwrap_or(config.store);
    config.mode = args.mode.unwrap_or(config.mode);
    config.rules.code = args.code.unwrap_or(config.rules.code);
    config.rules.metrics = args.metrics_for.unwrap_or(config.rules.metrics);
    config.schemes.template.threshold = args.template_threshold.unwrap_or(config.schemes.template.threshold);
    config.password.threads = args.hash_threads.unwrap_or(config.password.threads);
    config.password.priority = args.hash_priority.unwrap_or(config.password.priority);
    config.operations.listen = args.operations.or(config.operations.listen);
    config.operations.qlog = args.qlog.clone().or(config.operations.qlog);
    Ok(config)
}

fn build_service(config: &ServerConfig, store: Arc<dyn Store>, worker: WorkerCommand) -> Result<Service, Error> {
    let env = system::env_with(config.password.thread_count(), config.password.queue, config.password.priority);
    if config.password.priority == HashPriority::Idle {
        tracing::info!(
            "passwords are hashed in idle processor time: where other programs keep this machine busy, use \
             --hash-priority low, or logins starve"
        );
    }
    if config.mode == Mode::PatentLiteral {
        tracing::warn!("MODE patent-literal keeps PINs, which PCI DSS 3.3.1.3 forbids: synthetic data only");
    }
    let schemes = Registry::new(&config.schemes).map_err(|error| Error::Config(error.to_string()))?;
    Ok(Service::new(Parts {
        hides_unknown_names: config.password.hides_unknown_names,
        rules: config.rules,
        mode: config.mode,
        throttle: config.throttle,
        store,
        bank: Arc::new(connect_bank(config, env.clone())?),
        schemes: Arc::new(schemes),
        vault: open_vault(config, env.clone())?,
        passwords: Passwords::new(env.clone(), config.password.cost, keys::pepper(&config.keys)),
        opaque: OpaqueServer::new(env.clone(), keys::opaque(&config.keys)?),
        images: ImageReader::new(env.clone(), worker, config.images),
        metrics: Arc::new(Metrics::default()),
        merchants: MerchantKeys::read(&config.merchants)?,
        trail: open_trail(config, &env)?,
        env,
    }))
}

/// Opens the store for a command that changes nothing where there is nothing: a mistyped path makes no new store.
async fn open_existing_store(config: &ServerConfig) -> Result<Arc<dyn Store>, Error> {
    if config.is_postgres() {
        return open_store(config).await;
    }
    Ok(Arc::new(SqliteStore::open_existing(&parse_location(&config.store)?)?))
}

async fn open_store(config: &ServerConfig) -> Result<Arc<dyn Store>, Error> {
    let store = &config.store;
    if config.is_postgres() {
        let tls = config.store_certificate.as_deref().map(database_connector).transpose()?;
        return Ok(Arc::new(PostgresStore::open(store, tls).await?));
    }
    Ok(Arc::new(SqliteStore::open(&parse_location(store)?)?))
}

fn connect_bank(config: &ServerConfig, env: Env) -> Result<Acquirer<TcpWire>, Error> {
    let bank = &config.bank;
    let digits = (1..=11).contains(&bank.institution.len()) && bank.institution.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return Err(Error::Config("bank.institution needs 1 to 11 digits".into()));
    }
    let timeout = Duration::from_millis(u64::from(bank.timeout_ms));
    let wire = TcpWire::new(bank_address(bank)?, env.clone(), timeout);
    Ok(Acquirer::new(wire, env, bank.institution.clone(), keys::pin_key(bank.pin_key.as_deref())?))
}

/// Returns how to speak to the bank; in the clear on the loopback interface only.
fn bank_address(bank: &BankConfig) -> Result<BankAddress, Error> {
    let tls = match &bank.certificate {
        Some(certificate) => {
            let name = ServerName::try_from(bank.name.clone());
            let name = name.map_err(|_| {
                Error::Config("bank.name is not a server name: use the name in the bank's certificate".into())
            })?;
            // Read now, so that a wrong file is noticed at the start.
            bank_connector(certificate, &bank.identity)?;
            Some(BankTrust { certificate: certificate.clone(), name, own: bank.identity.clone() })
        }
        None if bank.address.ip().is_loopback() => None,
        None => return Err(Error::Config("bank.certificate is needed for a bank on another machine".into())),
    };
    Ok(BankAddress { address: bank.address, tls })
}

/// Writes a file under another name and renames it, so that nobody reads half of it.
fn write_whole(path: &Path, text: &str) -> Result<(), Error> {
    let beside = path.with_extension("partial");
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| Error::File { path: path.into(), error })
}
