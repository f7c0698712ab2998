//! The throttle used against an owner: wrong passwords for the owner's name, so that the server refuses the owner.

use super::act::{Act, Attack};
use super::definition::{DENIES, Description, Elsewhere, RESISTED, Requirement, one_defence, unchanged};
use super::findings::{Figure, Findings, Trial};
use super::system::{Account, AttackedSystem};
use crate::Error;
use biopay_protocol::{Refusal, Response, Secret};
use std::time::Duration;

/// Rounds of the watch, and how long each is. Ten minutes in all.
const ROUNDS: u64 = 20;
const ROUND: Duration = Duration::from_secs(30);
/// Share of the budget that the attacker spends before the watch begins; the rest is spread over the rounds.
const AT_ONCE: f64 = 0.75;

/// The address from which the owner logs in.
#[derive(Clone, Copy)]
enum From {
    /// An address of an earlier login.
    Familiar,
    /// A new address each time.
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

/// Wrong passwords for another person's name, so that the owner is refused.
pub(in crate::attack) const LOCK_OUT: Attack = Attack {
    description: Description {
        knowledge: "the victim's login name, many addresses",
        targets: 36,
        budget: 140,
        needs: unchanged,
        weaken: |scenario| scenario.server.spares_familiar = false,
        defences: one_defence,
        requirement: Some(Requirement { source: "CWE-645: overly restrictive account lockout", max: RESISTED }),
        is_decided_by_scheme: false,
        elsewhere: Elsewhere::Refused(DENIES),
    },
    act: Act::Online(|system| Box::pin(lock_out(system))),
};

/// Sends wrong passwords for a name from many addresses, most at once and some in each round of ten minutes, in which the
/// owner tries to get in.
///
/// A trial is one login of the owner; the attack succeeds if the server refuses it.
async fn lock_out(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let budget = system.setup.budget;
    let (mut denied, mut requests) = ([0_u64; 2], 0);
    for account in &system.accounts {
        // The owner has logged in before the attack.
        system.enter(account.subject, account).await?.close();
        let mut attack = WrongPasswords { system, account, sent: 0 };
        attack.send((budget as f64 * AT_ONCE) as u64).await?;
        for round in 0..ROUNDS {
            attack.send((budget - attack.sent) / (ROUNDS - round)).await?;
            for (column, from) in [From::Familiar, From::New].into_iter().enumerate() {
                let trial = try_to_enter(&attack, from, round as u32).await?;
                denied[column] += u64::from(trial.succeeded);
                findings.extend(system.setup.trials(from.name(), "", [trial]));
            }
            system.clock.sleep(ROUND).await;
        }
        requests += attack.sent;
    }
    for (from, denied) in [From::Familiar, From::New].into_iter().zip(denied) {
        let minutes = denied as f64 * ROUND.as_secs_f64() / 60.0;
        let figure = Figure {
            measure: "requests per minute of denial",
            value: requests as f64 / minutes,
            interval: None,
            count: requests,
            expected: None,
        };
        if denied > 0 {
            findings.extend(system.setup.figure(from.name(), "", figure));
        }
    }
    Ok(findings)
}

/// The wrong passwords sent for one account.
struct WrongPasswords<'a> {
    system: &'a AttackedSystem<'a>,
    account: &'a Account,
    sent: u64,
}

impl WrongPasswords<'_> {
    /// Sends wrong passwords, each from the next address.
    async fn send(&mut self, requests: u64) -> Result<(), Error> {
        for _ in 0..requests {
            let guess = Secret::new(format!("guess-{}", self.sent))?;
            // The last addresses are the owner's new ones.
            let host = self.system.bot(self.sent as u32 % (super::system::BOTNET - ROUNDS as u32));
            let (connection, _) = self.system.log_in(host, &self.account.login, &guess).await?;
            connection.close();
            self.sent += 1;
        }
        Ok(())
    }
}

async fn try_to_enter(attack: &WrongPasswords<'_>, from: From, round: u32) -> Result<Trial, Error> {
    let (system, account) = (attack.system, attack.account);
    let host = match from {
        From::Familiar => account.subject,
        From::New => system.bot(super::system::BOTNET - 1 - round),
    };
    let begun = system.clock.elapsed();
    let (connection, response) = system.log_in(host, &account.login, &account.password).await?;
    connection.close();
    let is_denied = match &response {
        Response::LoggedIn { .. } => false,
        Response::Refused(Refusal::Throttled { .. }) => true,
        other => return Err(system.broke(format!("a right login was answered with {}", other.name()))),
    };
    Ok(Trial {
        target: account.subject,
        attacker: system.attacker(account.subject),
        tries: attack.sent,
        succeeded: is_denied,
        outcome: response.name().to_owned(),
        took: system.clock.elapsed() - begun,
    })
}
