//! The server's surroundings in virtual time: its clock, its processor, its randomness.

use super::timeline::{Nanos, Timeline, Timer};
use biopay_datasets::stream::stream;
use biopay_server::env::{BoxFuture, Clock, CostClass, Cpu, Entropy, Env, Overloaded, Work};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What the calendar says at the start of every virtual run: 2026-01-01T00:00:00Z. Units: milliseconds since 1970.
const START_UNIX_MS: u64 = 1_767_225_600_000;

/// Tells virtual time.
pub struct VirtualClock(pub Arc<Timeline>);

impl Clock for VirtualClock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn unix_ms(&self) -> u64 {
        START_UNIX_MS + u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX - START_UNIX_MS)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(Timer::after(&self.0, duration))
    }
}

/// Says what a server's processor takes for each kind of work, and how many of them there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServiceTimes {
    /// Threads that hash passwords.
    pub hash_threads: usize,
    /// Hashes that may wait.
    pub hash_queue: usize,
    /// One hash.
    pub password_hash: Duration,
    /// One step of an OPAQUE exchange.
    pub key_exchange: Duration,
    /// One comparison of a payload with a record.
    pub payload_verification: Duration,
}

/// Makes the surroundings of a server in virtual time; randomness follows from the seed and the name of who draws it.
pub fn virtual_env(timeline: &Arc<Timeline>, times: ServiceTimes, seed: u64, drawn_by: &str) -> Env {
    Env {
        clock: Arc::new(VirtualClock(timeline.clone())),
        cpu: Arc::new(VirtualCpu::new(timeline.clone(), times)),
        entropy: Arc::new(SeededEntropy::new(seed, drawn_by)),
    }
}

/// Works on several servers' worth of work in the order in which it came, each for as long as it takes.
///
/// A queue of M servers, first come first served: a job begins when it has come and a server is free.
#[derive(Clone, Debug)]
pub struct Stations {
    free_at: Vec<Nanos>,
}

impl Stations {
    /// Opens `servers` stations, at least one.
    pub fn new(servers: usize) -> Self {
        Self { free_at: vec![0; servers.max(1)] }
    }

    /// Takes a job that came at `now`; returns when it begins and when it ends.
    pub fn take(&mut self, now: Nanos, takes: Nanos) -> (Nanos, Nanos) {
        let (mut first, mut at) = (0, self.free_at[0]);
        for (index, &free_at) in self.free_at.iter().enumerate().skip(1) {
            if free_at < at {
                (first, at) = (index, free_at);
            }
        }
        let begins = at.max(now);
        self.free_at[first] = begins + takes;
        (begins, begins + takes)
    }

    /// Returns how long a job that comes at `now` would wait.
    pub fn wait(&self, now: Nanos) -> Nanos {
        self.free_at.iter().min().map_or(0, |&free_at| free_at.saturating_sub(now))
    }
}

/// Charges work to stations: the work itself is done at once where it is due, and its caller waits until it would be.
pub struct VirtualCpu {
    timeline: Arc<Timeline>,
    times: ServiceTimes,
    hashing: Mutex<Stations>,
}

impl VirtualCpu {
    /// Sets up the stations.
    pub fn new(timeline: Arc<Timeline>, times: ServiceTimes) -> Self {
        Self { timeline, times, hashing: Mutex::new(Stations::new(times.hash_threads)) }
    }

    /// Returns how long the caller waits, queueing included.
    fn duration(&self, class: CostClass) -> Result<Duration, Overloaded> {
        match class {
            CostClass::PasswordHash => self.hash(),
            CostClass::PayloadVerification => Ok(self.times.payload_verification),
            CostClass::KeyExchange => Ok(self.times.key_exchange),
        }
    }

    fn hash(&self) -> Result<Duration, Overloaded> {
        let now = self.timeline.elapsed().as_nanos() as Nanos;
        let takes = self.times.password_hash.as_nanos() as Nanos;
        let mut hashing = self.hashing.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = hashing.wait(now).div_ceil(takes.max(1)) * self.times.hash_threads as u64;
        if ahead > self.times.hash_queue as u64 {
            return Err(Overloaded);
        }
        Ok(Duration::from_nanos(hashing.take(now, takes).1 - now))
    }
}

impl Cpu for VirtualCpu {
    fn submit(&self, class: CostClass, work: Work) -> Result<BoxFuture<'static, ()>, Overloaded> {
        let done = Timer::after(&self.timeline, self.duration(class)?);
        Ok(Box::pin(async move {
            done.await;
            work();
        }))
    }
}

/// Draws from a stream that the seed alone decides.
pub struct SeededEntropy(Mutex<ChaCha8Rng>);

impl SeededEntropy {
    /// Opens the stream of one drawer.
    pub fn new(seed: u64, drawn_by: &str) -> Self {
        Self(Mutex::new(stream(seed, drawn_by, 0)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_take_the_first_station_that_is_free() {
        let mut stations = Stations::new(2);
        assert_eq!([0, 0, 0, 35].map(|now| stations.take(now, 20)), [(0, 20), (0, 20), (20, 40), (35, 55)]);
        assert_eq!(stations.wait(36), 4);
    }
}
