//! Verification codes, by an attacker who has login, QR and device, as after the theft of an unlocked handset.

use super::act::{Act, Attack};
use super::definition::{DENIES, Description, Elsewhere, RESISTED, Requirement, one_defence, unchanged, with_codes};
use super::findings::{Figure, Findings, Trial};
use super::system::{Account, AttackedSystem, rng};
use crate::Error;
use crate::scenario::Configuration;
use biopay_protocol::{PaymentId, Refusal, Request, Response, Secret};
use biopay_reports::interval::Rate;
use biopay_server::client::Connection;
use rand::RngExt;
use std::time::Duration;

/// The digits of a short code: three guesses find it with probability 3/100.
const FEW_DIGITS: u8 = 2;
/// The number of tries that the server allows for one code.
const TRIES_OF_A_CODE: u64 = 3;
/// How long an attacker guesses at an account, or floods its owner. Units: seconds of virtual time.
const WINDOW: Duration = Duration::from_secs(600);

/// Opens a page with the stolen QR; returns it and what the second channel shows. `None` while the server lets no more
/// through, with how long that lasts.
async fn code_page(
    system: &AttackedSystem<'_>,
    connection: &Connection,
    account: &Account,
    key: &str,
) -> Result<Result<(PaymentId, Secret), u32>, Error> {
    let payment = system.page(connection, key).await?;
    match system.present_as_owner(connection, payment, account).await? {
        Response::CodeIssued { shown, .. } => Ok(Ok((payment, shown))),
        Response::Refused(Refusal::Throttled { retry_after_ms }) => Ok(Err(retry_after_ms)),
        other => Err(system.broke(format!("the stolen QR was answered with {}", other.name()))),
    }
}

/// Guesses at the verification code by somebody who has login, QR and device.
pub(in crate::attack) const CODE_GUESSING: Attack = Attack {
    description: Description {
        knowledge: "everything but the code: login, QR, device",
        targets: 80,
        budget: 45,
        needs: with_codes,
        weaken: |scenario| {
            scenario.server.throttling = false;
            scenario.server.code_digits = FEW_DIGITS;
        },
        defences: one_defence,
        requirement: Some(Requirement {
            source: "Regulation (EU) 2018/389, 4(3)(b): at most five failed attempts in a row",
            max: RESISTED,
        }),
        is_decided_by_scheme: false,
        elsewhere: Elsewhere::Allowed,
    },
    act: Act::Online(|system| Box::pin(guessing(system))),
};

/// Guesses codes page after page for ten minutes or until the budget of guesses is spent.
///
/// Expected: three tries at a code of d digits find it with 3/10^d (without repetition); one success in so many codes.
async fn guessing(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let mut drawn = rng(system.setup, "codes");
    let digits = u32::from(system.scenario().server.code_digits);
    let (mut codes, mut hits, mut guesses) = (0, 0, 0);
    for (index, account) in system.targets().enumerate() {
        let begun = system.clock.elapsed();
        let mut connection = system.enter(system.bot(index as u32), account).await?;
        let mut trial = Trial {
            target: account.subject,
            attacker: system.attacker(index as u32),
            tries: 0,
            succeeded: false,
            outcome: "guesses-spent".into(),
            took: Duration::ZERO,
        };
        let mut page = 0;
        while trial.tries < system.setup.budget && system.clock.elapsed() - begun < WINDOW && !trial.succeeded {
            page += 1;
            let throttled = match code_page(system, &connection, account, &format!("code-{index}-{page}")).await? {
                Err(retry_after_ms) => Some(retry_after_ms),
                Ok((payment, _)) => {
                    let first = drawn.random_range(0..10_u32.pow(digits));
                    codes += 1;
                    guess(system, &connection, payment, first, digits, &mut trial).await?
                }
            };
            match throttled {
                Some(retry_after_ms) if !system.has_time_for(retry_after_ms) => break,
                Some(retry_after_ms) => connection = system.return_after(connection, retry_after_ms, account).await?,
                None if !system.has_time_for(0) => break,
                None => {}
            }
        }
        hits += u64::from(trial.succeeded);
        guesses += trial.tries;
        trial.took = system.clock.elapsed() - begun;
        connection.close();
        findings.extend(system.setup.trials("", account.scheme.name(), [trial]));
    }
    let share = Rate::independent(hits, codes);
    let figure = Figure {
        measure: "codes guessed, per code",
        value: hits as f64 / codes.max(1) as f64,
        interval: share.interval().map(|i| (i.lower, i.upper)),
        count: codes,
        expected: Some((TRIES_OF_A_CODE as f64 / 10_f64.powi(digits as i32), "three tries at 10^digits codes")),
    };
    findings.extend(system.setup.figure("", "", figure));
    let minutes = system.accounts.len() as f64 * WINDOW.as_secs_f64() / 60.0;
    let rate = Figure {
        measure: "guesses let through per account in ten minutes",
        value: guesses as f64 * 10.0 / minutes.max(1.0),
        interval: None,
        count: guesses,
        expected: None,
    };
    findings.extend(system.setup.figure("", "", rate));
    Ok(findings)
}

/// Types three different codes on a page; returns how long the server lets nothing more through, where it said so.
async fn guess(
    system: &AttackedSystem<'_>,
    connection: &Connection,
    payment: PaymentId,
    first: u32,
    digits: u32,
    trial: &mut Trial,
) -> Result<Option<u32>, Error> {
    for offset in 0..TRIES_OF_A_CODE as u32 {
        let number = (first + offset) % 10_u32.pow(digits);
        let code = Secret::new(format!("{number:0width$}", width = digits as usize))?;
        let response = system.ask(connection, &Request::SubmitCode { payment, code }).await?;
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
            other => return Err(system.broke(format!("a guessed code was answered with {}", other.name()))),
        }
    }
    Ok(None)
}

/// The verification code read off the second channel.
pub(in crate::attack) const CODE_INTERCEPTION: Attack = Attack {
    description: Description {
        knowledge: "everything, and the second channel (SIM swap)",
        targets: 80,
        budget: 3,
        needs: with_codes,
        // Control of the second channel is enough to read the code, whatever other factors there are.
        weaken: unchanged,
        defences: one_defence,
        requirement: Some(Requirement {
            source: "NIST SP 800-63B-3, 5.1.3.3: the telephone network is a restricted channel",
            max: RESISTED,
        }),
        is_decided_by_scheme: false,
        elsewhere: Elsewhere::Allowed,
    },
    act: Act::Online(|system| Box::pin(interception(system))),
};

/// Reads the code from the second channel and types it, as an attacker can after a SIM swap. The hardened system relies
/// on the factors before the code, which the attacker has too; without the device there is no code to intercept.
async fn interception(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    for (index, account) in system.targets().enumerate() {
        for has_device in [true, false] {
            let begun = system.clock.elapsed();
            let connection = system.enter(system.bot(index as u32), account).await?;
            let payment = system.page(&connection, &format!("intercepted-{index}-{has_device}")).await?;
            let device = account.devices.handset.as_deref().filter(|_| has_device);
            let proof = system.proof(device, payment, &account.payload);
            let mut response = system.present(&connection, payment, &account.payload, proof).await?;
            if let Response::CodeIssued { shown, .. } = response {
                response = system.ask(&connection, &Request::SubmitCode { payment, code: shown }).await?;
            }
            connection.close();
            let trial = Trial {
                target: account.subject,
                attacker: system.attacker(index as u32),
                tries: 1,
                succeeded: matches!(response, Response::Charged(_)),
                outcome: response.name().to_owned(),
                took: system.clock.elapsed() - begun,
            };
            let form = if has_device { "with the device" } else { "without the device" };
            findings.extend(system.setup.trials(form, account.scheme.name(), [trial]));
        }
    }
    Ok(findings)
}

/// Verification codes requested until the owner is flooded with messages.
pub(in crate::attack) const CODE_FLOODING: Attack = Attack {
    description: Description {
        knowledge: "everything but the code: login, QR, device",
        targets: 80,
        budget: 60,
        needs: with_codes,
        weaken: |scenario| scenario.server.throttling = false,
        defences: one_defence,
        requirement: Some(Requirement { source: "CWE-799: control of interaction frequency", max: RESISTED }),
        is_decided_by_scheme: false,
        elsewhere: Elsewhere::Refused(DENIES),
    },
    act: Act::Online(|system| Box::pin(flooding(system))),
};

/// Requests codes for the owner as often as the server sends them, for ten minutes or until the budget of messages is
/// spent.
async fn flooding(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let (mut sent, mut minutes) = (0, 0.0);
    for (index, account) in system.targets().enumerate() {
        let begun = system.clock.elapsed();
        let connection = system.enter(system.bot(index as u32), account).await?;
        let (mut messages, mut page) = (0, 0);
        while messages < system.setup.budget && system.clock.elapsed() - begun < WINDOW {
            page += 1;
            match code_page(system, &connection, account, &format!("flood-{index}-{page}")).await? {
                Err(retry_after_ms) => system.wait(retry_after_ms).await,
                Ok((payment, _)) => messages += 1 + resends(system, &connection, payment).await?,
            }
            // A connection has so many pages at most: the attacker opens another.
            if page % PAGES_OF_A_CONNECTION == 0 {
                break;
            }
        }
        connection.close();
        let took = system.clock.elapsed() - begun;
        sent += messages;
        minutes += took.as_secs_f64() / 60.0;
        let trial = Trial {
            target: account.subject,
            attacker: system.attacker(index as u32),
            tries: messages,
            succeeded: messages >= system.setup.budget,
            outcome: format!("{messages}-messages"),
            took,
        };
        findings.extend(system.setup.trials("", account.scheme.name(), [trial]));
    }
    let expected = (system.setup.configuration == Configuration::Hardened)
        .then_some((3.0, "10 at once and one each 30 s, over ten minutes"));
    let figure = Figure {
        measure: "messages to the owner per minute",
        value: sent as f64 / minutes,
        interval: None,
        count: sent,
        expected,
    };
    findings.extend(system.setup.figure("", "", figure));
    Ok(findings)
}

/// Pages that one connection may have open at once.
const PAGES_OF_A_CONNECTION: u64 = 60;

/// Asks for the code again as often as the page allows; returns how many were sent.
async fn resends(system: &AttackedSystem<'_>, connection: &Connection, payment: PaymentId) -> Result<u64, Error> {
    let mut sent = 0;
    while let Response::CodeIssued { .. } = system.ask(connection, &Request::ResendCode { payment }).await? {
        sent += 1;
    }
    Ok(sent)
}
