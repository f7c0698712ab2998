//! Attackers who know logins and present fingers of their own: one try of a page, or page after page.

use super::arena::{Account, Arena, is_accepted};
use super::findings::{Figure, Findings, Trial};
use super::{ATTACKERS, CAPTURES, Configuration};
use crate::Error;
use biopay_biometrics::scheme::SchemeId;
use biopay_protocol::{PayloadBytes, PresentationProof, Refusal, Response};
use biopay_reports::interval::Rate;
use biopay_server::client::Connection;
use std::time::Duration;

/// Presentations that a page takes (patent paragraph 31).
const TRIES_OF_A_PAGE: u64 = 3;

/// An impostor without effort: logs in with a known password and presents their own finger, three times. The control is
/// the owner's own finger, which has to be accepted.
pub async fn zero_effort(arena: &Arena<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    for (index, account) in arena.accounts.iter().enumerate() {
        let attacker = match arena.setup.configuration {
            Configuration::Control => account.subject,
            _ => arena.attacker(index as u32),
        };
        let begun = arena.clock.elapsed();
        let connection = arena.enter(arena.bot(index as u32), account).await?;
        let payment = arena.page(&connection, &format!("zero-effort-{index}")).await?;
        let mut trial = Trial {
            target: account.subject,
            attacker,
            tries: 0,
            succeeded: false,
            outcome: "failed-to-derive".into(),
            took: Duration::ZERO,
        };
        for capture in 0..arena.setup.plan.budget().min(u64::from(CAPTURES)) {
            trial.tries += 1;
            let template = arena.template(attacker, capture as u32);
            let Some(payload) = template.and_then(|template| arena.derive(account, template)) else { continue };
            let response = arena.present(&connection, payment, &payload, fresh(arena, payment)).await?;
            trial.outcome = response.name().to_owned();
            trial.succeeded = is_accepted(&response);
            if trial.succeeded || response == Response::Refused(Refusal::PaymentPageLeft) {
                break;
            }
        }
        trial.took = arena.clock.elapsed() - begun;
        connection.close();
        let form = if arena.setup.configuration == Configuration::Control { "the owner's finger" } else { "" };
        findings.extend(arena.trials(form, account.scheme.name(), [trial]));
    }
    Ok(findings)
}

/// What an attacker without the owner's device can put beside a payload.
fn fresh(arena: &Arena<'_>, payment: biopay_protocol::PaymentId) -> PresentationProof {
    arena.proof(None, payment, &PayloadBytes::new([]).expect("nothing is short enough"))
}

/// Presents samples of many people to every account, a page after the other, within a budget of presentations and as
/// fast as the server lets them.
///
/// Expected: of 10,000 accounts 10,000 (1 - (1 - FMR)^n) are opened by n presentations that are independent, FMR being
/// that of the same samples against the same references off line.
pub async fn brute_force(arena: &Arena<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let mut tally: std::collections::BTreeMap<SchemeId, (u64, u64, f64)> = Default::default();
    for (index, account) in arena.accounts.iter().enumerate() {
        let begun = arena.clock.elapsed();
        let connection = arena.enter(arena.bot(index as u32), account).await?;
        let pool = pool(arena, account);
        let mut trial = Trial {
            target: account.subject,
            attacker: arena.attacker(index as u32),
            tries: 0,
            succeeded: false,
            outcome: "samples-spent".into(),
            took: Duration::ZERO,
        };
        spend(arena, &connection, index, &pool, &mut trial).await?;
        trial.took = arena.clock.elapsed() - begun;
        connection.close();
        let entry = tally.entry(account.scheme).or_default();
        entry.0 += u64::from(trial.succeeded);
        entry.1 += 1;
        entry.2 += expected_to_open(arena, account, &pool);
        findings.extend(arena.trials("", account.scheme.name(), [trial]));
    }
    for (scheme, (opened, accounts, expected)) in tally {
        let rate = Rate::independent(opened, accounts);
        let figure = Figure {
            measure: "accounts opened per 10,000",
            value: 1e4 * opened as f64 / accounts as f64,
            interval: rate.interval().map(|i| (1e4 * i.lower, 1e4 * i.upper)),
            count: accounts,
            expected: Some((
                1e4 * expected / accounts as f64,
                "1-(1-FMR)^n, FMR of the same samples at other accounts",
            )),
        };
        findings.extend(arena.figure("", scheme.name(), figure));
    }
    Ok(findings)
}

/// Derives the payloads of the attackers' samples for an account, in the order of presentation; `None` for those that
/// give none.
fn pool(arena: &Arena<'_>, account: &Account) -> Vec<Option<PayloadBytes>> {
    let samples = (0..CAPTURES).flat_map(|number| (0..ATTACKERS).map(move |index| (index, number)));
    let derived = samples.map(|(index, number)| {
        let template = arena.template(arena.attacker(index), number)?;
        arena.derive(account, template)
    });
    derived.take(arena.setup.plan.budget() as usize).collect()
}

/// Returns the chance that so many presentations open an account, by the FMR of the same attackers at all other owners.
fn expected_to_open(arena: &Arena<'_>, account: &Account, pool: &[Option<PayloadBytes>]) -> f64 {
    let parameters = &arena.scenario().schemes.parameters;
    let Ok(registry) = biopay_biometrics::scheme::Registry::new(parameters) else { return f64::NAN };
    let scheme = registry.scheme(account.scheme);
    let (mut matches, mut comparisons) = (0_u64, 0_u64);
    for (subject, owner) in &arena.population.owners {
        let Some(enrolment) = owner.enrolments.get(&account.scheme).filter(|_| *subject != account.subject) else {
            continue;
        };
        let Ok(record) = scheme.record(&enrolment.payload) else { continue };
        for index in 0..ATTACKERS {
            let Some(template) = arena.template(arena.attacker(index), 0) else { continue };
            let derived = scheme.derive(template, &enrolment.helper, None);
            matches += u64::from(derived.is_ok_and(|payload| scheme.verify(&record, &payload).accepted));
            comparisons += 1;
        }
    }
    1.0 - (1.0 - matches as f64 / comparisons.max(1) as f64).powi(pool.len() as i32)
}

/// Presents payloads, three a page, until one is accepted, all are spent, or the server lets nothing through for a day.
async fn spend(
    arena: &Arena<'_>,
    connection: &Connection,
    account: usize,
    pool: &[Option<PayloadBytes>],
    trial: &mut Trial,
) -> Result<(), Error> {
    let mut page = None;
    let mut pages = 0;
    for payload in pool {
        trial.tries += 1;
        let Some(payload) = payload else { continue };
        loop {
            let payment = match page {
                Some(payment) => payment,
                None => {
                    pages += 1;
                    arena.page(connection, &format!("brute-force-{account}-{pages}")).await?
                }
            };
            page = Some(payment);
            let response = arena.present(connection, payment, payload, fresh(arena, payment)).await?;
            match &response {
                Response::Refused(Refusal::Throttled { retry_after_ms }) => {
                    arena.wait(*retry_after_ms).await;
                    continue;
                }
                Response::Refused(Refusal::PaymentPageLeft) => page = None,
                response if is_accepted(response) => {
                    (trial.succeeded, trial.outcome) = (true, response.name().to_owned());
                    return Ok(());
                }
                _ => {}
            }
            break;
        }
    }
    debug_assert!(pages <= 1 + trial.tries / TRIES_OF_A_PAGE);
    Ok(())
}
