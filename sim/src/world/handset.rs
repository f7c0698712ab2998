//! The components of a handset.

use super::command::QrJob;
use crate::people::plan::{Journey, PlannedTransaction, Registration, Slip, Task};
use crate::people::population::Owner;
use crate::time::SimTime;
use bevy_ecs::prelude::Component;
use biopay_biometrics::scheme::SchemeId;
use biopay_protocol::client::{
    AccountBinding, Credentials, HelperSource, LoginMethod, Order, Plan, Prover, Session, Step,
};
use biopay_protocol::{
    ChannelBinding, Currency, Error, HelperBytes, IdempotencyKey, Merchant, MinorUnits, PayloadBytes, Secret,
};
use biopay_reports::records::Operation;
use std::collections::VecDeque;
use std::time::Duration;

/// The handset's subject and account.
#[derive(Component, Clone, Copy, Debug)]
pub struct Identity {
    /// The handset, and the subject who presents a finger.
    pub handset: u32,
    /// The subject who presents samples.
    pub presenter: u32,
    /// The account, by its owner's handset.
    pub account: u32,
    /// The account's scheme.
    pub scheme: SchemeId,
}

/// The connection that a handset has kept from its last transaction.
#[derive(Component, Default)]
pub struct KeptConnection {
    /// The channel binding; `None` without a connection.
    pub channel: Option<ChannelBinding>,
    /// Whether it is logged in.
    pub is_logged_in: bool,
}

/// The due transactions that wait for the current one.
#[derive(Component, Default)]
pub struct Itinerary {
    /// The transactions in the order of their intended starts.
    pub waiting: VecDeque<PlannedTransaction>,
}

/// The current transaction.
#[derive(Component, Default)]
pub struct Current(pub Option<Active>);

/// A transaction under way.
pub struct Active {
    /// The planned transaction.
    pub planned: PlannedTransaction,
    /// The start.
    pub start: SimTime,
    /// The session's plan, which is taken when the handset is connected.
    pub plan: Option<Plan>,
    /// The session, once connected.
    pub session: Option<Session>,
    /// The operation of the current request.
    pub operation: &'static str,
    /// The instant at which the open loop intended to send it.
    pub intended: SimTime,
    /// The time that the user thought and typed.
    pub user_time: Duration,
    /// The instant of the answer to the login.
    pub login_end: Option<SimTime>,
    /// The number of QR presentations that the server compared.
    pub tries: u32,
    /// The number of failures to acquire.
    pub failures_to_acquire: u32,
    /// The number of probes without a payload, and of symbols that were not read.
    pub failures_to_derive: u32,
    /// Whether a QR was found consistent.
    pub qr_accepted: bool,
    /// The number of codes typed so far.
    pub codes_typed: u32,
    /// The QR that will be made when the user has looked at the page.
    pub thinking: Option<QrJob>,
}

impl Active {
    /// Prepares a transaction.
    ///
    /// # Errors
    ///
    /// [`Error`] if the scenario's values do not fit the protocol's.
    pub fn new(
        identity: &Identity,
        planned: PlannedTransaction,
        start: SimTime,
        owner: &Owner,
        order_mark: &str,
    ) -> Result<Self, Error> {
        Ok(Self {
            plan: Some(plan(identity, &planned, owner, order_mark)?),
            planned,
            start,
            session: None,
            operation: Operation::Connect.name(),
            intended: planned.at,
            user_time: Duration::ZERO,
            login_end: None,
            tries: 0,
            failures_to_acquire: 0,
            failures_to_derive: 0,
            qr_accepted: false,
            codes_typed: 0,
            thinking: None,
        })
    }

    /// Begins the session, on a kept login or on a connection without one.
    pub fn begin(&mut self, line: &KeptConnection) -> Option<Step> {
        let channel = line.channel?;
        let plan = self.plan.take()?;
        let start = if line.is_logged_in { Session::resume } else { Session::start };
        let (session, step) = start(plan, channel);
        self.session = Some(session);
        Some(step)
    }

    /// Returns the payment's journey; `None` for a registration.
    pub fn journey(&self) -> Option<Journey> {
        match self.planned.task {
            Task::Register(_) => None,
            Task::Pay { journey, .. } => Some(journey),
        }
    }
}

/// Returns the plan of a transaction's session.
///
/// # Errors
///
/// [`Error`] if the scenario's values do not fit the protocol's.
pub(crate) fn plan(
    identity: &Identity,
    planned: &PlannedTransaction,
    owner: &Owner,
    order_mark: &str,
) -> Result<Plan, Error> {
    match planned.task {
        Task::Register(steps) => {
            let (credentials, binding) = (credentials(identity, planned, owner)?, binding(identity, owner)?);
            Ok(match steps {
                Registration::OneMessage => Plan::Register { credentials, binding },
                Registration::TwoSteps => Plan::RegisterInTwoSteps { credentials, binding },
            })
        }
        Task::Pay { journey, amount } => Ok(Plan::Pay {
            credentials: credentials(identity, planned, owner)?,
            order: Order {
                merchant: Merchant::new("Corner Shop")?,
                amount: MinorUnits::new(amount)?,
                currency: Currency::new("EUR")?,
                idempotency_key: IdempotencyKey::new(format!("h{}-t{}{order_mark}", identity.handset, planned.number))?,
                signed: None,
            },
            helper: match journey {
                Journey::Stored | Journey::Recapture => HelperSource::Handset,
                Journey::SecondDevice | Journey::Impostor => HelperSource::Server,
            },
            prover: prover(journey, owner),
        }),
    }
}

fn binding(identity: &Identity, owner: &Owner) -> Result<AccountBinding, Error> {
    let enrolment = owner.enrolments.get(&identity.scheme);
    let enrolment = enrolment.ok_or(Error::Value { what: "enrolment", why: "the subject failed to enrol" })?;
    Ok(AccountBinding {
        enrolment: PayloadBytes::new(enrolment.payload.to_bytes())?,
        helper: Some(HelperBytes::new(enrolment.helper.0.clone())?),
        bank_account: owner.bank_account.clone(),
        pin: owner.pin.clone(),
        devices: owner.devices.keys(),
    })
}

/// Returns the prover of a presentation: the owner's device signs; an impostor has no device of the account.
fn prover(journey: Journey, owner: &Owner) -> Prover {
    let devices = &owner.devices;
    let device = match journey {
        Journey::Stored | Journey::Recapture => devices.handset.clone(),
        Journey::SecondDevice => devices.second.clone(),
        Journey::Impostor => None,
    };
    Prover { device, with_nonce: devices.with_nonce }
}

/// Types the login, with the password's last character wrong where the plan says so.
fn credentials(identity: &Identity, planned: &PlannedTransaction, owner: &Owner) -> Result<Credentials, Error> {
    let mut credentials = owner.credentials.clone();
    if planned.slip == Slip::WrongPassword {
        credentials.password = mistyped(&credentials.password)?;
    }
    if let LoginMethod::Opaque { seed, .. } = &mut credentials.method {
        // A session's secrets are drawn afresh: nobody else has the account's seed.
        let session = [identity.handset, planned.number, u32::from(planned.round)];
        for (byte, mixed) in seed.0.iter_mut().zip(session.iter().flat_map(|part| part.to_le_bytes())) {
            *byte ^= mixed;
        }
    }
    Ok(credentials)
}

/// Returns a secret with its last character changed.
pub fn mistyped(secret: &Secret) -> Result<Secret, Error> {
    let mut text = secret.expose().to_owned();
    let last = text.pop().unwrap_or('0');
    text.push(if last == '0' { '1' } else { '0' });
    Secret::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_secret_differs_and_keeps_its_length() {
        for text in ["123450", "123456", ""] {
            let secret = Secret::new(text).unwrap();
            let wrong = mistyped(&secret).unwrap();
            assert_ne!(wrong, secret);
            assert_eq!(wrong.expose().len(), text.len().max(1));
        }
    }
}
