//! The executor: tokio on one thread, without its timers, which advances the timeline when no task can run.

use super::timeline::Timeline;
use std::sync::Arc;

/// Runs a future, and every task that it spawns, in virtual time until it ends.
///
/// Tasks run in the order in which they were woken. The park hook runs before the thread would wait; what it wakes
/// keeps the thread from waiting.
pub fn run<T>(timeline: &Arc<Timeline>, future: impl Future<Output = T>) -> T {
    let hook = timeline.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().on_thread_park(move || hook.advance()).build();
    runtime.expect("a runtime without drivers needs nothing of the system").block_on(future)
}
