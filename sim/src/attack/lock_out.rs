//! The throttle as a weapon: wrong passwords for somebody else's name, so that its owner is kept out.

use super::arena::{Account, Arena};
use super::findings::{Figure, Findings, Trial};
use crate::Error;
use biopay_protocol::{Refusal, Response, Secret};
use std::time::Duration;

/// How long the owner is watched after the attack. Units: minutes.
const WATCHED_MINUTES: u64 = 10;
/// How often the owner tries in that time.
const EVERY: Duration = Duration::from_secs(30);

/// Says from where the owner logs in.
#[derive(Clone, Copy, PartialEq)]
enum From {
    /// Where they have logged in before.
    Familiar,
    /// Somewhere new.
    New,
}

impl From {
    fn name(self) -> &'static str {
        match self {
            Self::Familiar => "owner at a known address",
            Self::New => "owner at a new address",
        }
    }
}

/// Sends a budget of wrong passwords for a name from many addresses at once, then watches for ten minutes whether its
/// owner gets in.
///
/// A trial is one login of the owner's; the attack succeeds when it is refused.
pub async fn lock_out(arena: &Arena<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let (mut denied, mut requests) = ([0.0; 2], 0);
    for (index, account) in arena.accounts.iter().enumerate() {
        // The owner has logged in before the attack.
        arena.enter(account.subject, account).await?.close();
        for bot in 0..arena.setup.plan.budget() {
            let guess = Secret::new(format!("guess-{bot}"))?;
            let (connection, _) = arena.log_in(arena.bot(bot as u32), &account.login, &guess).await?;
            connection.close();
            requests += 1;
        }
        for (column, from) in [From::Familiar, From::New].into_iter().enumerate() {
            for attempt in 0..WATCHED_MINUTES * 60 / EVERY.as_secs() / 2 {
                let trial = watch(arena, account, from, index as u32).await?;
                denied[column] += f64::from(u8::from(trial.succeeded)) * EVERY.as_secs_f64() / 60.0;
                findings.extend(arena.trials(from.name(), "", [trial]));
                if attempt % 2 == 0 {
                    arena.clock.sleep(EVERY).await;
                }
            }
        }
    }
    for (from, minutes) in [From::Familiar, From::New].into_iter().zip(denied) {
        let per_account = minutes / arena.accounts.len() as f64;
        let figure = Figure {
            measure: "requests per minute of denial",
            value: requests as f64 / arena.accounts.len() as f64 / per_account.max(f64::MIN_POSITIVE),
            interval: None,
            count: requests,
            expected: None,
        };
        if per_account > 0.0 {
            findings.extend(arena.figure(from.name(), "", figure));
        }
    }
    Ok(findings)
}

async fn watch(arena: &Arena<'_>, account: &Account, from: From, index: u32) -> Result<Trial, Error> {
    let host = match from {
        From::Familiar => account.subject,
        From::New => arena.bot(super::arena::BOTNET - 1 - index),
    };
    let begun = arena.clock.elapsed();
    let (connection, response) = arena.log_in(host, &account.login, &account.password).await?;
    connection.close();
    let is_denied = match &response {
        Response::LoggedIn { .. } => false,
        Response::Refused(Refusal::Throttled { .. }) => true,
        other => return Err(arena.broke(format!("a right login was answered with {}", other.name()))),
    };
    Ok(Trial {
        target: account.subject,
        attacker: arena.attacker(index),
        tries: arena.setup.plan.budget(),
        succeeded: is_denied,
        outcome: response.name().to_owned(),
        took: arena.clock.elapsed() - begun,
    })
}
