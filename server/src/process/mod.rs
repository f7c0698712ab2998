//! The two processes: command lines, start, one line when ready, graceful end.
//!
//! A parent that starts one of them reads the ready line from its standard output, one JSON object with `listening`
//! and, for the server, `certificate_hex` (DER), and ends it with SIGTERM or, with `--exit-on-stdin-close`, by closing
//! its standard input: then no child outlives its parent.

mod backup;
mod bank;
mod bookkeeping;
mod commands;
mod image;
mod keys;
mod notify;
mod reload;
mod server;
mod stores;
mod trails;

pub use bank::{BankHostConfig, command as bank_command, main as bank_main};
pub use keys::pin_key;
pub use server::{command as server_command, main as server_main};

use crate::error::Error;
use crate::shutdown::{Shutdown, Trigger, channel};
use clap::{Args, ValueEnum};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::disable_transparent_huge_pages;
use std::io::{IsTerminal, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Everything went well.
const EXIT_OK: u8 = 0;
/// Something broke.
const EXIT_INTERNAL: u8 = 1;
/// The command line or the configuration is wrong.
const EXIT_USAGE: u8 = 2;

/// The flags that both processes have.
#[derive(Args, Clone, Debug)]
pub struct CommonArgs {
    /// Stop when standard input is closed, so that no orphan outlives its parent.
    #[arg(long)]
    exit_on_stdin_close: bool,
    /// How to write the log, to standard error; RUST_LOG chooses what is in it.
    #[arg(long, value_enum, default_value = "text")]
    log: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

impl CommonArgs {
    /// Keeps the process's memory to itself: no core file, and no other process of the same user may read it.
    fn guard_memory() {
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        let guarded =
            setrlimit(Resource::Core, none).and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable));
        if let Err(error) = guarded {
            tracing::warn!(%error, "cannot forbid core dumps, which would hold secrets");
        }
    }

    /// Has memory handed out in small pages. Huge ones are for big arrays; what a connection needs is scattered, and
    /// with them every thread's first allocations hold two megabytes: 37 MB instead of 22 before anyone connects.
    fn use_small_pages() {
        if let Err(error) = disable_transparent_huge_pages(true) {
            tracing::debug!(%error, "cannot switch huge pages off: the process will use more memory");
        }
    }

    /// Starts the log, once a process (a second start in one process keeps the first), and forbids core dumps.
    fn prepare(&self) {
        let filter = tracing_subscriber::EnvFilter::try_from_default_env()
            .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
        let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        let builder = builder.with_ansi(std::io::stderr().is_terminal());
        drop(match self.log {
            LogFormat::Text => builder.try_init(),
            LogFormat::Json => builder.json().try_init(),
        });
        Self::guard_memory();
        Self::use_small_pages();
    }

    /// Returns the shutdown that signals, and a closed standard input where asked for, begin. Call it inside the runtime.
    fn listen_for_end(&self) -> Result<Shutdown, Error> {
        let (trigger, shutdown) = channel();
        let trigger = Arc::new(trigger);
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let on_signal = trigger.clone();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            on_signal.begin();
        });
        if self.exit_on_stdin_close {
            std::thread::Builder::new().name("stdin".into()).spawn(move || wait_for_stdin_to_close(&trigger))?;
        }
        Ok(shutdown)
    }
}

fn wait_for_stdin_to_close(trigger: &Trigger) {
    let mut scrap = [0; 256];
    while !matches!(std::io::stdin().read(&mut scrap), Ok(0) | Err(_)) {}
    trigger.begin();
}

/// Writes the ready line.
fn announce(line: &serde_json::Value) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Runs a process's asynchronous part and turns its result into an exit code.
fn run(future: impl Future<Output = Result<(), Error>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = runtime.map_err(Error::from).and_then(|runtime| runtime.block_on(future));
    exit_code(outcome)
}

fn exit_code(outcome: Result<(), Error>) -> ExitCode {
    let Err(error) = outcome else { return EXIT_OK.into() };
    eprintln!("error: {error}");
    match error {
        Error::Config(_)
        | Error::Key(_)
        | Error::Accounts(_)
        | Error::Table(_)
        | Error::Certificate(_)
        | Error::File { .. } => EXIT_USAGE.into(),
        Error::Store(_) | Error::Trail(_) | Error::Vault(_) | Error::Network(_) => EXIT_INTERNAL.into(),
    }
}

/// Parses a command line.
///
/// # Errors
///
/// The exit code after `--help`, `--version` or a usage error, which are printed already.
fn parse<P: clap::Parser>(args: impl IntoIterator<Item = std::ffi::OsString>) -> Result<P, ExitCode> {
    P::try_parse_from(args).map_err(|error| {
        drop(error.print());
        if error.use_stderr() { EXIT_USAGE.into() } else { EXIT_OK.into() }
    })
}
