//! Attackers who know logins and present fingers of their own: one try of a page, or page after page.

use super::act::{Act, Attack};
use super::attackers::{ATTACKERS, CAPTURES};
use super::definition::{
    Description, Elsewhere, RESISTED, Requirement, one_defence, unchanged, with_static_symbols,
    without_limits_on_guessing,
};
use super::findings::{Figure, Findings, Trial};
use super::system::{Account, AttackedSystem, is_accepted};
use crate::Error;
use crate::scenario::Configuration;
use biopay_biometrics::QrPayload;
use biopay_biometrics::attack::{Factors, Guesser, Strategy, TemplateModel};
use biopay_biometrics::scheme::{ComparisonDecision, SchemeId, build};
use biopay_datasets::stream::stream;
use biopay_protocol::{PayloadBytes, PresentationProof, Refusal, Response};
use biopay_reports::cluster::NonMatedErrors;
use biopay_reports::interval::Rate;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// An impostor who knows a login and presents a finger of their own.
pub(in crate::attack) const ZERO_EFFORT: Attack = Attack {
    description: Description {
        knowledge: "login name and password",
        targets: 80,
        budget: 3,
        needs: unchanged,
        weaken: with_static_symbols,
        defences: one_defence,
        requirement: Some(Requirement {
            source: "NIST SP 800-63B-4, 3.2.3: false matches of 1 in 10,000 or better",
            max: 1e-4,
        }),
        is_decided_by_scheme: true,
        elsewhere: Elsewhere::Allowed,
    },
    act: Act::Online(|system| Box::pin(zero_effort(system))),
};

/// Logs in with a known password and presents the attacker's own finger three times. The control presents the owner's
/// own finger, which must be accepted.
async fn zero_effort(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    for (index, account) in system.targets().enumerate() {
        let attacker = match system.setup.configuration {
            Configuration::Control => account.subject,
            Configuration::PatentLiteral | Configuration::Hardened | Configuration::Scenario => {
                system.attacker(index as u32)
            }
        };
        let begun = system.clock.elapsed();
        let connection = system.enter(system.bot(index as u32), account).await?;
        let payment = system.page(&connection, &format!("zero-effort-{index}")).await?;
        let mut trial = Trial {
            target: account.subject,
            attacker,
            tries: 0,
            succeeded: false,
            outcome: "failed-to-derive".into(),
            took: Duration::ZERO,
        };
        for capture in 0..system.setup.budget.min(u64::from(CAPTURES)) {
            trial.tries += 1;
            let template = system.template(attacker, capture as u32);
            let Some(payload) = template.and_then(|template| system.derive(account, template)) else { continue };
            let response = system.present(&connection, payment, &payload, fresh(system, payment)).await?;
            trial.outcome = response.name().to_owned();
            trial.succeeded = is_accepted(&response);
            if trial.succeeded || response == Response::Refused(Refusal::PaymentPageLeft) {
                break;
            }
        }
        trial.took = system.clock.elapsed() - begun;
        connection.close();
        let form = if system.setup.configuration == Configuration::Control { "the owner's finger" } else { "" };
        findings.extend(system.setup.trials(form, account.scheme.name(), [trial]));
    }
    Ok(findings)
}

/// Returns the proof that an attacker without the owner's device can add to a payload.
fn fresh(system: &AttackedSystem<'_>, payment: biopay_protocol::PaymentId) -> PresentationProof {
    system.proof(None, payment, &PayloadBytes::new([]).expect("nothing is short enough"))
}

/// Samples of many people presented to every account.
pub(in crate::attack) const BRUTE_FORCE: Attack = Attack {
    description: Description {
        knowledge: "every login name and password, samples of other people",
        targets: 80,
        budget: 30,
        needs: unchanged,
        weaken: without_limits_on_guessing,
        defences: one_defence,
        requirement: Some(Requirement {
            source: "NIST SP 800-63B-3, 5.2.2: guessing is limited per account",
            max: RESISTED,
        }),
        is_decided_by_scheme: true,
        elsewhere: Elsewhere::Allowed,
    },
    act: Act::Online(|system| Box::pin(brute_force(system))),
};

/// Presents samples of many people to every account, page after page, within a budget of presentations and as fast as
/// the server allows.
///
/// Expected: n independent samples open 1 - (1 - FMR)^n of all accounts, where FMR is the rate that the same people's
/// samples have at all other accounts, compared off line.
async fn brute_force(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let mut tally: BTreeMap<SchemeId, Opened> = BTreeMap::new();
    for account in system.targets() {
        let (mut pool, of) = pool(system, account);
        let trial = drive(system, account, &mut pool, "brute-force").await?;
        let entry = tally.entry(account.scheme).or_default();
        entry.opened += u64::from(trial.succeeded);
        entry.accounts += 1;
        entry.expected += expected_to_open(system, account);
        let presented = usize::try_from(trial.tries).unwrap_or(usize::MAX).min(of.len());
        for (number, attacker) in of[..presented].iter().enumerate() {
            entry.matches.add(account.subject, *attacker, trial.succeeded && number + 1 == presented);
        }
        findings.extend(system.setup.trials("", account.scheme.name(), [trial]));
    }
    for (scheme, Opened { opened, accounts, expected, matches }) in tally {
        // The same samples are presented to every account, so that accounts are as alike as their matches are.
        let rate = Rate::alike(opened, accounts, &matches.rate());
        let figure = Figure {
            measure: "accounts opened per 10,000",
            value: 1e4 * opened as f64 / accounts as f64,
            interval: rate.interval().map(|i| (1e4 * i.lower, 1e4 * i.upper)),
            count: accounts,
            expected: Some((
                1e4 * expected / accounts as f64,
                "1-(1-FMR)^n, FMR of the same samples at other accounts; none where the owner's device has to sign",
            )),
        };
        findings.extend(system.setup.figure("", scheme.name(), figure));
    }
    Ok(findings)
}

/// What the samples opened with one scheme.
#[derive(Default)]
struct Opened {
    opened: u64,
    accounts: u64,
    expected: f64,
    /// Presentations by account and attacker.
    matches: NonMatedErrors,
}

/// The payloads of other people's samples, presented one after the other.
struct Pool(std::vec::IntoIter<QrPayload>);

impl Strategy for Pool {
    fn propose(&mut self) -> Option<QrPayload> {
        self.0.next()
    }

    fn learn(&mut self, _: ComparisonDecision) {}
}

/// Derives the payloads of the attackers' samples for an account, and tells whose each is. Samples that give no payload
/// cost no presentation.
fn pool(system: &AttackedSystem<'_>, account: &Account) -> (Pool, Vec<u32>) {
    let scheme = system.population.registry.scheme(account.scheme);
    let samples = (0..CAPTURES).flat_map(|number| (0..ATTACKERS).map(move |index| (index, number)));
    let samples = samples.take(system.setup.budget as usize);
    let derived = samples.filter_map(|(index, number)| {
        let attacker = system.attacker(index);
        let payload = scheme.derive(system.template(attacker, number)?, &account.helper, None).ok()?;
        Some((payload, attacker))
    });
    let (payloads, of): (Vec<_>, Vec<_>) = derived.unzip();
    (Pool(payloads.into_iter()), of)
}

/// Returns the probability that the attackers' samples open an account, from the FMR of the same people at all other
/// owners. Where the owner's device signs each presentation, a matching sample opens nothing.
fn expected_to_open(system: &AttackedSystem<'_>, account: &Account) -> f64 {
    if system.scenario().server.presentation.asks_for_device() {
        return 0.0;
    }
    let parameters = &system.scenario().schemes.parameters;
    let Ok(registry) = biopay_biometrics::scheme::Registry::new(parameters) else { return f64::NAN };
    let scheme = registry.scheme(account.scheme);
    let (mut matches, mut comparisons) = (0_u64, 0_u64);
    for (subject, owner) in &system.population.owners {
        let Some(enrolment) = owner.enrolments.get(&account.scheme).filter(|_| *subject != account.subject) else {
            continue;
        };
        let Ok(record) = scheme.record(&enrolment.payload) else { continue };
        for index in 0..ATTACKERS {
            let Some(template) = system.template(system.attacker(index), 0) else { continue };
            // What does not derive is a non-match, as it is in the rates.
            let derived = scheme.derive(template, &enrolment.helper, None);
            matches += u64::from(derived.is_ok_and(|payload| scheme.verify(&record, &payload).accepted));
            comparisons += 1;
        }
    }
    let samples = system.setup.budget.min(u64::from(ATTACKERS * CAPTURES));
    1.0 - (1.0 - matches as f64 / comparisons.max(1) as f64).powi(samples as i32)
}

/// Presents the payloads that a strategy proposes, three for each page, as fast as the server allows, until one is
/// accepted, the strategy gives up or the budget is spent.
async fn drive(
    system: &AttackedSystem<'_>,
    account: &Account,
    strategy: &mut dyn Strategy,
    form: &str,
) -> Result<Trial, Error> {
    let begun = system.clock.elapsed();
    let mut connection = system.enter(system.bot(account.subject), account).await?;
    let mut trial = Trial {
        target: account.subject,
        attacker: system.attacker(account.subject),
        tries: 0,
        succeeded: false,
        outcome: "budget-spent".into(),
        took: Duration::ZERO,
    };
    let (mut page, mut pages) = (None, 0);
    while trial.tries < system.setup.budget && !trial.succeeded && system.has_time_for(0) {
        let Some(proposed) = strategy.propose() else {
            trial.outcome = "given-up".into();
            break;
        };
        trial.tries += 1;
        let payload = PayloadBytes::new(proposed.to_bytes())?;
        let accepted = loop {
            let payment = match page {
                Some(payment) => payment,
                None => {
                    pages += 1;
                    system.page(&connection, &format!("{form}-{}-{pages}", account.subject)).await?
                }
            };
            page = Some(payment);
            let response = system.present(&connection, payment, &payload, fresh(system, payment)).await?;
            match &response {
                Response::Refused(Refusal::Throttled { retry_after_ms }) if !system.has_time_for(*retry_after_ms) => {
                    connection.close();
                    return Ok(Trial { outcome: OUT_OF_TIME.into(), took: system.clock.elapsed() - begun, ..trial });
                }
                Response::Refused(Refusal::Throttled { retry_after_ms }) => {
                    connection = system.return_after(connection, *retry_after_ms, account).await?;
                    page = None;
                    continue;
                }
                Response::Refused(Refusal::PaymentPageLeft) => page = None,
                response if is_accepted(response) => trial.outcome = response.name().to_owned(),
                _ => {}
            }
            break is_accepted(&response);
        };
        strategy.learn(ComparisonDecision { accepted, score: None });
        trial.succeeded = accepted;
    }
    connection.close();
    trial.took = system.clock.elapsed() - begun;
    Ok(trial)
}

/// The outcome where a server asks to wait longer than the attack on it may take.
const OUT_OF_TIME: &str = "throttled-beyond-the-time";

/// Hill climbing on nothing but accept or reject, at the server.
pub(in crate::attack) const DECISION_CLIMBING: Attack = Attack {
    description: Description {
        knowledge: "login name and password, public helper data, accept or reject",
        targets: 10,
        budget: 60,
        needs: unchanged,
        weaken: without_limits_on_guessing,
        defences: one_defence,
        requirement: Some(Requirement {
            source: "NIST SP 800-63B-3, 5.2.2: guessing is limited per account",
            max: RESISTED,
        }),
        is_decided_by_scheme: true,
        elsewhere: Elsewhere::Allowed,
    },
    act: Act::Online(|system| Box::pin(climb(system))),
};

/// Guesses templates from acceptance or rejection alone, over as many pages as the budget allows. The control's server
/// accepts loosely and does not throttle.
async fn climb(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let samples = (0..ATTACKERS).filter_map(|index| system.template(system.attacker(index), 0).cloned());
    let samples: Vec<_> = samples.collect();
    if samples.is_empty() {
        return Ok(findings);
    }
    let people = Arc::new(TemplateModel::new(&samples));
    for account in system.targets() {
        let scheme = build(account.scheme, &system.scenario().schemes.parameters)?;
        let factors = Factors { helper: account.helper.clone(), token: None };
        let rng = stream(system.scenario().seed, "attack/decision-climbing", u64::from(account.subject));
        let mut guesser = Guesser::new(scheme, factors, Vec::new(), people.clone(), rng);
        let trial = drive(system, account, &mut guesser, "climb").await?;
        findings.extend(system.setup.trials("accept or reject, over pages", account.scheme.name(), [trial]));
    }
    Ok(findings)
}
