//! The checks of a scenario's values that types cannot express.

use super::bounds::{self, TIME_MAX_S, WEIGHT_MAX};
use super::definition::Scenario;
use super::sections::{Arrivals, Biometric, ClockKind, Network, Pattern, ServerSettings};
use super::vocabulary;
use crate::network::{Itinerary, ProfileId};
use biopay_biometrics::scheme::{Registry, SchemeId};
use biopay_reports::threshold::Threshold;

/// Checks a scenario; the error says what is wrong and what is allowed.
pub(super) fn check(scenario: &Scenario) -> Result<(), String> {
    devices(&scenario.biometric)?;
    bounds::check(scenario)?;
    size(scenario)?;
    counts(scenario)?;
    arrivals(&scenario.arrivals)?;
    network(&scenario.network)?;
    clock(scenario)?;
    schemes(scenario)?;
    consent(&scenario.server)?;
    thresholds(scenario)?;
    attacks(scenario)?;
    Registry::new(&scenario.schemes.parameters).map(drop).map_err(|e| format!("schemes.parameters: {e}"))
}

/// The greatest number of targets, and the greatest budget for each: attackers are tasks, all of them at once.
const ATTACK_MAX: u64 = 1_000_000;

fn attacks(scenario: &Scenario) -> Result<(), String> {
    for (number, plan) in scenario.attack.iter().enumerate() {
        let numbers = [("targets", plan.targets.map(u64::from)), ("budget", plan.budget)];
        let given = numbers.into_iter().filter_map(|(key, value)| Some((key, value?)));
        if let Some((key, value)) = given.into_iter().find(|(_, value)| !(1..=ATTACK_MAX).contains(value)) {
            return Err(format!("attack.{number}.{key} = {value} must lie from 1 to {ATTACK_MAX}"));
        }
        if let Some(targets) = plan.targets.filter(|&targets| targets > scenario.handsets) {
            return Err(format!(
                "attack.{number}.targets = {targets} is more than there are accounts: handsets = {}",
                scenario.handsets
            ));
        }
        if plan.configurations.is_empty() {
            return Err(format!("attack.{number}.configurations is empty: omit the key for all three"));
        }
    }
    Ok(())
}

fn thresholds(scenario: &Scenario) -> Result<(), String> {
    for text in &scenario.thresholds {
        let threshold: Threshold = text.parse().map_err(|e: biopay_reports::Error| e.to_string())?;
        vocabulary::check(scenario, &threshold)?;
    }
    Ok(())
}

fn devices(biometric: &Biometric) -> Result<(), String> {
    let definition = biometric.modality.definition();
    let named = [("biometric.device", &biometric.device), ("biometric.second-device", &biometric.second_device)];
    named.into_iter().try_for_each(|(key, name)| definition.check_device(key, name).map_err(|error| error.to_string()))
}

/// Checks the number of payments of a whole run, which takes the memory of its plan.
fn size(scenario: &Scenario) -> Result<(), String> {
    let payments = u64::from(scenario.handsets) * u64::from(scenario.payments.per_handset)
        + u64::from(scenario.impostor_handsets());
    if payments > TRANSACTIONS_MAX {
        return Err(format!(
            "handsets x payments.per-handset and the impostors' are {payments} payments, more than a run holds: at most {TRANSACTIONS_MAX}"
        ));
    }
    Ok(())
}

fn schemes(scenario: &Scenario) -> Result<(), String> {
    let schemes = &scenario.schemes;
    if schemes.r#use.contains(&SchemeId::Own) && schemes.parameters.own.is_unset() {
        return Err(
            "schemes.use names own: set its program, as in schemes.parameters.own.command = [\"python3\", \"mine.py\"]"
                .into(),
        );
    }
    let modality = scenario.biometric.modality;
    if schemes.r#use.contains(&SchemeId::MinutiaeVault) && !modality.definition().has_minutiae {
        return Err(format!(
            "schemes.use names minutiae-vault, which needs minutiae, and biometric.modality = {:?} has none: use fingerprint",
            modality.name()
        ));
    }
    Ok(())
}

/// Payments of a run: a planned one takes some 100 bytes.
const TRANSACTIONS_MAX: u64 = 50_000_000;

fn counts(scenario: &Scenario) -> Result<(), String> {
    if scenario.biometric.enrolment_attempts < scenario.biometric.enrolment_captures {
        return Err("biometric.enrolment-attempts must be at least biometric.enrolment-captures".into());
    }
    Ok(())
}

fn arrivals(arrivals: &Arrivals) -> Result<(), String> {
    match arrivals.pattern {
        Pattern::Steady => Ok(()),
        Pattern::Diurnal { peak_hour, swing } => {
            let is_right = (0.0..24.0).contains(&peak_hour) && (0.0..=1.0).contains(&swing);
            is_right
                .then_some(())
                .ok_or_else(|| "arrivals.pattern: peak-hour must lie from 0 to 24 and swing from 0 to 1".to_owned())
        }
        Pattern::FlashSale { at_s, lasts_s, factor } => {
            let is_right = [at_s, lasts_s, factor].iter().all(|v| (0.0..=TIME_MAX_S).contains(v)) && lasts_s > 0.0;
            let is_right = is_right && factor > 0.0;
            is_right.then_some(()).ok_or_else(|| {
                "arrivals.pattern: at-s must lie from 0 to 1e9, lasts-s and factor above 0 and at most 1e9".to_owned()
            })
        }
    }
}

fn network(network: &Network) -> Result<(), String> {
    let weights: Vec<f64> = network.mix.values().copied().collect();
    if weights.iter().any(|w| !(0.0..=WEIGHT_MAX).contains(w)) || weights.iter().sum::<f64>() <= 0.0 {
        return Err(format!("network.mix: weights must lie from 0 to {WEIGHT_MAX}, and one of them above 0"));
    }
    let moving: f64 = network.mobility.iter().map(|m| m.share).sum();
    if network.mobility.iter().any(|m| !(0.0..=1.0).contains(&m.share)) || moving > 1.0 {
        return Err("network.mobility: shares and their sum must lie from 0 to 1".into());
    }
    for mobility in &network.mobility {
        if !(0.0..=TIME_MAX_S).contains(&mobility.period_s) {
            return Err(format!("network.mobility: period-s must lie above 0 and at most {TIME_MAX_S}"));
        }
        let legs: Vec<(f64, ProfileId)> = mobility.legs.iter().map(|leg| (leg.at_s, leg.profile)).collect();
        if Itinerary::round(&legs, mobility.period_s).is_none() {
            return Err("network.mobility: legs must be in order, the first at 0 and the last before period-s".into());
        }
    }
    Ok(())
}

fn clock(scenario: &Scenario) -> Result<(), String> {
    let server = &scenario.server;
    let is_plain = scenario.network.mix.iter().all(|(id, w)| *id == ProfileId::Loopback || *w == 0.0);
    let has_network = !is_plain || !scenario.network.mobility.is_empty();
    match scenario.clock {
        ClockKind::Wall if has_network => {
            Err("the wall clock uses the machine's network: network profiles need --clock virtual".into())
        }
        ClockKind::Wall if !server.shared => Err("server.shared = false needs --clock virtual".into()),
        ClockKind::Virtual if server.address.is_some() => Err("server.address needs --clock wall".into()),
        ClockKind::Wall if server.address.is_some() != server.certificate.is_some() => {
            Err("server.address and server.certificate must be set together".into())
        }
        ClockKind::Wall | ClockKind::Virtual => Ok(()),
    }
}

/// Checks that what is said of a server that runs already is said of the one that the scenario names.
fn consent(server: &ServerSettings) -> Result<(), String> {
    match (&server.address, &server.attack_consent) {
        (Some(address), Some(consent)) if address != consent => Err(format!(
            "server.attack-consent = {consent:?} is not the consent of the owner of server.address = {address:?}: ask \
             them, then write their address in both"
        )),
        (None, Some(_)) => {
            Err("server.attack-consent needs server.address: servers of the run's own need no consent".into())
        }
        (None, None) if server.reuse_accounts => {
            Err("server.reuse-accounts needs server.address: a server of the run's own begins without accounts".into())
        }
        (None, None) if server.metrics.is_some() => {
            Err("server.metrics needs server.address: the counters of the run's own server are in the report anyway"
                .into())
        }
        (Some(_), Some(_)) | (_, None) => Ok(()),
    }?;
    match &server.metrics {
        Some(url) if !url.starts_with("http://") => {
            Err(format!("server.metrics = {url:?} must begin with http://, as in http://127.0.0.1:9464/metrics"))
        }
        Some(_) | None => Ok(()),
    }
}
