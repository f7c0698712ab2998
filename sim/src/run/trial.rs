//! The cost of a scenario, from a part of it that is timed on this machine.

use super::{compare, populate};
use crate::Error;
use crate::calibration::timing::Watch;
use crate::parts::Parts;
use crate::people::plan;
use crate::people::population::{captures_needed, comparison_probes};
use crate::scenario::{ClockKind, Scenario};
use crate::shard::Shard;
use crate::stop::Stop;
use crate::virtual_time;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// Handsets of the two parts that are timed: what the first takes besides its handsets is left out of the second.
const HANDSETS: [u32; 2] = [4, 16];

/// Memory of a run, from the peaks of runs of several sizes (sim/doc/statistics.md). Units: bytes.
const MEMORY: Memory = Memory { program: 128e6, capture: 3e3, handset: 25e3, row: 490.0 };

struct Memory {
    /// The program with the extractors' parameters.
    program: f64,
    /// A captured sample's template and its share of an enrolment.
    capture: f64,
    /// A handset with its connection and the server's side of it.
    handset: f64,
    /// A comparison, as a row of the run folder.
    row: f64,
}

/// What a scenario consists of.
pub(super) struct Work {
    pub handsets: usize,
    pub captures: usize,
    /// Comparisons over all schemes.
    pub rows: u64,
    pub transactions: usize,
    /// The last intended start.
    pub span: Duration,
}

/// Estimates of time and memory. Units: seconds on this machine, and bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Costs {
    /// One capture with its features, on all cores.
    pub each_capture_s: f64,
    /// One comparison, on all cores.
    pub each_comparison_s: f64,
    /// One registration or payment in virtual time; 0 on the wall clock.
    pub each_transaction_s: f64,
    /// All captures.
    pub capturing_s: f64,
    /// All comparisons.
    pub comparing_s: f64,
    /// All transactions; on the wall clock until the last one is due.
    pub playing_s: f64,
    /// The most memory at once.
    pub memory_bytes: f64,
}

/// The times of one part. Units: microseconds.
struct Timed {
    captures: usize,
    rows: usize,
    transactions: usize,
    capturing_us: f64,
    comparing_us: f64,
    playing_us: f64,
}

/// Times two parts of a scenario and extrapolates.
///
/// # Errors
///
/// [`Error`]: those of a run.
pub(super) fn costs(scenario: &Scenario, work: &Work, stop: &Stop) -> Result<Costs, Error> {
    let [small, large] = HANDSETS.map(|handsets| timed(scenario, handsets.min(scenario.handsets), stop));
    let (small, large) = (small?, large?);
    // What a thing costs: by the difference of both parts, or of all in the larger one where they are equal.
    let each = |count: fn(&Timed) -> usize, us: fn(&Timed) -> f64| {
        let (more, longer) = (count(&large).saturating_sub(count(&small)), us(&large) - us(&small));
        let whole = us(&large) / count(&large).max(1) as f64;
        let marginal = if more > 0 && longer > 0.0 { longer / more as f64 } else { whole };
        marginal.min(whole) / 1e6
    };
    let each_capture_s = each(|t| t.captures, |t| t.capturing_us);
    let each_comparison_s = each(|t| t.rows, |t| t.comparing_us);
    let each_transaction_s = each(|t| t.transactions, |t| t.playing_us);
    let played_s = each_transaction_s * work.transactions as f64;
    Ok(Costs {
        each_capture_s,
        each_comparison_s,
        each_transaction_s,
        capturing_s: each_capture_s * work.captures as f64,
        comparing_s: each_comparison_s * work.rows as f64,
        playing_s: if is_in_real_time(scenario) { work.span.as_secs_f64() } else { played_s },
        memory_bytes: MEMORY.program
            + MEMORY.capture * work.captures as f64
            + MEMORY.handset * work.handsets as f64
            + MEMORY.row * work.rows as f64,
    })
}

/// Returns whether a run takes as long as its transactions are apart.
fn is_in_real_time(scenario: &Scenario) -> bool {
    scenario.clock == ClockKind::Wall
}

/// Makes people, compares them and, in virtual time, lets them pay.
fn timed(scenario: &Scenario, handsets: u32, stop: &Stop) -> Result<Timed, Error> {
    let mut part = scenario.clone();
    part.handsets = handsets.max(1);
    part.comparisons.subjects = scenario.comparisons.subjects.min(part.handsets);
    part.attack.clear();
    let plans = plan::draw(&part, Shard::WHOLE)?;
    let probes = comparison_probes(&plans, part.comparisons.subjects);
    let watch = Watch::start();
    let population = Arc::new(populate(&part, &plans, &probes, &Parts::none(), stop)?);
    let capturing_us = watch.us();
    let watch = Watch::start();
    let rows = compare(&part.schemes, part.comparisons.subjects, &population, &probes, &Parts::none())?.len();
    let comparing_us = watch.us();
    let captures = captures_needed(&part.biometric, &plans).len() + probes.len();
    let transactions = plans.iter().map(|plan| plan.transactions.len()).sum();
    let watch = Watch::start();
    if !is_in_real_time(scenario) {
        virtual_time::play::play(&part, plans, &population, stop)?;
    }
    let playing_us = if is_in_real_time(scenario) { 0.0 } else { watch.us() };
    Ok(Timed { captures, rows, transactions, capturing_us, comparing_us, playing_us })
}
