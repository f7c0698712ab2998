//! The population: subjects with their logins, accounts and enrolments, made before the run from the seed alone.

use crate::Error;
use crate::plan::{HandsetPlan, Journey, Task};
use crate::scenario::Scenario;
use crate::studio::{CaptureKey, Sensor, Studio};
use biopay_biometrics::Template;
use biopay_biometrics::scheme::{Enrolment, Registry, SchemeId};
use biopay_datasets::stream::stream;
use biopay_protocol::client::{Credentials, LoginMethod};
use biopay_protocol::{BankAccount, LoginName, Secret};
use rand::RngExt;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

/// Opening balance of an account with money. Units: minor units.
const BALANCE: u64 = 100_000_000;
/// Opening balance of an account with too little: less than any payment.
const BALANCE_POOR: u64 = 50;
/// Probes are numbered from here, enrolment captures from 0.
const PROBES_FROM: u32 = 1_000;
/// Numbers between two transactions' first probes: more than the tries of one.
const PROBES_PER_TRANSACTION: u32 = 10;

/// Is one account holder.
pub struct Owner {
    /// The subject, and the number of the handset.
    pub subject: u32,
    /// Login.
    pub credentials: Credentials,
    /// The account that pays.
    pub bank_account: BankAccount,
    /// Its PIN.
    pub pin: Secret,
    /// What it holds at the start. Units: minor units.
    pub balance: u64,
    /// The templates that enrolment was made of; too few mean a failure to enrol.
    pub references: Vec<Template>,
    /// What each scheme in use made of them; empty after a failure to enrol.
    pub enrolments: BTreeMap<SchemeId, Enrolment>,
}

/// Holds everybody who takes part.
pub struct Population {
    /// Account holders, by subject.
    pub owners: Vec<Owner>,
    /// Their captures.
    pub studio: Studio,
    /// The schemes, as handsets and server know them.
    pub registry: Registry,
}

impl Population {
    /// Makes samples, templates and enrolments on all cores. Stops early when `stop` is set: owners without samples
    /// then count as not enrolled.
    ///
    /// Errors: [`Error::Biometrics`] for anything that is no failure to acquire or to enrol.
    pub fn make(
        scenario: &Scenario,
        plans: &[HandsetPlan],
        stop: &AtomicBool,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Self, Error> {
        let registry = Registry::new(&scenario.schemes.parameters)?;
        let mut studio = Studio::new(scenario);
        studio.prepare(&captures_needed(scenario, plans), stop, progress)?;
        let owners: Vec<Owner> = plans[..scenario.handsets as usize]
            .par_iter()
            .map(|plan| owner(scenario, plan, &studio, &registry, stop))
            .collect::<Result<_, _>>()?;
        Ok(Self { owners, studio, registry })
    }
}

/// Returns how many captures [`Population::make`] makes in advance.
pub fn captures_planned(scenario: &Scenario, plans: &[HandsetPlan]) -> u64 {
    captures_needed(scenario, plans).len() as u64
}

/// Returns the key of a transaction's probe; `attempt` counts from 1.
pub fn probe_key(presenter: u32, sensor: Sensor, transaction: u32, attempt: u8) -> CaptureKey {
    let number = PROBES_FROM + transaction * PROBES_PER_TRANSACTION + u32::from(attempt) - 1;
    CaptureKey { subject: presenter, sensor, number }
}

/// Says whether a capture is a probe, not part of an enrolment.
pub fn is_probe(key: CaptureKey) -> bool {
    key.number >= PROBES_FROM
}

/// Returns the sensor of a journey; `None` where nothing is captured.
pub fn sensor_of(journey: Journey) -> Option<Sensor> {
    match journey {
        Journey::Stored => None,
        Journey::Recapture | Journey::Impostor => Some(Sensor::Handset),
        Journey::SecondDevice => Some(Sensor::SecondDevice),
    }
}

/// Lists the captures that are sure to be needed: the enrolments', each payment's first probe, an impostor's three,
/// and one probe of every owner for the comparison of everybody with everybody.
fn captures_needed(scenario: &Scenario, plans: &[HandsetPlan]) -> Vec<CaptureKey> {
    let mut keys = Vec::new();
    for plan in plans {
        if !plan.is_impostor() {
            let enrolment = |number| CaptureKey { subject: plan.handset, sensor: Sensor::Handset, number };
            keys.extend((0..scenario.biometric.enrolment_captures).map(enrolment));
            keys.push(probe_key(plan.handset, Sensor::Handset, 1, 1));
        }
        for transaction in &plan.transactions {
            let Task::Pay { journey, .. } = transaction.task else { continue };
            let tries = if journey == Journey::Impostor { biopay_protocol::client::TRIES_MAX } else { 1 };
            for (sensor, attempt) in sensor_of(journey).into_iter().flat_map(|s| (1..=tries).map(move |a| (s, a))) {
                keys.push(probe_key(plan.handset, sensor, transaction.number, attempt));
            }
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn owner(
    scenario: &Scenario,
    plan: &HandsetPlan,
    studio: &Studio,
    registry: &Registry,
    stop: &AtomicBool,
) -> Result<Owner, Error> {
    let subject = plan.handset;
    let references = references(scenario, subject, studio, stop)?;
    let mut enrolments = BTreeMap::new();
    if references.len() == scenario.biometric.enrolment_captures as usize {
        for &id in &scenario.schemes.r#use {
            let mut rng = stream(scenario.seed, &format!("sim/enrol/{}", id.name()), u64::from(subject));
            match registry.scheme(id).enrol(&references, None, &mut rng) {
                Ok(enrolment) => drop(enrolments.insert(id, enrolment)),
                Err(biopay_biometrics::Error::FailureToEnrol(_)) => {}
                Err(other) => return Err(other.into()),
            }
        }
    }
    let mut rng = stream(scenario.seed, "sim/account", u64::from(subject));
    Ok(Owner {
        subject,
        credentials: Credentials {
            login: LoginName::new(format!("subject-{subject:06}"))?,
            password: Secret::new(format!("{:016x}", rng.random::<u64>()))?,
            method: LoginMethod::Password,
        },
        // 9 and 99 begin no issuer's number (ISO/IEC 7812-1), so that a synthetic account is nobody's.
        bank_account: BankAccount::new(format!("9999{subject:012}"))?,
        pin: Secret::new(format!("{:04}", rng.random_range(0..10_000)))?,
        balance: if plan.is_poor { BALANCE_POOR } else { BALANCE },
        references,
        enrolments,
    })
}

/// Captures until there are enough templates, or the attempts are used up.
fn references(scenario: &Scenario, subject: u32, studio: &Studio, stop: &AtomicBool) -> Result<Vec<Template>, Error> {
    let mut templates = Vec::new();
    for number in 0..scenario.biometric.enrolment_attempts {
        let is_enough = templates.len() == scenario.biometric.enrolment_captures as usize;
        if is_enough || stop.load(std::sync::atomic::Ordering::Relaxed) {
            break;
        }
        let captured = studio.capture(CaptureKey { subject, sensor: Sensor::Handset, number })?;
        templates.extend(captured.template.ok());
    }
    Ok(templates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_of_different_transactions_never_share_a_number() {
        let first = probe_key(1, Sensor::Handset, 1, 3);
        let second = probe_key(1, Sensor::Handset, 2, 1);
        assert!(first.number < second.number && is_probe(first));
    }

    #[test]
    fn captures_are_listed_once() {
        let scenario = Scenario::load("quickstart", &[]).unwrap();
        let plans = crate::plan::draw(&scenario);
        let keys = captures_needed(&scenario, &plans);
        assert!(keys.windows(2).all(|w| w[0] < w[1]));
        assert!(keys.len() as u32 >= scenario.handsets * (scenario.biometric.enrolment_captures + 1));
    }
}
