//! The server's surroundings in virtual time: its clock, its processor, its randomness.

use super::timeline::{Timeline, Timer};
use crate::network::Stations;
use crate::scenario::{CALIBRATED_HASH_KIB, ServiceModel, us};
use crate::time::Nanos;
use biopay_datasets::stream::stream;
use biopay_server::env::{BoxFuture, Clock, CostClass, Cpu, Entropy, Env, Overloaded, Work};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The date at the start of every virtual run: 2026-01-01T00:00:00Z. Units: milliseconds since 1970.
const START_UNIX_MS: u64 = 1_767_225_600_000;

/// The clock of virtual time.
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

/// The times that a server's processor takes for each kind of work, and the number of hashing threads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServiceTimes {
    /// The number of threads that hash passwords.
    pub hash_threads: usize,
    /// The number of hashes that may wait.
    pub hash_queue: usize,
    /// The time of one hash.
    pub password_hash: Duration,
    /// The time of one step of an OPAQUE exchange.
    pub key_exchange: Duration,
    /// The time of one comparison of a payload with a record.
    pub payload_verification: Duration,
}

impl ServiceTimes {
    /// Returns the times of the model, with `hash_threads` hashing threads, hashes of `hash_memory_kib` KiB and at most
    /// `hash_queue` of them waiting.
    pub fn of(model: &ServiceModel, hash_threads: usize, hash_memory_kib: u32, hash_queue: usize) -> Self {
        let hash_us = model.password_hash_us * f64::from(hash_memory_kib) / f64::from(CALIBRATED_HASH_KIB);
        Self {
            // More threads than cores hash no faster.
            hash_threads: hash_threads.min(model.cores),
            hash_queue,
            password_hash: us(hash_us),
            key_exchange: us(model.key_exchange_us),
            payload_verification: us(model.payload_verification_us),
        }
    }
}

/// Creates the environment of a server in virtual time; randomness follows from the seed and the name of the component
/// that draws it.
pub fn virtual_env(timeline: &Arc<Timeline>, times: ServiceTimes, seed: u64, drawn_by: &str) -> Env {
    Env {
        clock: Arc::new(VirtualClock(timeline.clone())),
        cpu: Arc::new(VirtualCpu::new(timeline.clone(), times)),
        entropy: Arc::new(SeededEntropy::new(seed, drawn_by)),
    }
}

/// A processor in virtual time: work is done at once, and its caller waits until the modelled processor would have
/// finished it.
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

/// A source of randomness that follows from the seed alone.
pub struct SeededEntropy(Mutex<ChaCha8Rng>);

impl SeededEntropy {
    /// Opens the random stream of one component.
    pub fn new(seed: u64, drawn_by: &str) -> Self {
        Self(Mutex::new(stream(seed, drawn_by, 0)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}
