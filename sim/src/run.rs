//! A run from its scenario to its folder.

use crate::driver::drive;
use crate::io::Io;
use crate::population::{Population, captures_planned};
use crate::processes::Processes;
use crate::progress::Stage;
use crate::recorder::Recorder;
use crate::scenario::Scenario;
use crate::stop::Stop;
use crate::world::{Simulation, Tally};
use crate::{Error, comparisons, plan, samples};
use biopay_reports::manifest::{Completion, Machine, SCHEMA};
use biopay_reports::records::ServerFigure;
use biopay_reports::run_folder::Records;
use biopay_reports::summary::CHARGED;
use biopay_reports::{Manifest, RunWriter};
use biopay_server::env::Clock;
use biopay_server::env::system::SystemClock;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Handsets share this many UDP sockets.
const ENDPOINTS: usize = 4;

/// Runs a scenario on the wall clock against a server and a bank in processes of their own, and writes the run folder.
///
/// Errors: [`Error`]; an interrupted run is no error but a folder marked partial.
pub fn run(scenario: &Scenario, out: &Path, command: String, stop: &Stop) -> Result<PathBuf, Error> {
    let writer = RunWriter::create(out)?;
    let plans = plan::draw(scenario);
    let stage = Stage::new("capturing samples", captures_planned(scenario, &plans));
    let population = Arc::new(Population::make(scenario, &plans, stop.flag(), &|n| stage.add(n))?);
    stage.finish();
    let scratch = tempfile::tempdir().map_err(Error::file("a temporary folder"))?;
    let processes = Processes::start(scenario, &population, scratch.path())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let started_unix_s = clock.unix_ms() / 1_000;
    let (mut records, completion) = play(scenario, plans, population.clone(), &processes, clock.clone(), stop)?;
    let duration_us = u64::try_from(clock.elapsed().as_micros()).unwrap_or(u64::MAX);
    records.server = processes.finish()?;
    check_money(&mut records, completion)?;
    if completion == Completion::Complete {
        let stage = Stage::new("comparing all pairs", references(&population, scenario));
        records.comparisons = comparisons::all_pairs(&population, &scenario.schemes.r#use, &|n| stage.add(n))?;
        stage.finish();
    }
    for extraction in population.studio.ready().filter_map(|(_, captured)| captured.extraction) {
        records.latency.record("extract", extraction.as_micros() as u64);
    }
    samples::write(&population, &writer.staging().join(biopay_reports::html::SAMPLES_FOLDER))?;
    let manifest = manifest(scenario, command, started_unix_s, duration_us, completion)?;
    Ok(writer.finish(&records, manifest)?)
}

fn play(
    scenario: &Scenario,
    plans: Vec<plan::HandsetPlan>,
    population: Arc<Population>,
    processes: &Processes,
    clock: Arc<dyn Clock>,
    stop: &Stop,
) -> Result<(Records, Completion), Error> {
    let mut simulation = Simulation::new(scenario, plans, population.clone(), Recorder::default());
    let stage = Stage::new("registering and paying", simulation.tally().planned);
    let mut progress = |t: Tally| stage.set(t.finished, &status(&t));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let completion = runtime.map_err(Error::file("the runtime"))?.block_on(async {
        let endpoints = endpoints()?;
        let (io, completions) = Io::new(clock.clone(), endpoints, processes.address().clone(), population);
        Ok::<_, Error>(drive(&mut simulation, io, completions, clock, stop.signal(), &mut progress).await)
    })?;
    stage.finish();
    Ok((simulation.into_recorder().records, completion))
}

fn status(t: &Tally) -> String {
    format!("{} under way, {} charged, {} false accepts", t.active, t.charged, t.false_accepts)
}

fn endpoints() -> Result<Vec<quinn::Endpoint>, Error> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    (0..ENDPOINTS).map(|_| quinn::Endpoint::client(any).map_err(Error::file("a UDP socket"))).collect()
}

fn references(population: &Population, scenario: &Scenario) -> u64 {
    let enrolled = population.owners.iter().filter(|o| !o.enrolments.is_empty()).count() as u64;
    enrolled * scenario.schemes.r#use.len() as u64
}

/// Holds the bank's books against what handsets were told: every acknowledged charge is posted once, and nothing more
/// unless a handset was cut off before its answer.
fn check_money(records: &mut Records, completion: Completion) -> Result<(), Error> {
    let charged = records.transactions.iter().filter(|t| t.outcome == CHARGED);
    let acknowledged: i64 = charged.map(|t| t.amount_minor).sum();
    let cut_off = records.transactions.iter().any(|t| t.outcome == "connection-lost" || t.outcome == "unknown-outcome");
    let posted = records.server.iter().find(|f| f.component == "bank" && f.name == POSTED).map(|f| f.value);
    let figure = |name: &str, value: f64| ServerFigure { component: "bank".into(), name: name.into(), value };
    records.server.push(figure("acknowledged_minor", acknowledged as f64));
    let Some(posted) = posted else {
        return Err(Error::InvalidRun("the bank's audit does not say what was debited".into()));
    };
    let is_open_ended = cut_off || completion == Completion::Partial;
    if posted < acknowledged as f64 || (posted > acknowledged as f64 && !is_open_ended) {
        return Err(Error::InvalidRun(format!(
            "handsets were told of {acknowledged} charged, the bank posted {posted}"
        )));
    }
    Ok(())
}

/// The bank's own sum of charges less reversals. Units: minor units.
const POSTED: &str = "audit.acquirers_minor";

fn manifest(
    scenario: &Scenario,
    command: String,
    started_unix_s: u64,
    duration_us: u64,
    completion: Completion,
) -> Result<Manifest, Error> {
    let resolved = serde_json::to_value(scenario).map_err(|e| Error::InvalidRun(e.to_string()))?;
    Ok(Manifest {
        schema: SCHEMA,
        scenario_name: scenario.name.clone(),
        scenario: resolved,
        seed: scenario.seed,
        clock: "wall".into(),
        program: concat!("biopay ", env!("CARGO_PKG_VERSION")).into(),
        command,
        machine: Machine::this(),
        started_unix_s,
        duration_us,
        completion,
        handsets: scenario.handsets,
        notes: NOTES.map(String::from).to_vec(),
        artefacts: BTreeMap::new(),
        digest: String::new(),
    })
}

/// What a reader of the figures must know.
const NOTES: [&str; 4] = [
    "Fingers are synthetic; samples were captured before the clock started, so that making them does not slow the server down.",
    "Server and bank ran as processes of their own on the same machine as the handsets.",
    "Latencies are from a request to its answer on the handset's side; 'charge' is the request whose answer was the receipt; 'extract' is features and template from an image.",
    "Comparisons are off line with the same schemes and parameters as the server's; FAR and FRR are what the server decided.",
];
