//! Handsets on the simulator's I/O side, driven through its event queue as the generator drives them.

use bevy_ecs::prelude::{Entity, World};
use biopay_protocol::Request;
use biopay_server::env::Clock;
use biopay_server::env::system::SystemClock;
use biopay_server::tls::DEVELOPMENT_NAMES;
use biopay_sim::io::{CompletionSender, Io, QrMaking, ServerAddress, any_port};
use biopay_sim::people::population::Population;
use biopay_sim::time::SimTime;
use biopay_sim::wall::processes::Processes;
use biopay_sim::world::command::Command;
use biopay_sim::world::event::EventKind;
use biopay_sim::world::event::{Completion, Links};
use biopay_sim::world::queue::{Event, EventQueue};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tokio::runtime::Runtime;

/// Handshakes under way at once.
pub const HANDSHAKES: usize = 64;
/// Connections that pings go over.
pub const PINGED: usize = 1_000;
/// Sockets that they share.
const SOCKETS: usize = 4;
/// How long the loop waits for something to happen before it gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// The server and the people of both clients.
pub struct Side<'a> {
    pub processes: &'a Processes,
    pub population: Arc<Population>,
}

impl Side<'_> {
    /// Opens the sockets; within tokio's context.
    pub fn endpoints(&self) -> Vec<quinn::Endpoint> {
        let any = any_port(self.processes.listening());
        (0..SOCKETS).map(|_| quinn::Endpoint::client(any).expect("a socket")).collect()
    }

    fn address(&self) -> ServerAddress {
        ServerAddress::Wall {
            endpoints: self.endpoints(),
            config: self.processes.trust(),
            address: self.processes.listening(),
            name: DEVELOPMENT_NAMES[0].to_owned(),
        }
    }
}

/// One thread carries the connections.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

/// A request that is refused without work: nobody is logged in.
pub fn ping() -> Request {
    Request::FetchHelper
}

struct Crowd {
    runtime: Runtime,
    io: Io,
    completions: Receiver<Completion>,
    clock: Arc<dyn Clock>,
    queue: EventQueue<EventKind>,
    handsets: Vec<Entity>,
}

impl Crowd {
    fn new(side: &Side<'_>, size: usize) -> Self {
        let (runtime, clock): (_, Arc<dyn Clock>) = (runtime(), Arc::new(SystemClock::new()));
        let (sender, completions) = channel();
        let context = runtime.enter();
        let (links, post) = (Links::default(), CompletionSender::Thread(sender));
        let io = Io::new(clock.clone(), side.address(), QrMaking::Threads, links, side.population.clone(), post);
        drop(context);
        let mut world = World::new();
        let handsets = (0..size).map(|_| world.spawn_empty().id()).collect();
        Self { runtime, io, completions, clock, queue: EventQueue::default(), handsets }
    }

    /// Answers every event with commands, until `react` says that it is over or nothing happens any more.
    fn live(&mut self, mut react: impl FnMut(&Event<EventKind>, &mut Vec<Command>) -> bool) {
        let _context = self.runtime.enter();
        let (mut due, mut commands) = (Vec::new(), Vec::new());
        while let Ok(first) = self.completions.recv_timeout(PATIENCE) {
            for completion in std::iter::once(first).chain(self.completions.try_iter()) {
                self.queue.push(completion.at, completion.target, completion.kind);
            }
            let now = SimTime::since_start(self.clock.elapsed());
            while self.queue.pop_instant(now, &mut due).is_some() {
                for event in &due {
                    if react(event, &mut commands) {
                        return;
                    }
                }
                commands.drain(..).for_each(|command| self.io.submit(command));
            }
        }
        panic!("nothing happens any more");
    }

    fn submit(&mut self, commands: impl IntoIterator<Item = Command>) {
        let _context = self.runtime.enter();
        commands.into_iter().for_each(|command| self.io.submit(command));
    }

    fn connect_all(&mut self, under_way: usize) -> usize {
        let handsets = self.handsets.clone();
        let mut waiting = handsets.iter().map(|&target| Command::Connect { target, handset: 0 });
        let first: Vec<_> = waiting.by_ref().take(under_way).collect();
        let (mut connected, mut ended) = (0, 0);
        self.submit(first);
        self.live(|event, commands| {
            connected += usize::from(matches!(event.kind, EventKind::Connected { .. }));
            ended += usize::from(matches!(event.kind, EventKind::Connected { .. } | EventKind::Lost));
            commands.extend(waiting.next());
            ended == handsets.len()
        });
        connected
    }

    fn finish(self) {
        self.runtime.block_on(self.io.finish());
    }
}

/// Returns handshakes a second.
pub fn handshakes(side: &Side<'_>, span: Duration) -> f64 {
    let mut crowd = Crowd::new(side, HANDSHAKES);
    let connect = |target| Command::Connect { target, handset: 0 };
    let handsets = crowd.handsets.clone();
    crowd.submit(handsets.into_iter().map(connect));
    let (clock, began, mut done) = (crowd.clock.clone(), crowd.clock.elapsed(), 0_u64);
    crowd.live(|event, commands| {
        match event.kind {
            EventKind::Connected { .. } => commands.push(Command::Close { target: event.target }),
            EventKind::Closed(_) => {
                done += 1;
                commands.push(connect(event.target));
            }
            _ => panic!("{:?}", event.kind),
        }
        clock.elapsed() - began >= span
    });
    let rate = done as f64 / (clock.elapsed() - began).as_secs_f64();
    crowd.finish();
    rate
}

/// Returns pings a second.
pub fn pings(side: &Side<'_>, span: Duration) -> f64 {
    let mut crowd = Crowd::new(side, PINGED);
    assert_eq!(crowd.connect_all(HANDSHAKES), PINGED);
    let ping = |target| Command::Send { target, request: ping() };
    let handsets = crowd.handsets.clone();
    crowd.submit(handsets.into_iter().map(ping));
    let (clock, began, mut done) = (crowd.clock.clone(), crowd.clock.elapsed(), 0_u64);
    crowd.live(|event, commands| {
        assert!(matches!(event.kind, EventKind::Answered { .. }), "{:?}", event.kind);
        done += 1;
        commands.push(ping(event.target));
        clock.elapsed() - began >= span
    });
    let rate = done as f64 / (clock.elapsed() - began).as_secs_f64();
    crowd.finish();
    rate
}

/// The number of handsets that were connected at the same time.
pub struct Held {
    pub connected: usize,
    pub answered: usize,
    pub took: Duration,
}

/// Connects a crowd, and hears everybody once while all are connected.
pub fn at_once(side: &Side<'_>, size: usize) -> Held {
    let mut crowd = Crowd::new(side, size);
    let began = crowd.clock.elapsed();
    let connected = crowd.connect_all(HANDSHAKES);
    let handsets = crowd.handsets.clone();
    crowd.submit(handsets.into_iter().map(|target| Command::Send { target, request: ping() }));
    let (mut answered, mut ended) = (0, 0);
    crowd.live(|event, _| {
        answered += usize::from(matches!(event.kind, EventKind::Answered { .. }));
        ended += usize::from(matches!(event.kind, EventKind::Answered { .. } | EventKind::Lost));
        ended == size
    });
    let took = crowd.clock.elapsed() - began;
    crowd.finish();
    Held { connected, answered, took }
}
