//! What a stolen database tells: templates, keys, and which records of two services belong to one person.

use super::{Bench, mean};
use crate::Error;
use crate::attack::Configuration;
use crate::attack::findings::{Figure, Findings};
use biopay_biometrics::attack::inversion::{Decoder, Inverted, invert};
use biopay_biometrics::attack::linkage::{Observed, TokenKnowledge, link, observe};
use biopay_biometrics::attack::offline_search::{DigestKeys, expected_guesses, search_keys, search_people};
use biopay_biometrics::attack::{Factors, Population, Stolen, Target, Trial};
use biopay_biometrics::scheme::{DigestScheme, Scheme, SchemeId};
use biopay_reports::distribution::Distribution;
use biopay_reports::unlinkability::unlinkability;

/// Bits of the digest that the control searches.
const SHORT_KEY_BITS: usize = 12;
/// People that a record is searched with at most: each is a derivation.
const PEOPLE_MAX: u64 = 150;

/// Inverts each breached record and presents what was found: where it was stolen, and at another enrolment of the subject.
/// In the control the tokens are stolen too.
pub fn inversion(bench: &Bench<'_>) -> Result<Findings, Error> {
    let knows_tokens = bench.setup.configuration == Configuration::Control;
    let strangers = bench.strangers(3);
    bench.each_scheme(&bench.parameters(), |scheme| {
        let mut rng = bench.rng(scheme.id().name(), 0);
        let Some(own) = bench.attackers_own(scheme) else { return Ok(Findings::default()) };
        let decoder = Decoder::learn(scheme, &strangers, &mut rng);
        let mut found: Vec<(u32, Option<Inverted>)> = Vec::new();
        for person in bench.people() {
            let breached = bench.enrol(scheme, person.subject, person.references, 1);
            let other = bench.enrol(scheme, person.subject, std::slice::from_ref(person.probe), 2);
            let (Some(breached), Some(other)) = (breached, other) else { continue };
            let stolen = if knows_tokens { Stolen::Both } else { Stolen::Helper };
            let factors = [&breached, &other].map(|target| stolen.factors(target, &own));
            let [here, elsewhere]: &[Factors; 2] = &factors;
            let inverted = decoder.as_ref().and_then(|decoder| {
                let truth = &person.references[0];
                invert(scheme, decoder, [&breached, &other], [here, elsewhere], truth, &mut rng)
            });
            found.push((person.subject, inverted));
        }
        Ok(inverted_rows(bench, scheme, &found))
    })
}

fn inverted_rows(bench: &Bench<'_>, scheme: &dyn Scheme, found: &[(u32, Option<Inverted>)]) -> Findings {
    let id = scheme.id().name();
    let mut findings = Findings::default();
    type Is = fn(&Inverted) -> bool;
    let forms: [(&str, Is); 2] =
        [("at the same enrolment", |i| i.accepted_here), ("at another enrolment", |i| i.accepted_elsewhere)];
    for (form, is_accepted) in forms {
        let rows = found.iter().map(|(target, inverted)| {
            let succeeded = inverted.as_ref().is_some_and(is_accepted);
            let trial = Trial { target: *target, queries: 1, succeeded, value: None };
            let outcome = match (inverted, succeeded) {
                (None, _) => "nothing-to-invert",
                (_, true) => "accepted",
                (_, false) => "refused",
            };
            bench.trial(&trial, outcome)
        });
        findings.extend(bench.setup.trials(form, id, rows));
    }
    let cosines: Vec<f64> = found.iter().filter_map(|(_, i)| i.as_ref().map(|i| f64::from(i.cosine))).collect();
    if let Some((value, interval)) = mean(&cosines) {
        let is_published = scheme.id() == SchemeId::IndexOfMax && bench.setup.configuration == Configuration::Control;
        let figure = Figure {
            measure: "cosine to the enrolled template",
            value,
            interval: Some(interval),
            count: cosines.len() as u64,
            expected: is_published.then_some((0.88, "Ghammam et al. 2020, index-of-max with known tokens")),
        };
        findings.extend(bench.setup.figure("", id, figure));
    }
    findings
}

/// Searches a breached record off line: with other people's samples, and, for a digest that is short in the control, by
/// walking its keys.
pub fn search(bench: &Bench<'_>) -> Result<Findings, Error> {
    let parameters = match bench.setup.configuration {
        Configuration::Control => bench.loose_parameters(),
        _ => bench.parameters(),
    };
    let strangers = bench.strangers(1);
    if strangers.is_empty() {
        return Ok(Findings::default());
    }
    let people = Population::new(&strangers);
    let mut findings = bench.each_scheme(&parameters, |scheme| {
        let Some(own) = bench.attackers_own(scheme) else { return Ok(Findings::default()) };
        let stolen = if bench.setup.configuration == Configuration::Hardened { Stolen::Helper } else { Stolen::Both };
        let mut rows = Vec::new();
        for person in bench.people() {
            let Some(target) = bench.enrol(scheme, person.subject, person.references, 0) else { continue };
            let mut rng = bench.rng(scheme.id().name(), person.subject);
            let drawn = std::iter::repeat_with(|| people.draw(&mut rng));
            let budget = bench.setup.plan.budget().min(PEOPLE_MAX);
            let candidates = strangers.iter().cloned().chain(drawn);
            let (trial, _) = search_people(scheme, &target, &stolen.factors(&target, &own), candidates, budget);
            rows.push(bench.trial(&trial, if trial.succeeded { "matched" } else { "budget-spent" }));
        }
        Ok(bench.setup.trials("record matched by other people", scheme.id().name(), rows))
    })?;
    findings.extend(search_digest(bench)?);
    Ok(findings)
}

/// Walks the keys of a digest: of as many bits as the scenario says, or, in the control, of twelve.
fn search_digest(bench: &Bench<'_>) -> Result<Findings, Error> {
    let is_control = bench.setup.configuration == Configuration::Control;
    let bits = if is_control { SHORT_KEY_BITS } else { bench.parameters().digest.bits };
    let scheme = DigestScheme::new(bits)?;
    let mut trials = Vec::new();
    for person in bench.people() {
        let Some(target) = bench.enrol(&scheme, person.subject, person.references, 0) else { continue };
        let mut rng = bench.rng("keys", person.subject);
        let (trial, _) =
            search_keys(&scheme, &DigestKeys { scheme: &scheme }, &target, bench.setup.plan.budget(), &mut rng);
        trials.push(trial);
    }
    let outcome = |trial: &Trial| if trial.succeeded { "found" } else { "budget-spent" };
    let rows = trials.iter().map(|trial| bench.trial(trial, outcome(trial)));
    let id = SchemeId::Digest.name();
    let mut findings = bench.setup.trials("keys walked", id, rows);
    let guesses: Vec<f64> = trials.iter().filter(|t| t.succeeded).map(|t| t.queries as f64).collect();
    if let (true, Some((value, interval))) = (is_control, mean(&guesses)) {
        let figure = Figure {
            measure: "guesses to first success",
            value,
            interval: Some(interval),
            count: guesses.len() as u64,
            expected: Some((expected_guesses(bits as u32), "(2^12 + 1) / 2")),
        };
        findings.extend(bench.setup.figure("keys walked", id, figure));
    }
    Ok(findings)
}

/// Enrols each subject at two services and looks which records belong together: with tokens that are known in the control
/// and unknown otherwise.
pub fn linkage(bench: &Bench<'_>) -> Result<Findings, Error> {
    let knowledge = match bench.setup.configuration {
        Configuration::Control => TokenKnowledge::Known,
        _ => TokenKnowledge::Unknown,
    };
    bench.each_scheme(&bench.parameters(), |scheme| {
        let people = bench.people();
        let both = people.iter().filter_map(|person| {
            let first = bench.enrol(scheme, person.subject, person.references, 1)?;
            let second = bench.enrol(scheme, person.subject, std::slice::from_ref(person.probe), 2)?;
            let dimension = person.probe.real().len();
            let look = |target: &Target| observe(scheme, target, knowledge, dimension);
            Some((person.subject, (look(&first), look(&second))))
        });
        let (subjects, both): (Vec<u32>, Vec<_>) = both.unzip();
        let (first, second): (Vec<Observed>, Vec<Observed>) = both.into_iter().unzip();
        if first.len() < 2 {
            return Ok(Findings::default());
        }
        let linked = link(scheme, &first, &second);
        let id = scheme.id().name();
        let rows = subjects.iter().zip(&linked.identified).map(|(&target, &succeeded)| {
            let trial = Trial { target, queries: 1, succeeded, value: None };
            bench.trial(&trial, if succeeded { "identified" } else { "not-identified" })
        });
        let mut findings = bench.setup.trials("identified at rank one", id, rows);
        let scores = (Distribution::new(linked.mated), Distribution::new(linked.non_mated));
        if let Some(found) = unlinkability(&scores.0, &scores.1, bench.setup.scenario.seed) {
            let figure = Figure {
                measure: "D_sys",
                value: found.d_sys,
                interval: None,
                count: found.mated + found.non_mated,
                expected: Some((found.null_upper95, "upper 95 % of unlinkable data of this size")),
            };
            findings.extend(bench.setup.figure("", id, figure));
        }
        Ok(findings)
    })
}
