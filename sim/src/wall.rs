//! A run on the wall clock: server and bank in processes of their own, real sockets, real time.

use crate::Error;
use crate::driver::{Pace, drive};
use crate::io::{Io, Workshop};
use crate::plan::HandsetPlan;
use crate::population::Population;
use crate::processes::Processes;
use crate::progress::Stage;
use crate::run::{Played, status};
use crate::scenario::Scenario;
use crate::stop::Stop;
use crate::world::{Links, Simulation, Tally};
use biopay_server::env::Clock;
use biopay_server::env::system::SystemClock;
use std::sync::Arc;

/// Plays the plans of a population to their end.
pub fn play(
    scenario: &Scenario,
    plans: Vec<HandsetPlan>,
    population: &Arc<Population>,
    stop: &Stop,
) -> Result<Played, Error> {
    let scratch = tempfile::tempdir().map_err(Error::file("a temporary folder"))?;
    let processes = Processes::start(scenario, population, scratch.path())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let started_unix_s = clock.unix_ms() / 1_000;
    let mut simulation = Simulation::new(scenario, plans, population.clone(), Links::default());
    let stage = Stage::new("registering and paying", simulation.tally().planned);
    let mut progress = |t: Tally| stage.progress(t.finished, t.planned, &status(&t, None));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let completion = runtime.map_err(Error::file("the runtime"))?.block_on(async {
        let address = processes.address()?;
        let (io, completions) =
            Io::new(clock.clone(), address, Workshop::Threads, Links::default(), population.clone());
        drive(&mut simulation, io, completions, clock.clone(), Pace::WALL, stop.signal(), &mut progress).await
    })?;
    stage.finish();
    let duration = clock.elapsed();
    let mut records = simulation.into_recorder().records;
    records.server = processes.finish()?;
    for extraction in population.studio.ready().filter_map(|(_, captured)| captured.extraction) {
        records.latency.record("extract", extraction.as_micros() as u64);
    }
    Ok(Played { records, completion, duration, started_unix_s, notes: NOTES.map(String::from).to_vec() })
}

const NOTES: [&str; 2] = [
    "Server and bank ran as processes of their own on the same machine as the handsets.",
    "Latencies are from a request to its answer on the handset's side; 'charge' is the request whose answer was the receipt; 'extract' is features and template from an image.",
];
