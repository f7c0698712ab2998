//! The seams of a real server: the machine's clocks, our own threads, the system's randomness. Nothing else in the server
//! uses them directly.

use super::{BoxFuture, Clock, CostClass, Cpu, Entropy, Env, HashPlaces, HashPriority, Overloaded, Work};
use ring::rand::{SecureRandom, SystemRandom};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};

/// Makes the surroundings of a real server, with hashes of low priority.
///
/// `hash_threads` is the number of threads for password hashes, `hash_queue` how many hashes may wait for one.
pub fn env(hash_threads: usize, hash_queue: usize) -> Env {
    env_with(hash_threads, hash_queue, HashPriority::Low)
}

/// Makes the surroundings of a real server.
pub fn env_with(hash_threads: usize, hash_queue: usize, priority: HashPriority) -> Env {
    Env {
        clock: Arc::new(SystemClock::new()),
        cpu: Arc::new(ThreadPool::new(hash_threads, hash_queue, priority)),
        entropy: Arc::new(SystemEntropy(SystemRandom::new())),
    }
}

/// The machine's clocks, and tokio's timer.
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

/// The operating system's randomness.
pub struct SystemEntropy(SystemRandom);

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.fill(bytes).expect("the operating system gives random bytes once it has booted");
    }
}

/// How much a hash of low priority gives way, where the server shares its machine. At 19 it starves beside whatever else
/// the machine does (a registration took 24 s at a load of 13), and charge p99 gains nothing. Beside logins at full load
/// p99 rises to 1.78, 1.85 and 2.60 times at 10, and to 1.51, 1.58 and 1.73 times with the idle class, which a waking
/// charge preempts at once (three rounds of `BIOPAY_FIGURES=latency cargo bench -p biopay-server --bench figures`).
pub const HASHING_NICENESS: i32 = 10;

type Job = (Work, tokio::sync::oneshot::Sender<()>);

/// A fixed number of threads for password hashes behind a bounded queue. Light work runs where it is submitted.
///
/// ```text
/// caller ─► queue ─► dispatcher ─► hash-0, hash-1 … ─► answers ─► caller
/// ```
/// Hashing threads have low priority: the kernel may stop one anywhere, even while it holds a lock, for as long as other
/// threads want its processor. Hashing threads therefore take no lock of the runtime or of the queue. The threads
/// `hash-dispatch` and `hash-answers`, of normal priority, take them instead. The dispatcher holds one hash more than the
/// queue.
pub struct ThreadPool {
    queue: SyncSender<Job>,
    places: HashPlaces,
}

impl ThreadPool {
    /// Starts the threads; they end when the pool is dropped and its queue is empty.
    pub fn new(threads: usize, queue: usize, priority: HashPriority) -> Self {
        let (sender, asked) = sync_channel::<Job>(queue);
        let (dispatcher, jobs) = sync_channel::<Job>(0);
        let (answers, done) = channel::<tokio::sync::oneshot::Sender<()>>();
        start("hash-dispatch".into(), move || {
            asked.iter().try_for_each(|job| dispatcher.send(job)).unwrap_or_default()
        });
        // Whoever asked may have gone.
        start("hash-answers".into(), move || done.iter().for_each(|done| done.send(()).unwrap_or_default()));
        let jobs = Arc::new(Mutex::new(jobs));
        for index in 0..threads.max(1) {
            let (jobs, answers) = (jobs.clone(), answers.clone());
            start(format!("hash-{index}"), move || work_off(&jobs, &answers, priority));
        }
        // One under way and one ready for each thread, which the dispatcher and the queue hold.
        let at_once = 2 * threads.max(1).min(queue.max(1));
        Self { queue: sender, places: HashPlaces { at_once, waiting: queue } }
    }
}

fn start(name: String, work: impl FnOnce() + Send + 'static) {
    let spawned = std::thread::Builder::new().name(name).spawn(work);
    spawned.expect("the process may start its few threads");
}

impl Cpu for ThreadPool {
    fn hash_places(&self) -> Option<HashPlaces> {
        Some(self.places)
    }

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

/// Linux keeps niceness and scheduling class for each thread. Where it refuses, the thread keeps normal priority and goes
/// on.
fn give_way(priority: HashPriority) {
    let _ = rustix::process::nice(HASHING_NICENESS);
    if priority == HashPriority::Idle {
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    }
}

fn work_off(jobs: &Mutex<Receiver<Job>>, answers: &Sender<tokio::sync::oneshot::Sender<()>>, priority: HashPriority) {
    give_way(priority);
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((work, done)) = job else { return };
        work();
        let _ = answers.send(done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use thread_priority::thread_schedule_policy;

    #[test]
    fn hashing_runs_in_the_class_that_was_asked_for() {
        for (priority, expected) in [
            (HashPriority::Low, NormalThreadSchedulePolicy::Other),
            (HashPriority::Idle, NormalThreadSchedulePolicy::Idle),
        ] {
            let thread = std::thread::spawn(move || {
                give_way(priority);
                thread_schedule_policy()
            });
            let policy = thread.join().unwrap().expect("a thread knows its own class");
            assert_eq!(policy, ThreadSchedulePolicy::Normal(expected));
        }
    }
}
