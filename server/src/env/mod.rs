//! The three seams between the server and its surroundings: time, processor time, randomness.
//!
//! The server reads no clock, starts no thread and draws no random number except through these, so that the same code
//! runs under virtual time. A real server uses [`system`].

pub mod system;

use biopay_protocol::PaymentId;
use serde::{Deserialize, Serialize};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// A boxed future that can move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A piece of work for the processor.
pub type Work = Box<dyn FnOnce() + Send>;

/// A source of time.
pub trait Clock: Send + Sync {
    /// Returns the time since an origin of the clock's own; never goes back.
    fn elapsed(&self) -> Duration;

    /// Returns milliseconds since 1970-01-01T00:00:00Z.
    fn unix_ms(&self) -> u64;

    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// A kind of work, so that an implementation can limit and price each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CostClass {
    /// One argon2id hash: tens of milliseconds and megabytes.
    PasswordHash,
    /// One comparison of a payload with a record: microseconds.
    PayloadVerification,
    /// One step of an OPAQUE exchange: two hundred microseconds.
    KeyExchange,
}

/// How much hashing gives way to other work. A login may wait for a charge, never the other way round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum HashPriority {
    /// A tenth of the share that a charge has: for a server that shares its machine, where logins go on beside whatever
    /// else is done there.
    Low,
    /// What nothing else wants: on a machine of the server's own charges then wait least for logins. Beside other work
    /// logins starve.
    #[default]
    Idle,
}

/// The error of a full queue: the work was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too much work is waiting")]
pub struct Overloaded;

/// How many password hashes a pool takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashPlaces {
    /// At a time, so that none of its threads is ever idle.
    pub at_once: usize,
    /// More that may wait.
    pub waiting: usize,
}

/// A pool that runs work which would hold up the network.
pub trait Cpu: Send + Sync {
    /// Returns how many hashes it takes, where its callers have to line up; `None` where it keeps its own line.
    fn hash_places(&self) -> Option<HashPlaces> {
        None
    }

    /// Accepts work; the future ends when it is done.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] at once, before the work begins, when its queue is full.
    fn submit(&self, class: CostClass, work: Work) -> Result<BoxFuture<'static, ()>, Overloaded>;
}

/// A source of random bytes fit for keys and codes.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, bytes: &mut [u8]);
}

/// The three seams together.
#[derive(Clone)]
pub struct Env {
    /// A source of time.
    pub clock: Arc<dyn Clock>,
    /// Heavy work.
    pub cpu: Arc<dyn Cpu>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl Env {
    /// Runs work on the processor and returns its result.
    ///
    /// # Errors
    ///
    /// [`Overloaded`] when it was not accepted.
    pub async fn run<T: Send + 'static>(
        &self,
        class: CostClass,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        let (give, take) = tokio::sync::oneshot::channel();
        let done = self.cpu.submit(class, Box::new(move || drop(give.send(work()))))?;
        done.await;
        take.await.map_err(|_| Overloaded)
    }

    /// Draws an array of random bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// Draws a payment's name: 48 bits of time in milliseconds, then 80 random ones (as in RFC 9562, 5.7). Names that
    /// grow are written side by side in the store, so that a commit touches few of its pages.
    pub fn draw_payment(&self) -> PaymentId {
        let random: [u8; 16] = self.random();
        PaymentId(u128::from(self.clock.unix_ms()) << 80 | u128::from_be_bytes(random) >> 48)
    }

    /// Returns when a payment's name was drawn, in milliseconds since 1970.
    pub fn drawn_ms(payment: PaymentId) -> u64 {
        (payment.0 >> 80) as u64
    }

    /// Waits for a future at most so long; `None` when the time is up. A future that is ready at once costs no timer.
    pub async fn within<T>(&self, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        let mut sleep = None;
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => sleep.get_or_insert_with(|| self.clock.sleep(limit)).as_mut().poll(context).map(|()| None),
        })
        .await
    }
}
