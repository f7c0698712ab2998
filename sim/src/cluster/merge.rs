//! Merging the shards of a run: an associative, commutative sum that fails on a missing, repeated or foreign shard.

use crate::Error;
use crate::scenario::{ClockKind, Scenario};
use crate::shard::Shard;
use crate::virtual_time::play::is_sum;
use biopay_reports::cases::FOLDER as CASES_FOLDER;
use biopay_reports::manifest::Completion;
use biopay_reports::records::{Component, ServerFigure};
use biopay_reports::run_folder::{Records, SAMPLES_FOLDER};
use biopay_reports::{Manifest, RunReader, RunWriter};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Merges the shards of a run into one folder, as if the scenario had been run in one piece.
///
/// # Errors
///
/// [`Error::Usage`] with the folder that is not a shard of the same run, or the shard that is missing or repeated; the
/// errors of reading and writing.
pub fn merge(folders: &[PathBuf], out: &Path, command: String) -> Result<PathBuf, Error> {
    let runs = folders.iter().map(|f| RunReader::open(f)).collect::<Result<Vec<_>, _>>()?;
    let runs = in_order(runs)?;
    let writer = RunWriter::create(out)?;
    let first = runs[0].manifest();
    let scenario: Scenario = serde_json::from_value(first.scenario.clone()).map_err(|e| {
        Error::Usage(format!("{}: this program cannot read its scenario: {e}", runs[0].folder().display()))
    })?;
    let mut whole = Records::default();
    for run in &runs {
        let Records { comparisons, transactions, attacks, attack_figures, network, server, latency } = run.records()?;
        whole.comparisons.extend(comparisons);
        whole.transactions.extend(transactions);
        whole.attacks.extend(attacks);
        whole.attack_figures.extend(attack_figures);
        whole.network.extend(network);
        whole.server.extend(server);
        whole.latency.merge(&latency);
        for name in [SAMPLES_FOLDER, CASES_FOLDER] {
            copy_pictures(&run.folder().join(name), &writer.staging().join(name))?;
        }
    }
    whole.server = sums(whole.server);
    whole.sort();
    let position = |name: &str| scenario.schemes.r#use.iter().position(|id| id.name() == name);
    // Rows of one reference stand in one shard, in their order.
    whole.comparisons.sort_by_key(|row| (position(&row.scheme), row.reference_subject));
    let manifest = Manifest {
        shard: None,
        command,
        invalid: invalid(&runs),
        duration_us: runs.iter().map(|run| run.manifest().duration_us).max().unwrap_or(0),
        artefacts: BTreeMap::new(),
        digest: String::new(),
        ..first.clone()
    };
    Ok(writer.finish(&whole, manifest)?)
}

/// Checks that the runs are all the shards of one run, and sorts them.
fn in_order(runs: Vec<RunReader>) -> Result<Vec<RunReader>, Error> {
    let wrong = |run: &RunReader, why: &str| Error::Usage(format!("{}: {why}", run.folder().display()));
    let mut by_index = BTreeMap::new();
    let mut of = None;
    let mut scenario = None;
    for run in runs {
        let manifest = run.manifest();
        let shard = manifest.shard.as_deref().ok_or_else(|| wrong(&run, "is a whole run, not a shard"))?;
        let (index, count) = shard.parse::<Shard>()?.numbers();
        if manifest.completion != Completion::Complete {
            return Err(wrong(&run, "was interrupted: run this shard again"));
        }
        let identity = (manifest.scenario.clone(), manifest.seed, manifest.clock.clone(), manifest.program.clone());
        if *scenario.get_or_insert_with(|| identity.clone()) != identity || *of.get_or_insert(count) != count {
            return Err(wrong(&run, "is a shard of another run: scenario, seed, clock, program or count differ"));
        }
        if let Some(earlier) = by_index.insert(index, run) {
            return Err(wrong(&earlier, &format!("shard {index}/{count} is there twice")));
        }
    }
    let of = of.ok_or_else(|| Error::Usage("name the folders of the shards".into()))?;
    if let Some(missing) = (0..of).find(|index| !by_index.contains_key(index)) {
        return Err(Error::Usage(format!("shard {missing}/{of} is missing")));
    }
    let runs: Vec<RunReader> = by_index.into_values().collect();
    ran_together(&runs)?;
    Ok(runs)
}

/// The greatest distance between the starts of shards that ran together. Units: seconds.
const APART_S_MAX: u64 = 1;

/// Checks that shards on the wall clock began together: the sum of rates that were measured one after another is a rate
/// that no server was ever asked for.
fn ran_together(runs: &[RunReader]) -> Result<(), Error> {
    let starts = || runs.iter().map(|run| run.manifest()).filter(|m| m.clock == ClockKind::Wall.name());
    let starts = || starts().map(|manifest| manifest.started_unix_s);
    let apart_s = starts().max().unwrap_or(0) - starts().min().unwrap_or(0);
    if apart_s <= APART_S_MAX {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "the shards began {apart_s} s apart on the wall clock, so that they did not load the server together and their \
         rates cannot be added: give them one start with arrivals.begin-unix-s, as `biopay cluster slurm` does, or run \
         them in virtual time"
    )))
}

/// Lists why the merged run is invalid: the reasons of its shards.
fn invalid(runs: &[RunReader]) -> Vec<String> {
    let reason = |run: &RunReader| {
        let shard = run.manifest().shard.clone().unwrap_or_default();
        run.manifest().invalid.iter().map(|why| format!("shard {shard}: {why}")).collect::<Vec<_>>()
    };
    runs.iter().flat_map(reason).collect()
}

fn sums(figures: Vec<ServerFigure>) -> Vec<ServerFigure> {
    let mut sums: BTreeMap<(String, String), f64> = BTreeMap::new();
    for ServerFigure { component, name, value } in figures.into_iter().filter(|f| is_sum(&f.name)) {
        let is_shared = component == Component::Symbol || component == Component::Security;
        let sum = sums.entry((component, name)).or_default();
        // What a symbol costs is the same in every shard.
        *sum = if is_shared { value } else { *sum + value };
    }
    sums.into_iter().map(|((component, name), value)| ServerFigure { component, name, value }).collect()
}

/// Copies a folder of pictures if the run has one.
fn copy_pictures(from: &Path, to: &Path) -> Result<(), Error> {
    if !from.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(to).map_err(Error::file(to))?;
    for entry in std::fs::read_dir(from).map_err(Error::file(from))? {
        let entry = entry.map_err(Error::file(from))?;
        std::fs::copy(entry.path(), to.join(entry.file_name())).map_err(Error::file(entry.path()))?;
    }
    Ok(())
}
