//! The population: subjects with their logins, accounts and enrolments, made before the run from the seed alone.

use crate::Error;
use crate::people::plan::{HandsetPlan, Journey, PlannedTransaction, Task};
use crate::people::sensors::{CaptureKey, Sensor, Sensors};
use crate::scenario::{Biometric, Login, Scenario};
use crate::shard::Shard;
use biopay_biometrics::Template;
use biopay_biometrics::scheme::{Enrolment, Registry, SchemeId};
use biopay_datasets::stream::stream;
use biopay_protocol::client::{Credentials, LoginMethod, TRIES_MAX};
use biopay_protocol::opaque::{SessionSeed, Stretching};
use biopay_protocol::{BankAccount, DeviceKeys, DeviceSecret, LoginName, Secret};
use biopay_server::config::Presentation;
use biopay_server::issuer::accounts::NewAccount;
use rand::RngExt;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Opening balance of an account with money. Units: minor units.
const BALANCE: u64 = 100_000_000;
/// Opening balance of an account with too little: less than any payment.
const BALANCE_POOR: u64 = 50;
/// The settings of a handset's own hash: the least memory that argon2 accepts, because handsets share this machine's
/// processor. Units: KiB.
pub const STRETCHING: Stretching = Stretching { memory_kib: 8, passes: 1 };
/// The number of the first probe; enrolment captures are numbered from 0.
const PROBES_FROM: u32 = 1_000;
/// The distance between the numbers of two transactions' first probes: more than the tries of one transaction in two
/// rounds.
const PROBES_PER_TRANSACTION: u32 = 10;

/// One account holder.
pub struct Owner {
    /// The subject, and the number of the handset.
    pub subject: u32,
    /// The login.
    pub credentials: Credentials,
    /// The account that pays.
    pub bank_account: BankAccount,
    /// Its PIN.
    pub pin: Secret,
    /// The opening balance. Units: minor units.
    pub balance: u64,
    /// The keys that sign presentations, where the server asks for signatures.
    pub devices: Devices,
    /// The templates of the enrolment; too few mean a failure to enrol.
    pub references: Vec<Template>,
    /// The enrolment of each scheme in use; empty after a failure to enrol.
    pub enrolments: BTreeMap<SchemeId, Enrolment>,
}

/// The keys of an owner's devices.
#[derive(Clone, Debug, Default)]
pub struct Devices {
    /// The handset's key.
    pub handset: Option<Arc<DeviceSecret>>,
    /// The second device's key.
    pub second: Option<Arc<DeviceSecret>>,
    /// Whether a presentation is made for one payment.
    pub with_nonce: bool,
}

impl Devices {
    /// Draws the keys of an owner whose server asks for them.
    pub fn draw(rule: Presentation, seed: u64, subject: u32) -> Self {
        let mut rng = stream(seed, "sim/devices", u64::from(subject));
        let mut device = || rule.asks_for_device().then(|| Arc::new(DeviceSecret::from_seed(&rng.random())));
        Self { handset: device(), second: device(), with_nonce: rule.asks_for_nonce() }
    }

    /// Returns the public keys, which registration names.
    pub fn keys(&self) -> DeviceKeys {
        let devices = self.handset.iter().chain(&self.second);
        DeviceKeys::new(devices.map(|device| device.key()).collect::<Vec<_>>()).expect("two are few enough")
    }
}

/// All people of a run, with their sensors and schemes.
pub struct Population {
    /// Account holders by subject, those of the shard.
    pub owners: BTreeMap<u32, Owner>,
    /// Their captures.
    pub sensors: Sensors,
    /// The schemes of handsets and server.
    pub registry: Arc<Registry>,
}

impl Population {
    /// Makes enrolments on all cores, of the captures that are ready and others where they are needed. Stops early when
    /// `stop` is set; owners without samples then count as not enrolled.
    ///
    /// # Errors
    ///
    /// [`Error::Biometrics`] for anything but a failure to acquire or to enrol.
    pub fn make(
        scenario: &Scenario,
        plans: &[HandsetPlan],
        sensors: Sensors,
        stop: &AtomicBool,
    ) -> Result<Self, Error> {
        let registry = Arc::new(Registry::new(&scenario.schemes.parameters)?);
        let plans: Vec<&HandsetPlan> = plans.iter().filter(|plan| !plan.is_impostor()).collect();
        let owners: Vec<Owner> = plans
            .into_par_iter()
            .map(|plan| owner(scenario, plan, &sensors, &registry, stop))
            .collect::<Result<_, _>>()?;
        let owners = owners.into_iter().map(|owner| (owner.subject, owner)).collect();
        Ok(Self { owners, sensors, registry })
    }

    /// Returns the accounts that the bank opens for owners.
    pub fn bank_accounts(&self, owners: &BTreeSet<u32>) -> Vec<NewAccount> {
        let accounts = owners.iter().filter_map(|&owner| self.bank_account(owner));
        accounts.map(|(number, pin, balance_minor)| NewAccount { number, pin, balance_minor }).collect()
    }

    /// Returns the account that the bank opens for an owner: number, PIN, balance in minor units.
    pub fn bank_account(&self, owner: u32) -> Option<(BankAccount, Secret, u64)> {
        let owner = self.owners.get(&owner)?;
        Some((owner.bank_account.clone(), owner.pin.clone(), owner.balance))
    }
}

/// Returns the key of a transaction's probe; `attempt` counts from 1 in each round.
pub fn probe_key(presenter: u32, sensor: Sensor, transaction: &PlannedTransaction, attempt: u8) -> CaptureKey {
    let number = PROBES_FROM
        + transaction.number * PROBES_PER_TRANSACTION
        + u32::from(transaction.round) * u32::from(TRIES_MAX)
        + u32::from(attempt)
        - 1;
    CaptureKey { subject: presenter, sensor, number, age_months: transaction.age_months }
}

/// Returns the sensor of a journey; `None` if nothing is captured.
pub fn sensor_of(journey: Journey) -> Option<Sensor> {
    match journey {
        Journey::Stored => None,
        Journey::Recapture | Journey::Impostor => Some(Sensor::Handset),
        Journey::SecondDevice => Some(Sensor::SecondDevice),
    }
}

/// Lists the captures that the plans need in any case: the enrolments', each payment's first probe, and an impostor's
/// three. Sorted, each once.
pub fn captures_needed(biometric: &Biometric, plans: &[HandsetPlan]) -> Vec<CaptureKey> {
    let mut keys = Vec::new();
    for plan in plans {
        if !plan.is_impostor() {
            let enrolment = |number| enrolment_key(plan.handset, number);
            keys.extend((0..biometric.enrolment_captures).map(enrolment));
        }
        for transaction in &plan.transactions {
            let Task::Pay { journey, .. } = transaction.task else { continue };
            let tries = if journey == Journey::Impostor { TRIES_MAX } else { 1 };
            for (sensor, attempt) in sensor_of(journey).into_iter().flat_map(|s| (1..=tries).map(move |a| (s, a))) {
                keys.push(probe_key(plan.presenter, sensor, transaction, attempt));
            }
        }
    }
    sorted_once(keys)
}

/// Lists the probes that are compared off line: of each of the first `subjects` owners, the first probe of every
/// payment with a capture, and one probe on the handset in any case. A pure function of the plans of all owners, so
/// that every shard compares with the same probes.
pub fn comparison_probes(plans: &[HandsetPlan], subjects: u32) -> Vec<CaptureKey> {
    let mut keys = Vec::new();
    for plan in plans.iter().filter(|plan| !plan.is_impostor() && plan.handset < subjects) {
        let number = PROBES_FROM + PROBES_PER_TRANSACTION;
        keys.push(CaptureKey { subject: plan.handset, sensor: Sensor::Handset, number, age_months: 0 });
        for transaction in &plan.transactions {
            let Task::Pay { journey, .. } = transaction.task else { continue };
            keys.extend(sensor_of(journey).map(|sensor| probe_key(plan.handset, sensor, transaction, 1)));
        }
    }
    sorted_once(keys)
}

fn sorted_once(mut keys: Vec<CaptureKey>) -> Vec<CaptureKey> {
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn enrolment_key(subject: u32, number: u32) -> CaptureKey {
    CaptureKey { subject, sensor: Sensor::Handset, number, age_months: 0 }
}

fn owner(
    scenario: &Scenario,
    plan: &HandsetPlan,
    sensors: &Sensors,
    registry: &Registry,
    stop: &AtomicBool,
) -> Result<Owner, Error> {
    let subject = plan.handset;
    let references = references(&scenario.biometric, subject, sensors, stop)?;
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
    let Holder { credentials, bank_account, pin, balance } = Holder::of(scenario.server.login, scenario.seed, plan)?;
    let devices = Devices::draw(scenario.server.presentation, scenario.seed, subject);
    Ok(Owner { subject, credentials, bank_account, pin, balance, devices, references, enrolments })
}

/// An owner's login, account and keys, before there is any sample.
struct Holder {
    credentials: Credentials,
    bank_account: BankAccount,
    pin: Secret,
    balance: u64,
}

impl Holder {
    fn of(login: Login, seed: u64, plan: &HandsetPlan) -> Result<Self, Error> {
        let subject = plan.handset;
        let mut rng = stream(seed, "sim/account", u64::from(subject));
        Ok(Self {
            credentials: Credentials {
                login: LoginName::new(format!("s{:06}-{subject:06}", branch(seed)))?,
                password: Secret::new(format!("{:016x}", rng.random::<u64>()))?,
                method: match login {
                    Login::Password => LoginMethod::Password,
                    Login::Opaque => LoginMethod::Opaque { seed: SessionSeed(rng.random()), stretching: STRETCHING },
                },
            },
            // 9 and 99 begin no issuer's number (ISO/IEC 7812-1), so that a synthetic account is nobody's.
            bank_account: BankAccount::new(format!("9999{:06}{subject:06}", branch(seed)))?,
            pin: Secret::new(format!("{:04}", rng.random_range(0..10_000)))?,
            balance: if plan.is_poor { BALANCE_POOR } else { BALANCE },
        })
    }
}

/// Returns the six digits that tell the people of one seed from those of another at the same server and bank.
fn branch(seed: u64) -> u32 {
    stream(seed, "sim/branch", 0).random_range(0..1_000_000)
}

/// Lists the bank accounts of all owners, before there is any sample: number, PIN, balance in minor units.
///
/// # Errors
///
/// Those of drawing the plans.
pub fn bank_accounts(scenario: &Scenario) -> Result<Vec<(BankAccount, Secret, u64)>, Error> {
    let plans = crate::people::plan::draw(scenario, Shard::WHOLE)?;
    let owners = plans.iter().filter(|plan| !plan.is_impostor());
    let account = |plan| {
        Holder::of(scenario.server.login, scenario.seed, plan)
            .map(|holder| (holder.bank_account, holder.pin, holder.balance))
    };
    owners.map(account).collect()
}

/// Captures until there are enough templates or no attempts are left.
fn references(
    biometric: &Biometric,
    subject: u32,
    sensors: &Sensors,
    stop: &AtomicBool,
) -> Result<Vec<Template>, Error> {
    let mut templates = Vec::new();
    for number in 0..biometric.enrolment_attempts {
        let is_enough = templates.len() == biometric.enrolment_captures as usize;
        if is_enough || stop.load(std::sync::atomic::Ordering::Relaxed) {
            break;
        }
        let captured = sensors.capture(enrolment_key(subject, number))?;
        templates.extend(captured.template.ok());
    }
    Ok(templates)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans(scenario: &Scenario) -> Vec<HandsetPlan> {
        crate::people::plan::draw(scenario, Shard::WHOLE).unwrap()
    }

    #[test]
    fn probes_of_different_transactions_and_rounds_never_share_a_number() {
        let scenario = Scenario::load("quickstart", &[]).unwrap();
        let first = plans(&scenario)[0].transactions[1];
        let again = PlannedTransaction { round: 1, ..first };
        let second = PlannedTransaction { number: 2, ..first };
        let key =
            |transaction: &PlannedTransaction, attempt| probe_key(1, Sensor::Handset, transaction, attempt).number;
        assert!(key(&first, TRIES_MAX) < key(&again, 1) && key(&again, TRIES_MAX) < key(&second, 1));
    }

    #[test]
    fn two_seeds_have_other_logins_and_accounts_of_the_same_length() {
        let scenario = Scenario::load("quickstart", &[]).unwrap();
        let holder = |seed| Holder::of(Login::Password, seed, &plans(&scenario)[0]).unwrap();
        let (a, b) = (holder(scenario.seed), holder(scenario.seed + 1));
        assert_ne!(a.credentials.login, b.credentials.login);
        assert_ne!(a.bank_account, b.bank_account);
        assert_eq!(a.credentials.login.as_str().len(), b.credentials.login.as_str().len());
    }

    #[test]
    fn captures_are_listed_once() {
        let scenario = Scenario::load("quickstart", &[]).unwrap();
        let keys = captures_needed(&scenario.biometric, &plans(&scenario));
        assert!(keys.windows(2).all(|w| w[0] < w[1]));
        assert!(keys.len() as u32 >= scenario.handsets * scenario.biometric.enrolment_captures);
    }
}
