//! The warnings about a valid scenario: settings without effect, and too little evidence.

use super::definition::Scenario;
use super::sections::{Biometric, ClockKind, Generator, ServerSettings};
use super::service::ServiceModel;

/// The number of transactions without an error whose exact 95 % bound lies at 1 % (ISO/IEC 19795-1, the rule of 3).
const IMPOSTORS_FEW: u32 = 300;

/// Lists what is allowed in a scenario but probably not meant.
pub(super) fn warnings(scenario: &Scenario) -> Vec<String> {
    [without_effect(scenario), without_evidence(scenario)].concat()
}

pub(super) fn without_effect(scenario: &Scenario) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |is_meant: bool, text: &str| warnings.extend(is_meant.then(|| text.to_owned()));
    let (is_virtual, biometric) = (scenario.clock == ClockKind::Virtual, &scenario.biometric);
    warn(is_virtual && scenario.generator != Generator::default(), "generator has no effect in virtual time");
    warn(is_virtual && scenario.arrivals.begin_unix_s > 0, "arrivals.begin-unix-s has no effect in virtual time");
    warn(
        !is_virtual && scenario.server.service != ServiceModel::default(),
        "server.service has no effect on the wall clock, where work takes the time that it takes",
    );
    let has_no_device = biometric.modality.definition().devices.is_empty();
    let usual = Biometric::default();
    warn(
        has_no_device && (&biometric.device, &biometric.second_device) != (&usual.device, &usual.second_device),
        "biometric.device and second-device have no effect on a modality without a choice of devices",
    );
    warn(
        scenario.payments.second_device == 0.0 && biometric.second_device != usual.second_device,
        "biometric.second-device has no effect, because payments.second-device = 0",
    );
    let server: &ServerSettings = &scenario.server;
    warn(
        server.code_digits != ServerSettings::default().code_digits && !server.verification_code,
        "server.code-digits has no effect, because server.verification-code = false",
    );
    let limits = (server.attack_requests_per_s, server.attack_seconds);
    let usual_limits = (ServerSettings::default().attack_requests_per_s, ServerSettings::default().attack_seconds);
    warn(
        limits != usual_limits && server.attack_consent.is_none(),
        "server.attack-requests-per-s and attack-seconds have no effect without server.attack-consent",
    );
    warnings.extend(foreign_server(server));
    warnings
}

/// Names the settings of a server that the run starts itself, where the scenario names one that is running already.
fn foreign_server(server: &ServerSettings) -> Option<String> {
    let (address, usual) = (server.address.as_ref()?, ServerSettings::default());
    let keys = [
        ("verification-code", server.verification_code != usual.verification_code),
        ("hash-threads", server.hash_threads != usual.hash_threads),
        ("hash-memory-kib", server.hash_memory_kib != usual.hash_memory_kib),
        ("mode", server.mode != usual.mode),
        ("code-digits", server.code_digits != usual.code_digits),
        ("throttling", server.throttling != usual.throttling),
        ("hides-unknown-names", server.hides_unknown_names != usual.hides_unknown_names),
        ("early-data", server.early_data != usual.early_data),
        ("spares-familiar", server.spares_familiar != usual.spares_familiar),
    ];
    let set: Vec<String> = keys.iter().filter(|(_, is_set)| *is_set).map(|(key, _)| format!("server.{key}")).collect();
    let text = |set: &[String]| {
        format!("no effect on the server at {address}, which has its own configuration: {}", set.join(", "))
    };
    (!set.is_empty()).then(|| text(&set))
}

fn without_evidence(scenario: &Scenario) -> Vec<String> {
    let mut warnings = Vec::new();
    let schemes = scenario.schemes.r#use.len() as u32;
    let each = scenario.impostor_handsets() / schemes.max(1);
    if each == 0 {
        warnings
            .push("there are no impostors for some scheme, so that no FAR is measured: set impostors.share".to_owned());
    } else if each < IMPOSTORS_FEW {
        warnings.push(format!(
            "{each} impostors' payments for each scheme cannot show a FAR below {:.1} %: raise handsets, impostors.share or \
             impostors.victims",
            upper_of_zero(each) * 100.0
        ));
    }
    if scenario.payments.per_handset == 0 {
        warnings.push("payments.per-handset = 0: nobody pays".to_owned());
    }
    warnings
}

/// Returns the exact 95 % upper bound of a rate without an error in `trials` (two-sided, Clopper and Pearson 1934).
fn upper_of_zero(trials: u32) -> f64 {
    1.0 - 0.025_f64.powf(1.0 / f64::from(trials))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_without_effect_are_named() {
        let settings = [
            "clock=virtual",
            "impostors.share=0.1",
            "generator.lag-limit-ms=9",
            "server.verification-code=false",
            "server.code-digits=4",
        ];
        let scenario = Scenario::load("quickstart", &settings.map(String::from)).unwrap();
        let warnings = scenario.warnings().join("\n");
        for key in ["generator", "server.code-digits", "impostors"] {
            assert!(warnings.contains(key), "{key}: {warnings}");
        }
    }

    #[test]
    fn settings_of_a_server_that_runs_already_are_its_own() {
        let mut scenario = Scenario::load("throughput", &[]).unwrap();
        assert!(foreign_server(&scenario.server).is_none());
        scenario.server.address = Some("192.0.2.7:4433".into());
        assert!(foreign_server(&scenario.server).unwrap().contains("server.verification-code"));
    }

    #[test]
    fn the_bound_of_no_error_in_300_trials_is_about_one_percent() {
        assert!((upper_of_zero(300) - 0.0122).abs() < 1e-4);
    }
}
