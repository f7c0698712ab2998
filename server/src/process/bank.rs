//! `biopay-bank`.

use super::{CommonArgs, announce, keys, parse, run};
use crate::config::{TlsConfig, mask_secret, parse_location, parse_toml, read_reference};
use crate::env::system;
use crate::error::Error;
use crate::issuer::accounts;
use crate::issuer::faults::{Faults, FaultyHost};
use crate::issuer::host::Host;
use crate::issuer::ledger::Ledger;
use crate::issuer::listener::listen;
use crate::store::StoreError;
use crate::tls::{Identity, bank_acceptor};
use biopay_protocol::{BankAccount, Currency};
use clap::{CommandFactory, Parser};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio_rustls::TlsAcceptor;

const EXAMPLES: &str = "Examples:
  biopay-bank --listen 127.0.0.1:4434 --store sqlite:bank.db --accounts accounts.csv
  biopay-bank --store sqlite:bank.db --audit
  biopay-bank --store sqlite:bank.db --unblock-pin 400000000001

An accounts file has a line `account,pin,balance_minor` for each account to open; one that is open already stays as it
is. Faults are set in the configuration file: --print-config shows their keys. The ready line on standard output is one JSON object with the address.";

/// Everything that an operator of the simulated bank can set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct BankHostConfig {
    /// Where to listen for ISO 8583; port 0 takes any free one.
    pub listen: SocketAddr,
    /// `sqlite:PATH` or `memory`.
    pub store: String,
    /// A file of accounts to open.
    pub accounts: Option<PathBuf>,
    /// The currency of all accounts, three letters of ISO 4217; a charge in another one is declined.
    pub currency: String,
    /// The key of PIN blocks, 32 hexadecimal digits, shared with the server; without it, a development key.
    pub pin_key: Option<String>,
    /// Certificate and key for TLS; without them, and without `--development-certificate`, the bank speaks in the clear
    /// and listens on this machine alone.
    pub tls: TlsConfig,
    /// Certificates, PEM, that have to stand behind an acquirer's own: without one, a connection is refused.
    pub clients: Option<PathBuf>,
    /// The faults to inject.
    pub faults: Faults,
}

impl Default for BankHostConfig {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 4434));
        let (tls, faults) = (TlsConfig::default(), Faults::default());
        Self {
            listen,
            store: "sqlite:bank.db".into(),
            accounts: None,
            currency: "EUR".into(),
            pin_key: None,
            tls,
            clients: None,
            faults,
        }
    }
}

/// The simulated bank: accounts, a durable ledger, ISO 8583.
#[derive(Parser, Debug)]
#[command(name = "biopay-bank", version, after_help = EXAMPLES)]
struct BankArgs {
    /// Configuration file, TOML.
    #[arg(long, env = "BIOPAY_BANK_CONFIG")]
    config: Option<PathBuf>,
    /// Address to listen on; port 0 takes any free one.
    #[arg(long, env = "BIOPAY_BANK_LISTEN")]
    listen: Option<SocketAddr>,
    /// `sqlite:PATH` or `memory`.
    #[arg(long, env = "BIOPAY_BANK_STORE")]
    store: Option<String>,
    /// A file of accounts to open.
    #[arg(long, env = "BIOPAY_BANK_ACCOUNTS")]
    accounts: Option<PathBuf>,
    /// Make a development certificate for TLS and write it, PEM, to this file.
    #[arg(long, value_name = "FILE")]
    development_certificate: Option<PathBuf>,
    /// Print the ledger's sums as JSON and stop; exit code 1 when they are wrong.
    #[arg(long)]
    audit: bool,
    /// Let this account's PIN be tried again, which was blocked after wrong ones, and stop; safe beside a running bank.
    #[arg(long, value_name = "ACCOUNT")]
    unblock_pin: Option<String>,
    /// Write every posting to this file, CSV, and stop: `biopay-server --reconcile` reads it.
    #[arg(long, value_name = "FILE")]
    statement: Option<PathBuf>,
    /// Print the configuration in effect, secrets masked, and stop.
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    common: CommonArgs,
}

/// Returns the command line, for completions and manual pages.
pub fn command() -> clap::Command {
    BankArgs::command()
}

/// Runs the bank; `args` begin with the program's name, as in [`std::env::args_os`].
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: BankArgs = match parse(args) {
        Ok(args) => args,
        Err(code) => return code,
    };
    args.common.prepare();
    run(start(args))
}

async fn start(args: BankArgs) -> Result<(), Error> {
    let config = resolve(&args)?;
    if args.print_config {
        let masked = BankHostConfig { pin_key: config.pin_key.as_deref().map(mask_secret), ..config };
        print!("{}", toml::to_string(&masked).expect("the configuration has a form in TOML"));
        return Ok(());
    }
    let pin_key = config.pin_key.as_deref().map(|secret| read_reference("pin-key", secret)).transpose()?;
    let config = BankHostConfig { pin_key, ..config };
    let shutdown = args.common.listen_for_end()?;
    let env = system::env(1, 1);
    let pin_key = keys::pin_key_bytes(config.pin_key.as_deref())?;
    let location = parse_location(&config.store)?;
    if args.audit {
        return print_audit(&Ledger::open_existing(&location, env, pin_key.as_slice())?).await;
    }
    if let Some(path) = &args.statement {
        let ledger = Ledger::open_existing(&location, env, pin_key.as_slice())?;
        return write_statement(&ledger, &config.currency, path).await;
    }
    if let Some(account) = &args.unblock_pin {
        return unblock_pin(&Ledger::open_existing(&location, env, pin_key.as_slice())?, account).await;
    }
    let ledger = Ledger::open(&location, env.clone(), pin_key.as_slice())?;
    if let Some(path) = &config.accounts {
        ledger.open_accounts(read_accounts(path)?).await?;
    }
    let listener = tokio::net::TcpListener::bind(config.listen).await?;
    let failed = ledger.failed();
    let currency = Currency::new(config.currency.as_str()).map_err(|error| Error::Config(error.to_string()))?;
    let books = ledger.clone();
    let host = Host::new(ledger, keys::pin_key(config.pin_key.as_deref())?).with_currency(currency);
    let host = FaultyHost::new(host, config.faults.clone(), env.clone());
    let tls = acceptor(&config, args.development_certificate.as_deref())?;
    announce(&serde_json::json!({ "listening": listener.local_addr()?.to_string() }))?;
    tokio::select! {
        biased;
        () = failed => Err(StoreError::Failed.into()),
        () = listen(listener, tls, host, env, shutdown) => Ok(books.close()?),
    }
}

/// Returns the TLS acceptor for acquirers; `None` means in the clear, which is allowed on the loopback interface only.
fn acceptor(config: &BankHostConfig, development: Option<&Path>) -> Result<Option<TlsAcceptor>, Error> {
    let identity = match development {
        Some(path) => {
            let identity = Identity::development()?;
            std::fs::write(path, identity.chain_pem()).map_err(|error| Error::File { path: path.into(), error })?;
            tracing::warn!("DEVELOPMENT CERTIFICATE: made for this run; no server should trust it outside a test");
            identity
        }
        None if config.tls != TlsConfig::default() => Identity::load(&config.tls)?,
        None if config.listen.ip().is_loopback() => return Ok(None),
        None => return Err(Error::Config("tls.certificate is needed to listen beyond this machine".into())),
    };
    bank_acceptor(identity, config.clients.as_deref()).map(Some)
}

fn resolve(args: &BankArgs) -> Result<BankHostConfig, Error> {
    let mut config = args.config.as_deref().map_or_else(|| Ok(BankHostConfig::default()), read_config)?;
    config.listen = args.listen.unwrap_or(config.listen);
    config.store = args.store.clone().unwrap_or(config.store);
    config.accounts = args.accounts.clone().or(config.accounts);
    if !config.faults.is_valid() {
        return Err(Error::Config("faults: set every probability between 0 and 1".into()));
    }
    Ok(config)
}

fn read_config(path: &Path) -> Result<BankHostConfig, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::File { path: path.into(), error })?;
    parse_toml(path, &text)
}

fn read_accounts(path: &Path) -> Result<Vec<accounts::NewAccount>, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::File { path: path.into(), error })?;
    Ok(accounts::parse(&text)?)
}

async fn write_statement(ledger: &Ledger, currency: &str, path: &Path) -> Result<(), Error> {
    let lines = ledger.statement(currency).await?;
    let mut writer = csv::Writer::from_path(path)?;
    for line in &lines {
        writer.serialize(line)?;
    }
    writer.flush()?;
    announce(&serde_json::json!({ "rows": lines.len() }))
}

async fn unblock_pin(ledger: &Ledger, account: &str) -> Result<(), Error> {
    let account = BankAccount::new(account).map_err(|error| Error::Config(error.to_string()))?;
    if !ledger.unblock_pin(account).await? {
        return Err(Error::Config("--unblock-pin: the bank has no such account".into()));
    }
    announce(&serde_json::json!({ "unblocked": true }))
}

async fn print_audit(ledger: &Ledger) -> Result<(), Error> {
    let audit = ledger.audit().await?;
    announce(&serde_json::to_value(&audit).expect("an audit has a form in JSON"))?;
    let wrong = StoreError::Sql("the ledger's sums are wrong".into());
    if audit.is_clean() { Ok(()) } else { Err(wrong.into()) }
}
