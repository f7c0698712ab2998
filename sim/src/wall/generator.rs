//! The load generator of the wall clock: the world on its own thread, an open loop on an absolute schedule.
//!
//! Events are due at instants since the run's start, drawn before it, whatever the server does: a slow server does not
//! slow down the arrivals. The thread sleeps until the next instant or completion (tokio's timers have steps of a
//! millisecond, a thread's are exact to some 50 µs), and the connections live on tokio's threads beside it. The
//! lateness of each event is recorded as `generator-lag`; a run in which it, or this thread's work, was the limit is
//! invalid.

use crate::io::Io;
use crate::io::driver::{DRAIN, accept, live, pause};
use crate::time::SimTime;
use crate::world::event::Completion;
use crate::world::{Simulation, Tally};
use biopay_reports::manifest::Completion as RunCompletion;
use biopay_server::env::Clock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// The interval of progress reports, and the longest wait of the loop.
const LOOK_AROUND: Duration = Duration::from_millis(200);

/// The result of the load generator.
#[derive(Clone, Copy, Debug)]
pub struct Generated {
    /// Whether every planned transaction has ended.
    pub completion: RunCompletion,
    /// The time in which the thread worked rather than waited. Time in which another process had its core counts as
    /// work.
    pub busy: Duration,
    /// The duration of the loop.
    pub took: Duration,
}

/// Runs the world on this thread until every planned transaction has ended or `stop` turns true. Must be called within
/// tokio's context, whose threads carry the connections.
pub fn generate(
    simulation: &mut Simulation,
    io: &mut Io,
    completions: &Receiver<Completion>,
    clock: &dyn Clock,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Tally, Duration),
) -> Generated {
    let started = clock.elapsed();
    let (mut told, mut waited) = (Duration::ZERO, Duration::ZERO);
    let completion = loop {
        live(simulation, io, clock);
        let tally = simulation.tally();
        if clock.elapsed() >= told + LOOK_AROUND {
            told = clock.elapsed();
            progress(tally, told);
        }
        if tally.finished == tally.planned {
            break RunCompletion::Complete;
        }
        if stop.load(Ordering::Relaxed) {
            break RunCompletion::Partial;
        }
        let began = clock.elapsed();
        let first = completions.recv_timeout(pause(simulation, clock).min(LOOK_AROUND));
        waited += clock.elapsed() - began;
        if let Ok(first) = first {
            accept(simulation, first);
            completions.try_iter().for_each(|next| accept(simulation, next));
        }
    };
    progress(simulation.tally(), clock.elapsed());
    let took = clock.elapsed() - started;
    Generated { completion, busy: took.saturating_sub(waited), took }
}

/// Processes the statistics of connections that were still closing; the resulting commands are dropped.
pub fn drain(simulation: &mut Simulation, completions: &Receiver<Completion>, clock: &dyn Clock) {
    let until = clock.elapsed() + DRAIN;
    while let Ok(completion) = completions.recv_timeout(until.saturating_sub(clock.elapsed())) {
        accept(simulation, completion);
    }
    drop(simulation.run_until(SimTime::since_start(clock.elapsed())));
}
