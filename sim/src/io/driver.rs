//! The event loop of virtual time: passes due events to the world, its commands to the I/O side, and completions back.
//! The wall clock's loop is the [`generator`](crate::wall::generator).

use super::Io;
use crate::Error;
use crate::time::SimTime;
use crate::world::event::Completion;
use crate::world::{Simulation, Tally};
use biopay_reports::manifest::Completion as RunCompletion;
use biopay_server::env::Clock;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

/// The interval of progress reports, on the run's clock.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);
/// The least number of rounds of the loop between progress reports: virtual time runs faster than anybody can read.
const PROGRESS_ROUNDS: u32 = 256;
/// The longest wait of the loop. Every request has a shorter deadline, so nothing will come any more after it.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// The time in which closing connections may report their statistics.
pub const DRAIN: Duration = Duration::from_secs(2);

/// Runs the world until every planned transaction has ended or `stop` turns true.
///
/// # Errors
///
/// [`Error::InvalidRun`] if it never would.
pub async fn drive(
    simulation: &mut Simulation,
    mut io: Io,
    mut completions: UnboundedReceiver<Completion>,
    clock: Arc<dyn Clock>,
    mut stop: watch::Receiver<bool>,
    progress: &mut dyn FnMut(Tally),
) -> Result<RunCompletion, Error> {
    let (mut told, mut untold) = (Duration::ZERO, 0);
    let completion = loop {
        live(simulation, &mut io, clock.as_ref());
        let tally = simulation.tally();
        untold += 1;
        if clock.elapsed() >= told + PROGRESS_EVERY && untold >= PROGRESS_ROUNDS {
            (told, untold) = (clock.elapsed(), 0);
            progress(tally);
        }
        if tally.finished == tally.planned {
            break RunCompletion::Complete;
        }
        let pause = pause(simulation, clock.as_ref()).min(PATIENCE);
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
                if simulation.next_event().is_none() {
                    let message = format!("{} transactions wait for an event that never comes, which is a fault of the simulator: please report it with scenario and seed", tally.planned - tally.finished);
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

/// Processes the due events, and submits the resulting commands.
pub fn live(simulation: &mut Simulation, io: &mut Io, clock: &dyn Clock) {
    let commands = simulation.run_until(SimTime::since_start(clock.elapsed()));
    commands.into_iter().for_each(|command| io.submit(command));
}

/// Returns the time until the next event is due.
pub fn pause(simulation: &Simulation, clock: &dyn Clock) -> Duration {
    let now = SimTime::since_start(clock.elapsed());
    simulation.next_event().map_or(Duration::MAX, |at| at.since(now))
}

/// Queues a completion as an event.
pub fn accept(simulation: &mut Simulation, completion: Completion) {
    simulation.queue(completion.at, completion.target, completion.kind);
}

/// Processes the statistics of connections that were still closing; the resulting commands are dropped.
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
    drop(simulation.run_until(SimTime::since_start(clock.elapsed())));
}
