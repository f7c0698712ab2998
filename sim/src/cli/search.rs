//! `biopay run --find-knee` and `biopay run --both-clocks`: several runs that are compared with each other.

use super::folder::Output;
use super::report::conclude;
use super::show::Shown;
use crate::run::clocks::{Pair, RATIOS_EXPECTED, pairs};
use crate::run::knee::{Search, find};
use crate::shard::Shard;
use crate::stop::Stop;
use crate::{Error, Scenario};
use biopay_reports::knee::Step;
use biopay_reports::manifest::Completion;
use biopay_reports::{RunReader, Summary};
use std::path::Path;

pub(super) fn find_knee(
    scenario: &Scenario,
    search: Search,
    out: &Path,
    command_line: &str,
    stop: &Stop,
) -> Result<(), Error> {
    println!(
        "{}: payments for {} s at each rate; a rate holds if their 99th percentile is at most {} ms from the intended start",
        scenario.name, search.seconds, search.objective_ms
    );
    println!("  offered/s  charged/s       p50       p99    failed  generator late  verdict");
    let knee = find(scenario, search, out, command_line, stop, &mut print_step)?;
    println!("\n{}\nruns        {}", knee.sentence(), out.display());
    if !knee.steps.is_empty() {
        println!("report      {}", super::report::of_search(&knee, out)?.display());
    }
    match knee.held_per_s {
        Some(_) => Ok(()),
        None => {
            Err(Error::InvalidRun("no rate held: start lower (--knee-from) or allow more time (--objective-ms)".into()))
        }
    }
}

fn print_step(step: &Step) {
    println!(
        "  {:>9.0}  {:>9.0}  {:>5.1} ms  {:>5.1} ms  {:>8}  {:>11.1} ms  {}",
        step.offered_per_s,
        step.charged_per_s,
        step.p50_ms,
        step.p99_ms,
        step.failed,
        step.lag_p99_ms,
        step.verdict.words()
    );
}

pub(super) fn both_clocks(scenarios: [&Scenario; 2], out: &Path, command_line: &str, stop: &Stop) -> Result<(), Error> {
    let mut summaries = Vec::new();
    for scenario in scenarios {
        let out = out.join(scenario.clock.name());
        let folder = crate::run::run(scenario, Shard::WHOLE, &out, command_line.to_owned(), stop)?;
        conclude(Output::Here(folder.clone()), Shown::Text)?;
        let (summary, _) = Summary::read(&RunReader::open(&folder)?)?;
        if summary.manifest.completion == Completion::Partial {
            return Ok(());
        }
        summaries.push(summary);
    }
    let pairs = pairs(&summaries[0], &summaries[1]);
    println!("\nThe two clocks                  wall    virtual  virtual / wall");
    pairs.iter().for_each(|pair| println!("{}", line(pair)));
    let apart = pairs.iter().filter(|pair| !pair.agrees()).count();
    let (low, high) = (RATIOS_EXPECTED.start(), RATIOS_EXPECTED.end());
    println!("  {apart} of {} ratios are outside {low} to {high}", pairs.len());
    let path = out.join("clocks.json");
    let text = serde_json::to_string_pretty(&pairs).map_err(|e| Error::InvalidRun(e.to_string()))?;
    std::fs::write(&path, text).map_err(Error::file(&path))
}

fn line(pair: &Pair) -> String {
    let ms = |us: u64| format!("{:>7.2} ms", us as f64 / 1e3);
    let mark = if pair.agrees() { "" } else { "  apart" };
    let (wall, virtual_time) = (ms(pair.wall_us), ms(pair.virtual_us));
    format!("  {:<14} {:<4} {wall:>14} {virtual_time:>12} {:>10.2}{mark}", pair.operation, pair.quantile, pair.ratio())
}
