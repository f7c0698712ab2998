//! `biopay-server`.

use super::backup::{back_up, restore};
use super::bookkeeping::{print_reconciliation, write_settlement};
use super::commands::{print_audit, rotate_keys};
use super::keys::{self, Keys};
use super::reload::Reloading;
use super::stores::{open_existing_store, open_store};
use super::trails::open_trail;
use super::{CommonArgs, announce, image, notify, parse, run};
use crate::bank::acquirer::Acquirer;
use crate::bank::dial::{BankAddress, BankTrust};
use crate::bank::tcp::TcpWire;
use crate::config::{BankConfig, CodeRule, Mode, OperationsConfig, ServerConfig, Visibility};
use crate::crypto::blocklist::Blocklist;
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
use crate::own_scheme::put_program;
use crate::service::{Parts, Service, admit, probe};
use crate::shutdown::Shutdown;
use crate::socket;
use crate::store::{Store, StoreError};
use crate::telemetry::Telemetry;
use crate::tls::{Identity, bank_connector};
use crate::trail::{Verified, verify};
use biopay_biometrics::scheme::Registry;
use clap::{CommandFactory, Parser};
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
    /// A folder, best on another disk, to which each transaction of a SQLite store is written before it is answered.
    #[arg(long, value_name = "FOLDER", env = "BIOPAY_SERVER_STORE_REDO")]
    store_redo: Option<PathBuf>,
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
    /// Send traces of requests to this OpenTelemetry collector, http://HOST:PORT (OTLP over HTTP).
    #[arg(long, value_name = "URL", env = "BIOPAY_SERVER_TRACES")]
    traces: Option<String>,
    /// Trace every connection into a qlog file of its own in this folder.
    #[arg(long, value_name = "FOLDER")]
    qlog: Option<PathBuf>,
    /// Print the ledger's sums as JSON and stop; exit code 1 when they are wrong.
    #[arg(long)]
    audit: bool,
    /// Seal every record again with the newest key, print how many, and stop; safe beside running servers.
    #[arg(long)]
    rotate_keys: bool,
    /// Copy the SQLite store of this moment into a new file, check it, print its sums, and stop; safe beside a running
    /// server.
    #[arg(long, value_name = "FILE")]
    backup: Option<PathBuf>,
    /// Make the store of a backup, where none is yet; check it and the keys, print its sums, and stop.
    #[arg(long, value_name = "FILE")]
    restore: Option<PathBuf>,
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
    /// Check a trail with the files that were put aside, print how many lines it has, and stop; exit code 1 at a line that is altered, missing or moved.
    #[arg(long, value_name = "FILE")]
    verify_trail: Option<PathBuf>,
    /// Print the configuration in effect, secrets masked, and stop.
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    common: CommonArgs,
}

/// Returns the command line, for completions and manual pages.
pub fn command() -> clap::Command {
    ServerArgs::command()
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
    let config = usable(config)?;
    if args.audit {
        return print_audit(&config).await;
    }
    if args.rotate_keys {
        return rotate_keys(&config).await;
    }
    if let Some(to) = &args.backup {
        return back_up(&config, to).await;
    }
    if let Some(from) = &args.restore {
        return restore(&config, from).await;
    }
    if let Some(trail) = &args.verify_trail {
        let Verified { first, last, files } = verify(trail, &*keys::trail(&config.trail)?)?;
        return announce(
            &serde_json::json!({ "lines": (last + 1).saturating_sub(first), "first": first, "files": files }),
        );
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
    let service = Arc::new(build_service(&config, store.clone(), image::worker_command(given)?).await?);
    service.restore_limits().await?;
    let (listener, certificate) = open_front(&config, &service, args.development_certificate.as_deref())?;
    let operations = open_operations(&config, &service, &shutdown).await?;
    let listening = listener.address()?.to_string();
    // Listened for before anybody hears that the server is ready: a hangup that nobody listens for ends a process.
    let metrics_file = args.metrics.clone();
    let read = Arc::new(move || resolve(&args).and_then(usable));
    let reloading = Reloading { read, listener: listener.clone(), service: service.clone(), store };
    tokio::spawn(notify::reload_on_hangup(move || reloading.clone().reload())?);
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
    service.telemetry().finish();
    if let Err(error) = closing.close().await {
        tracing::warn!(%error, "the store's write-ahead log stays beside it: copy both files together");
    }
    match &metrics_file {
        Some(path) => write_whole(path, &service.snapshot().to_json()),
        None => Ok(()),
    }
}

/// Opens the socket; returns the certificate in hexadecimal digits too.
fn open_front(
    config: &ServerConfig,
    service: &Service,
    made: Option<&Path>,
) -> Result<(Arc<QuicListener>, String), Error> {
    let identity = Identity::load(&config.tls)?;
    service.metrics().set_certificate_expiry(identity.expires_unix_s());
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

/// Checks a configuration and reads the secrets that it names.
fn usable(mut config: ServerConfig) -> Result<ServerConfig, Error> {
    config.read_secrets()?;
    config.check()?;
    Ok(config)
}

/// Applies environment and flags on top of the file.
fn resolve(args: &ServerArgs) -> Result<ServerConfig, Error> {
    let mut config = args.config.as_deref().map_or_else(|| Ok(ServerConfig::default()), ServerConfig::read)?;
    let over = |slot: &mut SocketAddr, value: Option<SocketAddr>| *slot = value.unwrap_or(*slot);
    over(&mut config.listen, args.listen);
    over(&mut config.bank.address, args.bank);
    config.bank.certificate = args.bank_certificate.clone().or(config.bank.certificate);
    config.store = args.store.clone().unwrap_or(config.store);
    config.store_redo = args.store_redo.clone().or(config.store_redo);
    config.mode = args.mode.unwrap_or(config.mode);
    config.rules.code = args.code.unwrap_or(config.rules.code);
    config.rules.metrics = args.metrics_for.unwrap_or(config.rules.metrics);
    config.schemes.template.threshold = args.template_threshold.unwrap_or(config.schemes.template.threshold);
    config.password.threads = args.hash_threads.unwrap_or(config.password.threads);
    config.password.priority = args.hash_priority.unwrap_or(config.password.priority);
    config.operations.listen = args.operations.or(config.operations.listen);
    config.operations.qlog = args.qlog.clone().or(config.operations.qlog);
    config.operations.traces = args.traces.clone().or(config.operations.traces);
    Ok(config)
}

async fn build_service(config: &ServerConfig, store: Arc<dyn Store>, worker: WorkerCommand) -> Result<Service, Error> {
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
    let mut schemes = config.schemes.clone();
    put_program(&mut schemes.own).map_err(|why| Error::Config(format!("schemes.{why}")))?;
    let schemes = Registry::new(&schemes).map_err(|error| Error::Config(error.to_string()))?;
    let keys = Keys::read(&config.keys)?;
    let vault = Vault::with_keys(env.clone(), keys.vault()?);
    let passwords = Passwords::with_peppers(env.clone(), config.password.cost, keys.peppers()?);
    probe(&*store, &vault).await?;
    for cost in admit(&*store, &env, &keys.named(), config.password.cost).await? {
        passwords.note_cost(cost);
    }
    Ok(Service::new(Parts {
        blocklist: read_blocklist(config.password.blocklist.as_deref())?,
        hides_unknown_names: config.password.hides_unknown_names,
        rules: config.rules,
        mode: config.mode,
        throttle: config.throttle,
        store,
        bank: Arc::new(connect_bank(config, env.clone())?),
        schemes: Arc::new(schemes),
        vault,
        passwords,
        opaque: OpaqueServer::new(env.clone(), keys.opaque()),
        images: ImageReader::new(env.clone(), worker, config.images),
        metrics: Arc::new(Metrics::default()),
        merchants: MerchantKeys::read(&config.merchants)?,
        trail: open_trail(config, &env)?,
        telemetry: open_telemetry(&config.operations)?,
        env,
    }))
}

fn open_telemetry(config: &OperationsConfig) -> Result<Telemetry, Error> {
    let to = |address: &String| Telemetry::to_collector(address, config.traced_percent);
    config.traces.as_ref().map_or_else(|| Ok(Telemetry::default()), to)
}

fn read_blocklist(path: Option<&Path>) -> Result<Blocklist, Error> {
    let Some(path) = path else { return Ok(Blocklist::default()) };
    Blocklist::read(path).map_err(|error| Error::File { path: path.into(), error })
}

fn connect_bank(config: &ServerConfig, env: Env) -> Result<Acquirer<TcpWire>, Error> {
    let bank = &config.bank;
    let timeout = Duration::from_millis(u64::from(bank.timeout_ms));
    let heartbeat = Duration::from_millis(u64::from(bank.heartbeat_ms));
    let mut wire = TcpWire::new(bank_address(bank, bank.address)?, env.clone(), timeout).with_heartbeat(heartbeat);
    if let Some(second) = bank.second_address {
        wire = wire.with_second(bank_address(bank, second)?);
    }
    Ok(Acquirer::new(wire, env, bank.institution.clone(), keys::pin_key(bank.pin_key.as_deref())?))
}

/// Returns how to speak to the bank; in the clear on the loopback interface only.
fn bank_address(bank: &BankConfig, address: SocketAddr) -> Result<BankAddress, Error> {
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
        None if address.ip().is_loopback() => None,
        None => return Err(Error::Config("bank.certificate is needed for a bank on another machine".into())),
    };
    Ok(BankAddress { address, tls })
}

/// Writes a file under another name and renames it, so that nobody reads half of it.
fn write_whole(path: &Path, text: &str) -> Result<(), Error> {
    let beside = path.with_extension("partial");
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| Error::File { path: path.into(), error })
}
