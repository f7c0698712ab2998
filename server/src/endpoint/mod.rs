//! The QUIC endpoint: takes connections and streams, hands requests to the service, and writes its responses.

mod listener;

pub use listener::QuicListener;

use crate::config::Limits;
use crate::service::limits::{Place, Places, Seats, Source};
use crate::service::{Service, Session};
use crate::shutdown::Shutdown;
use biopay_protocol::codec::{self, PREFIX_BYTES};
use biopay_protocol::{ChannelBinding, Refusal, Request, Response, TraceContext};
use quinn::crypto::rustls::HandshakeData;
use quinn::{Connection, Incoming, RecvStream, SendStream};
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The code that a connection is closed with when the server shuts down.
pub const CLOSED_BY_SHUTDOWN: u32 = 1;
/// The code that a connection is closed with when its client speaks another version; the reason names the one spoken here.
pub const CLOSED_BY_VERSION: u32 = 2;
/// The code that a connection without a login is closed with when all places are taken and its network holds most.
pub const CLOSED_FOR_ANOTHER: u32 = 3;
/// Tasks that may be under way; a permit each, so that the shutdown knows when the last one has ended.
const TASKS_MAX: usize = 1 << 20;

/// Serves a ready endpoint until the shutdown; returns when what was under way has been answered.
pub async fn serve(listener: Arc<QuicListener>, service: Arc<Service>, mut shutdown: Shutdown) {
    let tasks = Arc::new(Semaphore::new(TASKS_MAX));
    let resolver = tokio::spawn(service.clone().resolve(shutdown.clone()));
    let late = tokio::spawn(service.clone().take_late_answers(shutdown.clone()));
    let keeper = tokio::spawn(service.clone().keep_limits(shutdown.clone()));
    let limits = *listener.limits();
    let (places, seats) = (Places::new(limits.connections_per_source), Seats::new());
    let shutdown_too = shutdown.clone();
    let server =
        Arc::new(Server { listener, service, limits, tasks: tasks.clone(), places, seats, shutdown: shutdown_too });
    loop {
        let incoming = tokio::select! {
            biased;
            () = shutdown.begun() => break,
            incoming = server.listener.next() => incoming,
        };
        let Some(incoming) = incoming else { break };
        server.admit(incoming);
    }
    server.listener.stop_accepting();
    let drain = Duration::from_millis(u64::from(limits.drain_ms));
    let idle = tasks.acquire_many(TASKS_MAX as u32);
    if server.service.env().within(drain, idle).await.is_none() {
        tracing::warn!("the server stopped while requests were under way; their outcomes are in the store");
    }
    drop((resolver.await, late.await, keeper.await));
    server.service.finish_limits().await;
    server.listener.close(CLOSED_BY_SHUTDOWN).await;
}

struct Server {
    listener: Arc<QuicListener>,
    service: Arc<Service>,
    limits: Limits,
    tasks: Arc<Semaphore>,
    places: Places<Source>,
    seats: Seats<Guest>,
    shutdown: Shutdown,
}

/// An open connection and who is on it.
#[derive(Clone)]
struct Guest {
    connection: Connection,
    client: Arc<ClientConnection>,
}

impl Server {
    /// Lets a connection in, asks its address to prove itself, or turns it away.
    fn admit(self: &Arc<Self>, incoming: Incoming) {
        let open = self.listener.open_connections();
        let source = Source::from(incoming.remote_address().ip());
        let has_its_share = open >= self.limits.retry_above && self.places.is_share_taken(&source);
        if open >= self.limits.retry_above && !incoming.remote_address_validated() && incoming.may_retry() {
            self.service.metrics().count_retried();
            drop(incoming.retry());
        } else if has_its_share || (open >= self.limits.connections && !self.make_room_for(source)) {
            self.service.metrics().count_refused();
            incoming.refuse();
        } else {
            let (server, place) = (self.clone(), self.places.take_anyway(source));
            tokio::spawn(async move { server.welcome(incoming, place).await });
        }
    }

    /// Closes a connection of whoever holds most places, so that nobody holds them all with connections that ask nothing.
    fn make_room_for(&self, source: Source) -> bool {
        let guest = self.seats.find_for(source, |guest| !guest.client.session.is_logged_in());
        let Some(Guest { connection, .. }) = guest else { return false };
        self.service.metrics().count_displaced();
        connection.close(CLOSED_FOR_ANOTHER.into(), b"others need the place");
        true
    }

    /// Shakes hands, within the time that there is for it.
    async fn welcome(self: Arc<Self>, incoming: Incoming, place: Place<Source>) {
        let limit = Duration::from_millis(u64::from(self.limits.handshake_ms));
        let handshake = async { self.listener.accept(incoming)?.await };
        match self.service.env().within(limit, handshake).await {
            // A task of its own: this one still has room for a handshake, which would be held as long as the connection.
            Some(Ok(connection)) if speaks_our_version(&connection) => {
                drop(tokio::spawn(self.serve_connection(connection, place)));
            }
            Some(Ok(connection)) => connection.close(CLOSED_BY_VERSION.into(), biopay_protocol::ALPN),
            Some(Err(error)) => tracing::debug!(%error, "a handshake failed"),
            None => self.service.metrics().count_timed_out(),
        }
    }

    async fn serve_connection(self: Arc<Self>, connection: Connection, _place: Place<Source>) {
        let _open = self.service.metrics().connection();
        let Some(channel) = channel_of(&connection) else { return };
        let session = self.service.begin_session(connection.remote_address().ip(), channel);
        let client = Arc::new(ClientConnection { session, sent: Sent::new(self.limits.streams) });
        let source = Source::from(connection.remote_address().ip());
        let guest = Guest { connection: connection.clone(), client: client.clone() };
        let _seat = self.seats.take(source, guest);
        // A permit, so that the shutdown waits for what this connection was sent.
        let Ok(permit) = self.tasks.clone().acquire_owned().await else { return };
        let (mut permit, mut shutdown) = (Some(permit), self.shutdown.clone());
        let mut begun = pin!(shutdown.begun());
        loop {
            let accepted = tokio::select! {
                biased;
                accepted = connection.accept_bi() => accepted,
                () = &mut begun, if permit.is_some() => {
                    let (server, client, permit) = (self.clone(), client.clone(), permit.take());
                    tokio::spawn(async move {
                        server.wait_for(client.sent.stop_remembering()).await;
                        drop(permit);
                    });
                    continue;
                }
            };
            match accepted {
                Ok((send, receive)) => {
                    // Taken before the task begins, so that a shutdown never overlooks it; when the shutdown has taken
                    // them all, what comes now is never begun.
                    let Ok(task) = self.tasks.clone().acquire_owned().await else { return };
                    let (server, client) = (self.clone(), client.clone());
                    // The task goes on when the connection ends: a charge that has begun is seen through.
                    tokio::spawn(async move {
                        server.serve_stream(&client, send, receive).await;
                        drop(task);
                    });
                }
                Err(reason) => return tracing::debug!(%reason, "a connection ended"),
            }
        }
    }

    /// Answers one stream's request.
    async fn serve_stream(&self, client: &ClientConnection, send: SendStream, mut receive: RecvStream) {
        let (limit, env) = (self.message_limit(), self.service.env());
        let (request, trace) = match env.within(limit, read_request(&mut receive)).await {
            Some(Ok(traced)) => traced,
            Some(Err(NoRequest::Malformed)) => {
                self.service.metrics().count_malformed();
                return self.respond(client, send, &Response::Refused(Refusal::Malformed)).await;
            }
            Some(Err(NoRequest::Gone)) => return,
            None => {
                drop(receive.stop(0_u32.into()));
                let mut send = send;
                drop(send.reset(0_u32.into()));
                return;
            }
        };
        let response = if self.shutdown.has_begun() {
            Response::Refused(Refusal::ShuttingDown)
        } else {
            self.service.handle_traced(&client.session, request, trace).await
        };
        self.respond(client, send, &response).await;
    }

    /// Writes a response. Nobody waits until the client has it, but the shutdown.
    async fn respond(&self, client: &ClientConnection, mut send: SendStream, response: &Response) {
        let written = self.service.env().within(self.message_limit(), write_response(&mut send, response)).await;
        if written == Some(true) {
            self.wait_for(client.sent.remember(send)).await;
        }
    }

    /// Waits until clients have what they were sent, as long as a message may take.
    async fn wait_for(&self, sent: impl IntoIterator<Item = SendStream>) {
        let all = async {
            for send in sent {
                drop(send.stopped().await);
            }
        };
        self.service.env().within(self.message_limit(), all).await;
    }

    fn message_limit(&self) -> Duration {
        Duration::from_millis(u64::from(self.limits.message_ms))
    }
}

/// One connection's session and the responses that were sent on it.
struct ClientConnection {
    session: Session,
    sent: Sent,
}

/// The streams of the last responses, which the client may not have yet. No more can be under way than it may
/// have streams open.
struct Sent {
    streams: Mutex<Option<VecDeque<SendStream>>>,
    most: usize,
}

impl Sent {
    fn new(most: u32) -> Self {
        Self { streams: Mutex::new(Some(VecDeque::new())), most: most as usize }
    }

    /// Remembers a stream that is finished; gives it back when it is too late for that.
    fn remember(&self, send: SendStream) -> Option<SendStream> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(remembered) = streams.as_mut() else { return Some(send) };
        if remembered.len() >= self.most {
            remembered.pop_front();
        }
        remembered.push_back(send);
        None
    }

    fn stop_remembering(&self) -> VecDeque<SendStream> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

/// Returns the channel binding that both ends of a connection compute; `None` when its handshake is not complete.
pub fn channel_of(connection: &Connection) -> Option<ChannelBinding> {
    let mut name = [0; ChannelBinding::BYTES];
    connection.export_keying_material(&mut name, ChannelBinding::LABEL, b"").ok()?;
    Some(ChannelBinding(name))
}

/// Returns whether a client chose our version of the protocol, and not one that it is only told about.
fn speaks_our_version(connection: &Connection) -> bool {
    let data = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
    data.is_some_and(|data| data.protocol.as_deref() == Some(biopay_protocol::ALPN))
}

enum NoRequest {
    Malformed,
    Gone,
}

async fn read_request(receive: &mut RecvStream) -> Result<(Request, Option<TraceContext>), NoRequest> {
    let gone_or_short = |error: quinn::ReadExactError| match error {
        quinn::ReadExactError::FinishedEarly(_) => NoRequest::Malformed,
        quinn::ReadExactError::ReadError(_) => NoRequest::Gone,
    };
    let mut prefix = [0; PREFIX_BYTES];
    receive.read_exact(&mut prefix).await.map_err(gone_or_short)?;
    let length = codec::decode_prefix::<Request>(prefix).map_err(|_| NoRequest::Malformed)?;
    let mut body = zeroize::Zeroizing::new(vec![0; length]);
    receive.read_exact(&mut body).await.map_err(gone_or_short)?;
    // A stream carries one request. Reading up to its end also spares a packet, with which quinn would tell the client
    // to stop sending.
    // In order, as all of it: read out of order, a packet that arrived twice would count as bytes after the request.
    match receive.read(&mut [0; 1]).await {
        Ok(None) => {}
        Ok(Some(_)) => return Err(NoRequest::Malformed),
        Err(_) => return Err(NoRequest::Gone),
    }
    codec::decode_traced_body(&body).map_err(|_| NoRequest::Malformed)
}

/// Writes a response and ends its stream; returns whether both succeeded.
async fn write_response(send: &mut SendStream, response: &Response) -> bool {
    let frame = codec::encode(response).or_else(|_| codec::encode(&Response::Refused(Refusal::Internal)));
    let Ok(frame) = frame else { return false };
    send.write_all(&frame).await.is_ok() && send.finish().is_ok()
}
