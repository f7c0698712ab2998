//! The wire to a bank over TCP: one connection, which many requests share and which is opened when it is needed.

use super::BankError;
use super::acquirer::Wire;
use crate::config::TlsConfig;
use crate::env::{BoxFuture, Env};
use crate::iso8583::stream;
use crate::iso8583::{Field, Message};
use crate::tls::bank_connector;
use rustls_pki_types::ServerName;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

/// Requests that may wait to be written.
const QUEUE_MAX: usize = 4_096;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

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
    link: tokio::sync::Mutex<Option<Link>>,
    unclaimed: mpsc::Sender<Message>,
    to_claim: tokio::sync::Mutex<mpsc::Receiver<Message>>,
}

#[derive(Clone)]
struct Link {
    to_write: mpsc::Sender<Message>,
    waiting: Waiting,
}

impl TcpWire {
    /// Takes the bank's address, and how long to wait for a response.
    pub fn new(address: BankAddress, env: Env, timeout: Duration) -> Self {
        let (unclaimed, to_claim) = mpsc::channel(UNCLAIMED_MAX);
        let (link, to_claim) = (tokio::sync::Mutex::new(None), tokio::sync::Mutex::new(to_claim));
        Self { address, env, timeout, link, unclaimed, to_claim }
    }

    /// Returns the open link, or opens one.
    async fn link(&self) -> Result<Link, BankError> {
        let mut slot = self.link.lock().await;
        if let Some(link) = slot.as_ref().filter(|link| !link.to_write.is_closed()) {
            return Ok(link.clone());
        }
        let connected = self.env.within(CONNECT_TIMEOUT, self.connect()).await.ok_or(BankError::NotSent)?;
        let stream = connected.map_err(|error| {
            tracing::warn!(%error, "no connection to the bank");
            BankError::NotSent
        })?;
        Ok(slot.insert(Link::start(stream, self.unclaimed.clone())).clone())
    }

    async fn connect(&self) -> std::io::Result<Box<dyn Stream>> {
        let socket = TcpStream::connect(self.address.address).await?;
        socket.set_nodelay(true)?;
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
        if link.to_write.send(request).await.is_err() {
            lock(&link.waiting).remove(&trace);
            return Err(BankError::NotSent);
        }
        let answer = self.env.within(self.timeout, take).await;
        lock(&link.waiting).remove(&trace);
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
    fn start(stream: Box<dyn Stream>, unclaimed: mpsc::Sender<Message>) -> Self {
        let (to_write, from_callers) = mpsc::channel(QUEUE_MAX);
        let waiting: Waiting = Arc::default();
        tokio::spawn(carry(stream, from_callers, waiting.clone(), unclaimed));
        Self { to_write, waiting }
    }
}

/// Writes requests and hands out responses until the connection breaks; whoever waits then hears that the outcome is
/// unknown.
async fn carry(
    stream: Box<dyn Stream>,
    mut from_callers: mpsc::Receiver<Message>,
    waiting: Waiting,
    unclaimed: mpsc::Sender<Message>,
) {
    let (reading, mut writing) = tokio::io::split(stream);
    let mut reading = BufReader::new(reading);
    let for_reader = waiting.clone();
    let reader = async move {
        loop {
            match stream::read(&mut reading).await {
                Ok(response) => hand_out(&for_reader, &unclaimed, response),
                Err(error) => return tracing::warn!(%error, "the connection to the bank ended"),
            }
        }
    };
    let writer = async {
        let mut requests = Vec::new();
        while from_callers.recv_many(&mut requests, stream::TOGETHER_MAX).await > 0 {
            // Whoever else can run now may have a request too, and what is written together costs one write.
            tokio::task::yield_now().await;
            while requests.len() < stream::TOGETHER_MAX
                && let Ok(request) = from_callers.try_recv()
            {
                requests.push(request);
            }
            if stream::write(&mut writing, &requests).await.is_err() {
                return;
            }
            requests.clear();
        }
    };
    tokio::select! {
        biased;
        () = reader => {}
        () = writer => {}
    }
    from_callers.close();
    lock(&waiting).clear();
}

fn hand_out(waiting: &Waiting, unclaimed: &mpsc::Sender<Message>, response: Message) {
    let waiter = response.number(Field::Trace).and_then(|trace| lock(waiting).remove(&trace));
    match waiter {
        Some(waiter) => drop(waiter.send(response)),
        None => drop(unclaimed.try_send(response)),
    }
}

fn lock(waiting: &Waiting) -> std::sync::MutexGuard<'_, BTreeMap<u64, oneshot::Sender<Message>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
