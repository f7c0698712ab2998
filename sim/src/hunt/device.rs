//! A second device of an account's owner, which pays the same order at the same time or gives it up.

use super::observed::{Caller, Observed};
use crate::io::ServerAddress;
use crate::network::address::dialled_by;
use crate::people::plan::PlannedTransaction;
use crate::people::population::Owner;
use crate::world::handset::{Identity, plan};
use biopay_protocol::client::{Input, Session, Step};
use biopay_protocol::{PayloadBytes, PaymentId, Request};
use biopay_server::client::Connection;
use biopay_server::env::Clock;
use std::sync::Arc;
use std::time::Duration;

/// The time in which its user types a code.
const TYPING: Duration = Duration::from_secs(2);

/// What a device needs to act.
pub(super) struct Device {
    pub(super) caller: Caller,
    pub(super) address: ServerAddress,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observed: Observed,
}

impl Device {
    /// Pays an order from its beginning; gives up when the connection is lost.
    pub(super) async fn pay(
        self,
        identity: Identity,
        planned: PlannedTransaction,
        payload: PayloadBytes,
        owner: &Owner,
    ) {
        let (Some(connection), Ok(plan)) = (self.connect().await, plan(&identity, &planned, owner, "")) else { return };
        let (mut session, mut step) = Session::start(plan, connection.channel());
        loop {
            let input = match step {
                Step::Send(request) => match self.request(&connection, &request).await {
                    Some(response) => Input::Response(response),
                    None => Input::ConnectionLost,
                },
                Step::MakeQr { .. } => Input::Qr(payload.clone()),
                Step::EnterCode { shown } => {
                    self.clock.sleep(TYPING).await;
                    Input::Code(shown)
                }
                Step::Done(_) => return connection.close(),
            };
            let Ok(next) = session.advance(input) else { return connection.close() };
            step = next;
        }
    }

    /// Gives up a payment.
    pub(super) async fn cancel(self, owner: &Owner, payment: PaymentId) {
        let Some(connection) = self.connect().await else { return };
        let (login, password) = (owner.credentials.login.clone(), owner.credentials.password.clone());
        let login = Request::Login { login, password, channel: connection.channel() };
        if self.request(&connection, &login).await.is_some() {
            drop(self.request(&connection, &Request::CancelPayment { payment }).await);
        }
        connection.close();
    }

    async fn connect(&self) -> Option<Connection> {
        let ServerAddress::Virtual { endpoint, config, name } = &self.address else { return None };
        let connected = Connection::connect(endpoint, config.clone(), dialled_by(self.caller.account), name).await;
        Some(connected.ok()?.with_clock(self.clock.clone()))
    }

    async fn request(&self, connection: &Connection, request: &Request) -> Option<biopay_protocol::Response> {
        self.observed.ask(self.caller, request, self.clock.elapsed());
        let response = connection.request(request).await.ok()?;
        self.observed.hear(self.caller, &response, self.clock.elapsed());
        Some(response)
    }
}
