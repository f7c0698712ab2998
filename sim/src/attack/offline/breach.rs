//! Attacks on a stolen database: recovering templates and keys, and linking the records that a person has at two
//! services.

use crate::Error;
use crate::attack::act::{Act, Attack};
use crate::attack::definition::{Description, Elsewhere, RESISTED, Requirement, one_defence, unchanged};
use crate::attack::findings::{Figure, Findings, space_covered};
use crate::attack::offline_system::{OfflineSystem, mean};
use crate::scenario::Configuration;
use biopay_biometrics::attack::inversion::{Decoder, Inverted, invert};
use biopay_biometrics::attack::linkage::{Observed, TokenKnowledge, link, observe};
use biopay_biometrics::attack::offline_search::{DigestKeys, expected_guesses, search_keys, search_people};
use biopay_biometrics::attack::{Factors, Stolen, Target, TemplateModel, Trial};
use biopay_biometrics::scheme::{DigestScheme, Scheme, SchemeId};
use biopay_reports::distribution::Distribution;
use biopay_reports::unlinkability::unlinkability;

/// The length of the digest that the control searches. Units: bits.
const SHORT_KEY_BITS: usize = 12;
/// The greatest number of people tried on one record; each costs a derivation.
const PEOPLE_MAX: u64 = 150;

/// Templates reconstructed from breached records.
pub(in crate::attack) const INVERSION: Attack = Attack {
    description: Description {
        knowledge: "the server's database, the helper data; the token in the control",
        targets: 40,
        budget: 1,
        needs: unchanged,
        weaken: unchanged,
        defences: one_defence,
        requirement: Some(Requirement { source: "ISO/IEC 24745:2022: irreversibility", max: RESISTED }),
        is_decided_by_scheme: true,
        elsewhere: Elsewhere::NoServer,
    },
    act: Act::Offline(inversion),
};

/// Inverts each stolen record and presents the result: where the record was stolen, and at another enrolment of the
/// subject. In the control the tokens are stolen too.
fn inversion(system: &OfflineSystem<'_>) -> Result<Findings, Error> {
    let knows_tokens = system.setup.configuration == Configuration::Control;
    let strangers = system.strangers(3);
    system.each_scheme(&system.parameters(), |scheme| {
        let mut rng = system.rng(scheme.id().name(), 0);
        let Some(own) = system.attackers_own(scheme) else { return Ok(Findings::default()) };
        let decoder = Decoder::learn(scheme, &strangers, &mut rng);
        let mut found: Vec<(u32, Option<Inverted>)> = Vec::new();
        for person in system.people() {
            let breached = system.enrol(scheme, person.subject, person.references, 1);
            let other = system.enrol(scheme, person.subject, std::slice::from_ref(person.probe), 2);
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
        Ok(inverted_rows(system, scheme, &found))
    })
}

fn inverted_rows(system: &OfflineSystem<'_>, scheme: &dyn Scheme, found: &[(u32, Option<Inverted>)]) -> Findings {
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
            system.trial(&trial, outcome)
        });
        findings.extend(system.setup.trials(form, id, rows));
    }
    let cosines: Vec<f64> = found.iter().filter_map(|(_, i)| i.as_ref().map(|i| f64::from(i.cosine))).collect();
    if let Some((value, interval)) = mean(&cosines) {
        let is_published = scheme.id() == SchemeId::IndexOfMax && system.setup.configuration == Configuration::Control;
        let figure = Figure {
            measure: "cosine to the enrolled template",
            value,
            interval: Some(interval),
            count: cosines.len() as u64,
            expected: is_published.then_some((0.88, "Ghammam et al. 2020, index-of-max with known tokens")),
        };
        findings.extend(system.setup.figure("", id, figure));
    }
    findings
}

/// A breached record searched for a key or a person that opens it.
pub(in crate::attack) const OFFLINE_SEARCH: Attack = Attack {
    description: Description {
        knowledge: "the server's database, the helper data",
        targets: 20,
        budget: 5_000,
        needs: unchanged,
        weaken: unchanged,
        defences: one_defence,
        requirement: Some(Requirement {
            source: "ISO/IEC 24745:2022: a stolen record does not open the account",
            max: RESISTED,
        }),
        is_decided_by_scheme: true,
        elsewhere: Elsewhere::NoServer,
    },
    act: Act::Offline(search),
};

/// Searches for the preimage of a stolen record off line: with other people's samples and, in the control with its
/// short digest, by trying every key.
fn search(system: &OfflineSystem<'_>) -> Result<Findings, Error> {
    let parameters = match system.setup.configuration {
        Configuration::Control => system.loose_parameters(),
        Configuration::PatentLiteral | Configuration::Hardened | Configuration::Scenario => system.parameters(),
    };
    let strangers = system.strangers(1);
    if strangers.is_empty() {
        return Ok(Findings::default());
    }
    let people = TemplateModel::new(&strangers);
    let mut findings = system.each_scheme(&parameters, |scheme| {
        let Some(own) = system.attackers_own(scheme) else { return Ok(Findings::default()) };
        let stolen = match system.setup.configuration {
            Configuration::Hardened | Configuration::Scenario => Stolen::Helper,
            Configuration::PatentLiteral | Configuration::Control => Stolen::Both,
        };
        let mut rows = Vec::new();
        for person in system.people() {
            let Some(target) = system.enrol(scheme, person.subject, person.references, 0) else { continue };
            let mut rng = system.rng(scheme.id().name(), person.subject);
            let drawn = std::iter::repeat_with(|| people.draw(&mut rng));
            let budget = system.setup.budget.min(PEOPLE_MAX);
            let candidates = strangers.iter().cloned().chain(drawn);
            let (trial, _) = search_people(scheme, &target, &stolen.factors(&target, &own), candidates, budget);
            rows.push(system.trial(&trial, if trial.succeeded { "matched" } else { "budget-spent" }));
        }
        Ok(system.setup.trials("record matched by other people", scheme.id().name(), rows))
    })?;
    findings.extend(search_digest(system)?);
    Ok(findings)
}

/// Tries the keys of a digest: of the scenario's length or, in the control, of twelve bits.
fn search_digest(system: &OfflineSystem<'_>) -> Result<Findings, Error> {
    let is_control = system.setup.configuration == Configuration::Control;
    let bits = if is_control { SHORT_KEY_BITS } else { system.parameters().digest.bits };
    let scheme = DigestScheme::new(bits)?;
    let mut trials = Vec::new();
    for person in system.people() {
        let Some(target) = system.enrol(&scheme, person.subject, person.references, 0) else { continue };
        let mut rng = system.rng("keys", person.subject);
        let (trial, _) = search_keys(&scheme, &DigestKeys { scheme: &scheme }, &target, system.setup.budget, &mut rng);
        trials.push(trial);
    }
    let outcome = |trial: &Trial| if trial.succeeded { "found" } else { "budget-spent" };
    let rows = trials.iter().map(|trial| system.trial(trial, outcome(trial)));
    let id = SchemeId::Digest.name();
    let mut findings = system.setup.trials("keys walked", id, rows);
    // Of hashes that are longer than a budget counts, the share is that of the budget in the whole space.
    let covered = system.setup.budget as f64 / 2f64.powi(bits as i32);
    findings.extend(system.setup.figure("keys walked", id, space_covered(covered, trials.len())));
    let guesses: Vec<f64> = trials.iter().filter(|t| t.succeeded).map(|t| t.queries as f64).collect();
    if let (true, Some((value, interval))) = (is_control, mean(&guesses)) {
        let figure = Figure {
            measure: "guesses to first success",
            value,
            interval: Some(interval),
            count: guesses.len() as u64,
            expected: Some((
                expected_guesses(bits as u32).min((system.setup.budget as f64 + 1.0) / 2.0),
                "(n + 1) / 2 of n keys: 2^12, or the budget where it is smaller",
            )),
        };
        findings.extend(system.setup.figure("keys walked", id, figure));
    }
    Ok(findings)
}

/// Records of two services attributed to one person.
pub(in crate::attack) const LINKAGE: Attack = Attack {
    description: Description {
        knowledge: "two services' databases; the tokens in the control",
        targets: 40,
        budget: 1,
        needs: unchanged,
        weaken: unchanged,
        defences: one_defence,
        requirement: Some(Requirement { source: "ISO/IEC 24745:2022: unlinkability", max: RESISTED }),
        is_decided_by_scheme: false,
        elsewhere: Elsewhere::NoServer,
    },
    act: Act::Offline(linkage),
};

/// Enrols each subject at two services and measures whether the two records can be linked. The attacker knows the
/// tokens only in the control.
fn linkage(system: &OfflineSystem<'_>) -> Result<Findings, Error> {
    let knowledge = match system.setup.configuration {
        Configuration::Control => TokenKnowledge::Known,
        Configuration::PatentLiteral | Configuration::Hardened | Configuration::Scenario => TokenKnowledge::Unknown,
    };
    system.each_scheme(&system.parameters(), |scheme| {
        let people = system.people();
        let both = people.iter().filter_map(|person| {
            let first = system.enrol(scheme, person.subject, person.references, 1)?;
            let second = system.enrol(scheme, person.subject, std::slice::from_ref(person.probe), 2)?;
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
            system.trial(&trial, if succeeded { "identified" } else { "not-identified" })
        });
        let mut findings = system.setup.trials("identified at rank one", id, rows);
        let scores = (Distribution::new(linked.mated), Distribution::new(linked.non_mated));
        if let Some(found) = unlinkability(&scores.0, &scores.1, system.setup.scenario.seed) {
            let figure = Figure {
                measure: "D_sys",
                value: found.d_sys,
                interval: None,
                count: found.mated + found.non_mated,
                expected: Some((found.null_upper95, "upper 95 % of unlinkable data of this size")),
            };
            findings.extend(system.setup.figure("", id, figure));
        }
        Ok(findings)
    })
}
