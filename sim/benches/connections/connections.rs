//! Connections, without the passwords that hide them: what the simulator's side of a connection costs beside a plain quinn
//! client, on the wall clock against the real server, and how many sessions a core plays in virtual time.
//!
//! - `handshakes`: connect and close, 64 at a time. `pings`: a request that the server refuses at once, one at a time on
//!   each of 1,000 open connections. Both run in turns, this way and that, on one thread for the connections beside the
//!   thread of the world; the ratio is the median of the turns'.
//! - `at once`: 5,000 handsets connected at the same time, each heard once.
//! - `virtual sessions`: handshake, request, close, all of it with real TLS on one thread.
//!
//! ```sh
//! cargo bench -p biopay-sim --bench connections
//! ```

mod crowd;
mod plain;
mod virtual_sessions;

use biopay_sim::Scenario;
use biopay_sim::people::plan::draw;
use biopay_sim::people::population::{Population, captures_needed};
use biopay_sim::people::sensors::Sensors;
use biopay_sim::shard::Shard;
use biopay_sim::wall::processes::{BANK_ARGUMENT, Processes, SERVER_ARGUMENT};
use biopay_sim::wall::usage::Usage;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

const TURNS: usize = 5;
const TURN: Duration = Duration::from_secs(3);
const AT_ONCE: usize = 5_000;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let role = arguments.get(1).and_then(|argument| argument.to_str());
    if role.is_some_and(|role| role == SERVER_ARGUMENT || role == BANK_ARGUMENT) {
        // The server and the bank are this very program in another role, as in a run.
        return biopay_sim::cli::main(arguments);
    }
    let settings = ["clock=wall", "handsets=2", "payments.per-handset=1"].map(String::from);
    let scenario = Scenario::load("throughput", &settings).expect("the scenario is built in");
    let population = people(&scenario);
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let processes = Processes::start(&scenario.server, &scenario.schemes.parameters, &population, scratch.path())
        .expect("server and bank start");
    let side = crowd::Side { processes: &processes, population };
    compare("handshakes", |seconds| crowd::handshakes(&side, seconds), |seconds| plain::handshakes(&side, seconds));
    compare("pings", |seconds| crowd::pings(&side, seconds), |seconds| plain::pings(&side, seconds));
    let before = memory(&processes);
    let held = crowd::at_once(&side, AT_ONCE);
    let after = memory(&processes);
    println!(
        "at once: {} of {AT_ONCE} connected together and {} answered, in {:.2} s; {:.1} kB a connection here, {:.1} kB at the server",
        held.connected,
        held.answered,
        held.took.as_secs_f64(),
        (after.0 - before.0) / 1e3 / AT_ONCE as f64,
        (after.1 - before.1) / 1e3 / AT_ONCE as f64,
    );
    virtual_sessions::measure();
    ExitCode::SUCCESS
}

fn people(scenario: &Scenario) -> Arc<Population> {
    let plans = draw(scenario, Shard::WHOLE).expect("the scenario has no trace");
    let needed = captures_needed(&scenario.biometric, &plans);
    let sensors = Sensors::new(&scenario.biometric, scenario.seed, scenario.subject_count());
    let mut sensors = sensors.expect("embeddings need no sensor");
    sensors.admit(sensors.take_all(&needed, &AtomicBool::new(false), &|_| {}).expect("embeddings are always acquired"));
    let population = Population::make(scenario, &plans, sensors, &AtomicBool::new(false));
    Arc::new(population.expect("embeddings always enrol"))
}

/// Peak memory of this process and of the server. Units: bytes.
fn memory(processes: &Processes) -> (f64, f64) {
    let peak = |usage: Option<Usage>| usage.map_or(f64::NAN, |usage| usage.peak_bytes as f64);
    let server = processes.usage().into_iter().find(|(name, _)| *name == "server").map(|(_, usage)| usage);
    (peak(Usage::own()), peak(server))
}

fn compare(what: &str, ours: impl Fn(Duration) -> f64, plain: impl Fn(Duration) -> f64) {
    let turn = |turn: usize| {
        if turn.is_multiple_of(2) {
            let ours = ours(TURN);
            (ours, plain(TURN))
        } else {
            let plain = plain(TURN);
            (ours(TURN), plain)
        }
    };
    let turns: Vec<(f64, f64)> = (0..TURNS).map(turn).collect();
    let median = |value: fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = turns.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let (ours, plain, ratio) = (median(|t| t.0), median(|t| t.1), median(|t| t.0 / t.1));
    println!(
        "{what}: {ours:.0} a second, plain quinn {plain:.0}, ratio {ratio:.2} (median of {TURNS} turns of {TURN:?})"
    );
}
