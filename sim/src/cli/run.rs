//! `biopay run` and `biopay scenarios`.

use super::report::conclude;
use crate::scenario::{BUILT_IN, ClockKind};
use crate::shard::Shard;
use crate::stop::Stop;
use crate::{Error, Scenario};
use clap::Args;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  biopay run
  biopay run my-scenario.toml --out results/first
  biopay run quickstart --set handsets=50 --set biometric.quality=0.9 --seed 7
  biopay run quickstart --print-config > my-scenario.toml
  biopay run 2g-village                                    in virtual time: the same bytes for the same seed
  biopay run quickstart --clock virtual --set network.mix.4g=1
  biopay run ten-thousand --shard 0/8 --out part-0

Ctrl-C ends a run early and keeps what was measured, marked as partial.";

/// Runs a scenario: virtual handsets against the real server, a summary and a report at the end.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct RunArgs {
    /// A scenario file, or the name of a built-in scenario.
    #[arg(default_value = "quickstart")]
    scenario: String,
    /// Sets a key of the scenario, as in `--set handsets=50` or `--set biometric.device=handset`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// The seed that everything simulated follows from.
    #[arg(long)]
    seed: Option<u64>,
    /// The run folder; without it the first free `runs/SCENARIO-N`.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Replaces a run that is in the folder already.
    #[arg(long)]
    overwrite: bool,
    /// The clock that the run is on; without it the scenario's.
    #[arg(long, value_enum)]
    clock: Option<ClockKind>,
    /// Runs one of several equal parts, i/n with i from 0: the accounts that are i modulo n.
    #[arg(long, value_name = "i/n", default_value = "0/1")]
    shard: Shard,
    /// Prints the scenario with every default filled in, and runs nothing.
    #[arg(long)]
    print_config: bool,
    /// Prints the JSON Schema of scenario files, and runs nothing.
    #[arg(long)]
    print_schema: bool,
}

pub(super) fn execute(args: &RunArgs, command_line: &str) -> Result<(), Error> {
    if args.print_schema {
        println!("{:#}", Scenario::schema());
        return Ok(());
    }
    let mut scenario = Scenario::load(&args.scenario, &settings(args))?;
    scenario.seed = args.seed.unwrap_or(scenario.seed);
    if args.print_config {
        let text = toml::to_string(&scenario).map_err(|e| Error::Usage(e.to_string()))?;
        print!("{text}");
        return Ok(());
    }
    let out = match &args.out {
        Some(out) => vacant(out, args.overwrite)?,
        None => first_free(&scenario.name),
    };
    let stop = Stop::on_interrupt()?;
    let folder = crate::run::run(&scenario, args.shard, &out, command_line.to_owned(), &stop)?;
    conclude(&folder)
}

/// Returns the keys to set: a clock on the command line is one of them, since which scenarios are right depends on it.
fn settings(args: &RunArgs) -> Vec<String> {
    let clock = args.clock.map(|clock| format!("clock={}", clock.name()));
    args.settings.iter().cloned().chain(clock).collect()
}

pub(super) fn vacant(out: &Path, overwrite: bool) -> Result<PathBuf, Error> {
    if out.join("manifest.json").exists() && !overwrite {
        let message =
            format!("{} holds a run already: choose another --out, or replace it with --overwrite", out.display());
        return Err(Error::Usage(message));
    }
    Ok(out.to_owned())
}

fn first_free(name: &str) -> PathBuf {
    let candidate = |n: u32| Path::new("runs").join(format!("{name}-{n}"));
    (1..).map(candidate).find(|path| !path.exists()).unwrap_or_else(|| candidate(0))
}

pub(super) fn list_scenarios() {
    for (name, _) in BUILT_IN {
        let description = Scenario::load(name, &[]).map(|s| s.description).unwrap_or_default();
        println!("{name:<16} {description}");
    }
}
