//! `biopay report`.

use crate::Error;
use biopay_reports::{RunReader, html};
use clap::Args;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  biopay report runs/quickstart-1
  biopay report runs/quickstart-1 --out report.html";

/// Writes the HTML report of a run folder again, from its records alone.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// What `biopay run` wrote.
    run: PathBuf,
    /// The report's file; without it `report.html` in the run folder.
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(super) fn execute(args: &ReportArgs) -> Result<(), Error> {
    let run = RunReader::open(&args.run)?;
    let out = args.out.clone().unwrap_or_else(|| args.run.join("report.html"));
    println!("{}", write_report(&run, &out)?.display());
    Ok(())
}

/// Writes a run's report and returns its path.
pub(super) fn write_report(run: &RunReader, out: &Path) -> Result<PathBuf, Error> {
    std::fs::write(out, html::report(run)?).map_err(Error::file(out))?;
    Ok(out.to_owned())
}
