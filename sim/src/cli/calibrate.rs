//! `biopay calibrate`.

use crate::Error;
use crate::calibration::measure;
use crate::scenario::ServiceModel;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  biopay calibrate
  biopay calibrate --out mine.toml

The sections that it writes go into a scenario file as they are. Run it on a quiet machine.";

/// Measures the cost of work on this machine, for virtual time.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CalibrateArgs {
    /// Writes the costs to this file as well.
    #[arg(long, value_name = "FILE.toml")]
    out: Option<PathBuf>,
}

/// The costs at their place in a scenario.
#[derive(Serialize)]
struct Sections {
    server: Server,
}

#[derive(Serialize)]
struct Server {
    service: ServiceModel,
}

pub(super) fn execute(args: &CalibrateArgs) -> Result<(), Error> {
    if let Some(path) = &args.out {
        // Measuring takes a minute: whether the file can be written shows before it.
        std::fs::OpenOptions::new().append(true).create(true).open(path).map_err(Error::file(path))?;
    }
    let sections = Sections { server: Server { service: measure()? } };
    let text = toml::to_string(&sections).map_err(|e| Error::Usage(e.to_string()))?;
    print!("{text}");
    if let Some(path) = &args.out {
        std::fs::write(path, text).map_err(Error::file(path))?;
    }
    Ok(())
}
