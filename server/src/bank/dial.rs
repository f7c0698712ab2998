//! The way to a bank: how a byte stream to it is opened.

use crate::config::TlsConfig;
use crate::env::BoxFuture;
use crate::tls::bank_connector;
use rustls_pki_types::ServerName;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// How long the kernel tries to send what the bank does not acknowledge, in milliseconds (RFC 5482).
const UNACKNOWLEDGED_MS: u32 = 15_000;

/// A byte stream, in the clear or under TLS.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A way to the bank, which names itself in the log.
pub trait Dial: Send + Sync + fmt::Display {
    /// Opens a stream to the bank.
    fn dial(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>>;
}

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

impl fmt::Display for BankAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

impl Dial for BankAddress {
    fn dial(&self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let socket = TcpStream::connect(self.address).await?;
            socket.set_nodelay(true)?;
            rustix::net::sockopt::set_tcp_user_timeout(&socket, UNACKNOWLEDGED_MS)?;
            let stream: Box<dyn Stream> = match &self.tls {
                Some(BankTrust { certificate, name, own }) => {
                    let connector = bank_connector(certificate, own).map_err(io::Error::other)?;
                    Box::new(connector.connect(name.clone(), socket).await?)
                }
                None => Box::new(socket),
            };
            Ok(stream)
        })
    }
}
