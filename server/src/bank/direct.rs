//! A bank in the same process, for virtual time: the same messages, without a network.

use super::BankError;
use super::acquirer::Wire;
use crate::env::{BoxFuture, Env};
use crate::iso8583::Message;
use crate::issuer::faults::FaultyHost;
use std::time::Duration;

/// A wire to a host in this process, with a delay in each direction.
pub struct DirectWire {
    host: FaultyHost,
    env: Env,
    one_way: Duration,
    timeout: Duration,
}

impl DirectWire {
    /// Takes the host, how long a message travels one way, and how long to wait for a response.
    pub fn new(host: FaultyHost, env: Env, one_way: Duration, timeout: Duration) -> Self {
        Self { host, env, one_way, timeout }
    }
}

impl Wire for DirectWire {
    fn exchange(&self, request: Message) -> BoxFuture<'_, Result<Message, BankError>> {
        Box::pin(async move {
            let (host, env, one_way) = (self.host.clone(), self.env.clone(), self.one_way);
            // A task of its own: the bank goes on with a request that nobody waits for any more.
            let exchange = tokio::spawn(async move {
                env.clock.sleep(one_way).await;
                let answer = host.answers(&Message::decode(&request.encode()).ok()?).await.into_iter().next()?;
                env.clock.sleep(one_way).await;
                Some(answer)
            });
            let began = self.env.clock.elapsed();
            match self.env.within(self.timeout, exchange).await {
                Some(Ok(Some(answer))) => Ok(answer),
                _ => {
                    // Nothing came: the acquirer hears of it when its time is up, not before.
                    let waited = self.env.clock.elapsed().saturating_sub(began);
                    self.env.clock.sleep(self.timeout.saturating_sub(waited)).await;
                    Err(BankError::Unknown)
                }
            }
        })
    }

    fn next_unclaimed(&self) -> BoxFuture<'_, Message> {
        Box::pin(std::future::pending())
    }
}
