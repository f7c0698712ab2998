//! A run on the wall clock: real sockets, real time, and a server in its own process, here or elsewhere.

pub mod generator;
mod metrics;
pub mod noise;
mod preflight;
pub mod processes;
pub mod target;
pub mod usage;

use crate::Error;
use crate::io::{CompletionSender, Io, QrMaking};
use crate::people::plan::HandsetPlan;
use crate::people::population::Population;
use crate::played::{Books, Played, status};
use crate::progress::Stage;
use crate::scenario::{ClockKind, Generator, Scenario};
use crate::stop::Stop;
use crate::world::event::Links;
use crate::world::{Rules, Simulation, Tally};
use biopay_reports::latency::LatencyRecorder;
use biopay_reports::records::{GENERATOR_LAG, Operation, ServerFigure};
use biopay_server::env::Clock;
use biopay_server::env::system::SystemClock;
use generator::{Generated, drain, generate};
use metrics::Counters;
use noise::Quiet;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use target::Target;
use usage::Usage;

/// Plays the plans of a population to their end.
pub fn play(
    scenario: &Scenario,
    plans: Vec<HandsetPlan>,
    population: &Arc<Population>,
    stop: &Stop,
) -> Result<Played, Error> {
    let quiet = Quiet::read();
    let scratch = tempfile::tempdir().map_err(Error::file("a temporary folder"))?;
    let target = Target::open(&scenario.server, &scenario.schemes.parameters, population, scratch.path())?;
    wait_for(scenario.arrivals.begin_unix_s, stop)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let started_unix_s = clock.unix_ms() / 1_000;
    let rules = rules(scenario, started_unix_s);
    let mut simulation = Simulation::new(rules, plans, population.clone(), Links::default());
    let counters = scenario.server.metrics.as_deref().map(Counters::read).transpose()?;
    let stage = Stage::new("registering and paying", simulation.tally().planned);
    let mut progress = |t: Tally, at| stage.progress(t.finished, t.planned, &status(&t, ClockKind::Wall, at));
    // One thread carries the connections; the world has this one.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(Error::file("the runtime"))?;
    let context = runtime.enter();
    let (sender, completions) = std::sync::mpsc::channel();
    let (address, post) = (
        target.address(&scenario.connections, scenario.handsets + scenario.impostor_handsets())?,
        CompletionSender::Thread(sender),
    );
    let mut io = Io::new(clock.clone(), address, QrMaking::Threads, Links::default(), population.clone(), post);
    let meters = Meters::read(&target, &runtime);
    let generated = generate(&mut simulation, &mut io, &completions, clock.as_ref(), stop.flag(), &mut progress);
    let used = meters.since(&target, &runtime);
    drop(context);
    let without_socket = runtime.block_on(io.finish());
    drain(&mut simulation, &completions, clock.as_ref());
    stage.finish();
    let duration = clock.elapsed();
    let tally = simulation.tally();
    let mut records = simulation.into_recorder().records;
    let books = if target.is_own() { Books::Seen } else { Books::Elsewhere };
    let mut notes = vec![target.note()];
    notes.extend(NOTES.map(String::from));
    records.server = target.finish()?;
    if let Some(counters) = &counters {
        records.server.extend(counters.since()?);
        notes.push(COUNTED.into());
    }
    records.server.extend(used.figures(tally, &generated));
    let mut invalid = used.objections(&scenario.generator, &records.latency, &generated);
    for extraction in population.sensors.ready().filter_map(|(_, captured)| captured.extraction) {
        records.latency.record(Operation::Extract.name(), extraction.as_micros() as u64);
    }
    invalid.extend(lack_of_sockets(without_socket));
    let completion = generated.completion;
    let noise = quiet.since();
    Ok(Played { records, completion, duration, started_unix_s, notes, invalid, books, noise })
}

/// Returns why connections without a socket make a run invalid: they are lost by this machine, and not by the server.
fn lack_of_sockets(connections: u64) -> Option<String> {
    (connections > 0).then(|| {
        format!(
            "{connections} connections got no socket on this machine: allow more open files (ulimit -n), or let handsets \
             share sockets (connections.sockets)"
        )
    })
}

/// The greatest delay of a run that shall begin together with others. Units: milliseconds.
const LATE_MS_MAX: u64 = 500;

/// Waits for the common start of several machines' runs; 0 means no common start.
///
/// # Errors
///
/// [`Error::InvalidRun`] if the start has passed.
fn wait_for(begin_unix_s: u64, stop: &Stop) -> Result<(), Error> {
    let (clock, begin_ms) = (SystemClock::new(), begin_unix_s * 1_000);
    let late_ms = clock.unix_ms().saturating_sub(begin_ms);
    if begin_unix_s > 0 && late_ms > LATE_MS_MAX {
        return Err(Error::InvalidRun(format!(
            "the common start was {:.1} s before the samples were ready: start later (cluster slurm --lead-s)",
            late_ms as f64 / 1e3
        )));
    }
    while begin_ms > clock.unix_ms() && !stop.flag().load(Ordering::Relaxed) {
        // Not longer, so that Ctrl-C is heard.
        std::thread::sleep(Duration::from_millis(begin_ms.saturating_sub(clock.unix_ms()).min(50)));
    }
    Ok(())
}

/// The note on the counters of a server that others may use as well.
const COUNTED: &str = "The figures of the component 'metrics' are that server's own counters, read before and after the run: differences of what only grows, and gauges at its end. What others did there meanwhile counts as well.";

/// Returns the rules of a run on the wall clock: where accounts are used again, its orders are marked with its start.
fn rules(scenario: &Scenario, started_unix_s: u64) -> Rules {
    let rules = Rules::of(scenario);
    match rules.reuses_accounts {
        true => Rules { order_mark: format!("-{started_unix_s}"), ..rules },
        false => rules,
    }
}

const NOTES: [&str; 2] = [
    "Latencies are from a request's sending to its answer on the handset's side, and with '@intended' from the instant at which the open loop intended to send it; 'charge' is the request that was answered with the receipt, 'payment' the time from a payment's start to its receipt without the user's own time, 'extract' the features and template of an image.",
    "The client's processor time is that of all handsets, with their captures, derivations and symbols.",
];

/// The resources that each process has used until an instant, or between two.
struct Meters {
    processes: BTreeMap<&'static str, Usage>,
    carrier: Duration,
}

impl Meters {
    fn read(target: &Target, runtime: &tokio::runtime::Runtime) -> Self {
        let client = Usage::own().map(|usage| ("client", usage));
        let processes = target.usage().into_iter().chain(client).collect();
        Self { processes, carrier: runtime.metrics().worker_total_busy_duration(0) }
    }

    fn since(&self, target: &Target, runtime: &tokio::runtime::Runtime) -> Self {
        let mut now = Self::read(target, runtime);
        now.carrier = now.carrier.saturating_sub(self.carrier);
        for (name, usage) in &mut now.processes {
            let before = self.processes.get(name).map_or(Duration::ZERO, |before| before.cpu);
            usage.cpu = usage.cpu.saturating_sub(before);
        }
        now
    }

    /// Returns the costs of generator and server as figures.
    fn figures(&self, tally: Tally, generated: &Generated) -> Vec<ServerFigure> {
        let tried = (tally.finished - tally.dropped).max(1) as f64;
        let row = |component: &str, name: &str, value: f64| ServerFigure {
            component: component.to_owned(),
            name: name.to_owned(),
            value,
        };
        let mut rows = vec![
            row("client", "generator_busy_share", share(generated.busy, generated.took)),
            row("client", "connections_busy_share", share(self.carrier, generated.took)),
        ];
        for (component, usage) in &self.processes {
            let cpu_us = usage.cpu.as_micros() as f64;
            rows.push(row(component, "cpu_us", cpu_us));
            rows.push(row(component, "cpu_us_per_transaction", (cpu_us / tried).round()));
            rows.push(row(component, "peak_bytes", usage.peak_bytes as f64));
        }
        rows
    }

    /// Lists the reasons why the figures measure the load generator instead of the server.
    fn objections(&self, limits: &Generator, latency: &LatencyRecorder, generated: &Generated) -> Vec<String> {
        let lag_ms = latency.operation(GENERATOR_LAG).map_or(0.0, |h| h.value_at_quantile(0.99) as f64 / 1e3);
        let late = (lag_ms > limits.lag_limit_ms).then(|| {
            format!(
                "the load generator was late by {lag_ms:.1} ms at the 99th percentile, above generator.lag-limit-ms = {}: use a less busy machine or fewer arrivals",
                limits.lag_limit_ms
            )
        });
        let threads = [
            ("the load generator's thread", share(generated.busy, generated.took)),
            ("the connections' thread", share(self.carrier, generated.took)),
        ];
        let busy = threads.into_iter().filter(|(_, share)| *share > limits.busy_limit).map(|(thread, share)| {
            format!(
                "{thread} was busy for {:.0} % of the time, above generator.busy-limit = {}: the figures measure the client instead of the server",
                share * 100.0,
                limits.busy_limit
            )
        });
        late.into_iter().chain(busy).collect()
    }
}

fn share(part: Duration, whole: Duration) -> f64 {
    part.as_secs_f64() / whole.as_secs_f64().max(f64::MIN_POSITIVE)
}
