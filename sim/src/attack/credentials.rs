//! Attacks on names and passwords: a leaked list, the question who has an account, and a password alone.

use super::act::{Act, Attack};
use super::definition::{
    Defence, Description, Elsewhere, RESISTED, Requirement, one_defence, unchanged, without_step_up,
};
use super::findings::{Figure, Findings, Trial};
use super::system::{Account, AttackedSystem, is_accepted, rng};
use crate::Error;
use crate::scenario::Configuration;
use biopay_datasets::stream::stream;
use biopay_protocol::message::Factors;
use biopay_protocol::{DeviceSecret, HelperBytes, LoginName, PayloadBytes, Refusal, Request, Response, Secret};
use biopay_reports::auc::auc;
use biopay_server::client::Connection;
use biopay_server::config::Presentation;
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
        weaken: without_step_up,
        defences: re_enrolment_defences,
        requirement: Some(Requirement {
            source: "NIST SP 800-63B-3, 6.1.2: binding another authenticator needs one that is bound",
            max: RESISTED,
        }),
        is_decided_by_scheme: false,
        elsewhere: Elsewhere::Allowed,
    },
    act: Act::Online(|system| Box::pin(re_enrolment(system))),
};

/// Lists the defences: what a step up achieves is also measured alone, with static symbols and verification codes.
fn re_enrolment_defences(configuration: Configuration) -> Vec<Defence> {
    let alone = Defence { name: "a step up alone", presentation: Some(Presentation::Static) };
    match configuration {
        Configuration::Hardened => one_defence(configuration).into_iter().chain([alone]).collect(),
        Configuration::PatentLiteral | Configuration::Control | Configuration::Scenario => one_defence(configuration),
    }
}

/// Enrols the attacker's own finger on an account whose password is known, and pays with it. The counter-measures are a
/// device's signature on new enrolments, and a step up: the enrolled QR or the bank account's PIN.
async fn re_enrolment(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    for (index, account) in system.targets().enumerate() {
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
    let mut answer = Response::Refused(Refusal::StepUpRequired);
    for request in ways_in(connection, index, &payload, helper) {
        answer = system.ask(connection, &request).await?;
        if answer == Response::QrReplaced {
            break;
        }
    }
    if answer != Response::QrReplaced {
        return Ok(Some(answer));
    }
    let payment = system.page(connection, &format!("taken-over-{index}")).await?;
    let proof = system.proof(None, payment, &payload);
    Ok(Some(system.present(connection, payment, &payload, proof).await?))
}

/// Lists what somebody tries who has the password alone: the new QR at once, after showing their own finger in place of the
/// owner's, after adding a device of theirs, which then signs it, and after revoking the owner's QR.
fn ways_in(connection: &Connection, index: u32, payload: &PayloadBytes, helper: Option<HelperBytes>) -> [Request; 7] {
    let (enrolment, channel) = (payload.clone(), connection.channel());
    let device = DeviceSecret::from_seed(&[index as u8; 32]);
    let signature = device.sign_enrolment(payload, channel);
    let replace = |signature| Request::ReplaceQr { enrolment: enrolment.clone(), helper: helper.clone(), signature };
    let shown = Some(device.sign_step_up(payload, channel));
    let factors = Factors { payload: Some(payload.clone()), signature: shown, ..Factors::default() };
    let (key, own) = (device.key(), device.sign_device(channel));
    [
        replace(None),
        Request::StepUp { factors },
        replace(None),
        Request::AddDevice { device: key, signature: own },
        replace(Some(signature)),
        Request::RevokeQr,
        replace(Some(signature)),
    ]
}

/// Names and passwords that leaked at another service, tried here.
pub(in crate::attack) const CREDENTIAL_STUFFING: Attack = Attack {
    description: Description {
        knowledge: "a list of names and passwords leaked elsewhere",
        targets: 80,
        budget: 1,
        needs: unchanged,
        weaken: without_step_up,
        defences: one_defence,
        requirement: Some(Requirement { source: "NIST SP 800-63B-3, 4.2: two different factors", max: RESISTED }),
        is_decided_by_scheme: false,
        elsewhere: Elsewhere::Allowed,
    },
    act: Act::Online(|system| Box::pin(stuffing(system))),
};

/// Tries a leaked list, each name once, from a few addresses; then pays where a login is opened, by enrolling the
/// attacker's own finger.
async fn stuffing(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let mut drawn = stream(system.scenario().seed, "attack/leaked-list", 0);
    for (index, account) in system.targets().enumerate() {
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
        elsewhere: Elsewhere::Allowed,
    },
    act: Act::Online(|system| Box::pin(enumeration(system))),
};

/// Finds out who has an account by two measurements: how long a wrong login takes, and what the server answers to a
/// registration under that name.
async fn enumeration(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    let mut trials = Vec::new();
    let mut drawn = rng(system.setup, "names");
    for (index, account) in system.targets().enumerate() {
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
        let hides_names = system.scenario().server.hides_unknown_names;
        let expected = hides_names.then_some((0.5, "an unknown name costs what a known one does"));
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
    match response == Response::Refused(Refusal::WrongCredentials) {
        true => Ok(took),
        false => Err(system.broke(format!("a wrong login was answered with {}", response.name()))),
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
