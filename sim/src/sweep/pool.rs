//! The execution of a sweep's points, each in its own process, several in parallel.

use super::plan::Planned;
use crate::Error;
use crate::parts::Origin;
use crate::progress::Stage;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs every point and returns the failed ones with their error output.
///
/// A process is interrupted together with this one, and keeps its partial run.
pub(super) fn run_all(points: &[&Planned], folder: &Path, jobs: usize) -> Result<Vec<(String, String)>, Error> {
    let program = std::env::current_exe().map_err(Error::file("biopay"))?;
    let stage = Stage::new("running points", points.len() as u64);
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(why) = run_one(&program, point, folder) {
                failed.lock().unwrap_or_else(|e| e.into_inner()).push((point.name.clone(), why));
            }
            stage.add(1);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, points.len().max(1)) {
            scope.spawn(work);
        }
    });
    stage.finish();
    let mut failed = failed.into_inner().unwrap_or_else(|e| e.into_inner());
    failed.sort();
    Ok(failed)
}

fn run_one(program: &Path, point: &Planned, folder: &Path) -> Result<(), String> {
    let scenario = folder.join(&point.name).with_extension("toml");
    let text = toml::to_string(&point.scenario).map_err(|e| e.to_string())?;
    std::fs::write(&scenario, text).map_err(|e| format!("{}: {e}", scenario.display()))?;
    let run = point.run_folder(folder);
    // A point that was killed goes on from its finished parts.
    let origin = Origin::read(&run).ok().flatten();
    let mut command = Command::new(program);
    command.arg("run");
    match origin.is_some_and(|origin| origin.scenario == point.scenario) {
        true => command.arg("--resume").arg(&run),
        false => command.arg(&scenario).arg("--out").arg(&run).arg("--overwrite"),
    };
    let done = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|e| e.to_string())?;
    // A failed or open threshold is a result.
    match done.status.code() {
        Some(0 | 3 | 5) if point.is_finished(folder) => Ok(()),
        code => {
            let said = String::from_utf8_lossy(&done.stderr);
            let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
            Err(format!("exit code {}: {last}", code.map_or("none".to_owned(), |c| c.to_string())))
        }
    }
}
