//! The client's side of the wire, for handsets that use quinn: a stream a request.

use crate::endpoint::channel_of;
use crate::env::Clock;
use crate::env::system::SystemClock;
use biopay_protocol::codec::{self, PREFIX_BYTES};
use biopay_protocol::{ChannelBinding, Request, Response};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The reason why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The endpoint or the name cannot be used.
    #[error("cannot connect: {0}")]
    Connect(#[from] quinn::ConnectError),
    /// The connection was refused, lost or closed.
    #[error("the connection ended: {0}")]
    Connection(#[from] quinn::ConnectionError),
    /// The stream broke under the request: the server may have read it.
    #[error("the request could not be written")]
    Write,
    /// The stream broke under the response.
    #[error("the response could not be read")]
    Read,
    /// The server answered with something other than a response.
    #[error("the response is malformed: {0}")]
    Malformed(#[from] biopay_protocol::Error),
    /// No response came in time: the server may be working on it.
    #[error("no response came in time")]
    Deadline,
}

/// An open connection to the server, which is also a session.
#[derive(Clone)]
pub struct Connection {
    quic: quinn::Connection,
    channel: ChannelBinding,
    deadline: Duration,
    clock: Arc<dyn Clock>,
}

impl Connection {
    /// How long a request may take unless [`Self::with_deadline`] says otherwise.
    pub const DEADLINE: Duration = Duration::from_secs(30);

    /// Connects to a server.
    ///
    /// # Errors
    ///
    /// [`ClientError::Connect`], [`ClientError::Connection`].
    pub async fn connect(
        endpoint: &quinn::Endpoint,
        config: quinn::ClientConfig,
        address: SocketAddr,
        server_name: &str,
    ) -> Result<Self, ClientError> {
        let quic = endpoint.connect_with(config, address, server_name)?.await?;
        let channel = channel_of(&quic).ok_or(ClientError::Connection(quinn::ConnectionError::LocallyClosed))?;
        Ok(Self { quic, channel, deadline: Self::DEADLINE, clock: Arc::new(SystemClock::new()) })
    }

    /// Measures deadlines by this clock instead of the system's.
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Returns the connection's name, which a login on it carries.
    pub fn channel(&self) -> ChannelBinding {
        self.channel
    }

    /// Changes how long a request may take.
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Sends a request and waits for its response; many may be under way at once.
    ///
    /// # Errors
    ///
    /// [`ClientError`]; after any of them but [`ClientError::Connect`] the server may have done what it was
    /// asked.
    pub async fn request(&self, request: &Request) -> Result<Response, ClientError> {
        tokio::select! {
            biased;
            response = self.exchange(request) => response,
            () = self.clock.sleep(self.deadline) => Err(ClientError::Deadline),
        }
    }

    async fn exchange(&self, request: &Request) -> Result<Response, ClientError> {
        let frame = codec::encode(request)?;
        let (mut send, mut receive) = self.quic.open_bi().await?;
        send.write_all(&frame).await.map_err(|_| ClientError::Write)?;
        send.finish().map_err(|_| ClientError::Write)?;
        let mut prefix = [0; PREFIX_BYTES];
        receive.read_exact(&mut prefix).await.map_err(|_| ClientError::Read)?;
        let mut body = vec![0; codec::decode_prefix::<Response>(prefix)?];
        receive.read_exact(&mut body).await.map_err(|_| ClientError::Read)?;
        // Up to the stream's end: quinn tells the other side to stop sending where somebody leaves before it, which
        // costs a packet and its acknowledgement each time.
        // In order, as all of it: read out of order, a packet that arrived twice would count as bytes after the response.
        if receive.read(&mut [0; 1]).await.map_err(|_| ClientError::Read)?.is_some() {
            return Err(ClientError::Malformed(biopay_protocol::Error::FrameLength));
        }
        Ok(codec::decode_body(&body)?)
    }

    /// Returns quinn's own connection, for its statistics.
    pub fn quic(&self) -> &quinn::Connection {
        &self.quic
    }

    /// Ends the connection, and with it the session.
    pub fn close(&self) {
        self.quic.close(0_u32.into(), b"");
    }
}
