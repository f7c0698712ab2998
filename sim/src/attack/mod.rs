//! Attacks on the whole system: adversaries who speak QUIC to the real server in virtual time, each in every
//! configuration that the scenario asks for, and procedures without a server where a network would add nothing.
//!
//! ```text
//! [[attack]] ──► for each configuration: an system (server, bank, accounts) ──► findings: trials and figures
//! ```
//! An adversary is a task on the same executor as server and network. Its next step depends on the answers so far, and
//! one seed gives one result. `control` is the configuration in which the attack has to succeed.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "an answer that an attack does not expect breaks it, whichever it is"
)]

mod act;
mod attackers;
mod bounds;
mod codes;
mod credentials;
mod definition;
mod elsewhere;
mod findings;
mod floods;
mod guessing;
mod hostile;
mod lock_out;
mod offline;
mod offline_system;
mod passwords;
mod payments;
mod replay;
mod setup;
mod system;
mod transport;

pub use attackers::captures_needed;
pub use findings::Findings;

use crate::Error;
use crate::parts::Parts;
use crate::people::Population;
use crate::progress::Stage;
use crate::scenario::attack::for_each_attack;
use crate::scenario::{AttackKind, AttackPlan, Configuration, Scenario};
use crate::stop::Stop;
use act::{Act, Attack};
use biopay_reports::run_folder::manifest::AttackTerms;
use offline_system::OfflineSystem;
use rayon::prelude::*;
use setup::Setup;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// Makes every attack of a scenario, in every configuration. Stops early when `stop` is set and returns the results so
/// far. An attack that cannot be made is listed with its reason.
pub fn mount(scenario: &Scenario, population: &Population, parts: &Parts, stop: &Stop) -> Findings {
    if scenario.attack.is_empty() {
        return Findings::default();
    }
    let setups: Vec<Setup> =
        scenario.attack.iter().flat_map(|plan| Setup::of(scenario, plan, &attack_of(plan.kind).description)).collect();
    let stage = Stage::new("attacking", setups.len() as u64);
    let try_one = |(number, setup): &(usize, Setup)| {
        let name = format!("attack-{number}-{}", setup.kind.name());
        if let Some(found) = parts.find(&name) {
            stage.add(1);
            return found;
        }
        if stop.flag().load(Ordering::Relaxed) {
            return Findings { is_partial: true, ..Findings::default() };
        }
        let found = make(setup, population, stop).unwrap_or_else(|error| {
            let broken = vec![format!("{}, {}: {error}", setup.kind.name(), setup.configuration.name())];
            Findings { broken, ..Findings::default() }
        });
        stage.add(1);
        if !found.is_partial && found.broken.is_empty() && parts.keep(&name, &found).is_err() {
            eprintln!("warning: the findings of {name} could not be kept");
        }
        found
    };
    let numbered = setups.into_iter().enumerate();
    let (elsewhere, own): (Vec<_>, Vec<_>) = numbered.partition(|(_, setup)| setup.is_elsewhere());
    // A server of somebody else's meets one attack at a time, within its rate.
    let made = own.par_iter().map(try_one).collect::<Vec<_>>().into_iter().chain(elsewhere.iter().map(try_one));
    let mut findings = Findings { notes: left_out(scenario), ..Findings::default() };
    made.for_each(|found| findings.extend(found));
    stage.finish();
    if !elsewhere.is_empty() {
        findings.notes.push(consented(scenario));
    }
    findings
}

/// Returns the note on attacks on a server that the run did not start.
fn consented(scenario: &Scenario) -> String {
    let server = &scenario.server;
    format!(
        "The configuration 'scenario' of attacks is the server at {}, with its owner's consent (server.attack-consent): \
         at most {} requests a second and {} s for each attack, on the accounts of this run's handsets, one attack after \
         the other, so that one meets the limits that another has used up.",
        server.attack_consent.as_deref().unwrap_or_default(),
        server.attack_requests_per_s,
        server.attack_seconds
    )
}

/// Lists the attacks that the scenario asks for on its own server and that cannot be made there.
fn left_out(scenario: &Scenario) -> Vec<String> {
    let asked = scenario.attack.iter().filter(|plan| plan.configurations.contains(&Configuration::Scenario));
    let note = |plan: &AttackPlan| {
        let why = attack_of(plan.kind).description.why_not(scenario)?;
        Some(format!("The attack {} was not made on the scenario's own server: {why}.", plan.kind.name()))
    };
    asked.filter_map(note).collect()
}

/// Returns the requirement of each attack of a scenario by the attack's name, and that of the run's own impostors,
/// whose attack is `zero-effort`.
pub fn terms(scenario: &Scenario) -> BTreeMap<String, AttackTerms> {
    let kinds = scenario.attack.iter().map(|plan| plan.kind).chain([AttackKind::ZeroEffort]);
    kinds.map(|kind| (kind.name().to_owned(), attack_of(kind).description.terms())).collect()
}

/// Returns the number of accounts or subjects that an attack of a scenario is made on.
pub fn targets(plan: &AttackPlan) -> u64 {
    u64::from(plan.targets.unwrap_or(attack_of(plan.kind).description.targets))
}

/// Makes one attack on one system.
fn make(setup: &Setup, population: &Population, stop: &Stop) -> Result<Findings, Error> {
    match attack_of(setup.kind).act {
        Act::Online(act) if setup.is_elsewhere() => {
            elsewhere::play(setup, population, stop, async |system| act(system).await)
        }
        Act::Online(act) => system::play(setup, population, async |system| act(system).await),
        Act::Offline(act) => act(&OfflineSystem { setup, population }),
        Act::Alone(act) => act(setup),
    }
}

macro_rules! attack_of {
    ($($variant:ident $name:literal $module:ident $(:: $path:ident)+,)+) => {
        /// Returns the attack that a scenario names.
        fn attack_of(kind: AttackKind) -> &'static Attack {
            match kind {
                $(AttackKind::$variant => &$module $(:: $path)+,)+
            }
        }
    };
}
for_each_attack!(attack_of);
