//! A run from its scenario to its folder.

mod cases;
pub mod clocks;
mod comparisons;
mod evidence;
pub mod forecast;
pub mod knee;
mod samples;
mod trial;

use crate::evaluation::committed_bits;
use crate::evaluation::symbol_cost::SymbolCosts;
use crate::parts::{self, Origin, Parts};
use crate::people::plan;
use crate::people::plan::HandsetPlan;
use crate::people::population::{Population, captures_needed, comparison_probes};
use crate::people::sensors::{CaptureKey, Captured, Sensors};
use crate::played::{Books, Played};
use crate::progress::Stage;
use crate::scenario::{ClockKind, Scenario, Schemes};
use crate::shard::Shard;
use crate::stop::Stop;
use crate::{Error, attack, provenance, virtual_time, wall};
use biopay_biometrics::Template;
use biopay_biometrics::scheme::{ComparisonKind, Scheme, SchemeId};
use biopay_reports::SecurityRow;
use biopay_reports::manifest::{Completion, Machine, SCHEMA};
use biopay_reports::money::{self, Sums};
use biopay_reports::records::{Comparison, Component, ServerFigure};
use biopay_reports::run_folder::{Records, SAMPLES_FOLDER};
use biopay_reports::symbol::SymbolRow;
use biopay_reports::{Manifest, RunWriter};
use biopay_server::env::Clock;
use biopay_server::env::system::SystemClock;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Runs a scenario, or one shard of it, and writes the run folder.
///
/// # Errors
///
/// [`Error`]; an interrupted run is not an error: its folder is marked as partial.
pub fn run(scenario: &Scenario, shard: Shard, out: &Path, command: String, stop: &Stop) -> Result<PathBuf, Error> {
    begin(scenario, shard, out, command, parts::EVERY, stop)
}

/// Runs a scenario as [`run`] does, and keeps the finished parts at an interval.
///
/// # Errors
///
/// Those of [`run`].
pub fn begin(
    scenario: &Scenario,
    shard: Shard,
    out: &Path,
    command: String,
    every: Duration,
    stop: &Stop,
) -> Result<PathBuf, Error> {
    if shard != Shard::WHOLE && !scenario.attack.is_empty() {
        return Err(Error::Usage(
            "attacks cannot be divided into shards: run the scenario without --shard, or without [[attack]]".into(),
        ));
    }
    // A server that does not answer is said before any sample is captured for nothing.
    if let Some(greeting) = wall::target::greeting(&scenario.server)? {
        eprintln!("{greeting}");
    }
    let writer = RunWriter::create(out)?;
    // Those of an earlier run in this place.
    Parts::remove(out)?;
    let parts = Parts::of(out, Origin::new(scenario, &shard.to_string(), &command), every);
    let done = execute(scenario, shard, writer, command, &parts, stop);
    ended(done, out, &parts)
}

/// Goes on with a run that was ended early, from the parts in its folder.
///
/// # Errors
///
/// [`Error::Usage`] where there are none; those of [`run`].
pub fn resume(out: &Path, every: Duration, stop: &Stop) -> Result<PathBuf, Error> {
    let origin = Origin::read(out)?.ok_or_else(|| {
        let kept = parts::EVERY.as_secs();
        Error::Usage(format!(
            "{} has nothing to go on from: it is a whole run, or was ended within its first {kept} s; begin it again",
            out.display()
        ))
    })?;
    let shard = origin.shard.parse()?;
    let writer = RunWriter::create(out)?;
    let (scenario, command) = (origin.scenario.clone(), origin.command.clone());
    let parts = Parts::of(out, origin, every);
    let done = execute(&scenario, shard, writer, command, &parts, stop);
    ended(done, out, &parts)
}

/// Removes the parts of a whole run, and keeps those of another.
fn ended(done: Result<Completion, Error>, out: &Path, parts: &Parts) -> Result<PathBuf, Error> {
    match done {
        Ok(Completion::Complete) => Parts::remove(out)?,
        Ok(Completion::Partial) | Err(_) => parts.flush(),
    }
    done.map(|_| out.to_owned())
}

/// Makes the parts of a run that are not there yet, and writes its folder.
fn execute(
    scenario: &Scenario,
    shard: Shard,
    writer: RunWriter,
    command: String,
    parts: &Parts,
    stop: &Stop,
) -> Result<Completion, Error> {
    let mut phases = Phases::begin();
    let everybody = plan::draw(scenario, Shard::WHOLE)?;
    let probes = comparison_probes(&everybody, scenario.comparisons.subjects);
    let plans: Vec<HandsetPlan> = everybody.into_iter().filter(|plan| shard.holds(plan.account)).collect();
    let population = Arc::new(populate(scenario, &plans, &probes, parts, stop)?);
    phases.end("capturing");
    let impostors = cases::inspected(&plans);
    let played = played(scenario, plans, &population, parts, stop)?;
    phases.end("playing");
    let found = attack::mount(scenario, &population, parts, stop);
    phases.end("attacking");
    let Played { mut records, mut completion, duration, started_unix_s, mut notes, mut invalid, books, noise } = played;
    let machine = Machine::this();
    notes.splice(..0, NOTES.map(String::from));
    notes.extend(noise.iter().flat_map(|noise| wall::noise::warnings(noise, machine.cores)));
    notes.extend(found.notes.into_iter().chain(scenario.without_effect()));
    notes.extend(faults(&population));
    invalid.extend(money_fault(&mut records, completion, books));
    if found.is_partial {
        completion = Completion::Partial;
    }
    if completion == Completion::Complete {
        invalid.extend(evidence::missing(&records.transactions));
    }
    invalid.extend(found.broken);
    records.attacks.extend(found.trials);
    records.attack_figures.extend(found.figures);
    records.server.extend(payload_figures(scenario, &population, &probes, parts)?);
    records.sort();
    if completion == Completion::Complete {
        records.comparisons = compare(&scenario.schemes, scenario.comparisons.subjects, &population, &probes, parts)?;
    }
    phases.end("comparing");
    pictures(&impostors, &population, &records, writer.staging())?;
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
        took_s: phases.took_s,
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
    writer.finish(&records, manifest)?;
    Ok(completion)
}

/// Writes the pictures of samples and of false accepts.
fn pictures(impostors: &[HandsetPlan], population: &Population, records: &Records, folder: &Path) -> Result<(), Error> {
    samples::write(population, &folder.join(SAMPLES_FOLDER))?;
    cases::write(impostors, population, records, &folder.join(biopay_reports::cases::FOLDER))
}

/// Plays the plans, unless an earlier process of the run has played them to their end.
fn played(
    scenario: &Scenario,
    plans: Vec<HandsetPlan>,
    population: &Arc<Population>,
    parts: &Parts,
    stop: &Stop,
) -> Result<Played, Error> {
    let is_whole = |played: &Played| played.completion == Completion::Complete;
    parts.find_or_make("played", is_whole, || match scenario.clock {
        ClockKind::Wall => wall::play(scenario, plans, population, stop),
        ClockKind::Virtual => virtual_time::play::play(scenario, plans, population, stop),
    })
}

/// How long the phases of a run took on the machine's own clock.
struct Phases {
    clock: SystemClock,
    begun: Duration,
    took_s: BTreeMap<String, f64>,
}

impl Phases {
    fn begin() -> Self {
        Self { clock: SystemClock::new(), begun: Duration::ZERO, took_s: BTreeMap::new() }
    }

    fn end(&mut self, phase: &str) {
        let now = self.clock.elapsed();
        let took = now - std::mem::replace(&mut self.begun, now);
        let took_s = (took.as_secs_f64() * 1e3).round() / 1e3;
        if took_s > 0.0 {
            self.took_s.insert(phase.to_owned(), took_s);
        }
    }
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
    parts: &Parts,
    stop: &Stop,
) -> Result<Population, Error> {
    let mut needed = captures_needed(&scenario.biometric, plans);
    needed.extend(probes);
    needed.extend(attack::captures_needed(scenario));
    needed.sort_unstable();
    needed.dedup();
    let stage = Stage::new("capturing samples", needed.len() as u64);
    let mut sensors = Sensors::new(&scenario.biometric, scenario.seed, scenario.subject_count())?;
    for (number, keys) in needed.chunks(BLOCK * rayon::current_num_threads()).enumerate() {
        let name = format!("captures-{number}-of-{}", keys.len());
        let captures = match parts.find::<Vec<(CaptureKey, Captured)>>(&name) {
            Some(captures) => {
                stage.add(captures.len() as u64);
                captures
            }
            None => {
                let made = sensors.take_all(keys, stop.flag(), &|n| stage.add(n))?;
                if made.len() == keys.len() {
                    parts.keep(&name, &made)?;
                }
                made
            }
        };
        sensors.admit(captures);
    }
    let population = Population::make(scenario, plans, sensors, stop.flag())?;
    stage.finish();
    Ok(population)
}

/// The captures of one part of a run for each thread: some seconds of work.
const BLOCK: usize = 256;

fn compare(
    schemes: &Schemes,
    subjects: u32,
    population: &Population,
    probes: &[CaptureKey],
    parts: &Parts,
) -> Result<Vec<Comparison>, Error> {
    let enrolled = population.owners.range(..subjects).filter(|(_, o)| !o.enrolments.is_empty()).count();
    let schemes = &schemes.r#use;
    let stage = Stage::new("comparing all pairs", (enrolled * schemes.len()) as u64);
    let rows = comparisons::all_pairs(population, schemes, probes, subjects, parts, &|n| stage.add(n))?;
    stage.finish();
    Ok(rows)
}

/// States what bounds the security of each scheme's payload before any comparison.
///
/// The people are those whose probes are compared off line, the same in every shard.
fn security(schemes: &Schemes, population: &Population, probes: &[CaptureKey]) -> Vec<ServerFigure> {
    let acquired = |key: &CaptureKey| Some((key.subject, population.sensors.find(*key)?.template.as_ref().ok()?));
    let mut people: Vec<(u32, &Template)> = probes.iter().filter_map(acquired).collect();
    people.dedup_by_key(|(subject, _)| *subject);
    let row = |id: &SchemeId| {
        let scheme = population.registry.scheme(*id);
        let people = people.iter().map(|(_, template)| *template);
        SecurityRow {
            scheme: id.name().to_owned(),
            key_bits: scheme.key_bits(),
            committed_bits: committed_bits(scheme, people),
        }
    };
    schemes.r#use.iter().flat_map(|id| row(id).figures()).collect()
}

/// Lists what is known of each scheme's payloads before any comparison.
///
/// # Errors
///
/// Those of making a symbol.
fn payload_figures(
    scenario: &Scenario,
    population: &Population,
    probes: &[CaptureKey],
    parts: &Parts,
) -> Result<Vec<ServerFigure>, Error> {
    let measured = || symbols(&scenario.schemes, scenario.seed, population);
    // A run that is stopped has not captured everybody: what it measures of some of the schemes is no part of the whole run.
    let schemes = scenario.schemes.r#use.len();
    let is_whole =
        |rows: &Vec<ServerFigure>| rows.iter().filter(|row| row.name.ends_with(".version")).count() == schemes;
    let mut figures = parts.find_or_make("symbols", is_whole, measured)?;
    figures.extend(security(&scenario.schemes, population, probes));
    Ok(figures)
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

/// Returns why the bank's books disagree with the answers to handsets, if they do: every acknowledged charge is posted
/// once, and nothing more unless a handset was cut off before its answer.
fn money_fault(records: &mut Records, completion: Completion, books: Books) -> Option<String> {
    match books {
        Books::Seen => {}
        Books::Elsewhere => return None,
    }
    let Some(sums) = money::sums(records, completion) else {
        return Some("the bank's audit lacks the debited amount".into());
    };
    let (component, name) = (Component::Bank.name().into(), "acknowledged_minor".into());
    records.server.push(ServerFigure { component, name, value: sums.acknowledged as f64 });
    let Sums { acknowledged, posted, disagree, .. } = sums;
    let fault =
        || format!("the server acknowledged charges of {acknowledged} to handsets, but the bank posted {posted}");
    disagree.then(fault)
}

/// Says what went wrong in programs of the user's own.
fn faults(population: &Population) -> impl Iterator<Item = String> {
    let of = |scheme: &dyn Scheme| {
        let named = |(why, times)| (format!("Scheme {}", scheme.id().name()), why, times);
        scheme.faults().into_iter().map(named).collect::<Vec<_>>()
    };
    let extractor = population.sensors.faults().into_iter().map(|(why, times)| ("Extractor".to_owned(), why, times));
    let faults: Vec<_> = population.registry.iter().flat_map(of).chain(extractor).collect();
    faults.into_iter().map(|(who, why, times)| format!("{who}: {times} answers are missing: {why}."))
}

/// The notes that a reader of the figures needs.
const NOTES: [&str; 2] = [
    "All people are synthetic. Their samples were captured before the clock started, so that this does not slow down the run.",
    "Comparisons are made off line with the server's schemes and parameters; FAR and FRR are the server's decisions.",
];
