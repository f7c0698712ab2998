//! The recording of events as rows of the run folder.

use super::command::NetworkStatistics;
use crate::people::plan::{PlannedTransaction, Task};
use crate::time::SimTime;
use crate::world::handset::{Active, Identity};
use crate::world::outcome::{Ending, ending_name};
use bevy_ecs::prelude::Resource;
use biopay_protocol::client::{Outcome, TRIES_MAX};
use biopay_reports::latency::INTENDED;
use biopay_reports::records::{
    Attack, Defence, Journey, Network, Transaction, TransactionKind, TransactionOutcome, ZERO_EFFORT,
};
use biopay_reports::run_folder::Records;
use std::time::Duration;

const ENROLMENT_JOURNEY: &str = "enrolment";

/// The records of a run, while it is running.
#[derive(Resource, Default)]
pub struct Recorder {
    /// The rows so far.
    pub records: Records,
}

impl Recorder {
    /// Records a latency that is known at an instant.
    pub fn latency(&mut self, operation: &str, at: SimTime, took: Duration) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.records.latency.record_at(operation, at.micros(), took_us);
    }

    /// Records a latency that counts from the open loop's intended start.
    pub fn latency_intended(&mut self, operation: &str, at: SimTime, took: Duration) {
        self.latency(&format!("{operation}{INTENDED}"), at, took);
    }

    /// Records a transaction that ended, and the attack if its presenter was an impostor.
    pub fn transaction(&mut self, identity: &Identity, active: &Active, ending: &Ending, end: SimTime) {
        let mut row = blank(identity, &active.planned);
        row.start_us = active.start.micros();
        row.end_us = end.micros();
        row.tries = active.tries;
        row.failures_to_acquire = active.failures_to_acquire;
        row.failures_to_derive = active.failures_to_derive;
        row.qr_accepted = active.qr_accepted;
        row.outcome = ending_name(ending).to_owned();
        row.login_end_us = active.login_end.map(SimTime::micros);
        if let Ending::Of(Outcome::Charged(receipt)) = ending {
            row.bank_reference = Some(receipt.reference.clone());
        }
        if row.journey == Journey::Impostor {
            self.records.attacks.push(zero_effort(&row));
        }
        self.records.transactions.push(row);
    }

    /// Records a registration that could not begin because of a failure to enrol.
    pub fn failure_to_enrol(&mut self, identity: &Identity, planned: &PlannedTransaction, at: SimTime) {
        let mut row = blank(identity, planned);
        (row.start_us, row.end_us) = (at.micros(), at.micros());
        row.outcome = TransactionOutcome::FailureToEnrol.name().to_owned();
        self.records.transactions.push(row);
    }

    /// Records a closed connection.
    pub fn network(&mut self, identity: &Identity, statistics: &NetworkStatistics) {
        self.records.network.push(Network {
            handset: identity.handset,
            profile: statistics.profile.to_owned(),
            handshake_us: statistics.handshake.as_micros() as u64,
            round_trip_us: statistics.round_trip.as_micros() as u64,
            datagrams_sent: statistics.datagrams_sent,
            datagrams_received: statistics.datagrams_received,
            bytes_sent: statistics.bytes_sent,
            bytes_received: statistics.bytes_received,
            packets_lost: statistics.packets_lost,
        });
    }
}

fn blank(identity: &Identity, planned: &PlannedTransaction) -> Transaction {
    let (kind, journey, amount_minor) = match planned.task {
        Task::Register(_) => (TransactionKind::Registration, ENROLMENT_JOURNEY, 0),
        Task::Pay { journey, amount } => (TransactionKind::Payment, journey.name(), amount as i64),
    };
    Transaction {
        handset: identity.handset,
        account_subject: identity.account,
        presenter_subject: identity.presenter,
        kind: kind.name().to_owned(),
        journey: journey.to_owned(),
        scheme: identity.scheme.name().to_owned(),
        intended_start_us: planned.at.micros(),
        amount_minor,
        ..Transaction::default()
    }
}

fn zero_effort(row: &Transaction) -> Attack {
    Attack {
        attack: ZERO_EFFORT.to_owned(),
        variant: String::new(),
        configuration: Defence::AsConfigured.name().to_owned(),
        scheme: row.scheme.clone(),
        knowledge: "login name and password".to_owned(),
        target_subject: row.account_subject,
        attacker_subject: row.presenter_subject,
        tries: u64::from(row.tries + row.failures_to_derive + row.failures_to_acquire),
        budget: u64::from(TRIES_MAX),
        succeeded: row.qr_accepted,
        outcome: row.outcome.clone(),
        took_us: row.end_us - row.start_us,
    }
}
