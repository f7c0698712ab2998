//! `biopay check`.

use crate::people::plan::{self, Task};
use crate::shard::Shard;
use crate::{Error, Scenario};
use biopay_reports::records::Journey;
use clap::Args;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  biopay check my-scenario.toml
  biopay check quickstart --set handsets=50 --set impostors.share=1
  biopay check attack-survey --with mine.toml

Exit code 0 if the scenario can be run, with or without warnings, and 2 if it cannot.";

/// Reads a scenario without running it: says what is wrong, what has no effect, and what the run would do.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArgs {
    /// A scenario file, or the name of a built-in scenario.
    scenario: String,
    /// Sets a key of the scenario, as `biopay run --set` does.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Overrides the scenario with the sections of this file; may be repeated.
    #[arg(long, value_name = "FILE.toml")]
    with: Vec<PathBuf>,
}

pub(super) fn execute(args: &CheckArgs) -> Result<(), Error> {
    let scenario = Scenario::load_with(&args.scenario, &args.with, &args.settings)?;
    let plans = plan::draw(&scenario, Shard::WHOLE)?;
    let tasks = || plans.iter().flat_map(|plan| &plan.transactions);
    let count = |wanted: &dyn Fn(&Task) -> bool| tasks().filter(|t| wanted(&t.task)).count();
    let registrations = count(&|task| matches!(task, Task::Register(_)));
    let impostors = count(&|task| matches!(task, Task::Pay { journey: Journey::Impostor, .. }));
    let payments = tasks().count() - registrations - impostors;
    let last_s = tasks().map(|t| t.at.seconds()).fold(0.0, f64::max);
    println!(
        "{}: {} registrations, {payments} payments and {impostors} impostors in {last_s:.0} s of the {} clock",
        scenario.name,
        registrations,
        scenario.clock.name()
    );
    let schemes: Vec<&str> = scenario.schemes.r#use.iter().map(|id| id.name()).collect();
    println!("  schemes     {}", schemes.join(", "));
    println!("  thresholds  {}", scenario.thresholds.len());
    println!("  attacks     {}", scenario.attack.len());
    let warnings = scenario.warnings();
    warnings.iter().for_each(|warning| println!("warning: {warning}"));
    println!("{}", if warnings.is_empty() { "no warnings" } else { "it can be run" });
    Ok(())
}
