//! The worker process that reads one image. It gives up every right that reading does not need, and holds nothing else
//! of the server.

use super::{EXIT_INTERNAL, EXIT_OK, EXIT_USAGE};
use crate::images::{WORKER_ARGUMENT, WORKER_MEMORY_VARIABLE, WorkerCommand};
use biopay_protocol::ImageBytes;
use biopay_protocol::qr::read_png;
use rustix::process::{Resource, Rlimit, Signal, nice, set_parent_process_death_signal, setrlimit};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::process::ExitCode;

/// Seconds of processor time; the server kills it long before.
const CPU_SECONDS_MAX: u64 = 5;
/// The highest niceness, so that payments go first.
const NICENESS: i32 = 19;

/// Returns the command that starts this program as a worker. `given` is the number of arguments that [`super::server_main`] got: what
/// stands before them on the real command line leads to it.
pub(crate) fn worker_command(given: usize) -> std::io::Result<WorkerCommand> {
    let real: Vec<OsString> = std::env::args_os().collect();
    let leading = real.len().saturating_sub(given);
    let arguments = real.into_iter().skip(1).take(leading).collect();
    Ok(WorkerCommand { program: std::env::current_exe()?, arguments })
}

/// Returns whether the arguments ask for a worker.
pub(crate) fn is_worker(args: &[OsString]) -> bool {
    args.get(1).is_some_and(|argument| argument == WORKER_ARGUMENT)
}

/// Reads a PNG from standard input and writes the payload of its symbol to standard output.
pub(crate) fn main() -> ExitCode {
    if limit().is_err() {
        return EXIT_INTERNAL.into();
    }
    let mut png = Vec::new();
    let within = std::io::stdin().take(ImageBytes::BYTES_MAX as u64 + 1).read_to_end(&mut png);
    if within.is_err() || png.len() > ImageBytes::BYTES_MAX {
        return EXIT_USAGE.into();
    }
    match read_png(&png) {
        Ok(reading) if std::io::stdout().write_all(&reading.payload).is_ok() => EXIT_OK.into(),
        _ => EXIT_USAGE.into(),
    }
}

/// Gives up what the worker does not need.
fn limit() -> std::io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    nice(NICENESS)?;
    let memory = std::env::var(WORKER_MEMORY_VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let limits = [
        (Resource::As, memory),
        (Resource::Cpu, CPU_SECONDS_MAX),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
        // Standard input and output are open already, and nothing else will be.
        (Resource::Nofile, 3),
    ];
    for (resource, most) in limits {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}
