//! Attacks on names and passwords: a leaked list, the question who has an account, and a password alone.

use super::act::{Act, Attack};
use super::definition::{Description, RESISTED, Requirement, one_defence, unchanged, with_static_symbols};
use super::findings::{Figure, Findings, Trial};
use super::system::{Account, AttackedSystem, is_accepted, rng};
use crate::Error;
use crate::scenario::Configuration;
use biopay_datasets::stream::stream;
use biopay_protocol::{HelperBytes, LoginName, PayloadBytes, Refusal, Request, Response, Secret};
use biopay_reports::auc::auc;
use biopay_server::client::Connection;
use rand::RngExt;
use std::time::Duration;

/// The share of people who use the same password here as where it leaked: 43 % (Das et al. 2014, "The tangled web of
/// password reuse", section III).
const REUSED: f64 = 0.43;
/// The number of addresses from which the attacker tries the list.
const SOURCES: u32 = 8;

/// The attacker's own finger enrolled on an account whose password is known.
pub(in crate::attack) const RE_ENROLMENT: Attack = Attack {
    description: Description {
        knowledge: "login name and password",
        targets: 80,
        budget: 1,
        needs: unchanged,
        weaken: with_static_symbols,
        defences: one_defence,
        requirement: Some(Requirement {
            source: "NIST SP 800-63B-3, 6.1.2: binding another authenticator needs one that is bound",
            max: RESISTED,
        }),
        is_decided_by_scheme: false,
    },
    act: Act::Online(|system| Box::pin(re_enrolment(system))),
};

/// Enrols the attacker's own finger on an account whose password is known, and pays with it. The counter-measure is a
/// device's signature on new enrolments.
async fn re_enrolment(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    for (index, account) in system.accounts.iter().enumerate() {
        let begun = system.clock.elapsed();
        let connection = system.enter(system.bot(index as u32), account).await?;
        let outcome = take_over(system, &connection, account, index as u32).await?;
        connection.close();
        let trial = Trial {
            target: account.subject,
            attacker: system.attacker(index as u32),
            tries: 1,
            succeeded: outcome.as_ref().is_some_and(is_accepted),
            outcome: outcome.map_or("attacker-not-enrolled", |response| response.name()).to_owned(),
            took: system.clock.elapsed() - begun,
        };
        findings.extend(system.setup.trials("", account.scheme.name(), [trial]));
    }
    Ok(findings)
}

/// Replaces the QR and presents the new one; returns the last answer, or `None` where the attacker's sample gives no
/// enrolment.
async fn take_over(
    system: &AttackedSystem<'_>,
    connection: &Connection,
    account: &Account,
    index: u32,
) -> Result<Option<Response>, Error> {
    let scheme = system.population.registry.scheme(account.scheme);
    let Some(template) = system.template(system.attacker(index), 0) else { return Ok(None) };
    let mut rng = stream(system.scenario().seed, "attack/re-enrolment", u64::from(index));
    let Ok(enrolment) = scheme.enrol(std::slice::from_ref(template), None, &mut rng) else { return Ok(None) };
    let payload = PayloadBytes::new(enrolment.payload.to_bytes())?;
    let helper = Some(HelperBytes::new(enrolment.helper.0)?);
    let request = Request::ReplaceQr { enrolment: payload.clone(), helper, signature: None };
    match system.ask(connection, &request).await? {
        Response::QrReplaced => {}
        refused => return Ok(Some(refused)),
    }
    let payment = system.page(connection, &format!("taken-over-{index}")).await?;
    let proof = system.proof(None, payment, &payload);
    Ok(Some(system.present(connection, payment, &payload, proof).await?))
}

/// Names and passwords that leaked at another service, tried here.
pub(in crate::attack) const CREDENTIAL_STUFFING: Attack = Attack {
    description: Description {
        knowledge: "a list of names and passwords leaked elsewhere",
        targets: 80,
        budget: 1,
        needs: unchanged,
        weaken: with_static_symbols,
        defences: one_defence,
        requirement: Some(Requirement { source: "NIST SP 800-63B-3, 4.2: two different factors", max: RESISTED }),
        is_decided_by_scheme: false,
    },
    act: Act::Online(|system| Box::pin(stuffing(system))),
};

/// Tries a leaked list, each name once, from a few addresses; then pays where a login is opened, by enrolling the
/// attacker's own finger.
async fn stuffing(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let mut drawn = stream(system.scenario().seed, "attack/leaked-list", 0);
    for (index, account) in system.accounts.iter().enumerate() {
        let begun = system.clock.elapsed();
        let leaked = match drawn.random_bool(REUSED) {
            true => account.password.clone(),
            false => Secret::new(format!("leaked-{:08x}", drawn.random::<u32>()))?,
        };
        let (connection, response) = system.log_in(system.bot(index as u32 % SOURCES), &account.login, &leaked).await?;
        let trial = |succeeded, outcome: &str, took| Trial {
            target: account.subject,
            attacker: system.attacker(index as u32),
            tries: 1,
            succeeded,
            outcome: outcome.to_owned(),
            took,
        };
        let opened = matches!(response, Response::LoggedIn { .. });
        let login = trial(opened, response.name(), system.clock.elapsed() - begun);
        let paid = match opened {
            true => take_over(system, &connection, account, index as u32).await?,
            false => Some(response),
        };
        connection.close();
        let took = system.clock.elapsed() - begun;
        let outcome = paid.as_ref().map_or("attacker-not-enrolled", |response| response.name());
        let paid = trial(paid.as_ref().is_some_and(is_accepted), outcome, took);
        findings.extend(system.setup.trials("login opened", account.scheme.name(), [login]));
        findings.extend(system.setup.trials("QR accepted after re-enrolment", account.scheme.name(), [paid]));
    }
    Ok(findings)
}

/// Login names told apart by whether an account exists.
pub(in crate::attack) const NAME_ENUMERATION: Attack = Attack {
    description: Description {
        knowledge: "candidate names",
        targets: 80,
        budget: 1,
        needs: unchanged,
        weaken: |scenario| scenario.server.hides_unknown_names = false,
        defences: one_defence,
        requirement: Some(Requirement { source: "CWE-204: an answer that tells who has an account", max: RESISTED }),
        is_decided_by_scheme: false,
    },
    act: Act::Online(|system| Box::pin(enumeration(system))),
};

/// Finds out who has an account by two measurements: how long a wrong login takes, and what the server answers to a
/// registration under that name.
async fn enumeration(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    let mut trials = Vec::new();
    let mut drawn = rng(system.setup, "names");
    for (index, account) in system.accounts.iter().enumerate() {
        let nobody = LoginName::new(format!("nobody-{:08x}", drawn.random::<u32>()))?;
        // In turn, so that whatever drifts does so for both.
        for (name, times) in [(&account.login, &mut known), (&nobody, &mut unknown)] {
            times.push(time_login(system, system.bot(index as u32), name).await?.as_secs_f64());
        }
        let begun = system.clock.elapsed();
        let told = system.clone_registration(&account.login, system.bot(index as u32)).await?;
        trials.push(Trial {
            target: account.subject,
            attacker: system.attacker(index as u32),
            tries: 1,
            succeeded: told == Response::Refused(Refusal::LoginTaken),
            outcome: told.name().to_owned(),
            took: system.clock.elapsed() - begun,
        });
    }
    let mut findings = system.setup.trials("registration's answer", "", trials);
    if let Some((area, interval)) = auc(&known, &unknown) {
        let expected = match system.setup.configuration {
            Configuration::Hardened => Some((0.5, "an unknown name costs what a known one does")),
            _ => None,
        };
        let figure = Figure {
            measure: "AUC of login times, known against unknown names",
            value: area,
            interval: Some((interval.lower, interval.upper)),
            count: (known.len() + unknown.len()) as u64,
            expected,
        };
        findings.extend(system.setup.figure("login's time", "", figure));
    }
    Ok(findings)
}

/// Times one login with a wrong password.
async fn time_login(system: &AttackedSystem<'_>, host: u32, name: &LoginName) -> Result<Duration, Error> {
    let connection = system.connect(host).await?;
    let begun = system.clock.elapsed();
    let response = system.try_password(&connection, name, &Secret::new("not-the-password")?).await?;
    let took = system.clock.elapsed() - begun;
    connection.close();
    match response {
        Response::Refused(Refusal::WrongCredentials) => Ok(took),
        other => Err(system.broke(format!("a wrong login was answered with {}", other.name()))),
    }
}

impl AttackedSystem<'_> {
    /// Tries to register a name with a password of the attacker's.
    async fn clone_registration(&self, login: &LoginName, host: u32) -> Result<Response, Error> {
        let connection = self.connect(host).await?;
        let (login, password) = (login.clone(), Secret::new("the-attackers-own")?);
        let response = self.ask(&connection, &Request::RegisterCredentials { login, password }).await?;
        connection.close();
        Ok(response)
    }
}
