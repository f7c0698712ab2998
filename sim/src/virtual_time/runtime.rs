//! Quinn's runtime on virtual time. The traits change in quinn 0.12: they are used only here and in
//! [`crate::virtual_time::socket`].

use super::timeline::{Timeline, Timer};
use quinn::{AsyncTimer, AsyncUdpSocket, Runtime};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

/// Quinn's runtime on a timeline.
#[derive(Debug)]
pub struct VirtualRuntime(pub Arc<Timeline>);

impl Runtime for VirtualRuntime {
    fn new_timer(&self, instant: Instant) -> Pin<Box<dyn AsyncTimer>> {
        Box::pin(Timer::at_instant(&self.0, instant))
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        tokio::spawn(future);
    }

    fn wrap_udp_socket(&self, _: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "virtual time has no sockets of the system"))
    }

    fn now(&self) -> Instant {
        self.0.instant()
    }
}

impl AsyncTimer for Timer {
    fn reset(self: Pin<&mut Self>, instant: Instant) {
        Self::reset(&self, instant);
    }

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Self::poll(&self, context)
    }
}
