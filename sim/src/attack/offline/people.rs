//! Dictionaries: a few samples that open many accounts.

use super::Bench;
use crate::Error;
use crate::attack::Configuration;
use crate::attack::findings::{Figure, Findings};
use biopay_biometrics::attack::dictionary::{coverage, greedy_cover, hits};
use biopay_biometrics::attack::{Stolen, Target, Trial};
use biopay_reports::interval::Rate;

/// Tries of a page.
const TRIES: usize = 3;

/// Chooses the three samples that open the most of one half's enrolments, the wolf first, and presents them to the other
/// half. The control's thresholds are loose. Beside it stands what three samples at random open.
///
/// Published, for scale: Bontrager et al. 2018, DeepMasterPrints: 23 % of partial prints at an FMR of 0.1 %, 77 % at 1 %.
pub fn dictionary(bench: &Bench<'_>) -> Result<Findings, Error> {
    let parameters = match bench.setup.configuration {
        Configuration::Control => bench.loose_parameters(),
        _ => bench.parameters(),
    };
    let candidates = bench.strangers(2);
    bench.each_scheme(&parameters, |scheme| {
        let Some(own) = bench.attackers_own(scheme) else { return Ok(Findings::default()) };
        let people = bench.people();
        let enrolled: Vec<Target> =
            people.iter().filter_map(|p| bench.enrol(scheme, p.subject, p.references, 0)).collect();
        let (training, held_out) = enrolled.split_at(enrolled.len() / 2);
        if training.is_empty() || held_out.is_empty() {
            return Ok(Findings::default());
        }
        let stolen = match bench.setup.configuration {
            Configuration::Hardened => Stolen::Helper,
            _ => Stolen::Both,
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
        let rows = trials.map(|trial| bench.trial(&trial, if trial.succeeded { "hit" } else { "missed" }));
        let mut findings = bench.setup.trials("three MasterPrints", id, rows);
        let found = hits(&entries, &random);
        let rate = Rate::independent(u64::from(found.hit), u64::from(found.subjects));
        let figure = Figure {
            measure: "held-out subjects hit within three tries",
            value: found.share(),
            interval: rate.interval().map(|i| (i.lower, i.upper)),
            count: u64::from(found.subjects),
            expected: Some((found.by_chance, "three random samples of the same people")),
        };
        findings.extend(bench.setup.figure("three MasterPrints", id, figure));
        Ok(findings)
    })
}
