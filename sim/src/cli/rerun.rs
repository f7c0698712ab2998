//! `biopay rerun`: a run played again from its manifest, and its bytes compared.

use super::folder::{Input, release, vacant};
use crate::cluster::bucket::Place;
use crate::scenario::ClockKind;
use crate::shard::Shard;
use crate::stop::Stop;
use crate::{Error, Scenario, provenance};
use biopay_reports::RunReader;
use biopay_reports::manifest::{Completion, Manifest};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  biopay rerun runs/2g-village-1
  biopay rerun runs/2g-village-1 --out runs/again          keeps the second run
  biopay rerun s3://runs/whole --json                      the outcome for programs

Exit codes: 0 the same bytes, 4 other bytes, 2 a run that has no bytes to compare: one on the wall clock, or a partial one.";

/// Plays a run in virtual time again from its manifest, and compares the digests.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RerunArgs {
    /// The run folder, or `s3://BUCKET/PREFIX` for a run in an object store.
    run: PathBuf,
    /// The folder of the second run; default: none is kept.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Prints the outcome as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn execute(args: &RerunArgs) -> Result<(), Error> {
    let input = Input::open(&args.run)?;
    let first = RunReader::open(input.folder())?.manifest().clone();
    let (scenario, shard) = played(&first, &args.run)?;
    let stop = Stop::on_interrupt()?;
    let scratch = tempfile::tempdir().map_err(Error::file(std::env::temp_dir()))?;
    let out = match &args.out {
        Some(out) => vacant(&Place::here(out, "a run is played again on this machine")?, false)?,
        None => scratch.path().join("run"),
    };
    let again = crate::run::run(&scenario, shard, &out, first.command.clone(), &stop);
    if again.is_err() {
        release(&out);
    }
    let second = RunReader::open(&again?)?.manifest().clone();
    stop.check()?;
    conclude(args, &first, &second)
}

/// Returns what a run has played.
///
/// # Errors
///
/// [`Error::Usage`] for a run whose bytes another one cannot have.
fn played(manifest: &Manifest, run: &Path) -> Result<(Scenario, Shard), Error> {
    let refuse = |why: &str| Err(Error::Usage(format!("{}: {why}", run.display())));
    if manifest.clock != ClockKind::Virtual.name() {
        return refuse(
            "a run on the wall clock never has the same bytes again: play it by its command, and use biopay compare",
        );
    }
    if manifest.completion == Completion::Partial {
        return refuse("the run was ended early: go on with biopay run --resume, then play it again");
    }
    let mut scenario: Scenario = serde_json::from_value(manifest.scenario.clone()).map_err(|error| {
        Error::Usage(format!("{}: this version does not know the scenario of the manifest: {error}", run.display()))
    })?;
    let shard = manifest.shard.as_deref().map_or(Ok(Shard::WHOLE), str::parse)?;
    let invalid = |message| Error::Scenario { origin: run.display().to_string(), message };
    scenario.begin().map_err(invalid)?;
    Ok((Scenario { seed: manifest.seed, ..scenario }, shard))
}

/// Prints which artefacts differ, or that all are the same.
fn conclude(args: &RerunArgs, first: &Manifest, second: &Manifest) -> Result<(), Error> {
    let names = first.artefacts.keys().chain(second.artefacts.keys()).collect::<std::collections::BTreeSet<_>>();
    let differing: Vec<&str> = names
        .into_iter()
        .filter(|name| first.artefacts.get(*name) != second.artefacts.get(*name))
        .map(String::as_str)
        .collect();
    let is_same = first.digest == second.digest;
    let build = provenance::build();
    let same_build = first.build == build;
    if args.json {
        let outcome = json!({
            "same": is_same, "digest": first.digest, "digest_again": second.digest, "differing": differing,
            "artefacts": first.artefacts.len(), "same_build": same_build, "run": args.run, "out": args.out,
        });
        println!("{outcome:#}");
    } else if is_same {
        println!("the same bytes: {} artefacts, digest {}", first.artefacts.len(), first.digest);
    } else {
        println!("digest        {}\nplayed again  {}", first.digest, second.digest);
        differing.iter().for_each(|name| println!("differs       {name}"));
    }
    if is_same {
        return Ok(());
    }
    let why = match same_build {
        true => {
            "the same build made other bytes, which is a fault of the simulator: please report it with scenario and seed"
        }
        false => {
            "another build made the run, and this one makes other bytes: see the changelog for what was meant to change"
        }
    };
    let of = first.artefacts.len();
    Err(Error::Regression(format!(
        "{} of {of} artefacts differ; {why} (first build: {})",
        differing.len(),
        first.build.commit
    )))
}
