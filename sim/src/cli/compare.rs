//! `biopay compare`.

use super::folder::{release, vacant};
use crate::Error;
use biopay_reports::RunReader;
use biopay_reports::compare::{self, Comparison, FailOn, Regression, Side, reasons_not_to_compare};
use biopay_reports::metric::PER_CHARGE;
use clap::{Args, ValueEnum};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The percentage by which latencies of equal runs on the wall clock may differ, beside chance.
const WALL_NOISE_PERCENT: f64 = 2.0;

const EXAMPLES: &str = "Examples:
  biopay compare runs/before runs/after
  biopay compare before/1,before/2,before/3 after/1,after/2,after/3    several seeds of each: tests over the runs
  biopay compare runs/before runs/after --fail-on 'charge.p99 > +10%' --fail-on 'fmr > +0.001'
  biopay compare runs/before --save-baseline main            keeps a copy under .biopay/baselines
  biopay compare baseline:main runs/after --format markdown --out comparison.md
  biopay compare runs/before runs/after --html comparison.html    the tests as a page, with both runs in each plot
  biopay compare baseline:main runs/after --exact 1          what a charge costs in packets, bytes, round trips, events

A figure counts as changed when a test that fits it says so, with a 5 % chance of any false alarm in one comparison.
Runs of one seed compare the same samples of the same people, and their rates are tested pair by pair. Latencies of a
saturated queue show little within one run: compare several seeds of each build, the same on both sides.
--fail-on: exit code 4 when a change beyond the limit is shown, 5 when it may be chance.";

/// Compares two runs figure by figure, with a statistical test where the figure has one.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompareArgs {
    /// The run folder to compare with, or `baseline:NAME`; several seeds of one scenario with commas between.
    first: String,
    /// The run folder that is compared, or `baseline:NAME`; several with commas between.
    #[arg(required_unless_present = "save_baseline")]
    second: Option<String>,
    /// A change that fails the comparison (exit code 4), as in `charge.p99 > +10%` or `charge.throughput < -5%`.
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    fail_on: Vec<String>,
    /// Fails when a charge costs more datagrams, bytes, round trips or events than before by more than this percentage.
    /// Runs in virtual time with one seed count these exactly: two equal builds differ by nothing.
    #[arg(long, value_name = "PERCENT", num_args = 0..=1, default_missing_value = "0")]
    exact: Option<f64>,
    /// Compares runs of different scenarios, clocks or machines, with a warning.
    #[arg(long)]
    force: bool,
    /// Saves the last named run as the baseline NAME, in place of an earlier one.
    #[arg(long, value_name = "NAME")]
    save_baseline: Option<String>,
    /// The percentage by which latencies of equal runs may differ, beside chance. Default: 0 in virtual time, 2 on the
    /// wall clock of an otherwise idle machine; compare two equal runs of your own to find yours.
    #[arg(long, value_name = "PERCENT")]
    noise: Option<f64>,
    /// Shows every figure, not only the changed ones.
    #[arg(long)]
    all: bool,
    /// The output format.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Also writes a page with the tests, both error trade-offs and both latencies in one plot.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The output file; default: the standard output.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// The formats of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal.
    Text,
    /// For other programs.
    Json,
    /// For a pull request.
    Markdown,
}

pub(super) fn execute(args: &CompareArgs) -> Result<(), Error> {
    if args.noise.is_some_and(|noise| !(0.0..100.0).contains(&noise)) {
        return Err(Error::Usage("--noise must lie from 0 to 100".into()));
    }
    let exact = args.exact.map(|percent| format!("{PER_CHARGE} > +{percent}%"));
    let limits: Vec<FailOn> = args.fail_on.iter().chain(&exact).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let first_runs = runs(&args.first)?;
    let first = &first_runs[0].1;
    let Some(second_name) = &args.second else { return save(args, first) };
    let second_runs = runs(second_name)?;
    let second = &second_runs[0].1;
    let cautions = cautions(&first_runs, &second_runs)?;
    if !cautions.is_empty() && !args.force {
        let reasons = cautions.join("\n  ");
        return Err(Error::Usage(format!("the runs are not comparable (--force compares them anyway):\n  {reasons}")));
    }
    if args.exact.is_some() && [first, second].iter().any(|run| run.manifest().clock != "virtual") {
        return Err(Error::Usage(
            "--exact needs runs in virtual time (--clock virtual), whose counts repeat exactly".into(),
        ));
    }
    if args.exact.is_some() && first.manifest().seed != second.manifest().seed {
        return Err(Error::Usage("--exact needs runs with the same seed: other seeds mean other work".into()));
    }
    let is_virtual = [first, second].iter().all(|run| run.manifest().clock == "virtual");
    let noise = args.noise.unwrap_or(if is_virtual { 0.0 } else { WALL_NOISE_PERCENT });
    let sides = |runs: &[Named]| runs.iter().map(|(name, run)| Side::read(run, name)).collect::<Result<Vec<_>, _>>();
    let (sides_a, sides_b) = (sides(&first_runs)?, sides(&second_runs)?);
    let comparison = match (sides_a.as_slice(), sides_b.as_slice()) {
        ([a], [b]) => compare::compare(a, b, noise / 100.0, cautions),
        (a, b) => compare::compare_replicated(a, b, noise / 100.0, cautions)?,
    };
    write(args, &comparison)?;
    if let Some(html) = &args.html {
        std::fs::write(html, compare::page(&comparison, &sides_a, &sides_b)).map_err(Error::file(html))?;
    }
    save(args, second)?;
    conclude(&FailOn::all(&limits, &comparison)?)
}

/// A run and what it was called.
type Named = (String, RunReader);

/// Opens the runs of one side.
fn runs(names: &str) -> Result<Vec<Named>, Error> {
    names.split(',').map(|name| Ok((name.to_owned(), RunReader::open(&folder(name)?)?))).collect()
}

/// Lists why the runs are not strictly comparable.
///
/// # Errors
///
/// [`Error::Usage`] where the runs of one side are not seeds of one scenario.
fn cautions(first: &[Named], second: &[Named]) -> Result<Vec<String>, Error> {
    for side in [first, second] {
        let seeds: BTreeSet<u64> = side.iter().map(|(_, run)| run.manifest().seed).collect();
        let is_alike = |run: &RunReader| reasons_not_to_compare(side[0].1.manifest(), run.manifest()).is_empty();
        if seeds.len() < side.len() || !side.iter().all(|(_, run)| is_alike(run)) {
            let names: Vec<&str> = side.iter().map(|(name, _)| name.as_str()).collect();
            let names = names.join(", ");
            return Err(Error::Usage(format!("{names}: the runs of one side must be different seeds of one scenario")));
        }
    }
    Ok(reasons_not_to_compare(first[0].1.manifest(), second[0].1.manifest()))
}

fn write(args: &CompareArgs, comparison: &Comparison) -> Result<(), Error> {
    let text = match args.format {
        Format::Text => compare::terminal(comparison, args.all),
        Format::Markdown => compare::markdown(comparison),
        Format::Json => serde_json::to_string_pretty(comparison).map_err(|e| Error::InvalidRun(e.to_string()))? + "\n",
    };
    match &args.out {
        Some(out) => std::fs::write(out, text).map_err(Error::file(out)),
        None => {
            print!("{text}");
            Ok(())
        }
    }
}

fn conclude(regressions: &[Regression]) -> Result<(), Error> {
    let named = |is_shown: bool| {
        let of = |r: &Regression| format!("{} ({})", r.limit, r.figure);
        regressions.iter().filter(|r| r.is_shown == is_shown).map(of).collect::<Vec<_>>().join(", ")
    };
    let (shown, open) = (named(true), named(false));
    match (shown.is_empty(), open.is_empty()) {
        (false, _) => Err(Error::Regression(shown)),
        (true, false) => Err(Error::NotEnoughEvidence(format!(
            "beyond the limit, but it may be chance, or too little to test (figures of one link, as in charge@4g.p99, count every latency): {open}"
        ))),
        (true, true) => Ok(()),
    }
}

const BASELINE: &str = "baseline:";

fn folder(name: &str) -> Result<PathBuf, Error> {
    let Some(baseline) = name.strip_prefix(BASELINE) else { return Ok(PathBuf::from(name)) };
    let path = baseline_folder(baseline)?;
    if path.exists() {
        return Ok(path);
    }
    Err(Error::Usage(format!(
        "there is no baseline {baseline:?}: save one with biopay compare RUN --save-baseline {baseline}"
    )))
}

fn baseline_folder(name: &str) -> Result<PathBuf, Error> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(is_word) {
        return Err(Error::Usage(format!("{name:?} is not a name for a baseline: use letters, digits, - _ .")));
    }
    Ok(Path::new(".biopay/baselines").join(name))
}

/// Saves a run as a baseline, where that is asked for.
fn save(args: &CompareArgs, run: &RunReader) -> Result<(), Error> {
    let Some(name) = &args.save_baseline else { return Ok(()) };
    let target = vacant(&baseline_folder(name)?, true)?;
    let copied = copy(run, &target);
    if copied.is_err() {
        release(&target);
    }
    copied?;
    eprintln!("saved as {BASELINE}{name} in {}", target.display());
    Ok(())
}

/// Copies the files that a comparison reads: first beside the baseline, then into its place.
fn copy(run: &RunReader, target: &Path) -> Result<(), Error> {
    if target.canonicalize().is_ok_and(|kept| run.folder().canonicalize().is_ok_and(|own| own == kept)) {
        return Ok(());
    }
    let parent = target.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(Error::file(parent))?;
    let staging = tempfile::tempdir_in(parent).map_err(Error::file(parent))?;
    for entry in std::fs::read_dir(run.folder()).map_err(Error::file(run.folder()))? {
        let from = entry.map_err(Error::file(run.folder()))?.path();
        let is_read = from.extension().is_some_and(|e| e == "parquet" || e == "hdr" || e == "json");
        if let Some(name) = from.file_name().filter(|_| is_read) {
            std::fs::copy(&from, staging.path().join(name)).map_err(Error::file(&from))?;
        }
    }
    if target.exists() {
        std::fs::remove_dir_all(target).map_err(Error::file(target))?;
    }
    std::fs::rename(staging.keep(), target).map_err(Error::file(target))
}
