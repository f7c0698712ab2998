//! Quinn's UDP socket, on the simulated network.

use super::timeline::Timeline;
use crate::network::{End, address};
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// The socket of one end.
#[derive(Debug)]
pub struct FabricSocket {
    /// The timeline that the fabric is on.
    pub timeline: Arc<Timeline>,
    /// The end of the network.
    pub end: End,
    /// Whether the process that has it lives; what a dead one sends is lost.
    pub alive: Arc<AtomicBool>,
}

impl AsyncUdpSocket for FabricSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        if self.alive.load(Ordering::Relaxed) {
            self.timeline.send(self.end, transmit);
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.timeline.receive(self.end, context, buffers, meta).map(Ok)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        // Whatever is there: the fabric knows every handset by what it dials.
        Ok(match self.end {
            End::Handsets => address::of_handset(u32::MAX),
            End::Server => address::dialled_by(u32::MAX),
        })
    }

    fn may_fragment(&self) -> bool {
        false
    }
}

/// A poller that is always writable: a full queue of a link drops datagrams, and never makes a sender wait.
#[derive(Debug)]
struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
