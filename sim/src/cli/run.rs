//! `biopay run` and `biopay scenarios`.

use super::folder::{Output, claim_next, release, vacant};
use super::report::conclude;
use super::search;
use super::show::{ShowArgs, Shown};
use crate::cluster::bucket::Place;
use crate::parts::{EVERY, Parts};
use crate::people::population::bank_accounts;
use crate::run::knee::Search;
use crate::scenario::{BUILT_IN, ClockKind};
use crate::shard::Shard;
use crate::stop::Stop;
use crate::wall::processes::account_lines;
use crate::{Error, Scenario};
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Duration;

const EXAMPLES: &str = "Examples:
  biopay run
  biopay run my-scenario.toml --out results/first
  biopay run quickstart --set handsets=50 --set biometric.quality=0.9 --seed 7
  biopay run quickstart --print-config > my-scenario.toml
  biopay run 2g-village                                    in virtual time: the same bytes for the same seed
  biopay run quickstart --clock virtual --set network.mix.4g=1
  biopay run ten-thousand --shard 0/8 --out part-0
  biopay run ten-thousand --shard 0/8 --out s3://runs/part-0     with the feature s3; server and key: AWS_* variables
  biopay run throughput --find-knee                        the highest rate of payments that is served in time
  biopay run quickstart --both-clocks --with mine.toml     wall clock beside virtual time, with `biopay calibrate`'s costs
  biopay run quickstart --print-accounts > accounts.csv    for a server of your own: biopay-bank --accounts accounts.csv
  biopay run quickstart --set server.address=127.0.0.1:4433 --set server.certificate=server.pem --reuse-accounts

  biopay run --resume runs/ten-thousand-1                  goes on with a run that was killed or stopped

Ctrl-C ends a run early and keeps what was measured, marked as partial: exit code 130.";

/// Runs a scenario: virtual handsets against the real server, then a summary and a report.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RunArgs {
    /// A scenario file, or the name of a built-in scenario.
    #[arg(default_value = "quickstart")]
    scenario: String,
    /// Sets a key of the scenario, as in `--set handsets=50` or `--set biometric.device=handset`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Overrides the scenario with the sections of this file, for example one written by `biopay calibrate --out`; may
    /// be repeated.
    #[arg(long, value_name = "FILE.toml")]
    with: Vec<PathBuf>,
    /// The seed of all randomness.
    #[arg(long, allow_negative_numbers = true)]
    seed: Option<u64>,
    /// The run folder; default: the first free `runs/SCENARIO-N`. `s3://BUCKET/PREFIX` uploads the run when it is
    /// finished.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Replaces a run that is already in the folder.
    #[arg(long)]
    overwrite: bool,
    /// The clock of the run; default: the scenario's.
    #[arg(long, value_enum)]
    clock: Option<ClockKind>,
    /// Runs one of n equal parts, i/n with i from 0: the accounts whose number is i modulo n.
    #[arg(long, value_name = "i/n", default_value = "0/1")]
    shard: Shard,
    /// Searches for the highest rate of payments that the server sustains: runs the scenario again and again at
    /// different rates, and keeps every run folder.
    #[arg(long, conflicts_with = "shard")]
    find_knee: bool,
    /// With `--find-knee`: the limit on the 99th percentile of a payment's latency, from its intended start and without
    /// the user's own time. Units: milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 200.0, requires = "find_knee")]
    objective_ms: f64,
    /// With `--find-knee`: the first rate. Units: payments per second.
    #[arg(long, value_name = "RATE", default_value_t = 50.0, requires = "find_knee")]
    knee_from: f64,
    /// With `--find-knee`: the time in which each step pays. Units: seconds.
    #[arg(long, value_name = "S", default_value_t = 8.0, requires = "find_knee")]
    knee_seconds: f64,
    /// Runs the scenario on the wall clock and in virtual time, and compares the latencies.
    #[arg(long, conflicts_with_all = ["clock", "shard", "find_knee"])]
    both_clocks: bool,
    /// Goes on with a run that was ended early, from the parts that its folder has kept: the same bytes in virtual time as
    /// without the interruption.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["scenario", "settings", "with", "seed", "out", "overwrite", "clock", "shard", "find_knee", "both_clocks", "reuse_accounts"])]
    resume: Option<PathBuf>,
    /// The interval at which a run keeps its finished parts. Units: seconds.
    #[arg(long, value_name = "S", default_value_t = EVERY.as_secs(), hide = true)]
    keep_every: u64,
    /// Uses the accounts again that an earlier run of this seed has opened at `server.address`, as
    /// `--set server.reuse-accounts=true` does.
    #[arg(long)]
    reuse_accounts: bool,
    #[command(flatten)]
    show: ShowArgs,
    /// Prints the scenario with every default filled in and exits.
    #[arg(long)]
    print_config: bool,
    /// Prints the bank accounts of the scenario's owners in the format of `biopay-bank --accounts`, for your own server
    /// (`server.address`), and exits.
    #[arg(long)]
    print_accounts: bool,
    /// Prints the JSON Schema of scenario files and exits.
    #[arg(long)]
    print_schema: bool,
}

pub(super) fn execute(args: &RunArgs, command_line: &str) -> Result<(), Error> {
    if args.print_schema {
        println!("{:#}", Scenario::schema());
        return Ok(());
    }
    let shown = args.show.shown();
    if shown != Shown::Text && (args.find_knee || args.both_clocks) {
        return Err(Error::Usage("--quiet and --json are for one run, not for --find-knee and --both-clocks".into()));
    }
    if let Some(folder) = &args.resume {
        return resume(folder, args.keep_every, shown);
    }
    let scenario = load(args, args.clock)?;
    if args.print_config {
        let text = toml::to_string(&scenario).map_err(|e| Error::Usage(e.to_string()))?;
        print!("{text}");
        return Ok(());
    }
    if args.print_accounts {
        print!("{}", account_lines(bank_accounts(&scenario)?));
        return Ok(());
    }
    scenario.without_effect().iter().for_each(|warning| eprintln!("warning: {warning}"));
    let stop = Stop::on_interrupt()?;
    if args.find_knee {
        let search = knee(args)?;
        let out = out(args, &format!("{}-knee", scenario.name))?;
        let found = search::find_knee(&scenario, search, &out, command_line, &stop);
        release(&out);
        return found.and(stop.check());
    }
    if args.both_clocks {
        let scenarios = [ClockKind::Wall, ClockKind::Virtual].map(|clock| load(args, Some(clock)));
        let [wall, virtual_time] = scenarios;
        let (wall, virtual_time) = (wall?, virtual_time?);
        let out = out(args, &format!("{}-clocks", scenario.name))?;
        let compared = search::both_clocks([&wall, &virtual_time], &out, command_line, &stop);
        release(&out);
        return compared.and(stop.check());
    }
    let out = match &args.out {
        Some(out) => Output::open(out, args.overwrite)?,
        None => Output::Here(claim_next(&scenario.name)?),
    };
    let folder = out.folder();
    let every = Duration::from_secs(args.keep_every);
    let played = crate::run::begin(&scenario, args.shard, &folder, command_line.to_owned(), every, &stop);
    kept(played, &folder)?;
    conclude_after(out, shown, &stop)
}

/// Goes on with a run that was ended early.
fn resume(folder: &Path, keep_every: u64, shown: Shown) -> Result<(), Error> {
    let folder = Place::here(folder, "only a run in a folder of this machine can go on")?;
    let stop = Stop::on_interrupt()?;
    let played = crate::run::resume(&folder, Duration::from_secs(keep_every), &stop);
    if played.is_err() && Parts::are_in(&folder) {
        say_how_to_go_on(&folder);
    }
    played?;
    conclude_after(Output::Here(folder), shown, &stop)
}

/// Releases the folder of a run that failed, or says how it goes on where parts of it are kept.
fn kept(played: Result<PathBuf, Error>, folder: &Path) -> Result<(), Error> {
    match played {
        // The folder is the other process's.
        Err(error @ Error::Reports(biopay_reports::Error::Written(_))) => Err(error),
        Err(error) => {
            if !release(folder) {
                say_how_to_go_on(folder);
            }
            Err(error)
        }
        Ok(_) => Ok(()),
    }
}

fn say_how_to_go_on(folder: &Path) {
    eprintln!("what was finished is kept: go on with biopay run --resume {}", folder.display());
}

/// Ends a run, and fails if a signal ended it early: its verdict is then that of a part of its records.
fn conclude_after(out: Output, shown: Shown, stop: &Stop) -> Result<(), Error> {
    match conclude(out, shown) {
        Ok(()) | Err(Error::InvalidRun(_) | Error::ThresholdFailed(_) | Error::NotEnoughEvidence(_))
            if stop.check().is_err() =>
        {
            stop.check()
        }
        concluded => concluded,
    }
}

fn load(args: &RunArgs, clock: Option<ClockKind>) -> Result<Scenario, Error> {
    // A clock on the command line is a setting like others, since which scenarios are right depends on it.
    let clock = clock.map(|clock| format!("clock={}", clock.name()));
    let reuse = args.reuse_accounts.then(|| "server.reuse-accounts=true".to_owned());
    let settings: Vec<String> = args.settings.iter().cloned().chain(clock).chain(reuse).collect();
    let scenario = Scenario::load_with(&args.scenario, &args.with, &settings)?;
    Ok(Scenario { seed: args.seed.unwrap_or(scenario.seed), ..scenario })
}

fn knee(args: &RunArgs) -> Result<Search, Error> {
    let positive = [args.objective_ms, args.knee_from, args.knee_seconds];
    if positive.iter().any(|value| !(value.is_finite() && *value > 0.0)) {
        return Err(Error::Usage("--objective-ms, --knee-from and --knee-seconds must be above 0".into()));
    }
    Ok(Search { from_per_s: args.knee_from, objective_ms: args.objective_ms, seconds: args.knee_seconds })
}

/// Returns the folder of several runs.
fn out(args: &RunArgs, name: &str) -> Result<PathBuf, Error> {
    match &args.out {
        Some(out) => vacant(&Place::here(out, "several runs are written to a folder of this machine")?, args.overwrite),
        None => claim_next(name),
    }
}

pub(super) fn list_scenarios() {
    for (name, _) in BUILT_IN {
        let description = Scenario::load(name, &[]).map(|s| s.description).unwrap_or_default();
        println!("{name:<16} {description}");
    }
}
