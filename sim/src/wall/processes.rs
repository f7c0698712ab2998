//! The real server and the bank as processes on this machine, which end with the run.

use crate::Error;
use crate::people::population::Population;
use crate::scenario::ServerSettings;
use crate::server_setup::{flatten, rules_of, server_mode, throttle_of};
use crate::wall::usage::Usage;
use biopay_biometrics::scheme::SchemeParameters;
use biopay_protocol::{BankAccount, Secret};
use biopay_reports::records::ServerFigure;
use biopay_server::config::{BankConfig, HashPriority, Limits, PasswordConfig, ServerConfig};
use biopay_server::crypto::password::HashCost;
use biopay_server::tls::{TlsSources, client_config};
use rustls_pki_types::CertificateDer;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The hidden first argument that turns this program into the server.
pub const SERVER_ARGUMENT: &str = "server-process";
/// The hidden first argument that turns this program into the bank.
pub const BANK_ARGUMENT: &str = "bank-process";

const METRICS: &str = "server-metrics.json";
const BANK_STORE: &str = "bank.db";

/// A running server with its bank. Dropping it ends both.
pub struct Processes {
    server: Process,
    bank: Process,
    scratch: PathBuf,
    config: quinn::ClientConfig,
}

impl Processes {
    /// Starts bank and server with fresh stores and logs in `scratch`, and waits until both are ready.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] with what the process wrote to its log.
    pub fn start(
        settings: &ServerSettings,
        schemes: &SchemeParameters,
        population: &Population,
        scratch: &Path,
    ) -> Result<Self, Error> {
        let accounts = scratch.join("accounts.csv");
        let open = population.owners.keys().filter_map(|&owner| population.bank_account(owner));
        fs::write(&accounts, account_lines(open)).map_err(Error::file(&accounts))?;
        let bank_store = store(&scratch.join(BANK_STORE));
        let bank_arguments = ["--listen", "127.0.0.1:0", "--store", &bank_store, "--accounts"].map(OsStr::new);
        let bank =
            Process::start("bank", BANK_ARGUMENT, bank_arguments.into_iter().chain([accounts.as_os_str()]), scratch)?;
        let config = scratch.join("server.toml");
        let text = toml::to_string(&server_config(settings, schemes, bank.listening, scratch))
            .map_err(|e| Error::Start { component: "server", why: e.to_string() })?;
        fs::write(&config, text).map_err(Error::file(&config))?;
        // The bank has read the PINs, and nobody else needs them.
        fs::remove_file(&accounts).map_err(Error::file(&accounts))?;
        let metrics = scratch.join(METRICS);
        let arguments = [OsStr::new("--config"), config.as_os_str(), OsStr::new("--metrics"), metrics.as_os_str()];
        let server = Process::start("server", SERVER_ARGUMENT, arguments, scratch)?;
        let trusted = [certificate(&server.ready)?];
        let config = client_config(&trusted, &TlsSources::system());
        let config = config.map_err(|e| Error::Start { component: "server", why: e.to_string() })?;
        Ok(Self { server, bank, scratch: scratch.to_owned(), config })
    }

    /// Returns where the server listens.
    pub fn listening(&self) -> SocketAddr {
        self.server.listening
    }

    /// Returns where the bank listens.
    pub fn bank(&self) -> SocketAddr {
        self.bank.listening
    }

    /// Returns the trusted certificate and the transport settings of handsets.
    pub fn trust(&self) -> quinn::ClientConfig {
        self.config.clone()
    }

    /// Returns the resources that both have used so far.
    pub fn usage(&self) -> Vec<(&'static str, Usage)> {
        [&self.server, &self.bank].into_iter().filter_map(|p| Some((p.name, Usage::of(p.child.id())?))).collect()
    }

    /// Ends both gracefully and returns the server's counters and the bank's audit.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRun`] if one of them failed, or the bank's sums are wrong.
    pub fn finish(mut self) -> Result<Vec<ServerFigure>, Error> {
        self.server.end()?;
        self.bank.end()?;
        let mut figures = Vec::new();
        let metrics = self.scratch.join(METRICS);
        let text = fs::read(&metrics).map_err(Error::file(&metrics))?;
        let metrics: Value =
            serde_json::from_slice(&text).map_err(|e| Error::InvalidRun(format!("server metrics: {e}")))?;
        flatten("server", "", &metrics, &mut figures);
        flatten("bank", "audit", &self.audit_bank()?, &mut figures);
        Ok(figures)
    }

    fn audit_bank(&self) -> Result<Value, Error> {
        let store = store(&self.scratch.join(BANK_STORE));
        let output = command(BANK_ARGUMENT)?.args(["--store", &store, "--audit"]).output();
        let output = output.map_err(|e| Error::InvalidRun(format!("the bank's audit did not start: {e}")))?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Error::InvalidRun(format!("the bank's audit failed: {why}")));
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|e| Error::InvalidRun(format!("the bank's audit is not JSON: {e}")))
    }
}

fn server_config(
    settings: &ServerSettings,
    schemes: &SchemeParameters,
    bank: SocketAddr,
    scratch: &Path,
) -> ServerConfig {
    let cost = HashCost { memory_kib: settings.hash_memory_kib, ..HashCost::default() };
    ServerConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        store: store(&scratch.join("server.db")),
        mode: server_mode(settings),
        rules: rules_of(settings),
        bank: BankConfig { address: bank, ..BankConfig::default() },
        schemes: schemes.clone(),
        password: PasswordConfig {
            cost,
            threads: settings.hash_threads,
            hides_unknown_names: settings.hides_unknown_names,
            // Handsets and bank share the machine.
            priority: HashPriority::Low,
            ..PasswordConfig::default()
        },
        throttle: throttle_of(settings),
        limits: Limits { early_data: settings.early_data, ..Limits::default() },
        ..ServerConfig::default()
    }
}

fn store(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// Writes bank accounts in the bank's format: number, PIN, balance in minor units.
pub fn account_lines(accounts: impl IntoIterator<Item = (BankAccount, Secret, u64)>) -> String {
    let line = |(account, pin, balance): (BankAccount, Secret, u64)| {
        format!("{},{},{balance}\n", account.as_str(), pin.expose())
    };
    accounts.into_iter().map(line).collect()
}

fn certificate(ready: &Value) -> Result<CertificateDer<'static>, Error> {
    let digits = ready["certificate_hex"].as_str().unwrap_or_default().as_bytes();
    let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok());
    let der: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    let unreadable = || Error::Start { component: "server", why: "its ready line has no certificate".into() };
    der.filter(|der| !der.is_empty()).map(CertificateDer::from).ok_or_else(unreadable)
}

/// The variable that tells a server or a bank of a run where its files are.
const SCRATCH: &str = "BIOPAY_SCRATCH";
/// The variable that tells it the process of the run.
const RUN: &str = "BIOPAY_RUN_PROCESS";

/// Removes the files of a server or a bank that has ended after its run was killed: the run cannot do so any more, and
/// stores with accounts in them stay nowhere.
#[cfg(unix)]
pub(crate) fn clear_after_killed_run() {
    let run = std::env::var(RUN).ok().and_then(|run| run.parse().ok());
    let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get());
    if run.is_some() && run != parent {
        // The other of both may be writing there still, and then removes the rest itself.
        std::env::var_os(SCRATCH).map(|scratch| fs::remove_dir_all(scratch).ok());
    }
}

#[cfg(not(unix))]
pub(crate) fn clear_after_killed_run() {}

/// One child process.
struct Process {
    name: &'static str,
    child: Child,
    listening: SocketAddr,
    ready: Value,
    log: PathBuf,
}

impl Process {
    fn start<'a>(
        name: &'static str,
        argument: &str,
        arguments: impl IntoIterator<Item = &'a OsStr>,
        scratch: &Path,
    ) -> Result<Self, Error> {
        let log = scratch.join(format!("{name}.log"));
        let stderr = File::create(&log).map_err(Error::file(&log))?;
        let failed = |why: String| Error::Start { component: name, why };
        let mut command = command(argument)?;
        command.args(arguments).arg("--exit-on-stdin-close");
        command.env(SCRATCH, scratch).env(RUN, std::process::id().to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        shield_from_interrupt(&mut command);
        let mut child = command.spawn().map_err(|e| failed(e.to_string()))?;
        let ready = child.stdout.take().and_then(|out| BufReader::new(out).lines().next()).and_then(Result::ok);
        let parsed = ready.as_deref().and_then(|line| serde_json::from_str::<Value>(line).ok());
        let listening = parsed.as_ref().and_then(|r| r["listening"].as_str()).and_then(|a| a.parse().ok());
        match (parsed, listening) {
            (Some(ready), Some(listening)) => Ok(Self { name, child, listening, ready, log }),
            _ => {
                drop(child.kill());
                drop(child.wait());
                Err(failed(fs::read_to_string(&log).unwrap_or_default().trim().to_owned()))
            }
        }
    }

    /// Closes the process's standard input, which ends it, and waits.
    fn end(&mut self) -> Result<(), Error> {
        drop(self.child.stdin.take());
        let status = self.child.wait().map_err(|e| Error::InvalidRun(format!("the {}: {e}", self.name)))?;
        if status.success() {
            return Ok(());
        }
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        Err(Error::InvalidRun(format!("the {} ended with {status}: {}", self.name, log.trim())))
    }
}

/// Ends the process, so that a run that fails half-way leaves none behind.
impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// Prepares to start this program in another role.
fn command(argument: &str) -> Result<Command, Error> {
    let program = std::env::current_exe().map_err(Error::file("this program"))?;
    let mut command = Command::new(program);
    command.arg(argument);
    Ok(command)
}

/// Puts the child into its own process group: Ctrl-C goes to the whole foreground group, but the run ends its children
/// itself, after the handsets.
#[cfg(unix)]
fn shield_from_interrupt(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn shield_from_interrupt(_: &mut Command) {}
