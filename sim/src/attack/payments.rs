//! Payments: the same charge many times at once, another amount under the same key, somebody else's payment.

use super::act::{Act, Attack};
use super::definition::{ABSENT, Description, Elsewhere, NEEDS_BOOKS, Requirement, one_defence, unchanged};
use super::findings::{Figure, Findings, Trial};
use super::system::{AMOUNT, Account, AttackedSystem};
use crate::Error;
use crate::scenario::Configuration;
use biopay_protocol::{PaymentId, Request, Response};
use biopay_server::client::Connection;

/// The number of racing connections.
const RACERS: usize = 8;

/// The same charge sent many times at once over several connections.
pub(in crate::attack) const CHARGE_RACE: Attack = Attack {
    description: Description {
        knowledge: "an account of their own",
        targets: 36,
        budget: 64,
        needs: unchanged,
        // The control also takes another key for each charge.
        weaken: |scenario| scenario.server.verification_code = false,
        defences: one_defence,
        requirement: Some(Requirement {
            source: "CWE-362: a race for a shared resource; invariant 1: one posting a charge",
            max: ABSENT,
        }),
        is_decided_by_scheme: false,
        elsewhere: Elsewhere::Refused(NEEDS_BOOKS),
    },
    act: Act::Online(|system| Box::pin(race(system))),
};

/// Charges the same purchase many times at once, over several connections, under one idempotency key, and counts how
/// often the bank has posted it. The control takes another key each time, so each is a charge of its own.
async fn race(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    for (index, account) in system.accounts.iter().enumerate() {
        let begun = system.clock.elapsed();
        let before = system.inside()?.server.books().await?.charges;
        let mut lines = Vec::new();
        for _ in 0..RACERS {
            lines.push(system.enter(account.subject, account).await?);
        }
        let charges = (0..system.setup.budget).map(|n| {
            let key = match system.setup.configuration {
                Configuration::Control => format!("race-{index}-{n}"),
                Configuration::PatentLiteral | Configuration::Hardened | Configuration::Scenario => {
                    format!("race-{index}")
                }
            };
            charge(system, &lines[n as usize % RACERS], account, key, AMOUNT)
        });
        all(charges).await?;
        lines.iter().for_each(Connection::close);
        let keys = if system.setup.configuration == Configuration::Control { system.setup.budget } else { 1 };
        let posted = system.inside()?.server.books().await?.charges - before;
        let trial = Trial {
            target: account.subject,
            attacker: account.subject,
            tries: system.setup.budget,
            succeeded: posted > 1,
            outcome: format!("{posted}-posted"),
            took: system.clock.elapsed() - begun,
        };
        findings.extend(system.setup.trials("same charge in a race", "", [trial]));
        let figure = Figure {
            measure: "postings per key",
            value: posted as f64 / keys as f64,
            interval: None,
            count: system.setup.budget,
            expected: Some((1.0, "one posting a key, however often it is sent")),
        };
        findings.extend(system.setup.figure("same charge in a race", "", figure));
        findings.extend(tampered(system, account, index).await?);
    }
    Ok(findings)
}

/// Runs futures side by side on this task, in order.
async fn all<T>(futures: impl IntoIterator<Item = impl Future<Output = Result<T, Error>>>) -> Result<Vec<T>, Error> {
    let mut pending: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, done) in pending.iter_mut().filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(output) = future.as_mut().poll(context) {
                *done = Some(output);
            }
        }
        match pending.iter().all(|(_, done)| done.is_some()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    pending.into_iter().filter_map(|(_, done)| done).collect()
}

/// Pays to the end as the owner would, or until an answer ends the payment early; returns that answer.
async fn charge(
    system: &AttackedSystem<'_>,
    connection: &Connection,
    account: &Account,
    key: String,
    amount: u64,
) -> Result<Response, Error> {
    let opened = system.open_page(connection, &key, amount).await?;
    let Response::PaymentOpened { payment, .. } = opened else { return Ok(opened) };
    match system.present_as_owner(connection, payment, account).await? {
        Response::CodeIssued { shown, .. } => {
            system.ask(connection, &Request::SubmitCode { payment, code: shown }).await
        }
        other => Ok(other),
    }
}

/// Sends a purchase again under its key with another amount. The control sends it under another key.
async fn tampered(system: &AttackedSystem<'_>, account: &Account, index: usize) -> Result<Findings, Error> {
    let begun = system.clock.elapsed();
    let connection = system.enter(account.subject, account).await?;
    charge(system, &connection, account, format!("tampered-{index}"), AMOUNT).await?;
    let key = match system.setup.configuration {
        Configuration::Control => format!("tampered-{index}-again"),
        Configuration::PatentLiteral | Configuration::Hardened | Configuration::Scenario => {
            format!("tampered-{index}")
        }
    };
    let answer = charge(system, &connection, account, key, 100 * AMOUNT).await?;
    connection.close();
    let trial = Trial {
        target: account.subject,
        attacker: account.subject,
        tries: 1,
        succeeded: matches!(&answer, Response::Charged(receipt) if receipt.amount.value() != AMOUNT),
        outcome: answer.name().to_owned(),
        took: system.clock.elapsed() - begun,
    };
    Ok(system.setup.trials("same key, another amount", "", [trial]))
}

/// Requests about a payment that belongs to another account.
pub(in crate::attack) const FOREIGN_PAYMENT: Attack = Attack {
    description: Description {
        knowledge: "an account of their own, the number of somebody's payment",
        targets: 80,
        budget: 4,
        needs: unchanged,
        // The control's attacker asks for a payment of their own.
        weaken: unchanged,
        defences: one_defence,
        requirement: Some(Requirement { source: "CWE-639: authorisation by a key that the user chooses", max: ABSENT }),
        is_decided_by_scheme: false,
        elsewhere: Elsewhere::Allowed,
    },
    act: Act::Online(|system| Box::pin(foreign(system))),
};

/// Uses the number of another owner's open payment on the attacker's own login: presents on it, types a code, asks for
/// its result, cancels it. The control uses it on the connection that it belongs to.
async fn foreign(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let pairs = system.targets().zip(system.accounts.iter().cycle().skip(1));
    for (index, (victim, attacker)) in pairs.enumerate() {
        let begun = system.clock.elapsed();
        let theirs = system.enter(victim.subject, victim).await?;
        let payment = system.page(&theirs, &format!("victims-{index}")).await?;
        let own = system.enter(attacker.subject, attacker).await?;
        let line = if system.setup.configuration == Configuration::Control { &theirs } else { &own };
        let (tries, answer) = misuse(system, line, payment, victim).await?;
        let trial = Trial {
            target: victim.subject,
            attacker: attacker.subject,
            tries,
            succeeded: answer.is_some(),
            outcome: answer.as_ref().map_or("no-such-payment", |response| response.name()).to_owned(),
            took: system.clock.elapsed() - begun,
        };
        theirs.close();
        own.close();
        findings.extend(system.setup.trials("", "", [trial]));
    }
    Ok(findings)
}

/// Sends every request that names a payment; returns how many there were and the first answer that is not a refusal.
async fn misuse(
    system: &AttackedSystem<'_>,
    line: &Connection,
    payment: PaymentId,
    victim: &Account,
) -> Result<(u64, Option<Response>), Error> {
    let mut tries = 1;
    let answer = system.present_as_owner(line, payment, victim).await?;
    if !matches!(answer, Response::Refused(_)) {
        return Ok((tries, Some(answer)));
    }
    let code = biopay_protocol::Secret::new("000000")?;
    let requests =
        [Request::SubmitCode { payment, code }, Request::PaymentStatus { payment }, Request::CancelPayment { payment }];
    for request in requests {
        tries += 1;
        let answer = system.ask(line, &request).await?;
        if !matches!(answer, Response::Refused(_)) {
            return Ok((tries, Some(answer)));
        }
    }
    Ok((tries, None))
}
