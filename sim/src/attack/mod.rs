//! Attacks on the whole system: adversaries who speak QUIC to the real server in virtual time, each in every
//! configuration that the scenario asks for, and procedures off line where a network would add nothing.
//!
//! ```text
//! [[attack]] ──► for each configuration: an arena (server, bank, accounts) ──► findings: trials and figures
//! ```
//! An adversary is a task on the same executor as server and network: what it does next follows from what it was
//! answered, and one seed gives one outcome. `control` is the configuration in which the attack has to succeed.

mod arena;
mod codes;
mod credentials;
mod findings;
mod floods;
mod guessing;
mod hostile;
mod kind;
mod lock_out;
mod offline;
mod passwords;
mod payments;
mod replay;
mod setup;
mod transport;

pub use findings::Findings;
pub use kind::{AttackPlan, Configuration, Kind};

use crate::Error;
use crate::population::Population;
use crate::progress::Stage;
use crate::scenario::Scenario;
use crate::stop::Stop;
use crate::studio::{CaptureKey, Sensor};
use arena::Arena;
use offline::Bench;
use rayon::prelude::*;
use setup::Setup;
use std::sync::atomic::Ordering;

/// Attackers' captures are numbered from here: nobody else's are.
const CAPTURES_FROM: u32 = 500_000;
/// Captures that each attacker has.
pub const CAPTURES: u32 = 3;
/// Other people whose samples attackers have.
pub const ATTACKERS: u32 = 24;

/// Returns the subject behind an attacker: nobody who has an account, and none of the run's impostors.
fn attacker(scenario: &Scenario, index: u32) -> u32 {
    scenario.handsets + scenario.impostor_count() + index % ATTACKERS
}

/// Names one of an attacker's captures, from 0.
fn attackers_capture(subject: u32, number: u32) -> CaptureKey {
    CaptureKey { subject, sensor: Sensor::Handset, number: CAPTURES_FROM + number, age_months: 0 }
}

/// Lists the captures that a scenario's attacks need: those of the attackers, and one of each owner for the controls.
pub fn captures_needed(scenario: &Scenario) -> Vec<CaptureKey> {
    if scenario.attack.is_empty() {
        return Vec::new();
    }
    let attackers = (0..ATTACKERS).flat_map(|index| {
        let subject = attacker(scenario, index);
        (0..CAPTURES).map(move |number| attackers_capture(subject, number))
    });
    let owners = (0..scenario.handsets).map(|owner| attackers_capture(owner, 0));
    attackers.chain(owners).collect()
}

/// Makes every attack of a scenario, in every configuration. Stops early, with what was found, when `stop` is set; an
/// attack that cannot be made is said to be so beside what the others found.
pub fn mount(scenario: &Scenario, population: &Population, stop: &Stop) -> Findings {
    if scenario.attack.is_empty() {
        return Findings::default();
    }
    let setups: Vec<Setup> = scenario.attack.iter().flat_map(|plan| Setup::of(scenario, plan)).collect();
    let stage = Stage::new("attacking", setups.len() as u64);
    let made = setups.into_par_iter().map(|setup| {
        if stop.flag().load(Ordering::Relaxed) {
            return Findings { is_partial: true, ..Findings::default() };
        }
        let found = make(&setup, population).unwrap_or_else(|error| {
            let broken = vec![format!("{}, {}: {error}", setup.plan.kind.name(), setup.configuration.name())];
            Findings { broken, ..Findings::default() }
        });
        stage.add(1);
        found
    });
    let made: Vec<Findings> = made.collect();
    stage.finish();
    let mut findings = Findings::default();
    made.into_iter().for_each(|found| findings.extend(found));
    findings
}

/// Makes one attack on one system.
fn make(setup: &Setup, population: &Population) -> Result<Findings, Error> {
    let bench = Bench { setup, population };
    match setup.plan.kind {
        Kind::StolenFactors => offline::stolen_factors(&bench),
        Kind::ScoreClimbing => offline::climbing(&bench),
        Kind::Dictionary => offline::dictionary(&bench),
        Kind::Presentation => offline::artefacts(&bench),
        Kind::Inversion => offline::inversion(&bench),
        Kind::OfflineSearch => offline::search(&bench),
        Kind::Linkage => offline::linkage(&bench),
        Kind::PasswordSearch => passwords::search(setup),
        _ => arena::play(setup, population, async |arena| act(arena).await),
    }
}

/// Makes an attack that needs a server.
async fn act(arena: &Arena<'_>) -> Result<Findings, Error> {
    match arena.setup.plan.kind {
        Kind::ZeroEffort => guessing::zero_effort(arena).await,
        Kind::BruteForce => guessing::brute_force(arena).await,
        Kind::Replay => replay::replay(arena).await,
        Kind::ReEnrolment => credentials::re_enrolment(arena).await,
        Kind::CredentialStuffing => credentials::stuffing(arena).await,
        Kind::NameEnumeration => credentials::enumeration(arena).await,
        Kind::CodeGuessing => codes::guessing(arena).await,
        Kind::CodeInterception => codes::interception(arena).await,
        Kind::CodeFlooding => codes::flooding(arena).await,
        Kind::LockOut => lock_out::lock_out(arena).await,
        Kind::ChargeRace => payments::race(arena).await,
        Kind::ForeignPayment => payments::foreign(arena).await,
        Kind::DecisionClimbing => guessing::climb(arena).await,
        Kind::EarlyData => transport::early_data(arena).await,
        Kind::Amplification => transport::amplification(arena).await,
        Kind::Flood => floods::flood(arena).await,
        Kind::HostileInput => hostile::hostile(arena).await,
        other => Err(arena.broke(format!("{} is made off line", other.name()))),
    }
}
