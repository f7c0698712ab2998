//! The checks of a scenario's values that types cannot express.

use super::definition::{HANDSETS_MAX, Scenario};
use super::sections::{ClockKind, Pattern};
use super::vocabulary;
use crate::network::{Itinerary, ProfileId};
use biopay_biometrics::scheme::Registry;
use biopay_reports::threshold::Threshold;

/// Checks a scenario; the error says what is wrong and what is allowed.
pub(super) fn check(scenario: &Scenario) -> Result<(), String> {
    devices(scenario)?;
    shares(scenario)?;
    positive(scenario)?;
    bounds(scenario)?;
    counts(scenario)?;
    arrivals(scenario)?;
    network(scenario)?;
    clock(scenario)?;
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

fn devices(scenario: &Scenario) -> Result<(), String> {
    let biometric = &scenario.biometric;
    let definition = biometric.modality.definition();
    let named = [("biometric.device", &biometric.device), ("biometric.second-device", &biometric.second_device)];
    named.into_iter().try_for_each(|(key, name)| definition.check_device(key, name).map_err(|error| error.to_string()))
}

fn shares(scenario: &Scenario) -> Result<(), String> {
    let (biometric, users) = (&scenario.biometric, &scenario.users);
    let shares = [
        ("biometric.quality", f64::from(biometric.quality)),
        ("biometric.ageing-per-year", f64::from(biometric.ageing_per_year)),
        ("users.two-step-registration", users.two_step_registration),
        ("users.wrong-password", users.wrong_password),
        ("users.wrong-code", users.wrong_code),
        ("users.abandon", users.abandon),
        ("users.retry", users.retry),
        ("users.too-little-money", users.too_little_money),
        ("impostors.share", scenario.impostors.share),
    ];
    match shares.iter().find(|(_, value)| !(0.0..=1.0).contains(value)) {
        Some((key, value)) => Err(format!("{key} = {value} must lie from 0 to 1")),
        None => Ok(()),
    }
}

fn positive(scenario: &Scenario) -> Result<(), String> {
    let positive = [
        ("arrivals.registrations-per-s", scenario.arrivals.registrations_per_s),
        ("arrivals.payment-gap-s", scenario.arrivals.payment_gap_s),
        ("the sum of payments.stored, recapture and second-device", scenario.payments.weight()),
        ("biometric.enrolment-captures", f64::from(scenario.biometric.enrolment_captures)),
        ("server.hash-threads", scenario.server.hash_threads as f64),
        ("server.service.cores", scenario.server.service.cores as f64),
        ("network.initial-rtt-ms", scenario.network.initial_rtt_ms as f64),
        ("generator.lag-limit-ms", scenario.generator.lag_limit_ms),
        ("generator.busy-limit", scenario.generator.busy_limit),
        ("the number of schemes.use", scenario.schemes.r#use.len() as f64),
    ];
    if let Some((key, value)) = positive.iter().find(|(_, v)| !(v.is_finite() && *v > 0.0)) {
        return Err(format!("{key} = {value} must be above 0"));
    }
    let costs = scenario.server.service.costs();
    match costs.iter().find(|(_, us)| !(0.0..=1e9).contains(us)) {
        Some((key, us)) => Err(format!("server.service.{key} = {us} must lie from 0 to 1e9")),
        None => Ok(()),
    }
}

/// Checks every number that a scenario could make arbitrarily large against its greatest sensible value: beyond it a
/// run would take all memory, or never end.
fn bounds(scenario: &Scenario) -> Result<(), String> {
    let (arrivals, users, server) = (&scenario.arrivals, &scenario.users, &scenario.server);
    let bounds = [
        ("payments.per-handset", f64::from(scenario.payments.per_handset), PAYMENTS_MAX),
        ("payments.stored", scenario.payments.stored, WEIGHT_MAX),
        ("payments.recapture", scenario.payments.recapture, WEIGHT_MAX),
        ("payments.second-device", scenario.payments.second_device, WEIGHT_MAX),
        ("arrivals.registrations-per-s", arrivals.registrations_per_s, RATE_MAX),
        ("arrivals.payment-gap-s", arrivals.payment_gap_s, TIME_MAX_S),
        ("arrivals.begin-unix-s", arrivals.begin_unix_s as f64, UNIX_MAX_S),
        ("users.think-ms", users.think_ms as f64, DAY_MS),
        ("users.code-entry-ms", users.code_entry_ms as f64, DAY_MS),
        ("network.initial-rtt-ms", scenario.network.initial_rtt_ms as f64, 60_000.0),
        ("connections.sockets", scenario.connections.sockets as f64, 60_000.0),
        ("generator.lag-limit-ms", scenario.generator.lag_limit_ms, DAY_MS),
        ("generator.busy-limit", scenario.generator.busy_limit, 1_000.0),
        ("server.hash-threads", server.hash_threads as f64, 1_024.0),
        ("server.service.cores", server.service.cores as f64, 1_024.0),
        ("biometric.enrolment-captures", f64::from(scenario.biometric.enrolment_captures), 100.0),
        ("biometric.enrolment-attempts", f64::from(scenario.biometric.enrolment_attempts), 1_000.0),
        ("comparisons.subjects", f64::from(scenario.comparisons.subjects), 100_000.0),
    ];
    if let Some((key, value, max)) = bounds.iter().find(|(_, value, max)| !(0.0..=*max).contains(value)) {
        return Err(format!("{key} = {value} must lie from 0 to {max}"));
    }
    if arrivals.registrations_per_s < 1.0 / TIME_MAX_S {
        let rate = arrivals.registrations_per_s;
        return Err(format!(
            "arrivals.registrations-per-s = {rate:e} must lie from {:e} to {RATE_MAX:e}",
            1.0 / TIME_MAX_S
        ));
    }
    let payments = u64::from(scenario.handsets) * u64::from(scenario.payments.per_handset);
    if payments > TRANSACTIONS_MAX {
        return Err(format!(
            "handsets x payments.per-handset = {payments} payments are more than a run holds: at most {TRANSACTIONS_MAX}"
        ));
    }
    Ok(())
}

/// Payments of one handset.
const PAYMENTS_MAX: f64 = 1_000_000.0;
/// Payments of a run: a planned one takes some 100 bytes.
const TRANSACTIONS_MAX: u64 = 50_000_000;
/// A relative weight.
const WEIGHT_MAX: f64 = 1e9;
/// Registrations per second.
const RATE_MAX: f64 = 1e6;
/// A time between events: some 30 years. Units: seconds.
pub(crate) const TIME_MAX_S: f64 = 1e9;
/// The year 2100. Units: seconds since 1970.
const UNIX_MAX_S: f64 = 4.2e9;
/// One day. Units: milliseconds.
const DAY_MS: f64 = 86_400_000.0;

fn counts(scenario: &Scenario) -> Result<(), String> {
    if !(2..=HANDSETS_MAX).contains(&scenario.handsets) {
        return Err(format!("handsets = {} must lie from 2 to {HANDSETS_MAX}", scenario.handsets));
    }
    if scenario.biometric.enrolment_attempts < scenario.biometric.enrolment_captures {
        return Err("biometric.enrolment-attempts must be at least biometric.enrolment-captures".into());
    }
    if !(1..=9).contains(&scenario.server.code_digits) {
        return Err("server.code-digits must lie from 1 to 9".into());
    }
    // Argon2 needs eight blocks a lane.
    if !(8..=4 * 1024 * 1024).contains(&scenario.server.hash_memory_kib) {
        return Err("server.hash-memory-kib must lie from 8 to 4194304".into());
    }
    Ok(())
}

fn arrivals(scenario: &Scenario) -> Result<(), String> {
    let from = scenario.arrivals.payments_from_s;
    if !(0.0..=1e9).contains(&from) {
        return Err(format!("arrivals.payments-from-s = {from} must lie from 0 to 1e9"));
    }
    match scenario.arrivals.pattern {
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

fn network(scenario: &Scenario) -> Result<(), String> {
    let network = &scenario.network;
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
        _ => Ok(()),
    }
}
