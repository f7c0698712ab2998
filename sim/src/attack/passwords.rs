//! A stolen table of password hashes, searched off line.

use super::act::{Act, Attack};
use super::definition::{Description, Elsewhere, NEEDS_HASHES, RESISTED, Requirement, one_defence, unchanged};
use super::findings::{Figure, Findings, Trial, space_covered};
use super::setup::Setup;
use super::system::rng;
use crate::Error;
use crate::network::Fabric;
use crate::scenario::{Configuration, ServerSettings};
use crate::virtual_time::env::{ServiceTimes, virtual_env};
use crate::virtual_time::executor::run;
use crate::virtual_time::timeline::Timeline;
use biopay_protocol::Secret;
use biopay_server::config::PasswordConfig;
use biopay_server::crypto::password::{HashCost, Passwords};
use rand::RngExt;
use std::time::Duration;

/// The memory of the hash that is really computed, the least that argon2 accepts; the charged time is the service
/// model's. Units: KiB.
const HASH_KIB: u32 = 8;
/// The strength of the owners' passwords: each is one of a list of 2^10. Stronger passwords only take longer. Units:
/// bits.
const WEAK_BITS: u32 = 10;
/// The server's pepper, which the control's attacker knows.
const PEPPER: &[u8] = b"kept outside the database";

/// A search of stolen password hashes off line, by guesses from a list.
pub(in crate::attack) const PASSWORD_SEARCH: Attack = Attack {
    description: Description {
        knowledge: "the server's database; the pepper in the control",
        targets: 36,
        budget: 1_024,
        needs: unchanged,
        weaken: unchanged,
        defences: one_defence,
        requirement: Some(Requirement {
            source: "NIST SP 800-63B-3, 5.1.1.2: a hash keyed outside the database",
            max: RESISTED,
        }),
        is_decided_by_scheme: false,
        elsewhere: Elsewhere::Refused(NEEDS_HASHES),
    },
    act: Act::Alone(search),
};

/// Tries a list of passwords against stolen hashes on one core, in the list's order from a random start. Every owner
/// has a password of the list; the hardened server's pepper is not in the database, so no guess can be checked.
///
/// Expected: (n + 1) / 2 guesses for a list of n, or for as much of it as the budget allows, and the time of as many argon2id hashes of the scenario's memory.
fn search(setup: &Setup) -> Result<Findings, Error> {
    let timeline = Timeline::new(Fabric::silent());
    let scenario = &setup.scenario;
    // This server keeps its pepper outside the database, whatever else a scenario sets.
    let stolen_pepper: &[u8] = match setup.configuration {
        Configuration::Hardened | Configuration::Scenario => b"",
        Configuration::PatentLiteral | Configuration::Control => PEPPER,
    };
    let trials = run(&timeline, async {
        let env = virtual_env(&timeline, times(&scenario.server), scenario.seed, "attack/passwords");
        let cost = HashCost { memory_kib: HASH_KIB, passes: 1, lanes: 1 };
        let server = Passwords::new(env.clone(), cost, PEPPER.to_vec());
        let attackers = Passwords::new(env.clone(), cost, stolen_pepper.to_vec());
        let mut drawn = rng(setup, "passwords");
        let size = 1_u32 << WEAK_BITS;
        let mut trials = Vec::new();
        for target in 0..setup.targets {
            let (chosen, start) = (drawn.random_range(0..size), drawn.random_range(0..size));
            let overloaded = |_| Error::InvalidRun("the attacker's own hashing is overloaded".into());
            let stored = server.hash(word(chosen)?).await.map_err(overloaded)?;
            let begun = env.clock.elapsed();
            let mut trial = Trial {
                target,
                attacker: scenario.attacker(0),
                tries: 0,
                succeeded: false,
                outcome: "list-spent".into(),
                took: Duration::ZERO,
            };
            for guess in 0..size.min(u32::try_from(setup.budget).unwrap_or(u32::MAX)) {
                trial.tries += 1;
                let right = attackers.verify(word((start + guess) % size)?, Some(stored.clone())).await;
                if right.map_err(overloaded)? {
                    (trial.succeeded, trial.outcome) = (true, "found".into());
                    break;
                }
            }
            trial.took = env.clock.elapsed() - begun;
            trials.push(trial);
        }
        Ok::<_, Error>(trials)
    })?;
    let figures = costs(setup, &trials);
    let mut findings = setup.trials("", "", trials);
    findings.extend(figures);
    Ok(findings)
}

/// Returns the mean cost of a password that was found, in guesses and in the time of their hashes, and which share of the
/// list the budget can try.
fn costs(setup: &Setup, trials: &[Trial]) -> Findings {
    let found: Vec<&Trial> = trials.iter().filter(|trial| trial.succeeded).collect();
    let mean = |of: fn(&Trial) -> f64| found.iter().map(|trial| of(trial)).sum::<f64>() / found.len() as f64;
    let mut figures = Findings::default();
    if !found.is_empty() {
        let hash_s = times(&setup.scenario.server).password_hash.as_secs_f64();
        // Guesses beyond the budget are never made, so that those that succeed lie within it.
        let tried = f64::from(1_u32 << WEAK_BITS).min(setup.budget as f64);
        let expected = (tried + 1.0) / 2.0;
        let figures_of = [
            (
                "guesses to the password",
                mean(|t| t.tries as f64),
                expected,
                "(n + 1) / 2 of n passwords: 2^10, or the budget where it is smaller",
            ),
            (
                "argon2id-seconds to the password",
                mean(|t| t.took.as_secs_f64()),
                expected * hash_s,
                "(n + 1) / 2 hashes",
            ),
        ];
        for (measure, value, expected, source) in figures_of {
            let figure = Figure {
                measure,
                value,
                interval: None,
                count: found.len() as u64,
                expected: Some((expected, source)),
            };
            figures.extend(setup.figure("", "", figure));
        }
    }
    let covered = setup.budget as f64 / f64::from(1_u32 << WEAK_BITS);
    figures.extend(setup.figure("", "", space_covered(covered, trials.len())));
    figures
}

fn times(server: &ServerSettings) -> ServiceTimes {
    let queue = PasswordConfig::default().queue;
    ServiceTimes::of(&server.service, 1, server.hash_memory_kib, queue)
}

fn word(number: u32) -> Result<Secret, Error> {
    Ok(Secret::new(format!("password-{number:04}"))?)
}
