//! The event loop against nexosim, on the same PHOLD (Fujimoto 1990): every entity has an event, which changes its state
//! and plans the next after an exponential delay of a second's mean, for itself (`self`) or for its neighbour (`ring`).
//!
//! nexosim's models plan for themselves alone, so that a neighbour's event costs them a message besides; `self` is the
//! variant that is kindest to them, and the ratio to state. Throughput is in events; both run on one thread.
//!
//! ```sh
//! cargo bench -p biopay-sim --bench phold
//! ```

mod ours;
mod theirs;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::time::Duration;

/// Entities, each with one event.
const POPULATIONS: [usize; 3] = [1_000, 10_000, 100_000];
/// Events of one measurement, on the mean.
const EVENTS: u64 = 200_000;

/// The entity whose event follows an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// The same entity's.
    Oneself,
    /// The next one's.
    Neighbour,
}

/// Draws delays: xorshift64 (Marsaglia 2003), the same stream in both simulators.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
struct Delays(u64);

impl Delays {
    fn of(entity: usize) -> Self {
        Self((entity as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// Returns an exponential delay of mean one second, of at least a microsecond.
    fn next(&mut self) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let uniform = ((self.0 >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        Duration::from_micros((-libm::log(uniform) * 1e6) as u64 + 1)
    }
}

/// How long a population takes to have its events, at one a second each.
fn span(population: usize) -> Duration {
    Duration::from_secs_f64(EVENTS as f64 / population as f64)
}

fn phold(criterion: &mut Criterion) {
    for (name, target) in [("self", Target::Oneself), ("ring", Target::Neighbour)] {
        for population in POPULATIONS {
            let mut group = criterion.benchmark_group(format!("sim/phold/{name}"));
            group.throughput(Throughput::Elements(EVENTS)).sample_size(10);
            group.bench_function(BenchmarkId::new("biopay", population), |bencher| {
                let set_up = || ours::World::new(population, target);
                bencher.iter_batched(
                    set_up,
                    |mut world| {
                        world.run(span(population));
                        world // Dropped when the clock has stopped.
                    },
                    BatchSize::PerIteration,
                );
            });
            group.bench_function(BenchmarkId::new("nexosim", population), |bencher| {
                let set_up = || theirs::World::new(population, target);
                bencher.iter_batched(
                    set_up,
                    |mut world| {
                        world.run(span(population));
                        world // Dropped when the clock has stopped.
                    },
                    BatchSize::PerIteration,
                );
            });
        }
    }
}

/// Both have the same number of events in the same span, so that the rates can be compared.
fn both_have_the_same_events(_: &mut Criterion) {
    for target in [Target::Oneself, Target::Neighbour] {
        let span = Duration::from_secs(20);
        let (mut ours, mut theirs) = (ours::World::new(500, target), theirs::World::new(500, target));
        ours.run(span);
        theirs.run(span);
        let (ours, theirs) = (ours.events(), theirs.events());
        assert!(ours.abs_diff(theirs) <= ours / 50, "{target:?}: {ours} events here, {theirs} in nexosim");
    }
}

criterion_group!(benches, both_have_the_same_events, phold);
criterion_main!(benches);
