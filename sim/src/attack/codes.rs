//! Verification codes, by an attacker who has login, QR and device, as after the theft of an unlocked handset.

use super::Configuration;
use super::arena::{Account, Arena, rng};
use super::findings::{Figure, Findings, Trial};
use crate::Error;
use biopay_protocol::{PaymentId, Refusal, Request, Response, Secret};
use biopay_reports::interval::Rate;
use biopay_server::client::Connection;
use rand::RngExt;
use std::time::Duration;

/// Tries that a code takes.
const TRIES_OF_A_CODE: u64 = 3;
/// How long an attacker guesses at an account, or floods its owner. Units: seconds of virtual time.
const WINDOW: Duration = Duration::from_secs(600);

/// Opens a page with the stolen QR; returns it and what the second channel shows. `None` while the server lets no more
/// through, with how long that lasts.
async fn code_page(
    arena: &Arena<'_>,
    connection: &Connection,
    account: &Account,
    key: &str,
) -> Result<Result<(PaymentId, Secret), u32>, Error> {
    let payment = arena.page(connection, key).await?;
    match arena.present_as_owner(connection, payment, account).await? {
        Response::CodeIssued { shown, .. } => Ok(Ok((payment, shown))),
        Response::Refused(Refusal::Throttled { retry_after_ms }) => Ok(Err(retry_after_ms)),
        other => Err(arena.broke(format!("the stolen QR was answered with {}", other.name()))),
    }
}

/// Guesses codes page after page for ten minutes or until the budget of guesses is spent.
///
/// Expected: three tries at a code of d digits find it with 3/10^d (without repetition); one success in so many codes.
pub async fn guessing(arena: &Arena<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let mut drawn = rng(arena.setup, "codes");
    let digits = u32::from(arena.scenario().server.code_digits);
    let (mut codes, mut hits, mut guesses) = (0, 0, 0);
    for (index, account) in arena.accounts.iter().enumerate() {
        let begun = arena.clock.elapsed();
        let mut connection = arena.enter(arena.bot(index as u32), account).await?;
        let mut trial = Trial {
            target: account.subject,
            attacker: arena.attacker(index as u32),
            tries: 0,
            succeeded: false,
            outcome: "guesses-spent".into(),
            took: Duration::ZERO,
        };
        let mut page = 0;
        while trial.tries < arena.setup.plan.budget() && arena.clock.elapsed() - begun < WINDOW && !trial.succeeded {
            page += 1;
            match code_page(arena, &connection, account, &format!("code-{index}-{page}")).await? {
                Err(retry_after_ms) => connection = arena.return_after(connection, retry_after_ms, account).await?,
                Ok((payment, _)) => {
                    let first = drawn.random_range(0..10_u32.pow(digits));
                    let throttled = guess(arena, &connection, payment, first, digits, &mut trial).await?;
                    codes += 1;
                    if let Some(retry_after_ms) = throttled {
                        connection = arena.return_after(connection, retry_after_ms, account).await?;
                    }
                }
            }
        }
        hits += u64::from(trial.succeeded);
        guesses += trial.tries;
        trial.took = arena.clock.elapsed() - begun;
        connection.close();
        findings.extend(arena.setup.trials("", account.scheme.name(), [trial]));
    }
    let share = Rate::independent(hits, codes);
    let figure = Figure {
        measure: "codes guessed, per code",
        value: hits as f64 / codes.max(1) as f64,
        interval: share.interval().map(|i| (i.lower, i.upper)),
        count: codes,
        expected: Some((TRIES_OF_A_CODE as f64 / 10_f64.powi(digits as i32), "three tries at 10^digits codes")),
    };
    findings.extend(arena.setup.figure("", "", figure));
    let minutes = arena.accounts.len() as f64 * WINDOW.as_secs_f64() / 60.0;
    let rate = Figure {
        measure: "guesses let through per account in ten minutes",
        value: guesses as f64 * 10.0 / minutes.max(1.0),
        interval: None,
        count: guesses,
        expected: None,
    };
    findings.extend(arena.setup.figure("", "", rate));
    Ok(findings)
}

/// Types three different codes on a page; returns how long the server lets nothing more through, where it said so.
async fn guess(
    arena: &Arena<'_>,
    connection: &Connection,
    payment: PaymentId,
    first: u32,
    digits: u32,
    trial: &mut Trial,
) -> Result<Option<u32>, Error> {
    for offset in 0..TRIES_OF_A_CODE as u32 {
        let number = (first + offset) % 10_u32.pow(digits);
        let code = Secret::new(format!("{number:0width$}", width = digits as usize))?;
        let response = arena.ask(connection, &Request::SubmitCode { payment, code }).await?;
        trial.outcome = response.name().to_owned();
        match response {
            Response::Refused(Refusal::Throttled { retry_after_ms }) => return Ok(Some(retry_after_ms)),
            Response::Refused(Refusal::WrongCode { .. }) => trial.tries += 1,
            Response::Refused(Refusal::CodeExhausted) => {
                trial.tries += 1;
                break;
            }
            Response::Charged(_) => {
                trial.tries += 1;
                trial.succeeded = true;
                break;
            }
            other => return Err(arena.broke(format!("a guessed code was answered with {}", other.name()))),
        }
    }
    Ok(None)
}

/// Reads the code off the second channel and types it: what a SIM swap is worth. The hardened system has nothing against
/// it but the factors before it, which the attacker has as well; without the device there is no code to intercept.
pub async fn interception(arena: &Arena<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    for (index, account) in arena.accounts.iter().enumerate() {
        for has_device in [true, false] {
            let begun = arena.clock.elapsed();
            let connection = arena.enter(arena.bot(index as u32), account).await?;
            let payment = arena.page(&connection, &format!("intercepted-{index}-{has_device}")).await?;
            let device = account.devices.handset.as_deref().filter(|_| has_device);
            let proof = arena.proof(device, payment, &account.payload);
            let mut response = arena.present(&connection, payment, &account.payload, proof).await?;
            if let Response::CodeIssued { shown, .. } = response {
                response = arena.ask(&connection, &Request::SubmitCode { payment, code: shown }).await?;
            }
            connection.close();
            let trial = Trial {
                target: account.subject,
                attacker: arena.attacker(index as u32),
                tries: 1,
                succeeded: matches!(response, Response::Charged(_)),
                outcome: response.name().to_owned(),
                took: arena.clock.elapsed() - begun,
            };
            let form = if has_device { "with the device" } else { "without the device" };
            findings.extend(arena.setup.trials(form, account.scheme.name(), [trial]));
        }
    }
    Ok(findings)
}

/// Has codes sent to the owner as often as the server does it, for ten minutes or a budget of messages.
pub async fn flooding(arena: &Arena<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let (mut sent, mut minutes) = (0, 0.0);
    for (index, account) in arena.accounts.iter().enumerate() {
        let begun = arena.clock.elapsed();
        let connection = arena.enter(arena.bot(index as u32), account).await?;
        let (mut messages, mut page) = (0, 0);
        while messages < arena.setup.plan.budget() && arena.clock.elapsed() - begun < WINDOW {
            page += 1;
            match code_page(arena, &connection, account, &format!("flood-{index}-{page}")).await? {
                Err(retry_after_ms) => arena.wait(retry_after_ms).await,
                Ok((payment, _)) => messages += 1 + resends(arena, &connection, payment).await?,
            }
            // A connection has so many pages at most: the attacker opens another.
            if page % PAGES_OF_A_CONNECTION == 0 {
                break;
            }
        }
        connection.close();
        let took = arena.clock.elapsed() - begun;
        sent += messages;
        minutes += took.as_secs_f64() / 60.0;
        let trial = Trial {
            target: account.subject,
            attacker: arena.attacker(index as u32),
            tries: messages,
            succeeded: messages >= arena.setup.plan.budget(),
            outcome: format!("{messages}-messages"),
            took,
        };
        findings.extend(arena.setup.trials("", account.scheme.name(), [trial]));
    }
    let expected = (arena.setup.configuration == Configuration::Hardened)
        .then_some((3.0, "10 at once and one each 30 s, over ten minutes"));
    let figure = Figure {
        measure: "messages to the owner per minute",
        value: sent as f64 / minutes,
        interval: None,
        count: sent,
        expected,
    };
    findings.extend(arena.setup.figure("", "", figure));
    Ok(findings)
}

/// Pages that one connection may have open at once.
const PAGES_OF_A_CONNECTION: u64 = 60;

/// Asks for the code again as often as the page allows; returns how many were sent.
async fn resends(arena: &Arena<'_>, connection: &Connection, payment: PaymentId) -> Result<u64, Error> {
    let mut sent = 0;
    while let Response::CodeIssued { .. } = arena.ask(connection, &Request::ResendCode { payment }).await? {
        sent += 1;
    }
    Ok(sent)
}
