//! The timeline: everything that is due, in the order of time and then of queueing, and the current instant.

use crate::network::{End, Fabric, Packet};
use crate::time::Nanos;
use quinn::udp::{RecvMeta, Transmit};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io::IoSliceMut;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// The instant of a timer without an entry in the queue.
const NOT_QUEUED: Nanos = Nanos::MAX;

/// The queue of timers and packets, and the current instant. Shared by everything in a run; all of it is on one thread.
pub struct Timeline {
    /// The [`Instant`] of virtual zero. Only differences from it are ever used.
    origin: Instant,
    state: Mutex<State>,
}

/// The result of an advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advance {
    /// Tasks were woken at the next instant.
    Woke,
    /// Nothing was due.
    Stalled,
}

struct State {
    now: Nanos,
    queue: BinaryHeap<Entry>,
    pushed: u64,
    timers: Vec<Slot>,
    free: Vec<u32>,
    fabric: Fabric,
    /// The task to wake when nothing is due any more.
    stalled: Option<Waker>,
    is_stalled: bool,
}

struct Entry {
    at: Nanos,
    sequence: u64,
    what: What,
}

enum What {
    Timer { slot: u32, generation: u32 },
    Packet(Box<Packet>),
}

/// A timer. One that is moved later leaves its entry in place: the entry is queued again when it is due, so that a
/// timer that moves with every packet costs one entry, not one for each packet.
#[derive(Default)]
struct Slot {
    generation: u32,
    deadline: Nanos,
    queued: Nanos,
    waker: Option<Waker>,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Orders the earliest first in a max-heap.
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

impl Timeline {
    /// Creates a timeline at zero, with an idle network.
    #[allow(clippy::disallowed_methods, reason = "an Instant has no other origin; only differences of it are used")]
    pub fn new(fabric: Fabric) -> Arc<Self> {
        let state = State {
            now: 0,
            queue: BinaryHeap::new(),
            pushed: 0,
            timers: Vec::new(),
            free: Vec::new(),
            fabric,
            stalled: None,
            is_stalled: false,
        };
        Arc::new(Self { origin: Instant::now(), state: Mutex::new(state) })
    }

    /// Returns the time since the start.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.state().now)
    }

    /// Returns the number of timers and packets scheduled so far: a count of work that does not depend on the machine's
    /// speed.
    pub fn events(&self) -> u64 {
        self.state().pushed
    }

    /// Returns the current time as an [`Instant`].
    pub fn instant(&self) -> Instant {
        self.origin + self.elapsed()
    }

    /// Advances to the next instant at which a timer or packet is due, and wakes their tasks; all timers and packets of
    /// that instant come together. If nothing is left, the tasks in [`Self::stalled`] are woken.
    pub fn advance(&self) -> Advance {
        let mut wakers = Vec::new();
        {
            let mut state = self.state();
            loop {
                let Some(at) = state.queue.peek().map(|entry| entry.at) else {
                    if wakers.is_empty() {
                        state.is_stalled = true;
                        let stalled = state.stalled.take();
                        drop(state);
                        stalled.into_iter().for_each(Waker::wake);
                        return Advance::Stalled;
                    }
                    break;
                };
                if at > state.now && !wakers.is_empty() {
                    break;
                }
                state.now = state.now.max(at);
                wakers.extend(state.take_next());
            }
        }
        wakers.into_iter().for_each(Waker::wake);
        Advance::Woke
    }

    /// Waits until nothing is due any more: a run that has not ended then never will.
    pub fn stalled(self: &Arc<Self>) -> impl Future<Output = ()> + use<> {
        let timeline = self.clone();
        std::future::poll_fn(move |context| {
            let mut state = timeline.state();
            if state.is_stalled {
                return Poll::Ready(());
            }
            state.stalled = Some(context.waker().clone());
            Poll::Pending
        })
    }

    /// Hands a datagram to the network.
    pub(crate) fn send(&self, from: End, transmit: &Transmit<'_>) {
        let mut state = self.state();
        let State { now, queue, pushed, fabric, .. } = &mut *state;
        let mut later = |at, packet| push(queue, pushed, at, What::Packet(packet));
        fabric.send(*now, from, transmit, &mut later);
    }

    /// Receives datagrams that have arrived.
    pub(crate) fn receive(
        &self,
        at: End,
        context: &Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<usize> {
        self.state().fabric.receive(at, context.waker(), buffers, meta)
    }

    /// Gives access to the network.
    pub fn with_fabric<T>(&self, act: impl FnOnce(&mut Fabric) -> T) -> T {
        act(&mut self.state().fabric)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nanos_of(&self, instant: Instant) -> Nanos {
        saturating_nanos(instant.saturating_duration_since(self.origin))
    }
}

impl std::fmt::Debug for Timeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timeline").field("elapsed", &self.elapsed()).finish_non_exhaustive()
    }
}

impl State {
    /// Takes the next entry; returns the task to wake.
    fn take_next(&mut self) -> Option<Waker> {
        let Entry { at, what, .. } = self.queue.pop()?;
        match what {
            What::Timer { slot, generation } => self.timer_came_up(at, slot, generation),
            What::Packet(packet) => {
                let (queue, pushed) = (&mut self.queue, &mut self.pushed);
                let mut later = |at, packet| push(queue, pushed, at, What::Packet(packet));
                self.fabric.arrive(at, packet, &mut later)
            }
        }
    }

    fn timer_came_up(&mut self, at: Nanos, slot: u32, generation: u32) -> Option<Waker> {
        let timer = &mut self.timers[slot as usize];
        if timer.generation != generation || timer.queued != at {
            return None;
        }
        timer.queued = NOT_QUEUED;
        if timer.deadline > at {
            self.queue_timer(slot);
            return None;
        }
        timer.waker.take()
    }

    /// Queues an entry for the timer that is due no later than its deadline.
    fn queue_timer(&mut self, slot: u32) {
        let timer = &mut self.timers[slot as usize];
        if timer.queued > timer.deadline {
            timer.queued = timer.deadline;
            let (at, generation) = (timer.deadline, timer.generation);
            push(&mut self.queue, &mut self.pushed, at, What::Timer { slot, generation });
        }
    }
}

fn push(queue: &mut BinaryHeap<Entry>, pushed: &mut u64, at: Nanos, what: What) {
    queue.push(Entry { at, sequence: *pushed, what });
    *pushed += 1;
}

fn saturating_nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX - 1).min(Nanos::MAX - 1)
}

/// One timer on a timeline.
#[derive(Debug)]
pub struct Timer {
    timeline: Arc<Timeline>,
    slot: u32,
}

impl Timer {
    /// Sets a timer that is due after `delay`.
    pub fn after(timeline: &Arc<Timeline>, delay: Duration) -> Self {
        let deadline = timeline.state().now.saturating_add(saturating_nanos(delay));
        Self::at(timeline, deadline)
    }

    /// Sets a timer that is due at an instant.
    pub fn at_instant(timeline: &Arc<Timeline>, instant: Instant) -> Self {
        Self::at(timeline, timeline.nanos_of(instant))
    }

    fn at(timeline: &Arc<Timeline>, deadline: Nanos) -> Self {
        let mut state = timeline.state();
        let slot = state.free.pop().unwrap_or_else(|| {
            state.timers.push(Slot::default());
            (state.timers.len() - 1) as u32
        });
        let timer = &mut state.timers[slot as usize];
        (timer.deadline, timer.queued) = (deadline, NOT_QUEUED);
        drop(state);
        Self { timeline: timeline.clone(), slot }
    }

    /// Moves the timer.
    pub fn reset(&self, instant: Instant) {
        let deadline = self.timeline.nanos_of(instant);
        self.timeline.state().timers[self.slot as usize].deadline = deadline;
    }

    /// Returns whether the timer is due; otherwise the caller's task is woken when it is.
    pub fn poll(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.timeline.state();
        let now = state.now;
        let timer = &mut state.timers[self.slot as usize];
        if timer.deadline <= now {
            return Poll::Ready(());
        }
        if !timer.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            timer.waker = Some(context.waker().clone());
        }
        state.queue_timer(self.slot);
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let mut state = self.timeline.state();
        let timer = &mut state.timers[self.slot as usize];
        // The waker is dropped outside the lock: it may hold the last reference to a task that owns timers.
        let waker = timer.waker.take();
        timer.generation = timer.generation.wrapping_add(1);
        state.free.push(self.slot);
        drop(state);
        drop(waker);
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Self::poll(&self, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::virtual_time::executor::run;
    use std::sync::Mutex;

    fn timeline() -> Arc<Timeline> {
        Timeline::new(Fabric::silent())
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn sleeps_end_in_the_order_of_time_and_take_no_time() {
        let timeline = timeline();
        let seen = Arc::new(Mutex::new(Vec::new()));
        run(&timeline, async {
            let tasks: Vec<_> = [30_000_000, 10, 20, 10]
                .into_iter()
                .enumerate()
                .map(|(index, delay)| {
                    let (timeline, seen) = (timeline.clone(), seen.clone());
                    tokio::spawn(async move {
                        Timer::after(&timeline, ms(delay)).await;
                        seen.lock().unwrap().push((index, timeline.elapsed()));
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        let expected = [(1, ms(10)), (3, ms(10)), (2, ms(20)), (0, ms(30_000_000))];
        assert_eq!(*seen.lock().unwrap(), expected);
    }

    #[test]
    fn a_timer_that_moves_ends_where_it_was_moved_to() {
        let timeline = timeline();
        let ended = run(&timeline, async {
            let timer = Timer::after(&timeline, ms(10));
            let later = timeline.instant() + ms(500);
            let waiting = tokio::spawn(async move {
                let first = std::future::poll_fn(|context| {
                    let _ = timer.poll(context);
                    Poll::Ready(())
                });
                first.await;
                timer.reset(later);
                timer.await;
            });
            waiting.await.unwrap();
            timeline.elapsed()
        });
        assert_eq!(ended, ms(500));
        assert!(timeline.state().queue.is_empty(), "a moved timer leaves nothing behind");
    }

    #[test]
    fn a_run_that_waits_for_nothing_hears_of_it() {
        let timeline = timeline();
        run(&timeline, async {
            Timer::after(&timeline, ms(5)).await;
            timeline.stalled().await;
        });
        assert_eq!(timeline.elapsed(), ms(5));
    }

    /// A task polls a timer, hands it to another one that does not look at it yet, and ends: what the timer wakes is gone.
    #[test]
    fn a_timer_whose_task_has_ended_does_not_stop_the_run() {
        let timeline = timeline();
        run(&timeline, async {
            let (give, take) = tokio::sync::oneshot::channel();
            let (first, second) = (Timer::after(&timeline, ms(5)), Timer::after(&timeline, ms(20)));
            tokio::spawn(async move {
                std::future::poll_fn(|context| {
                    let _ = first.poll(context);
                    Poll::Ready(())
                })
                .await;
                drop(give.send(first));
            });
            let kept = take.await;
            second.await;
            drop(kept);
        });
        assert_eq!(timeline.elapsed(), ms(20));
    }

    #[test]
    fn slots_of_timers_that_are_gone_are_used_again() {
        let timeline = timeline();
        for _ in 0..1_000 {
            drop(Timer::after(&timeline, ms(1)));
        }
        assert_eq!(timeline.state().timers.len(), 1);
    }
}
