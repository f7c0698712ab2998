//! Names and passwords: what a leaked list opens, who has an account, and what a password alone is worth.

use super::Configuration;
use super::arena::{Account, Arena, is_accepted, rng};
use super::findings::{Figure, Findings, Trial};
use crate::Error;
use biopay_datasets::stream::stream;
use biopay_protocol::{HelperBytes, LoginName, PayloadBytes, Refusal, Request, Response, Secret};
use biopay_reports::auc::auc;
use biopay_server::client::Connection;
use rand::RngExt;
use std::time::Duration;

/// Share of people who use the very password that leaked elsewhere here as well: 43 % (Das et al. 2014, "The tangled web
/// of password reuse", section III).
const REUSED: f64 = 0.43;
/// Addresses that a list is tried from.
const SOURCES: u32 = 8;

/// Enrols the attacker's own finger on an account whose password is known, and pays with it. A device's signature on new
/// enrolments stands against it.
pub async fn re_enrolment(arena: &Arena<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    for (index, account) in arena.accounts.iter().enumerate() {
        let begun = arena.clock.elapsed();
        let connection = arena.enter(arena.bot(index as u32), account).await?;
        let outcome = take_over(arena, &connection, account, index as u32).await?;
        connection.close();
        let trial = Trial {
            target: account.subject,
            attacker: arena.attacker(index as u32),
            tries: 1,
            succeeded: outcome.as_ref().is_some_and(is_accepted),
            outcome: outcome.map_or("attacker-not-enrolled", |response| response.name()).to_owned(),
            took: arena.clock.elapsed() - begun,
        };
        findings.extend(arena.setup.trials("", account.scheme.name(), [trial]));
    }
    Ok(findings)
}

/// Replaces the QR and presents the new one; returns the last answer, or `None` where the attacker's sample gives no
/// enrolment.
async fn take_over(
    arena: &Arena<'_>,
    connection: &Connection,
    account: &Account,
    index: u32,
) -> Result<Option<Response>, Error> {
    let scheme = arena.population.registry.scheme(account.scheme);
    let Some(template) = arena.template(arena.attacker(index), 0) else { return Ok(None) };
    let mut rng = stream(arena.scenario().seed, "attack/re-enrolment", u64::from(index));
    let Ok(enrolment) = scheme.enrol(std::slice::from_ref(template), None, &mut rng) else { return Ok(None) };
    let payload = PayloadBytes::new(enrolment.payload.to_bytes())?;
    let helper = Some(HelperBytes::new(enrolment.helper.0)?);
    let request = Request::ReplaceQr { enrolment: payload.clone(), helper };
    match arena.ask(connection, &request).await? {
        Response::QrReplaced => {}
        refused => return Ok(Some(refused)),
    }
    let payment = arena.page(connection, &format!("taken-over-{index}")).await?;
    let proof = arena.proof(None, payment, &payload);
    Ok(Some(arena.present(connection, payment, &payload, proof).await?))
}

/// Tries a leaked list, each name once, from a few addresses; then pays where a login is opened, by enrolling the
/// attacker's own finger.
pub async fn stuffing(arena: &Arena<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let mut drawn = stream(arena.scenario().seed, "attack/leaked-list", 0);
    for (index, account) in arena.accounts.iter().enumerate() {
        let begun = arena.clock.elapsed();
        let leaked = match drawn.random_bool(REUSED) {
            true => account.password.clone(),
            false => Secret::new(format!("leaked-{:08x}", drawn.random::<u32>()))?,
        };
        let (connection, response) = arena.log_in(arena.bot(index as u32 % SOURCES), &account.login, &leaked).await?;
        let trial = |succeeded, outcome: &str, took| Trial {
            target: account.subject,
            attacker: arena.attacker(index as u32),
            tries: 1,
            succeeded,
            outcome: outcome.to_owned(),
            took,
        };
        let opened = matches!(response, Response::LoggedIn { .. });
        let login = trial(opened, response.name(), arena.clock.elapsed() - begun);
        let paid = match opened {
            true => take_over(arena, &connection, account, index as u32).await?,
            false => Some(response),
        };
        connection.close();
        let took = arena.clock.elapsed() - begun;
        let outcome = paid.as_ref().map_or("attacker-not-enrolled", |response| response.name());
        let paid = trial(paid.as_ref().is_some_and(is_accepted), outcome, took);
        findings.extend(arena.setup.trials("login opened", account.scheme.name(), [login]));
        findings.extend(arena.setup.trials("QR accepted after re-enrolment", account.scheme.name(), [paid]));
    }
    Ok(findings)
}

/// Tells by two things who has an account: how long a wrong login takes, and what a registration under that name is
/// answered.
pub async fn enumeration(arena: &Arena<'_>) -> Result<Findings, Error> {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    let mut trials = Vec::new();
    let mut drawn = rng(arena.setup, "names");
    for (index, account) in arena.accounts.iter().enumerate() {
        let nobody = LoginName::new(format!("nobody-{:08x}", drawn.random::<u32>()))?;
        // In turn, so that whatever drifts does so for both.
        for (name, times) in [(&account.login, &mut known), (&nobody, &mut unknown)] {
            times.push(time_login(arena, arena.bot(index as u32), name).await?.as_secs_f64());
        }
        let begun = arena.clock.elapsed();
        let told = arena.clone_registration(&account.login, arena.bot(index as u32)).await?;
        trials.push(Trial {
            target: account.subject,
            attacker: arena.attacker(index as u32),
            tries: 1,
            succeeded: told == Response::Refused(Refusal::LoginTaken),
            outcome: told.name().to_owned(),
            took: arena.clock.elapsed() - begun,
        });
    }
    let mut findings = arena.setup.trials("registration's answer", "", trials);
    if let Some((area, interval)) = auc(&known, &unknown) {
        let expected = match arena.setup.configuration {
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
        findings.extend(arena.setup.figure("login's time", "", figure));
    }
    Ok(findings)
}

/// Times one login with a wrong password.
async fn time_login(arena: &Arena<'_>, host: u32, name: &LoginName) -> Result<Duration, Error> {
    let connection = arena.connect(host).await?;
    let begun = arena.clock.elapsed();
    let response = arena.try_password(&connection, name, &Secret::new("not-the-password")?).await?;
    let took = arena.clock.elapsed() - begun;
    connection.close();
    match response {
        Response::Refused(Refusal::WrongCredentials) => Ok(took),
        other => Err(arena.broke(format!("a wrong login was answered with {}", other.name()))),
    }
}

impl Arena<'_> {
    /// Tries to register a name with a password of the attacker's.
    async fn clone_registration(&self, login: &LoginName, host: u32) -> Result<Response, Error> {
        let connection = self.connect(host).await?;
        let (login, password) = (login.clone(), Secret::new("the-attackers-own")?);
        let response = self.ask(&connection, &Request::RegisterCredentials { login, password }).await?;
        connection.close();
        Ok(response)
    }
}
