//! The dictionary attack: a few samples that open many accounts.

use crate::Error;
use crate::attack::act::{Act, Attack};
use crate::attack::definition::{Description, Elsewhere, RESISTED, Requirement, one_defence, unchanged};
use crate::attack::findings::{Figure, Findings};
use crate::attack::offline_system::OfflineSystem;
use crate::scenario::Configuration;
use biopay_biometrics::attack::dictionary::{coverage, greedy_cover, hits};
use biopay_biometrics::attack::{Stolen, Target, Trial};
use biopay_reports::interval::Rate;

/// The number of tries on a page.
const TRIES: usize = 3;

/// A few samples that open many accounts.
pub(in crate::attack) const DICTIONARY: Attack = Attack {
    description: Description {
        knowledge: "enrolments of other people, the helper data",
        targets: 40,
        budget: 3,
        needs: unchanged,
        weaken: unchanged,
        defences: one_defence,
        requirement: Some(Requirement {
            source: "NIST SP 800-63B-3, 5.2.2: guessing is limited per account",
            max: RESISTED,
        }),
        is_decided_by_scheme: true,
        elsewhere: Elsewhere::NoServer,
    },
    act: Act::Offline(dictionary),
};

/// Chooses the three samples that open the most enrolments of one half of the subjects, the most successful first, and
/// presents them to the other half. The control's thresholds are loose. Three random samples are measured for
/// comparison.
///
/// Published, for scale: Bontrager et al. 2018, DeepMasterPrints: 23 % of partial prints at an FMR of 0.1 %, 77 % at 1 %.
fn dictionary(system: &OfflineSystem<'_>) -> Result<Findings, Error> {
    let parameters = match system.setup.configuration {
        Configuration::Control => system.loose_parameters(),
        Configuration::PatentLiteral | Configuration::Hardened | Configuration::Scenario => system.parameters(),
    };
    let candidates = system.strangers(2);
    system.each_scheme(&parameters, |scheme| {
        let Some(own) = system.attackers_own(scheme) else { return Ok(Findings::default()) };
        let people = system.people();
        let enrolled: Vec<Target> =
            people.iter().filter_map(|p| system.enrol(scheme, p.subject, p.references, 0)).collect();
        let (training, held_out) = enrolled.split_at(enrolled.len() / 2);
        if training.is_empty() || held_out.is_empty() {
            return Ok(Findings::default());
        }
        let stolen = match system.setup.configuration {
            // The server keeps its records sealed, whatever else a scenario sets.
            Configuration::Hardened | Configuration::Scenario => Stolen::Helper,
            Configuration::PatentLiteral | Configuration::Control => Stolen::Both,
        };
        let chosen = greedy_cover(&coverage(scheme, &candidates, training, stolen, &own), TRIES);
        let random = coverage(scheme, &candidates, held_out, stolen, &own);
        let entries: Vec<_> = chosen.iter().map(|&entry| random[entry].clone()).collect();
        let trials = held_out.iter().enumerate().map(|(index, target)| {
            let hit = entries.iter().position(|row| row.bit(index));
            let queries = hit.map_or(entries.len(), |at| at + 1) as u64;
            Trial { target: target.subject, queries, succeeded: hit.is_some(), value: None }
        });
        let id = scheme.id().name();
        let rows = trials.map(|trial| system.trial(&trial, if trial.succeeded { "hit" } else { "missed" }));
        let mut findings = system.setup.trials("three MasterPrints", id, rows);
        let found = hits(&entries, &random);
        let rate = Rate::independent(u64::from(found.hit), u64::from(found.subjects));
        let figure = Figure {
            measure: "held-out subjects hit within three tries",
            value: found.share(),
            interval: rate.interval().map(|i| (i.lower, i.upper)),
            count: u64::from(found.subjects),
            expected: Some((found.by_chance, "three random samples of the same people")),
        };
        findings.extend(system.setup.figure("three MasterPrints", id, figure));
        Ok(findings)
    })
}
