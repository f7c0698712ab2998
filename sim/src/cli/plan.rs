//! `biopay plan`.

use crate::run::forecast::{Decision, Forecast, Outlook, forecast};
use crate::scenario::ClockKind;
use crate::stop::Stop;
use crate::{Error, Scenario};
use biopay_reports::html::needed_text;
use clap::Args;
use std::fmt::Write;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  biopay plan 2g-village
  biopay plan my-scenario.toml --set handsets=500 --set comparisons.subjects=500
  biopay plan my-scenario.toml --json plan.json

Draws the scenario's people and transactions, times a few of them on this machine, and runs nothing else. A threshold on a
rate is decided by the upper bound of its 95 % interval, so that few comparisons cannot show a small rate even without an
error. Exit code 5 when a threshold cannot be met by this design, however well the system does.";

/// Plans a run: what its thresholds can come to, and about how long it takes.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PlanArgs {
    /// A scenario file, or the name of a built-in scenario.
    #[arg(default_value = "quickstart")]
    scenario: String,
    /// Sets a key of the scenario, as in `--set handsets=50`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// The clock of the run; default: the scenario's.
    #[arg(long, value_enum)]
    clock: Option<ClockKind>,
    /// Writes the plan as JSON to this file; `-` is the standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn execute(args: &PlanArgs) -> Result<(), Error> {
    let mut scenario = Scenario::load(&args.scenario, &args.settings)?;
    scenario.clock = args.clock.unwrap_or(scenario.clock);
    let plan = forecast(&scenario, &Stop::on_interrupt()?)?;
    let json = || serde_json::to_string_pretty(&plan).map_err(|e| Error::Usage(e.to_string()));
    match args.json.as_deref() {
        Some(file) if file.as_os_str() == "-" => println!("{}", json()?),
        Some(file) => {
            std::fs::write(file, json()? + "\n").map_err(Error::file(file))?;
            print!("{}", text(&plan));
        }
        None => print!("{}", text(&plan)),
    }
    let open: Vec<&str> = plan
        .thresholds
        .iter()
        .filter(|d| d.outlook.can_be_met() == Some(false))
        .map(|d| d.threshold.as_str())
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    let mut open = open;
    open.dedup();
    Err(Error::NotEnoughEvidence(format!("this design cannot show, even without an error: {}", open.join(", "))))
}

fn text(plan: &Forecast) -> String {
    let mut out = String::new();
    let [mated, non_mated] = plan.comparisons;
    let costs = &plan.costs;
    let _ = writeln!(
        out,
        "{} handsets, {} registrations and payments, {} captures\n{mated} mated and {non_mated} non-mated comparisons of {} subjects in each scheme\n",
        plan.handsets, plan.transactions, plan.captures, plan.subjects
    );
    for decision in &plan.thresholds {
        let _ = writeln!(out, "  {:<32} {}", decision.threshold, said(decision));
    }
    if plan.thresholds.is_empty() {
        out.push_str("  The scenario has no thresholds: nothing has to be decided.\n");
    }
    let _ = writeln!(
        out,
        "\nAbout {} on this machine: {} capturing, {} comparing, {} {}; about {:.0} MB of memory",
        duration(costs.capturing_s + costs.comparing_s + costs.playing_s),
        duration(costs.capturing_s),
        duration(costs.comparing_s),
        duration(costs.playing_s),
        if costs.each_transaction_s > 0.0 { "registering and paying" } else { "until the last payment is due" },
        costs.memory_bytes / 1e6,
    );
    let _ = writeln!(
        out,
        "from {:.3} ms a capture, {:.2} µs a comparison{}, timed just now; attacks are not included",
        costs.each_capture_s * 1e3,
        costs.each_comparison_s * 1e6,
        if costs.each_transaction_s > 0.0 {
            format!(", {:.2} ms a registration or payment", costs.each_transaction_s * 1e3)
        } else {
            String::new()
        },
    );
    out
}

fn said(decision: &Decision) -> String {
    let figure = &decision.figure;
    match &decision.outlook {
        Outlook::Rate { trials, subjects, independent, prospect } => {
            let by = format!("{figure}: {trials} of {subjects} subjects, worth {independent:.0}");
            let more = prospect.needed_at_half.map(needed_text);
            let more = more.map_or(String::new(), |needed| format!("; half the limit needs {needed}"));
            match prospect.shown_up_to {
                Some(shown) => format!("{by}: met up to an observed {}{more}", share(shown)),
                None => format!("{by}: no error would show {}{more}", share(prospect.bound_without_errors)),
            }
        }
        Outlook::AtFmr { fmr, prospect } => match prospect.shown_up_to {
            Some(_) => format!("{figure}: stated, since an FMR of {} can be shown", share(*fmr)),
            None => {
                let needed = prospect.needed_at_half.map_or("more subjects".to_owned(), needed_text);
                format!(
                    "{figure}: not stated: no false match shows an FMR of {}; {needed} would do",
                    share(prospect.bound_without_errors)
                )
            }
        },
        Outlook::Percentile { latencies, needed } if latencies >= needed => {
            format!("{figure}: {latencies} latencies; {needed} independent ones bound it, and a queue has fewer")
        }
        Outlook::Percentile { latencies, needed } => {
            format!("{figure}: {latencies} latencies cannot bound it: {needed} independent ones would")
        }
        Outlook::Exact => format!("{figure}: judged by its value alone"),
        Outlook::Unknown => format!("{figure}: nothing is known before the run"),
    }
}

fn share(value: f64) -> String {
    format!("{:.2e}", value)
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3_600.0),
    }
}
