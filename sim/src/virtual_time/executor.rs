//! The executor: tokio on one thread, without its timers, which advances the timeline when no task can run.

use super::timeline::{Advance, Timeline};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};

/// Runs a future, and every task that it spawns, in virtual time until it ends.
///
/// Tasks run in the order in which they were woken. The park hook runs before the thread would wait; what it wakes
/// keeps the thread from waiting. What it wakes may have ended meanwhile, as the task of a timer that another task
/// holds: then nothing would run and the thread would wait for ever, with events still due. The keeper, a task that does
/// nothing, is therefore woken as well, after all others: it brings the thread back to the hook.
pub fn run<T>(timeline: &Arc<Timeline>, future: impl Future<Output = T>) -> T {
    let keeper = Arc::new(OnceLock::<Waker>::new());
    let (hook, kept) = (timeline.clone(), keeper.clone());
    let park = move || match (hook.advance(), kept.get()) {
        (Advance::Woke, Some(keeper)) => keeper.wake_by_ref(),
        (Advance::Woke | Advance::Stalled, _) => {}
    };
    let runtime = tokio::runtime::Builder::new_current_thread().on_thread_park(park).build();
    let runtime = runtime.expect("a runtime without drivers needs nothing of the system");
    runtime.spawn(std::future::poll_fn(move |context| {
        keeper.get_or_init(|| context.waker().clone());
        Poll::<()>::Pending
    }));
    runtime.block_on(future)
}
