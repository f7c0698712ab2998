//! The search for the knee: the highest rate of payments that the server sustains.
//!
//! Each step is a run of the scenario with its payments at another rate, an open loop whatever the server does. The
//! rate doubles until a step fails, and then the interval between the last good rate and the first failed one is halved
//! on a logarithmic scale. A step fails if payments take too long, counted from their intended start, or end because of
//! the server or the network. If the load generator could not keep up, the search ends and reports that.

use crate::scenario::Scenario;
use crate::shard::Shard;
use crate::stop::Stop;
use crate::{Error, run};
use biopay_reports::knee::{Knee, Step, StepEnding};
use biopay_reports::latency::INTENDED;
use biopay_reports::manifest::Completion;
use biopay_reports::records::{GENERATOR_LAG, TransactionKind, TransactionOutcome};
use biopay_reports::{Manifest, RunReader};
use std::path::Path;

/// The factor between the rates on both sides of the knee at which the search ends.
const RESOLUTION: f64 = 1.1;
/// The greatest number of doublings: from one payment per second to a million.
const DOUBLINGS: u32 = 20;
/// The share of payments that may fail because of the server or the network.
const FAILED_SHARE: f64 = 0.01;
/// The time allowed for registrations beyond their mean duration. Units: seconds.
const SETTLING_S: f64 = 2.0;

/// The parameters of a search.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// The first rate. Units: payments per second.
    pub from_per_s: f64,
    /// The limit on the 99th percentile of a payment's latency, from its intended start and without the user's own
    /// time. Units: milliseconds.
    pub objective_ms: f64,
    /// The time in which each step pays. Units: seconds.
    pub seconds: f64,
}

/// Searches for the knee. Each step's run folder stays in `out`, with the result so far in `knee.json`; `watch` is
/// called after each step.
///
/// # Errors
///
/// Those of a run. An interrupted search returns its result so far.
pub fn find(
    scenario: &Scenario,
    search: Search,
    out: &Path,
    command: &str,
    stop: &Stop,
    watch: &mut dyn FnMut(&Step),
) -> Result<Knee, Error> {
    std::fs::create_dir_all(out).map_err(Error::file(out))?;
    let mut knee = Knee { objective_ms: search.objective_ms, ..Knee::default() };
    while let Some(rate) = next_rate(&knee, search) {
        let name = format!("step-{:02}-{rate:.0}-per-s", knee.steps.len() + 1);
        let folder = out.join(&name);
        let folder = run::run(&at_rate(scenario, rate, search.seconds)?, Shard::WHOLE, &folder, command.into(), stop)?;
        let run = RunReader::open(&folder)?;
        if run.manifest().completion == Completion::Partial {
            break;
        }
        let step = Step { folder: name, ..judge(&run, rate, search)? };
        watch(&step);
        match step.verdict {
            StepEnding::Held => knee.held_per_s = Some(rate),
            StepEnding::TooSlow | StepEnding::TooManyFailed | StepEnding::GeneratorLimited => {
                knee.failed_per_s = Some((rate, step.verdict));
            }
        }
        knee.steps.push(step);
        knee.write(out)?;
    }
    Ok(knee)
}

/// Returns the rate to try next; `None` if the knee is known well enough.
fn next_rate(knee: &Knee, search: Search) -> Option<f64> {
    match (knee.held_per_s, knee.failed_per_s) {
        (None, None) => Some(search.from_per_s),
        (Some(held), None) => (knee.steps.len() < DOUBLINGS as usize).then_some(2.0 * held),
        (None, Some((failed, _))) => (failed > search.from_per_s / 16.0).then_some(failed / 2.0),
        (Some(held), Some((failed, _))) => (failed / held > RESOLUTION).then(|| (held * failed).sqrt()),
    }
}

/// Returns the scenario with payments at another rate, after everybody has registered.
fn at_rate(scenario: &Scenario, per_s: f64, seconds: f64) -> Result<Scenario, Error> {
    let mut scenario = scenario.clone();
    let handsets = f64::from(scenario.handsets);
    scenario.arrivals.payment_gap_s = handsets / per_s;
    scenario.payments.per_handset = (per_s * seconds / handsets).ceil().max(1.0) as u32;
    let registered = handsets / scenario.arrivals.registrations_per_s + SETTLING_S;
    scenario.arrivals.payments_from_s = scenario.arrivals.payments_from_s.max(registered);
    scenario.check().map_err(|message| Error::Scenario { origin: format!("{per_s} payments a second"), message })?;
    Ok(scenario)
}

fn judge(run: &RunReader, rate: f64, search: Search) -> Result<Step, Error> {
    let records = run.records_but_comparisons()?;
    let manifest: &Manifest = run.manifest();
    let payments = || records.transactions.iter().filter(|t| t.kind != TransactionKind::Registration);
    // Later some handsets have paid all that they will, and the rate falls.
    let window_us = search.seconds * 1e6 / 4.0;
    let from_us = payments().map(|t| t.intended_start_us).min().unwrap_or(0);
    let is_early = |intended_us: u64| ((intended_us - from_us) as f64) < window_us;
    let charged =
        payments().filter(|t| t.outcome == TransactionOutcome::Charged && is_early(t.intended_start_us)).count();
    let failed = payments()
        .filter(|t| TransactionOutcome::of(&t.outcome).is_some_and(TransactionOutcome::is_fault))
        .count() as u64;
    let quantile_ms = |operation: &str, q: f64| {
        records.latency.operation(operation).map_or(0.0, |h| h.value_at_quantile(q) as f64 / 1e3)
    };
    let payment = format!("payment{INTENDED}");
    let mut step = Step {
        folder: String::new(),
        offered_per_s: rate,
        charged_per_s: charged as f64 * 1e6 / window_us,
        p50_ms: quantile_ms(&payment, 0.5),
        p99_ms: quantile_ms(&payment, 0.99),
        payments: payments().count() as u64,
        failed,
        lag_p99_ms: quantile_ms(GENERATOR_LAG, 0.99),
        verdict: StepEnding::Held,
    };
    step.verdict = if !manifest.invalid.is_empty() {
        StepEnding::GeneratorLimited
    } else if failed as f64 > FAILED_SHARE * step.payments as f64 {
        StepEnding::TooManyFailed
    } else if step.p99_ms > search.objective_ms {
        StepEnding::TooSlow
    } else {
        StepEnding::Held
    };
    Ok(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays the search against a server with a known knee.
    fn search_against(knee_per_s: f64, from_per_s: f64) -> Knee {
        let search = Search { from_per_s, objective_ms: 1.0, seconds: 1.0 };
        let mut knee = Knee::default();
        while let Some(rate) = next_rate(&knee, search) {
            let verdict = if rate <= knee_per_s { StepEnding::Held } else { StepEnding::TooSlow };
            match verdict {
                StepEnding::Held => knee.held_per_s = Some(rate),
                StepEnding::TooSlow | StepEnding::TooManyFailed | StepEnding::GeneratorLimited => {
                    knee.failed_per_s = Some((rate, verdict));
                }
            }
            knee.steps.push(Step {
                folder: String::new(),
                offered_per_s: rate,
                charged_per_s: rate,
                p50_ms: 0.0,
                p99_ms: 0.0,
                payments: 1,
                failed: 0,
                lag_p99_ms: 0.0,
                verdict,
            });
        }
        knee
    }

    #[test]
    fn the_knee_is_bracketed_from_below_and_from_above() {
        for (truth, from) in [(1_000.0, 50.0), (37.0, 50.0), (50.0, 50.0), (5.0, 50.0)] {
            let knee = search_against(truth, from);
            let (held, failed) = (knee.held_per_s.unwrap(), knee.failed_per_s.unwrap().0);
            assert!(held <= truth && truth < failed && failed / held <= RESOLUTION, "{truth}: {held} to {failed}");
        }
        let hopeless = search_against(0.1, 50.0);
        assert!(hopeless.held_per_s.is_none() && hopeless.steps.len() <= 6);
    }

    #[test]
    fn a_rate_becomes_gaps_that_begin_when_everybody_has_registered() {
        let scenario = Scenario::load("throughput", &[]).unwrap();
        let at = at_rate(&scenario, 800.0, 10.0).unwrap();
        assert_eq!((at.payments.per_handset, at.arrivals.payment_gap_s), (20, 0.5));
        assert!(at.arrivals.payments_from_s >= 6.0);
    }
}
