//! A process of virtual time that can die at any moment: its tasks are on an executor of their own, which is dropped
//! between two polls.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use tokio::runtime::{Builder, EnterGuard, Runtime};

/// A running process.
pub(super) struct Process {
    runtime: Runtime,
    idle: Arc<Idle>,
    alive: Arc<AtomicBool>,
}

/// Tells whoever runs the tasks that none of them can go on.
#[derive(Default)]
struct Idle {
    is_parked: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Process {
    /// Starts a process without tasks.
    pub(super) fn start() -> Self {
        let idle = Arc::<Idle>::default();
        let hook = idle.clone();
        let runtime = Builder::new_current_thread().on_thread_park(move || hook.note()).build();
        let runtime = runtime.expect("a runtime without drivers needs nothing of the system");
        Self { runtime, idle, alive: Arc::new(AtomicBool::new(true)) }
    }

    /// Returns the flag that a dead process has lost: what it still does has no effect.
    pub(super) fn alive(&self) -> Arc<AtomicBool> {
        self.alive.clone()
    }

    /// Returns whether nothing has ended the process yet.
    pub(super) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    /// Lets code of this thread start tasks in the process.
    pub(super) fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Starts a task.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(task));
    }

    /// Runs its tasks until none can go on.
    pub(super) fn run(&self) {
        self.idle.is_parked.store(false, Ordering::Relaxed);
        self.runtime.block_on(std::future::poll_fn(|context| {
            if self.idle.is_parked.load(Ordering::Relaxed) {
                return Poll::Ready(());
            }
            *self.idle.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
            Poll::Pending
        }));
    }

    /// Returns whether somebody outside has woken a task.
    pub(super) fn is_woken(&self) -> bool {
        self.runtime.metrics().global_queue_depth() > 0
    }

    /// Ends the process where it stands.
    pub(super) fn kill(self) {
        self.alive.store(false, Ordering::Relaxed);
        drop(self.runtime);
    }
}

impl Idle {
    fn note(&self) {
        self.is_parked.store(true, Ordering::Relaxed);
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        waker.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_process_does_nothing_any_more() {
        let (give, mut take) = tokio::sync::mpsc::unbounded_channel();
        let process = Process::start();
        let (wake, woken) = tokio::sync::oneshot::channel::<()>();
        process.spawn(async move {
            give.send(1).unwrap();
            drop(woken.await);
            give.send(2).unwrap();
        });
        process.run();
        assert_eq!(take.try_recv(), Ok(1));
        wake.send(()).unwrap();
        assert!(process.is_woken());
        process.kill();
        assert!(take.try_recv().is_err());
    }
}
