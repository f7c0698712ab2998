//! The road to the bank: byte streams with a delay, which can break, fall silent for ever, or be refused.

use super::journal::{Journal, Who};
use crate::time::Nanos;
use crate::virtual_time::{Timeline, Timer};
use biopay_server::bank::dial::{Dial, Stream};
use biopay_server::env::BoxFuture;
use biopay_server::iso8583::{Field, Message};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::UnboundedSender;

/// The road between servers and the bank.
pub(super) struct Road {
    timeline: Arc<Timeline>,
    journal: Journal,
    state: Mutex<State>,
    seen: Mutex<Vec<Message>>,
}

struct State {
    /// Where streams come out; `None` while the bank is down.
    bank: Option<(UnboundedSender<End>, Arc<AtomicBool>)>,
    streams: Vec<(Origin, Weak<Mutex<Pipes>>)>,
    one_way: Duration,
    /// Whether nothing gets through, and nobody hears of it.
    is_cut: bool,
    /// Whether that is so for the server that handsets talk to, and not for the other one.
    is_front_cut: bool,
}

/// The place where a stream to the bank begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The server that handsets talk to.
    Front,
    /// Another server on the same store.
    Standby,
}

#[derive(Default)]
struct Pipes {
    to_bank: Pipe,
    to_server: Pipe,
    is_broken: bool,
    /// Whether everything on it is lost from now on.
    is_black: bool,
}

#[derive(Default)]
struct Pipe {
    chunks: VecDeque<(Nanos, Vec<u8>)>,
    /// When the reader hears that the writer has closed it.
    ends: Option<Nanos>,
    waker: Option<Waker>,
    /// What the tap has not yet read as messages.
    tapped: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Server,
    Bank,
}

/// One end of a stream.
pub(super) struct End {
    pipes: Arc<Mutex<Pipes>>,
    road: Arc<Road>,
    side: Side,
    alive: Arc<AtomicBool>,
    timer: Option<Timer>,
}

impl Road {
    /// Builds the road; a message takes `one_way`.
    pub(super) fn new(timeline: Arc<Timeline>, journal: Journal, one_way: Duration) -> Arc<Self> {
        let state = Mutex::new(State { bank: None, streams: Vec::new(), one_way, is_cut: false, is_front_cut: false });
        Arc::new(Self { timeline, journal, state, seen: Mutex::default() })
    }

    /// Lets streams come out at a bank.
    pub(super) fn open_bank(&self, streams: UnboundedSender<End>, alive: Arc<AtomicBool>) {
        self.state().bank = Some((streams, alive));
    }

    /// Closes the bank's door.
    pub(super) fn close_bank(&self) {
        self.state().bank = None;
    }

    /// Breaks every stream: both ends hear of it.
    pub(super) fn break_all(&self) {
        for pipes in self.streams() {
            let mut pipes = lock(&pipes);
            pipes.is_broken = true;
            pipes.wake();
        }
    }

    /// Lets every stream fall silent for ever: nobody hears of it.
    pub(super) fn silence_all(&self) {
        self.streams().iter().for_each(|pipes| lock(pipes).is_black = true);
    }

    /// Cuts the road, or opens it again.
    pub(super) fn set_cut(&self, is_cut: bool) {
        self.state().is_cut = is_cut;
        if is_cut {
            self.silence_all();
        }
    }

    /// Cuts the road of the server that handsets talk to alone, or opens it again.
    pub(super) fn set_front_cut(&self, is_cut: bool) {
        self.state().is_front_cut = is_cut;
        if is_cut {
            let fronts = self.streams_of(|origin| origin == Origin::Front);
            fronts.iter().for_each(|pipes| lock(pipes).is_black = true);
        }
    }

    /// Changes how long a message takes.
    pub(super) fn set_delay(&self, one_way: Duration) {
        self.state().one_way = one_way;
    }

    /// Returns every message that has passed, in order.
    pub(super) fn passed(&self) -> Vec<Message> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn streams(&self) -> Vec<Arc<Mutex<Pipes>>> {
        self.streams_of(|_| true)
    }

    fn streams_of(&self, is_wanted: impl Fn(Origin) -> bool) -> Vec<Arc<Mutex<Pipes>>> {
        let mut state = self.state();
        state.streams.retain(|(_, stream)| stream.strong_count() > 0);
        let wanted = state.streams.iter().filter(|(origin, _)| is_wanted(*origin));
        wanted.filter_map(|(_, stream)| stream.upgrade()).collect()
    }

    fn is_cut_for(&self, origin: Origin) -> bool {
        let state = self.state();
        state.is_cut || (state.is_front_cut && origin == Origin::Front)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Nanos {
        self.timeline.elapsed().as_nanos() as Nanos
    }

    fn note(&self, from: Side, message: Message) {
        let who = if from == Side::Server { Who::Server } else { Who::Bank };
        let text = |field| message.text(field).unwrap_or("-").to_owned();
        let what = format!(
            "sends {:04} reference {} amount {} code {}",
            message.mti().0,
            text(Field::Reference),
            text(Field::Amount),
            text(Field::ResponseCode),
        );
        // Heartbeats say nothing about money.
        if message.field(Field::Reference).is_some() {
            self.journal.note(who, what);
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(message);
    }
}

/// The way of one process to the bank.
pub(super) struct Way {
    pub(super) road: Arc<Road>,
    pub(super) origin: Origin,
    pub(super) alive: Arc<AtomicBool>,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the road to the bank")
    }
}

impl Dial for Way {
    fn dial(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let one_way = self.road.state().one_way;
            Timer::after(&self.road.timeline, one_way * 2).await;
            if self.road.is_cut_for(self.origin) {
                std::future::pending::<()>().await;
            }
            let pipes = Arc::<Mutex<Pipes>>::default();
            let end = |side, alive| End { pipes: pipes.clone(), road: self.road.clone(), side, alive, timer: None };
            let mut state = self.road.state();
            let Some((bank, bank_alive)) = state.bank.clone() else {
                return Err(io::ErrorKind::ConnectionRefused.into());
            };
            let (ours, theirs) = (end(Side::Server, self.alive.clone()), end(Side::Bank, bank_alive));
            state.streams.push((self.origin, Arc::downgrade(&pipes)));
            drop(state);
            bank.send(theirs).map_err(|_| io::ErrorKind::ConnectionRefused)?;
            let stream: Box<dyn Stream> = Box::new(ours);
            Ok(stream)
        })
    }
}

impl Pipes {
    fn wake(&mut self) {
        for pipe in [&mut self.to_bank, &mut self.to_server] {
            pipe.waker.take().into_iter().for_each(Waker::wake);
        }
    }

    /// Returns the pipe that a side writes.
    fn from(&mut self, side: Side) -> &mut Pipe {
        match side {
            Side::Server => &mut self.to_bank,
            Side::Bank => &mut self.to_server,
        }
    }

    fn to(&mut self, side: Side) -> &mut Pipe {
        match side {
            Side::Server => &mut self.to_server,
            Side::Bank => &mut self.to_bank,
        }
    }
}

impl Pipe {
    /// Takes the whole messages out of what the tap has read: two bytes of length, and so many bytes.
    fn tap(&mut self, bytes: &[u8]) -> Vec<Message> {
        self.tapped.extend_from_slice(bytes);
        let mut messages = Vec::new();
        while let Some(&[high, low]) = self.tapped.first_chunk::<2>() {
            let end = 2 + usize::from(u16::from_be_bytes([high, low]));
            let Some(frame) = self.tapped.get(2..end) else { break };
            messages.extend(Message::decode(frame));
            self.tapped.drain(..end);
        }
        messages
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let now = self.road.now();
        let pipes = self.pipes.clone();
        let mut pipes = lock(&pipes);
        if pipes.is_broken {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let (is_black, pipe) = (pipes.is_black, pipes.to(self.side));
        pipe.waker = Some(context.waker().clone());
        let next = pipe.chunks.front().map(|(at, _)| *at).or(pipe.ends);
        let Some(at) = next.filter(|_| !is_black) else { return Poll::Pending };
        if at > now {
            let mut timer = Timer::after(&self.road.timeline, Duration::from_nanos(at - now));
            let due = pin!(&mut timer).poll(context);
            debug_assert!(due.is_pending(), "what is in the future is not due");
            self.timer = Some(timer);
            return Poll::Pending;
        }
        let Some((_, chunk)) = pipe.chunks.front_mut() else { return Poll::Ready(Ok(())) };
        let count = chunk.len().min(buffer.remaining());
        buffer.put_slice(&chunk[..count]);
        chunk.drain(..count);
        if chunk.is_empty() {
            pipe.chunks.pop_front();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let arrives = self.road.now() + self.road.state().one_way.as_nanos() as Nanos;
        let mut pipes = lock(&self.pipes);
        if pipes.is_broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if pipes.is_black || !self.alive.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let pipe = pipes.from(self.side);
        pipe.chunks.push_back((arrives, bytes.to_vec()));
        pipe.waker.take().into_iter().for_each(Waker::wake);
        let messages = pipe.tap(bytes);
        drop(pipes);
        messages.into_iter().for_each(|message| self.road.note(self.side, message));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The system closes what a process had open, however the process ended.
impl Drop for End {
    fn drop(&mut self) {
        let ends = self.road.now() + self.road.state().one_way.as_nanos() as Nanos;
        let mut pipes = lock(&self.pipes);
        let pipe = pipes.from(self.side);
        pipe.ends = Some(ends);
        pipe.waker.take().into_iter().for_each(Waker::wake);
    }
}

fn lock(pipes: &Mutex<Pipes>) -> MutexGuard<'_, Pipes> {
    pipes.lock().unwrap_or_else(PoisonError::into_inner)
}
