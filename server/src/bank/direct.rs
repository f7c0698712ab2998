//! A bank without a network between: the same messages, handed to a host in this process. For virtual time.

use super::BankError;
use super::acquirer::Wire;
use crate::env::{BoxFuture, Env};
use crate::iso8583::Message;
use crate::issuer::host::Host;
use std::time::Duration;

/// Hands messages to a host after a delay there and back.
pub struct DirectWire {
    host: Host,
    env: Env,
    one_way: Duration,
}

impl DirectWire {
    /// Takes the host, and how long a message travels one way.
    pub fn new(host: Host, env: Env, one_way: Duration) -> Self {
        Self { host, env, one_way }
    }
}

impl Wire for DirectWire {
    fn exchange(&self, request: Message) -> BoxFuture<'_, Result<Message, BankError>> {
        Box::pin(async move {
            self.env.clock.sleep(self.one_way).await;
            let arrived = Message::decode(&request.encode()).map_err(|_| BankError::Unknown)?;
            let answer = self.host.answer(&arrived).await.ok_or(BankError::Unknown)?;
            self.env.clock.sleep(self.one_way).await;
            Ok(answer)
        })
    }
}
