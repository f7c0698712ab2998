//! The real surroundings: the machine's clocks, threads of our own, the system's randomness. Nothing else in the
//! server reads them.

use super::{BoxFuture, Clock, CostClass, Cpu, Entropy, Env, Overloaded, Work};
use ring::rand::{SecureRandom, SystemRandom};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Makes the surroundings of a real server.
///
/// `hash_threads` is the number of threads for password hashes, `hash_queue` how many hashes may wait for one.
pub fn env(hash_threads: usize, hash_queue: usize) -> Env {
    Env {
        clock: Arc::new(SystemClock::new()),
        cpu: Arc::new(ThreadPool::new(hash_threads, hash_queue)),
        entropy: Arc::new(SystemEntropy(SystemRandom::new())),
    }
}

/// Reads the machine's clocks, and sleeps on tokio's timer.
pub struct SystemClock(Instant);

impl SystemClock {
    /// Starts at zero.
    #[allow(clippy::new_without_default, reason = "a clock's origin is not a default value")]
    #[allow(clippy::disallowed_methods, reason = "this is the module that implements the clock")]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    #[allow(clippy::disallowed_methods, reason = "this is the module that implements the clock")]
    fn unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Draws from the operating system.
pub struct SystemEntropy(SystemRandom);

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.fill(bytes).expect("the operating system gives random bytes once it has booted");
    }
}

/// How much a hash gives way: a login may wait for a charge, never the other way round. Measured with one hashing
/// thread at full load, charge p99 went from 0.46 to 4.4 ms at equal niceness, and stayed at 0.42 ms at 19. At 19,
/// though, a hash starves beside whatever else the machine does (a registration took 24 s at a load of 13); at 10 it
/// has a tenth of a charge's share, and charge p99 beside logins was the same within the noise (median of six rounds
/// each: times 1.4 and 1.4).
pub const HASHING_NICENESS: i32 = 10;

type Job = (Work, tokio::sync::oneshot::Sender<()>);

/// Runs password hashes on a fixed number of threads behind a bounded queue, and light work where it stands.
pub struct ThreadPool {
    queue: SyncSender<Job>,
}

impl ThreadPool {
    /// Starts the threads; they end when the pool is dropped and its queue is empty.
    pub fn new(threads: usize, queue: usize) -> Self {
        let (sender, receiver) = sync_channel(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        for index in 0..threads.max(1) {
            let receiver = receiver.clone();
            let name = format!("hash-{index}");
            let spawned = std::thread::Builder::new().name(name).spawn(move || work_off(&receiver));
            spawned.expect("the process may start its few threads");
        }
        Self { queue: sender }
    }
}

impl Cpu for ThreadPool {
    fn submit(&self, class: CostClass, work: Work) -> Result<BoxFuture<'static, ()>, Overloaded> {
        if class != CostClass::PasswordHash {
            work();
            return Ok(Box::pin(std::future::ready(())));
        }
        let (give, take) = tokio::sync::oneshot::channel();
        match self.queue.try_send((work, give)) {
            Ok(()) => Ok(Box::pin(async { drop(take.await) })),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Overloaded),
        }
    }
}

fn work_off(receiver: &Mutex<Receiver<Job>>) {
    // Linux keeps niceness by the thread. A refusal leaves the thread as important as the others, and is no reason to
    // stop.
    let _ = rustix::process::nice(HASHING_NICENESS);
    loop {
        let job = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((work, done)) = job else { return };
        work();
        // Whoever asked may have gone.
        let _ = done.send(());
    }
}
