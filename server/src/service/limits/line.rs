//! A line in which nobody pushes the others back: who has had least is next (start-time fair queueing, Goyal, Vin and Cheng
//! 1996).
//!
//! Every flow (a source, a network, an account's owner) has a time of its own, which each turn moves on by the flow's
//! step. Whoever comes gets the latest time of their flows, and the earliest time is next. One who comes a thousandth time
//! is a thousand steps ahead of the line's time, and lets everybody else pass. When the line is full, the one with the
//! latest time has to leave it.

use super::bucket::lock;
use crate::env::HashPlaces;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// Flows beyond which those are forgotten that the line has passed.
const FLOWS_MAX: usize = 4_096;

/// One of the flows that somebody belongs to.
pub(super) struct Flow<K> {
    pub(super) who: K,
    /// How much of the line's time one turn takes.
    pub(super) step: u64,
}

/// A line for a number of turns at a time; without one, everybody has a turn at once.
pub(super) struct Line<K: Ord>(Option<Arc<Mutex<State<K>>>>);

struct State<K: Ord> {
    /// Turns that nobody has.
    free: usize,
    waiting_max: usize,
    /// The line's time: that of the last turn.
    now: u64,
    times: BTreeMap<K, u64>,
    /// By time, then by arrival.
    waiting: BTreeMap<(u64, u64), oneshot::Sender<Turn<K>>>,
    arrivals: u64,
}

/// A turn, until it is dropped.
pub(super) struct Turn<K: Ord>(Option<Arc<Mutex<State<K>>>>);

impl<K: Ord> Drop for Turn<K> {
    fn drop(&mut self) {
        if let Some(state) = self.0.take() {
            pass_on(state);
        }
    }
}

/// Gives a turn to whoever is next and still waits.
fn pass_on<K: Ord>(state: Arc<Mutex<State<K>>>) {
    loop {
        let next = {
            let mut state = lock(&state);
            match state.waiting.pop_first() {
                Some(((time, _), next)) => {
                    state.now = state.now.max(time);
                    next
                }
                None => {
                    state.free += 1;
                    return;
                }
            }
        };
        match next.send(Turn(Some(state.clone()))) {
            Ok(()) => return,
            Err(mut left) => drop(left.0.take()),
        }
    }
}

impl<K: Ord + Clone> Line<K> {
    pub(super) fn new(places: Option<HashPlaces>) -> Self {
        let state = places.map(|HashPlaces { at_once, waiting }| State {
            free: at_once,
            waiting_max: waiting,
            now: 0,
            times: BTreeMap::new(),
            waiting: BTreeMap::new(),
            arrivals: 0,
        });
        Self(state.map(|state| Arc::new(Mutex::new(state))))
    }

    /// Waits for a turn; `None` when there is no place, or others who have had less took it.
    pub(super) async fn enter(&self, flows: &[Flow<K>]) -> Option<Turn<K>> {
        let Some(state) = &self.0 else { return Some(Turn(None)) };
        let called = {
            let mut line = lock(state);
            let time = line.time_of(flows);
            if line.free > 0 {
                line.free -= 1;
                line.now = line.now.max(time);
                line.move_on(flows);
                return Some(Turn(Some(state.clone())));
            }
            line.make_room(time)?;
            line.move_on(flows);
            let (call, called) = oneshot::channel();
            let arrival = line.arrivals;
            line.arrivals += 1;
            line.waiting.insert((time, arrival), call);
            called
        };
        called.await.ok()
    }

    /// Returns how many wait.
    pub(super) fn waiting(&self) -> usize {
        self.0.as_ref().map_or(0, |state| lock(state).waiting.len())
    }
}

impl<K: Ord + Clone> State<K> {
    /// Returns the time of one more of these flows.
    fn time_of(&self, flows: &[Flow<K>]) -> u64 {
        let next = |flow: &Flow<K>| self.times.get(&flow.who).map_or(self.now, |&time| time.max(self.now)) + flow.step;
        flows.iter().map(next).max().unwrap_or(self.now)
    }

    /// Each flow by its own step, so that one of many small flows does not hold up the others of its larger one.
    fn move_on(&mut self, flows: &[Flow<K>]) {
        if self.times.len() >= FLOWS_MAX {
            let now = self.now;
            self.times.retain(|_, &mut time| time > now);
        }
        for flow in flows {
            let time = self.times.entry(flow.who.clone()).or_default();
            *time = (*time).max(self.now) + flow.step;
        }
    }

    /// Makes room for somebody with a time; `None` when the line is full of those who have had less.
    fn make_room(&mut self, time: u64) -> Option<()> {
        if self.waiting.len() >= self.waiting_max {
            self.waiting.retain(|_, call| !call.is_closed());
        }
        if self.waiting.len() >= self.waiting_max {
            let last = self.waiting.last_entry().filter(|last| last.key().0 > time)?;
            last.remove();
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::task::Poll;

    type Waiting<'a> = std::pin::Pin<Box<dyn Future<Output = Option<Turn<&'static str>>> + 'a>>;

    fn line(waiting: usize) -> Line<&'static str> {
        Line::new(Some(HashPlaces { at_once: 1, waiting }))
    }

    /// Stands in the line, and comes back with the answer if there is one already.
    async fn stand<'a>(line: &'a Line<&'static str>, who: &'static str) -> (Waiting<'a>, Option<bool>) {
        let mut waiting: Waiting<'a> = Box::pin(async move { line.enter(&[Flow { who, step: 4 }]).await });
        let answer = poll_fn(|context| {
            Poll::Ready(match waiting.as_mut().poll(context) {
                Poll::Ready(turn) => Some(turn.is_some()),
                Poll::Pending => None,
            })
        });
        let answer = answer.await;
        (waiting, answer)
    }

    #[tokio::test]
    async fn one_who_comes_often_lets_everybody_else_pass() {
        let line = line(100);
        let first = line.enter(&[Flow { who: "crowd", step: 4 }]).await.unwrap();
        let mut crowd = Vec::new();
        for _ in 0..50 {
            crowd.push(stand(&line, "crowd").await.0);
        }
        let (other, answer) = stand(&line, "other").await;
        assert_eq!((answer, line.waiting()), (None, 51));
        drop(first);
        let turn = other.await.expect("the other is next but for the crowd's first");
        assert_eq!(line.waiting(), 50);
        drop(turn);
        for waiting in crowd {
            drop(waiting.await.expect("everybody has a turn"));
        }
        assert!(line.waiting() == 0 && line.0.as_ref().is_some_and(|state| lock(state).free == 1));
    }

    #[tokio::test]
    async fn a_full_line_sends_away_who_has_had_most() {
        let line = line(3);
        let first = line.enter(&[Flow { who: "crowd", step: 4 }]).await.unwrap();
        let mut crowd = Vec::new();
        for _ in 0..3 {
            crowd.push(stand(&line, "crowd").await.0);
        }
        assert_eq!(stand(&line, "crowd").await.1, Some(false), "one more of the crowd has no place");
        let (other, answer) = stand(&line, "other").await;
        assert_eq!(answer, None);
        assert!(crowd.pop().unwrap().await.is_none(), "the last of the crowd left its place");
        drop(first);
        assert!(other.await.is_some());
    }

    #[tokio::test]
    async fn a_turn_for_somebody_who_has_left_goes_to_the_next() {
        let line = line(3);
        let first = line.enter(&[Flow { who: "a", step: 4 }]).await.unwrap();
        let (gone, _) = stand(&line, "b").await;
        let (next, _) = stand(&line, "c").await;
        drop(gone);
        drop(first);
        assert!(next.await.is_some());
        assert_eq!(line.0.as_ref().map(|state| lock(state).free), Some(1));
    }
}
