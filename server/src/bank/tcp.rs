//! The wire to a bank over TCP: one connection, which many requests share and which is opened when it is needed.

use super::BankError;
use super::acquirer::{ECHO, Wire, transmission_time};
use crate::config::TlsConfig;
use crate::env::{BoxFuture, Env};
use crate::iso8583::stream;
use crate::iso8583::{Field, Message, Mti};
use crate::tls::bank_connector;
use rustls_pki_types::ServerName;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

/// Requests that may wait to be written.
const QUEUE_MAX: usize = 4_096;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long nobody tries again after a connection failed: whoever asks meanwhile is refused at once, and nobody waits in
/// line for one attempt after the other.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How often the bank is asked whether it is there, on a link that is open.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long a retired link is still read.
const READ_AFTER_RETIREMENT: Duration = Duration::from_secs(60);
/// The trace number of heartbeats; requests never have it.
const HEARTBEAT_TRACE: u64 = 0;
/// How long the kernel tries to send what the bank does not acknowledge, in milliseconds (RFC 5482).
const UNACKNOWLEDGED_MS: u32 = 15_000;

/// Late responses that may wait to be looked at; more are dropped, since the bank is asked again anyway.
const UNCLAIMED_MAX: usize = 1_024;

/// The requests that wait for a response, by trace number.
type Waiting = Arc<Mutex<BTreeMap<u64, oneshot::Sender<Message>>>>;

/// The bank's address, and how to trust it.
#[derive(Clone)]
pub struct BankAddress {
    /// Its address.
    pub address: SocketAddr,
    /// How to trust it; `None` only where nobody can listen in, on this machine.
    pub tls: Option<BankTrust>,
}

/// The certificate that the bank has to show, and our own.
#[derive(Clone)]
pub struct BankTrust {
    /// The trusted certificates, PEM; read again for every connection, so that they can be renewed.
    pub certificate: PathBuf,
    /// The name in the bank's certificate.
    pub name: ServerName<'static>,
    /// What we show, where the bank asks who we are; read again too.
    pub own: TlsConfig,
}

/// A byte stream, in the clear or under TLS.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection to the bank, opened when it is needed.
pub struct TcpWire {
    address: BankAddress,
    env: Env,
    timeout: Duration,
    link: tokio::sync::Mutex<Slot>,
    unclaimed: mpsc::Sender<Message>,
    to_claim: tokio::sync::Mutex<mpsc::Receiver<Message>>,
}

/// The link, or when the last attempt to open one failed.
#[derive(Default)]
enum Slot {
    #[default]
    Empty,
    Open(Link),
    FailedAt(Duration),
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

impl TcpWire {
    /// Takes the bank's address, and how long to wait for a response.
    pub fn new(address: BankAddress, env: Env, timeout: Duration) -> Self {
        let (unclaimed, to_claim) = mpsc::channel(UNCLAIMED_MAX);
        let (link, to_claim) = (tokio::sync::Mutex::default(), tokio::sync::Mutex::new(to_claim));
        Self { address, env, timeout, link, unclaimed, to_claim }
    }

    /// Returns the open link, or opens one.
    async fn link(&self) -> Result<Link, BankError> {
        let mut slot = self.link.lock().await;
        match &*slot {
            Slot::Open(link) if !link.to_write.is_closed() && !link.is_retired.load(Ordering::Relaxed) => {
                return Ok(link.clone());
            }
            Slot::FailedAt(at) if self.env.clock.elapsed() < *at + RETRY_AFTER => return Err(BankError::NotSent),
            Slot::Empty | Slot::Open(_) | Slot::FailedAt(_) => {}
        }
        let connected = self.env.within(CONNECT_TIMEOUT, self.connect()).await;
        match connected.unwrap_or_else(|| Err(std::io::ErrorKind::TimedOut.into())) {
            Ok(stream) => {
                let link = Link::start(stream, &self.env, self.unclaimed.clone());
                *slot = Slot::Open(link.clone());
                Ok(link)
            }
            Err(error) => {
                tracing::warn!(%error, "cannot connect to the bank");
                *slot = Slot::FailedAt(self.env.clock.elapsed());
                Err(BankError::NotSent)
            }
        }
    }

    async fn connect(&self) -> std::io::Result<Box<dyn Stream>> {
        let socket = TcpStream::connect(self.address.address).await?;
        socket.set_nodelay(true)?;
        rustix::net::sockopt::set_tcp_user_timeout(&socket, UNACKNOWLEDGED_MS)?;
        Ok(match &self.address.tls {
            Some(BankTrust { certificate, name, own }) => {
                let connector = bank_connector(certificate, own).map_err(std::io::Error::other)?;
                Box::new(connector.connect(name.clone(), socket).await?)
            }
            None => Box::new(socket),
        })
    }

    async fn exchange_on(&self, link: Link, trace: u64, request: Message) -> Result<Message, BankError> {
        let (give, take) = oneshot::channel();
        if lock(&link.waiting).insert(trace, give).is_some() {
            // A million requests under way at once; the one before is answered as unknown by losing its channel.
            tracing::warn!(trace, "a trace number was used again while it was waited for");
        }
        let heard = link.heard.load(Ordering::Relaxed);
        if !matches!(self.env.within(self.timeout, link.to_write.send(request)).await, Some(Ok(()))) {
            lock(&link.waiting).remove(&trace);
            return Err(BankError::NotSent);
        }
        let answer = self.env.within(self.timeout, take).await;
        lock(&link.waiting).remove(&trace);
        if answer.is_none() && link.heard.load(Ordering::Relaxed) == heard {
            tracing::warn!("the bank has sent nothing for the whole timeout: the next request opens another link");
            link.is_retired.store(true, Ordering::Relaxed);
        }
        answer.and_then(Result::ok).ok_or(BankError::Unknown)
    }
}

impl Wire for TcpWire {
    fn exchange(&self, request: Message) -> BoxFuture<'_, Result<Message, BankError>> {
        Box::pin(async move {
            let trace = request.number(Field::Trace).ok_or(BankError::NotSent)?;
            let link = self.link().await?;
            self.exchange_on(link, trace, request).await
        })
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

impl Link {
    fn start(stream: Box<dyn Stream>, env: &Env, unclaimed: mpsc::Sender<Message>) -> Self {
        let (to_write, from_callers) = mpsc::channel(QUEUE_MAX);
        let link = Self { to_write, waiting: Arc::default(), heard: Arc::default(), is_retired: Arc::default() };
        let (waiting, heard) = (link.waiting.clone(), link.heard.clone());
        let ended = end_of(env.clone(), link.to_write.downgrade(), heard.clone());
        tokio::spawn(carry(stream, from_callers, waiting, heard, unclaimed, ended));
        link
    }
}

/// Waits until the bank leaves a heartbeat without an answer, or a retired link has been read for long enough.
async fn end_of(env: Env, to_write: mpsc::WeakSender<Message>, heard: Arc<AtomicU64>) {
    loop {
        env.clock.sleep(HEARTBEAT).await;
        let before = heard.load(Ordering::Relaxed);
        let Some(to_write) = to_write.upgrade() else { return env.clock.sleep(READ_AFTER_RETIREMENT).await };
        let sent = env.within(HEARTBEAT, to_write.send(heartbeat(env.clock.unix_ms()))).await;
        drop(to_write);
        env.clock.sleep(HEARTBEAT).await;
        if sent.is_none() || heard.load(Ordering::Relaxed) == before {
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
    let waiter = response.number(Field::Trace).and_then(|trace| lock(waiting).remove(&trace));
    match waiter {
        Some(waiter) => drop(waiter.send(response)),
        None => drop(unclaimed.try_send(response)),
    }
}

fn lock(waiting: &Waiting) -> std::sync::MutexGuard<'_, BTreeMap<u64, oneshot::Sender<Message>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
