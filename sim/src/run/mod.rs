//! A run from its scenario to its folder.

mod cases;
pub mod clocks;
mod comparisons;
mod evidence;
pub mod forecast;
pub mod knee;
mod samples;
mod trial;

use crate::evaluation::symbol_cost::SymbolCosts;
use crate::people::plan;
use crate::people::plan::HandsetPlan;
use crate::people::population::{Population, captures_needed, comparison_probes};
use crate::people::sensors::CaptureKey;
use crate::played::{Books, Played};
use crate::progress::Stage;
use crate::scenario::{ClockKind, Scenario, Schemes};
use crate::shard::Shard;
use crate::stop::Stop;
use crate::{Error, attack, provenance, virtual_time, wall};
use biopay_biometrics::scheme::{ComparisonKind, Registry, Scheme, SchemeId};
use biopay_reports::manifest::{Completion, Machine, SCHEMA};
use biopay_reports::money::{self, Sums};
use biopay_reports::records::{Comparison, Component, ServerFigure};
use biopay_reports::run_folder::Records;
use biopay_reports::symbol::SymbolRow;
use biopay_reports::{Manifest, RunWriter};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs a scenario, or one shard of it, and writes the run folder.
///
/// # Errors
///
/// [`Error`]; an interrupted run is not an error: its folder is marked as partial.
pub fn run(scenario: &Scenario, shard: Shard, out: &Path, command: String, stop: &Stop) -> Result<PathBuf, Error> {
    if shard != Shard::WHOLE && !scenario.attack.is_empty() {
        return Err(Error::Usage(
            "attacks cannot be divided into shards: run the scenario without --shard, or without [[attack]]".into(),
        ));
    }
    // A server that does not answer is said before any sample is captured for nothing.
    wall::target::Target::elsewhere(&scenario.server)?;
    let writer = RunWriter::create(out)?;
    let everybody = plan::draw(scenario, Shard::WHOLE)?;
    let probes = comparison_probes(&everybody, scenario.comparisons.subjects);
    let plans: Vec<HandsetPlan> = everybody.into_iter().filter(|plan| shard.holds(plan.account)).collect();
    let population = Arc::new(populate(scenario, &plans, &probes, stop)?);
    let impostors = cases::inspected(&plans);
    let played = match scenario.clock {
        ClockKind::Wall => wall::play(scenario, plans, &population, stop)?,
        ClockKind::Virtual => virtual_time::play::play(scenario, plans, &population, stop)?,
    };
    let found = attack::mount(scenario, &population, stop);
    let Played { mut records, mut completion, duration, started_unix_s, mut notes, mut invalid, books, noise } = played;
    let machine = Machine::this();
    notes.splice(..0, NOTES.map(String::from));
    notes.extend(noise.iter().flat_map(|noise| wall::noise::warnings(noise, machine.cores)));
    notes.extend(found.notes.into_iter().chain(scenario.without_effect()));
    notes.extend(faults(&population.registry));
    if books == Books::Seen {
        check_money(&mut records, completion)?;
    }
    if found.is_partial {
        completion = Completion::Partial;
    }
    if completion == Completion::Complete {
        invalid.extend(evidence::missing(&records.transactions));
    }
    invalid.extend(found.broken);
    records.attacks.extend(found.trials);
    records.attack_figures.extend(found.figures);
    records.server.extend(symbols(&scenario.schemes, scenario.seed, &population)?);
    records.sort();
    if completion == Completion::Complete {
        records.comparisons = compare(&scenario.schemes, scenario.comparisons.subjects, &population, &probes)?;
    }
    samples::write(&population, &writer.staging().join(biopay_reports::run_folder::SAMPLES_FOLDER))?;
    cases::write(&impostors, &population, &records, &writer.staging().join(biopay_reports::cases::FOLDER))?;
    let manifest = Manifest {
        schema: SCHEMA,
        scenario_name: scenario.name.clone(),
        scenario: serde_json::to_value(scenario).map_err(|e| Error::InvalidRun(e.to_string()))?,
        seed: scenario.seed,
        clock: scenario.clock.name().into(),
        program: provenance::PROGRAM.into(),
        command,
        build: provenance::build(),
        machine,
        noise,
        started_unix_s,
        duration_us: u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
        completion,
        handsets: scenario.handsets,
        operating_thresholds: operating_thresholds(&scenario.schemes, &population),
        attack_terms: attack::terms(scenario),
        shard: (shard != Shard::WHOLE).then(|| shard.to_string()),
        notes,
        invalid,
        artefacts: BTreeMap::new(),
        digest: String::new(),
    };
    Ok(writer.finish(&records, manifest)?)
}

/// Returns the threshold of each scheme in use that compares scores with one.
fn operating_thresholds(schemes: &Schemes, population: &Population) -> BTreeMap<String, f64> {
    let threshold = |id: &SchemeId| match population.registry.scheme(*id).comparison() {
        ComparisonKind::Threshold(threshold) => Some((id.name().to_owned(), f64::from(threshold))),
        ComparisonKind::Equality => None,
    };
    schemes.r#use.iter().filter_map(threshold).collect()
}

fn populate(
    scenario: &Scenario,
    plans: &[HandsetPlan],
    probes: &[CaptureKey],
    stop: &Stop,
) -> Result<Population, Error> {
    let mut needed = captures_needed(&scenario.biometric, plans);
    needed.extend(probes);
    needed.extend(attack::captures_needed(scenario));
    needed.sort_unstable();
    needed.dedup();
    let stage = Stage::new("capturing samples", needed.len() as u64);
    let population = Population::make(scenario, plans, &needed, stop.flag(), &|n| stage.add(n))?;
    stage.finish();
    Ok(population)
}

fn compare(
    schemes: &Schemes,
    subjects: u32,
    population: &Population,
    probes: &[CaptureKey],
) -> Result<Vec<Comparison>, Error> {
    let enrolled = population.owners.range(..subjects).filter(|(_, o)| !o.enrolments.is_empty()).count();
    let schemes = &schemes.r#use;
    let stage = Stage::new("comparing all pairs", (enrolled * schemes.len()) as u64);
    let rows = comparisons::all_pairs(population, schemes, probes, subjects, &|n| stage.add(n))?;
    stage.finish();
    Ok(rows)
}

/// Measures each scheme's payload as a QR symbol: the symbol's version and, where the scenario asks for looks, the number
/// of them in which a camera reads it.
///
/// # Errors
///
/// Those of making a symbol.
fn symbols(schemes: &Schemes, seed: u64, population: &Population) -> Result<Vec<ServerFigure>, Error> {
    let mut costs = SymbolCosts::new(seed, u64::from(schemes.symbol_looks));
    let mut rows = Vec::new();
    for id in &schemes.r#use {
        let enrolment = population.owners.values().find_map(|owner| owner.enrolments.get(id));
        let Some(bytes) = enrolment.map(|enrolment| enrolment.payload.to_bytes().len()) else { continue };
        let Some(cost) = costs.of(bytes)? else { continue };
        rows.extend(
            SymbolRow::of(id.name(), bytes, cost.version, cost.read_from_screen, cost.read_from_print).figures(),
        );
    }
    Ok(rows)
}

/// Checks the bank's books against the answers to handsets: every acknowledged charge is posted once, and nothing more
/// unless a handset was cut off before its answer.
fn check_money(records: &mut Records, completion: Completion) -> Result<(), Error> {
    let Some(sums) = money::sums(records, completion) else {
        return Err(Error::InvalidRun("the bank's audit lacks the debited amount".into()));
    };
    let (component, name) = (Component::Bank.name().into(), "acknowledged_minor".into());
    records.server.push(ServerFigure { component, name, value: sums.acknowledged as f64 });
    if sums.disagree {
        let Sums { acknowledged, posted, .. } = sums;
        return Err(Error::InvalidRun(format!(
            "the server acknowledged charges of {acknowledged} to handsets, but the bank posted {posted}"
        )));
    }
    Ok(())
}

/// Says what went wrong in the programs of own schemes.
fn faults(registry: &Registry) -> impl Iterator<Item = String> {
    let of = |scheme: &dyn Scheme| {
        scheme.faults().into_iter().map(|(why, times)| (scheme.id(), why, times)).collect::<Vec<_>>()
    };
    let faults: Vec<_> = registry.iter().flat_map(of).collect();
    faults.into_iter().map(|(id, why, times)| format!("Scheme {}: {times} answers are missing: {why}.", id.name()))
}

/// The notes that a reader of the figures needs.
const NOTES: [&str; 2] = [
    "All people are synthetic. Their samples were captured before the clock started, so that this does not slow down the run.",
    "Comparisons are made off line with the server's schemes and parameters; FAR and FRR are the server's decisions.",
];
