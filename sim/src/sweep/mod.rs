//! Sweeps: one scenario over a grid of values, with replications; each point is a run.
//!
//! ```text
//! SWEEP.toml ─► Plan (points: settings and seed) ─► a process a point, as many at once as there are cores
//!                                                        │ run folders; finished ones are not run again
//!                                                        ▼
//!                                       sweep.csv, sweep.parquet, sweep.html
//! ```

mod outputs;
mod plan;
mod pool;

pub use plan::{Planned, SweepPlan};

use crate::Error;
use std::path::Path;

/// Runs the unfinished points and writes the outputs. Returns the number of points that were run.
///
/// # Errors
///
/// Those of the plan; [`Error::InvalidRun`] with the first failed point, after all others are done.
pub fn sweep(plan: &SweepPlan, out: &Path, jobs: usize) -> Result<usize, Error> {
    let folder = out.join("points");
    std::fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    let open: Vec<&Planned> = plan.points.iter().filter(|point| !point.is_finished(&folder)).collect();
    let failed = pool::run_all(&open, &folder, jobs)?;
    outputs::write(plan, out)?;
    match failed.first() {
        None => Ok(open.len()),
        Some((name, why)) => Err(Error::InvalidRun(format!(
            "{} of {} points failed; the first was {name}: {why}",
            failed.len(),
            plan.points.len()
        ))),
    }
}
