//! How often each 95 % interval covers the truth, how long it is, and how often a comparison of equal runs raises an
//! alarm: of what the product prints.
//!
//! Populations with a known truth are drawn, written as the rows of a run, and read as every run is. The short forms are
//! tests; each states how often it would fail by chance with another seed. The long form prints the tables of
//! sim/doc/statistics.md:
//!
//! ```sh
//! cargo test --release -p biopay-reports --test coverage -- --ignored --nocapture
//! ```

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod comparing;
mod engine;
mod latencies;
mod peers;
mod populations;
mod rates;
mod tally;

/// The threads that repetitions are divided among.
const THREADS: usize = 2;

/// Adds up repetitions on several threads. Each has a seed of its own, so that the sum does not depend on the threads.
fn repeated<T: Default + Send>(repetitions: u64, one: impl Fn(u64, &mut T) + Sync, add: impl Fn(&mut T, T)) -> T {
    let part = |thread: usize| {
        let mut sum = T::default();
        (0..repetitions).filter(|i| *i as usize % THREADS == thread).for_each(|seed| one(seed, &mut sum));
        sum
    };
    let parts: Vec<T> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || part(thread))).collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut sum = T::default();
    parts.into_iter().for_each(|part| add(&mut sum, part));
    sum
}
