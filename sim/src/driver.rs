//! The loop that turns time into events: due events to the world, its commands to the I/O side, completions back.

use crate::Error;
use crate::io::{Command, Completion, Io};
use crate::time::SimTime;
use crate::world::{Simulation, Tally};
use biopay_reports::manifest::Completion as RunCompletion;
use biopay_server::env::Clock;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

/// How often a watcher is told how far the run is, on the run's clock.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// Says how the loop keeps its watcher informed.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long the loop waits at most before it looks around.
    longest_pause: Duration,
    /// How often the loop goes round at least before the watcher hears again.
    rounds: u32,
    /// Whether nothing will come any more when nothing has come for that long: every request has its deadline.
    gives_up: bool,
}

impl Pace {
    /// Looks around several times a second.
    pub const WALL: Self = Self { longest_pause: PROGRESS_EVERY, rounds: 0, gives_up: false };
    /// Looks around when something happens: this clock runs faster than anybody can look.
    pub const VIRTUAL: Self = Self { longest_pause: Duration::from_secs(3_600), rounds: 256, gives_up: true };
}

/// How long closing connections may take to report their statistics.
const DRAIN: Duration = Duration::from_secs(2);

/// Runs the world until every planned transaction has ended or `stop` turns true.
///
/// Errors: [`Error::InvalidRun`] when it never would.
pub async fn drive(
    simulation: &mut Simulation,
    mut io: Io,
    mut completions: UnboundedReceiver<Completion>,
    clock: Arc<dyn Clock>,
    pace: Pace,
    mut stop: watch::Receiver<bool>,
    progress: &mut dyn FnMut(Tally),
) -> Result<RunCompletion, Error> {
    let (mut told, mut untold) = (Duration::ZERO, 0);
    let completion = loop {
        run_due(simulation, &mut io, clock.as_ref());
        let tally = simulation.tally();
        untold += 1;
        if clock.elapsed() >= told + PROGRESS_EVERY && untold >= pace.rounds {
            (told, untold) = (clock.elapsed(), 0);
            progress(tally);
        }
        if tally.finished == tally.planned {
            break RunCompletion::Complete;
        }
        let pause = pause(simulation, clock.as_ref()).min(pace.longest_pause);
        tokio::select! {
            biased;
            Ok(_) = stop.wait_for(|&stop| stop) => break RunCompletion::Partial,
            Some(first) = completions.recv() => {
                accept(simulation, first);
                while let Ok(next) = completions.try_recv() {
                    accept(simulation, next);
                }
            }
            () = clock.sleep(pause) => {
                if pace.gives_up && simulation.next_event().is_none() {
                    let message = format!("{} transactions wait for what never comes", tally.planned - tally.finished);
                    return Err(Error::InvalidRun(message));
                }
            }
        }
    };
    io.finish().await;
    drain(simulation, &mut completions, clock.as_ref()).await;
    progress(simulation.tally());
    Ok(completion)
}

fn run_due(simulation: &mut Simulation, io: &mut Io, clock: &dyn Clock) {
    while let Some(commands) = simulation.step(SimTime::since_start(clock.elapsed())) {
        commands.into_iter().for_each(|command: Command| io.submit(command));
    }
}

/// Returns how long nothing is due.
fn pause(simulation: &Simulation, clock: &dyn Clock) -> Duration {
    let now = SimTime::since_start(clock.elapsed());
    simulation.next_event().map_or(Duration::MAX, |at| at.since(now))
}

fn accept(simulation: &mut Simulation, completion: Completion) {
    simulation.queue(completion.at, completion.target, completion.kind);
}

/// Takes the statistics of connections that were still closing; commands that come of it have nobody to go to.
async fn drain(simulation: &mut Simulation, completions: &mut UnboundedReceiver<Completion>, clock: &dyn Clock) {
    let limit = clock.sleep(DRAIN);
    tokio::pin!(limit);
    loop {
        tokio::select! {
            biased;
            completion = completions.recv() => match completion {
                Some(completion) => accept(simulation, completion),
                None => break,
            },
            () = &mut limit => break,
        }
    }
    while simulation.step(SimTime::since_start(clock.elapsed())).is_some() {}
}
