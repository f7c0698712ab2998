//! UDP sockets with a long receive queue: one socket serves every connection, and a datagram that finds the queue full is
//! lost.

use quinn::Endpoint;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

/// The receive queue that we ask the kernel for, in bytes. Linux gives no more than `net.core.rmem_max`, and its
/// usual 208 KiB hold some 250 datagrams: fewer than a thousand handsets send while one group commit is under way.
const QUEUE_BYTES: usize = 4 * 1024 * 1024;

/// Binds a socket, and asks for its queue. A shorter one is no error: QUIC sends again what was lost.
fn bind(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    if let Err(error) = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, QUEUE_BYTES) {
        tracing::debug!(%error, "cannot lengthen the socket's queue");
    }
    Ok(socket)
}

/// Opens an endpoint on such a socket, which as yet accepts nobody. Must be called within tokio's context.
///
/// # Errors
///
/// What the system says when the address cannot be bound.
pub fn endpoint(address: SocketAddr) -> std::io::Result<Endpoint> {
    Endpoint::new(quinn::EndpointConfig::default(), None, bind(address)?, Arc::new(quinn::TokioRuntime))
}
