//! `biopay sweep`.

use crate::Error;
use crate::cluster::bucket::Place;
use crate::scenario::ClockKind;
use crate::sweep::{SweepPlan, sweep};
use clap::Args;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  biopay sweep quality.toml
  biopay sweep quality.toml --out sweeps/quality --jobs 8

A sweep's file:
  scenario = \"2g-village\"
  replications = 3
  figures = [\"frr\", \"charge.p99\"]              # what is drawn; the table has everything
  [set]
  handsets = 50
  [grid]                                        # numbers first: horizontal axis, lines, panels
  biometric.quality = { from = 0.2, to = 1.0, steps = 5 }
  biometric.device = [\"optical\", \"sweep\"]

Started again, it runs only what is not finished. Leaves sweep.csv, sweep.parquet, sweep.html and points/.";

/// Runs a scenario over a grid of values of any of its keys, with replications.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SweepArgs {
    /// The sweep file.
    file: PathBuf,
    /// The folder of the sweep; default: `sweeps/NAME`.
    #[arg(long)]
    out: Option<PathBuf>,
    /// The number of parallel runs; default: one for each core, and one on the wall clock, where runs would disturb
    /// each other.
    #[arg(long)]
    jobs: Option<usize>,
}

pub(super) fn execute(args: &SweepArgs) -> Result<(), Error> {
    let plan = SweepPlan::load(&args.file)?;
    let out = args.out.clone().unwrap_or_else(|| Path::new("sweeps").join(&plan.name));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let usual = if plan.clock == ClockKind::Wall { 1 } else { cores };
    Place::here(&out, "a sweep is written to a folder of this machine")?;
    let run = sweep(&plan, &out, args.jobs.unwrap_or(usual))?;
    println!("{run} of {} points run, the others were finished before", plan.points.len());
    println!("table  {}\nplots  {}", out.join("sweep.csv").display(), out.join("sweep.html").display());
    Ok(())
}
