//! Payments: the same charge many times at once, another amount under the same key, somebody else's payment.

use super::Configuration;
use super::arena::{AMOUNT, Account, Arena};
use super::findings::{Figure, Findings, Trial};
use crate::Error;
use biopay_protocol::{PaymentId, Request, Response};
use biopay_server::client::Connection;

/// Connections that race.
const RACERS: usize = 8;

/// Charges the same purchase many times at once, over several connections, under one idempotency key, and looks how
/// often the bank has posted it. The control takes another key each time: then each is a charge.
pub async fn race(arena: &Arena<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    for (index, account) in arena.accounts.iter().enumerate() {
        let begun = arena.clock.elapsed();
        let before = arena.books().await?.charges;
        let mut lines = Vec::new();
        for _ in 0..RACERS {
            lines.push(arena.enter(account.subject, account).await?);
        }
        let charges = (0..arena.setup.plan.budget()).map(|n| {
            let key = match arena.setup.configuration {
                Configuration::Control => format!("race-{index}-{n}"),
                _ => format!("race-{index}"),
            };
            charge(arena, &lines[n as usize % RACERS], account, key, AMOUNT)
        });
        all(charges).await?;
        lines.iter().for_each(Connection::close);
        let keys = if arena.setup.configuration == Configuration::Control { arena.setup.plan.budget() } else { 1 };
        let posted = arena.books().await?.charges - before;
        let trial = Trial {
            target: account.subject,
            attacker: account.subject,
            tries: arena.setup.plan.budget(),
            succeeded: posted > 1,
            outcome: format!("{posted}-posted"),
            took: arena.clock.elapsed() - begun,
        };
        findings.extend(arena.setup.trials("same charge in a race", "", [trial]));
        let figure = Figure {
            measure: "postings per key",
            value: posted as f64 / keys as f64,
            interval: None,
            count: arena.setup.plan.budget(),
            expected: Some((1.0, "one posting a key, however often it is sent")),
        };
        findings.extend(arena.setup.figure("same charge in a race", "", figure));
        findings.extend(tampered(arena, account, index).await?);
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

/// Pays to the end as the owner would; answers that end it early are what is returned.
async fn charge(
    arena: &Arena<'_>,
    connection: &Connection,
    account: &Account,
    key: String,
    amount: u64,
) -> Result<Response, Error> {
    let payment = match arena.open_page(connection, &key, amount).await? {
        Response::PaymentOpened { payment, .. } => payment,
        other => return Ok(other),
    };
    match arena.present_as_owner(connection, payment, account).await? {
        Response::CodeIssued { shown, .. } => {
            arena.ask(connection, &Request::SubmitCode { payment, code: shown }).await
        }
        other => Ok(other),
    }
}

/// Sends a purchase again under its key with another amount. The control sends it under another key.
async fn tampered(arena: &Arena<'_>, account: &Account, index: usize) -> Result<Findings, Error> {
    let begun = arena.clock.elapsed();
    let connection = arena.enter(account.subject, account).await?;
    charge(arena, &connection, account, format!("tampered-{index}"), AMOUNT).await?;
    let key = match arena.setup.configuration {
        Configuration::Control => format!("tampered-{index}-again"),
        _ => format!("tampered-{index}"),
    };
    let answer = charge(arena, &connection, account, key, 100 * AMOUNT).await?;
    connection.close();
    let trial = Trial {
        target: account.subject,
        attacker: account.subject,
        tries: 1,
        succeeded: matches!(&answer, Response::Charged(receipt) if receipt.amount.value() != AMOUNT),
        outcome: answer.name().to_owned(),
        took: arena.clock.elapsed() - begun,
    };
    Ok(arena.setup.trials("same key, another amount", "", [trial]))
}

/// Uses the number of somebody else's open payment on the attacker's own login: presenting on it, typing a code, asking
/// how it ended, cancelling it. The control uses it on the connection that it belongs to.
pub async fn foreign(arena: &Arena<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let pairs = arena.accounts.iter().zip(arena.accounts.iter().cycle().skip(1));
    for (index, (victim, attacker)) in pairs.enumerate() {
        let begun = arena.clock.elapsed();
        let theirs = arena.enter(victim.subject, victim).await?;
        let payment = arena.page(&theirs, &format!("victims-{index}")).await?;
        let own = arena.enter(attacker.subject, attacker).await?;
        let line = if arena.setup.configuration == Configuration::Control { &theirs } else { &own };
        let (tries, answer) = misuse(arena, line, payment, victim).await?;
        let trial = Trial {
            target: victim.subject,
            attacker: attacker.subject,
            tries,
            succeeded: answer.is_some(),
            outcome: answer.as_ref().map_or("no-such-payment", |response| response.name()).to_owned(),
            took: arena.clock.elapsed() - begun,
        };
        theirs.close();
        own.close();
        findings.extend(arena.setup.trials("", "", [trial]));
    }
    Ok(findings)
}

/// Tries everything that names a payment; returns how many requests were made, and the first answer that is no refusal.
async fn misuse(
    arena: &Arena<'_>,
    line: &Connection,
    payment: PaymentId,
    victim: &Account,
) -> Result<(u64, Option<Response>), Error> {
    let mut tries = 1;
    let answer = arena.present_as_owner(line, payment, victim).await?;
    if !matches!(answer, Response::Refused(_)) {
        return Ok((tries, Some(answer)));
    }
    let code = biopay_protocol::Secret::new("000000")?;
    let requests =
        [Request::SubmitCode { payment, code }, Request::PaymentStatus { payment }, Request::CancelPayment { payment }];
    for request in requests {
        tries += 1;
        let answer = arena.ask(line, &request).await?;
        if !matches!(answer, Response::Refused(_)) {
            return Ok((tries, Some(answer)));
        }
    }
    Ok((tries, None))
}
