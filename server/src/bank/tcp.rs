//! The wire to a bank over TCP: links that many requests share, with a second one for when the first does not answer.

use super::acquirer::{APPROVED, ECHO, Wire, transmission_time};
use super::dial::{Dial, Stream};
use super::{BankError, BankGauges};
use crate::env::{BoxFuture, Env};
use crate::iso8583::stream;
use crate::iso8583::{Field, Message, Mti};
use crate::planted::{PlantedBug, planted};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::sync::{mpsc, oneshot};

/// Requests that may wait to be written.
const QUEUE_MAX: usize = 4_096;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long nobody tries again after a connection failed: whoever asks meanwhile is refused at once, and nobody waits in
/// line for one attempt after the other.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// And after many failures in a row.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(8);
/// How often the bank is asked whether it is there, on a link that is open.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long a retired link is still read.
const READ_AFTER_RETIREMENT: Duration = Duration::from_secs(60);
/// The trace number of heartbeats; requests never have it.
const HEARTBEAT_TRACE: u64 = 0;
/// Late responses that may wait to be looked at; more are dropped, since the bank is asked again anyway.
const UNCLAIMED_MAX: usize = 1_024;

/// The requests that wait for a response.
type Waiting = Arc<Mutex<BTreeMap<WaitingKey, oneshot::Sender<Message>>>>;

/// Links to one or two of the bank's addresses, each opened when it is needed.
///
/// A link carries requests once the bank has answered an echo test on it. One that stays silent for a whole timeout, or
/// breaks, is given up, and requests go over the other one while it is opened again. An address that does not answer its
/// echo test is left alone, each time for twice as long.
pub struct TcpWire {
    env: Env,
    timeout: Duration,
    heartbeat: Duration,
    ways: Vec<Arc<Way>>,
    unclaimed: mpsc::Sender<Message>,
    to_claim: tokio::sync::Mutex<mpsc::Receiver<Message>>,
    under_way: AtomicU64,
}

/// One of the bank's addresses, with the link to it.
struct Way {
    road: Box<dyn Dial>,
    slot: tokio::sync::Mutex<Slot>,
    /// The link that requests take, for whoever does not want to wait while another one is opened.
    open: Mutex<Option<Link>>,
}

/// When the last attempt to open a link failed, and how many did in a row.
#[derive(Default)]
struct Slot {
    failed_at: Option<Duration>,
    failures: u32,
}

#[derive(Clone)]
struct Link {
    to_write: mpsc::Sender<Message>,
    waiting: Waiting,
    /// How many messages came from the bank.
    heard: Arc<AtomicU64>,
    /// Whether new requests need another link. This one is still read for a while: late answers come on it.
    is_retired: Arc<AtomicBool>,
}

impl Way {
    fn new(road: Box<dyn Dial>) -> Arc<Self> {
        Arc::new(Self { road, slot: tokio::sync::Mutex::default(), open: Mutex::default() })
    }

    /// Returns the link, if requests can take it.
    fn usable(&self) -> Option<Link> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.clone().filter(|link| !link.to_write.is_closed() && !link.is_retired.load(Ordering::Relaxed))
    }

    /// Opens a link, unless there is one or the last attempt was a moment ago.
    async fn open(&self, opening: &Opening) -> Result<Link, BankError> {
        let mut slot = self.slot.lock().await;
        if let Some(link) = self.usable() {
            return Ok(link);
        }
        let now = opening.env.clock.elapsed();
        if slot.failed_at.is_some_and(|at| now < at + pause(slot.failures)) {
            return Err(BankError::NotSent);
        }
        let connected = opening.env.within(CONNECT_TIMEOUT, self.road.dial()).await;
        let connected = connected.unwrap_or_else(|| Err(std::io::ErrorKind::TimedOut.into()));
        let proved = match connected {
            Ok(stream) => opening.prove(stream).await.inspect_err(|_| slot.failures += 1),
            // Refused at once: nothing is lost by asking again soon.
            Err(error) => {
                slot.failures = 1;
                Err(error)
            }
        };
        match proved {
            Ok(stream) => {
                let link = Link::start(stream, opening);
                *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(link.clone());
                *slot = Slot::default();
                Ok(link)
            }
            Err(error) => {
                tracing::warn!(%error, address = %self.road, "cannot open a link to the bank");
                slot.failed_at = Some(opening.env.clock.elapsed());
                Err(BankError::NotSent)
            }
        }
    }
}

/// Returns the pause before an address is tried again, by the number of failures in a row.
fn pause(failures: u32) -> Duration {
    (RETRY_AFTER * (1 << failures.saturating_sub(1).min(4))).min(RETRY_AFTER_MAX)
}

/// What opening a link needs.
#[derive(Clone)]
struct Opening {
    env: Env,
    timeout: Duration,
    heartbeat: Duration,
    unclaimed: mpsc::Sender<Message>,
}

impl Opening {
    /// Has the bank answer an echo test before any money depends on the link.
    async fn prove(&self, mut stream: Box<dyn Stream>) -> std::io::Result<Box<dyn Stream>> {
        let test = async {
            stream::write(&mut stream, &[heartbeat(self.env.clock.unix_ms())]).await?;
            stream::read(&mut stream).await.map_err(std::io::Error::other)
        };
        let answer = self.env.within(self.timeout, test).await;
        let answer = answer.unwrap_or_else(|| Err(std::io::ErrorKind::TimedOut.into()))?;
        let is_alive = answer.mti() == Mti::NETWORK.response() && answer.text(Field::ResponseCode) == Some(APPROVED);
        if is_alive { Ok(stream) } else { Err(std::io::Error::other("the bank refused an echo test")) }
    }
}

impl TcpWire {
    /// Takes the way to the bank, and how long to wait for a response.
    pub fn new(road: impl Dial + 'static, env: Env, timeout: Duration) -> Self {
        let (unclaimed, to_claim) = mpsc::channel(UNCLAIMED_MAX);
        let (ways, to_claim) = (vec![Way::new(Box::new(road))], tokio::sync::Mutex::new(to_claim));
        let under_way = AtomicU64::new(0);
        Self { env, timeout, heartbeat: HEARTBEAT, ways, unclaimed, to_claim, under_way }
    }

    /// Takes the way to another of the bank's addresses, for when the first does not answer.
    pub fn with_second(mut self, road: impl Dial + 'static) -> Self {
        self.ways.push(Way::new(Box::new(road)));
        self
    }

    /// Asks the bank as often whether it is there.
    pub fn with_heartbeat(self, heartbeat: Duration) -> Self {
        Self { heartbeat, ..self }
    }

    fn opening(&self) -> Opening {
        let (env, unclaimed) = (self.env.clone(), self.unclaimed.clone());
        Opening { env, timeout: self.timeout, heartbeat: self.heartbeat, unclaimed }
    }

    /// Returns the first link that can be used, or opens one. While a later one is used, those before are opened again
    /// in the background.
    async fn link(&self) -> Result<Link, BankError> {
        for (at, way) in self.ways.iter().enumerate() {
            let Some(link) = way.usable() else { continue };
            for broken in &self.ways[..at] {
                // Somebody opens it already where it is locked.
                if let Ok(slot) = broken.slot.try_lock() {
                    let is_due = slot.failed_at.is_none_or(|at| self.env.clock.elapsed() >= at + pause(slot.failures));
                    let (broken, opening) = (broken.clone(), self.opening());
                    if is_due {
                        tokio::spawn(async move { drop(broken.open(&opening).await) });
                    }
                }
            }
            return Ok(link);
        }
        let opening = self.opening();
        let mut opened = Err(BankError::NotSent);
        for way in &self.ways {
            opened = way.open(&opening).await;
            if opened.is_ok() {
                break;
            }
        }
        opened
    }

    async fn exchange_on(&self, link: Link, key: WaitingKey, request: Message) -> Result<Message, BankError> {
        let (give, take) = oneshot::channel();
        if lock(&link.waiting).insert(key.clone(), give).is_some() {
            // A million requests under way at once; the one before is answered as unknown by losing its channel.
            tracing::warn!(trace = key.0, "a trace number was used again while it was waited for");
        }
        let heard = link.heard.load(Ordering::Relaxed);
        if !matches!(self.env.within(self.timeout, link.to_write.send(request)).await, Some(Ok(()))) {
            lock(&link.waiting).remove(&key);
            return Err(BankError::NotSent);
        }
        let answer = self.env.within(self.timeout, take).await;
        lock(&link.waiting).remove(&key);
        let is_silent = answer.is_none() && link.heard.load(Ordering::Relaxed) == heard;
        if is_silent && !planted(PlantedBug::SilentBankLink) {
            tracing::warn!("the bank has sent nothing for the whole timeout: the next request takes another link");
            link.is_retired.store(true, Ordering::Relaxed);
        }
        answer.and_then(Result::ok).ok_or(BankError::Unknown)
    }
}

impl Wire for TcpWire {
    fn exchange(&self, request: Message) -> BoxFuture<'_, Result<Message, BankError>> {
        Box::pin(async move {
            let key = key_of(&request).ok_or(BankError::NotSent)?;
            self.under_way.fetch_add(1, Ordering::Relaxed);
            let _counted = UnderWay(&self.under_way);
            let link = self.link().await?;
            self.exchange_on(link, key, request).await
        })
    }

    fn gauges(&self) -> BankGauges {
        let links_up = self.ways.iter().filter(|way| way.usable().is_some()).count() as u64;
        BankGauges { links: self.ways.len() as u64, links_up, under_way: self.under_way.load(Ordering::Relaxed) }
    }

    fn next_unclaimed(&self) -> BoxFuture<'_, Message> {
        Box::pin(async move {
            match self.to_claim.lock().await.recv().await {
                Some(message) => message,
                None => std::future::pending().await,
            }
        })
    }
}

/// A guard that counts a request which waits for the bank.
struct UnderWay<'a>(&'a AtomicU64);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What pairs a response with its request: the trace number, and the reference where there is one. A charge keeps its
/// trace number when it is sent again, so two may have the same one for a while.
type WaitingKey = (u64, Option<Box<str>>);

fn key_of(message: &Message) -> Option<WaitingKey> {
    if planted(PlantedBug::ForeignAnswer) {
        return Some((message.number(Field::Trace)?, None));
    }
    Some((message.number(Field::Trace)?, message.text(Field::Reference).map(Into::into)))
}

impl Link {
    fn start(stream: Box<dyn Stream>, opening: &Opening) -> Self {
        let Opening { env, heartbeat, unclaimed, .. } = opening.clone();
        let (to_write, from_callers) = mpsc::channel(QUEUE_MAX);
        let link = Self { to_write, waiting: Arc::default(), heard: Arc::default(), is_retired: Arc::default() };
        let (waiting, heard) = (link.waiting.clone(), link.heard.clone());
        let ended = end_of(env, heartbeat, link.to_write.downgrade(), heard.clone());
        tokio::spawn(carry(stream, from_callers, waiting, heard, unclaimed, ended));
        link
    }
}

/// Waits until the bank leaves a heartbeat without an answer, or a retired link has been read for long enough.
async fn end_of(env: Env, every: Duration, to_write: mpsc::WeakSender<Message>, heard: Arc<AtomicU64>) {
    loop {
        env.clock.sleep(every).await;
        let before = heard.load(Ordering::Relaxed);
        let Some(to_write) = to_write.upgrade() else { return env.clock.sleep(READ_AFTER_RETIREMENT).await };
        let sent = env.within(every, to_write.send(heartbeat(env.clock.unix_ms()))).await;
        drop(to_write);
        env.clock.sleep(every).await;
        let is_silent = sent.is_none() || heard.load(Ordering::Relaxed) == before;
        if is_silent && !planted(PlantedBug::SilentBankLink) {
            return tracing::warn!("the bank does not answer heartbeats: closing the link");
        }
    }
}

/// Returns an echo test, which every bank answers (ISO 8583:1987, message type 0800).
fn heartbeat(unix_ms: u64) -> Message {
    Message::new(Mti::NETWORK)
        .with(Field::Transmitted, transmission_time(unix_ms))
        .with_number(Field::Trace, HEARTBEAT_TRACE)
        .with(Field::NetworkCode, ECHO)
}

/// Writes requests and hands out responses until the connection breaks or `ended`; to all requests that wait then the
/// outcome is unknown.
async fn carry(
    stream: Box<dyn Stream>,
    mut from_callers: mpsc::Receiver<Message>,
    waiting: Waiting,
    heard: Arc<AtomicU64>,
    unclaimed: mpsc::Sender<Message>,
    ended: impl Future<Output = ()>,
) {
    let (mut reading, mut writing) = tokio::io::split(stream);
    let reader = read_responses(BufReader::new(&mut reading), &waiting, &heard, &unclaimed);
    let writer = write_requests(&mut writing, &mut from_callers);
    tokio::select! {
        biased;
        () = reader => {}
        () = writer => {}
        () = ended => {}
    }
    from_callers.close();
    lock(&waiting).clear();
}

async fn read_responses(
    mut reading: impl AsyncRead + Unpin,
    waiting: &Waiting,
    heard: &AtomicU64,
    unclaimed: &mpsc::Sender<Message>,
) {
    loop {
        match stream::read(&mut reading).await {
            Ok(response) => {
                heard.fetch_add(1, Ordering::Relaxed);
                hand_out(waiting, unclaimed, response);
            }
            Err(error) => return tracing::warn!(%error, "the connection to the bank ended"),
        }
    }
}

async fn write_requests(writing: &mut (impl AsyncWrite + Unpin), from_callers: &mut mpsc::Receiver<Message>) {
    let mut requests = Vec::new();
    while from_callers.recv_many(&mut requests, stream::TOGETHER_MAX).await > 0 {
        // Whoever else can run now may have a request too, and what is written together costs one write.
        tokio::task::yield_now().await;
        while requests.len() < stream::TOGETHER_MAX
            && let Ok(request) = from_callers.try_recv()
        {
            requests.push(request);
        }
        if stream::write(writing, &requests).await.is_err() {
            return;
        }
        requests.clear();
    }
    // Nobody writes on a retired link any more, but answers still come.
    std::future::pending().await
}

fn hand_out(waiting: &Waiting, unclaimed: &mpsc::Sender<Message>, response: Message) {
    if response.number(Field::Trace) == Some(HEARTBEAT_TRACE) {
        return;
    }
    let waiter = key_of(&response).and_then(|key| lock(waiting).remove(&key));
    match waiter {
        Some(waiter) => drop(waiter.send(response)),
        None => drop(unclaimed.try_send(response)),
    }
}

fn lock(waiting: &Waiting) -> std::sync::MutexGuard<'_, BTreeMap<WaitingKey, oneshot::Sender<Message>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
