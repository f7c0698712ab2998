//! The server's settings of a scenario, and the server's figures as rows: the same on both clocks.

use crate::Error;
use crate::scenario::{PinMode, Scenario};
use biopay_reports::records::ServerFigure;
use biopay_server::config::{CodeRule, FailureLimit, Mode, Rules, StepUp, ThrottleConfig};
use serde_json::Value;

/// Returns the scenario's rules of a payment page.
pub fn rules_of(scenario: &Scenario) -> Rules {
    let code = if scenario.server.verification_code { CodeRule::On } else { CodeRule::Off };
    let (code_digits, presentation) = (scenario.server.code_digits, scenario.server.presentation);
    let step_up = if scenario.server.step_up { StepUp::On } else { StepUp::Off };
    Rules { code, code_digits, presentation, step_up, ..Rules::default() }
}

/// Returns the throttle of the scenario's server.
pub fn throttle_of(scenario: &Scenario) -> ThrottleConfig {
    let spares_familiar = scenario.server.spares_familiar;
    match scenario.server.throttling {
        // All handsets of a run share one address, and register in seconds.
        true => ThrottleConfig {
            spares_familiar,
            registrations: FailureLimit::OFF,
            prefix_registrations: FailureLimit::OFF,
            hashes_per_source: 0,
            ..ThrottleConfig::default()
        },
        false => ThrottleConfig::OFF,
    }
}

/// Returns the form in which the scenario's server stores a PIN.
pub fn server_mode(scenario: &Scenario) -> Mode {
    match scenario.server.mode {
        PinMode::Mandate => Mode::Mandate,
        PinMode::PatentLiteral => Mode::PatentLiteral,
    }
}

/// Converts a component's figures to rows.
///
/// # Errors
///
/// [`Error::InvalidRun`] if it cannot be written as JSON.
pub fn figures_of(component: &str, said: &impl serde::Serialize) -> Result<Vec<ServerFigure>, Error> {
    let value = serde_json::to_value(said).map_err(|e| Error::InvalidRun(format!("the {component}'s figures: {e}")))?;
    let mut figures = Vec::new();
    flatten(component, "", &value, &mut figures);
    Ok(figures)
}

/// Converts nested JSON numbers to rows whose names are the paths, joined by dots.
pub(crate) fn flatten(component: &str, prefix: &str, value: &Value, rows: &mut Vec<ServerFigure>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(component, &name, field, rows);
            }
        }
        Value::Number(number) => {
            let value = number.as_f64().unwrap_or(f64::NAN);
            rows.push(ServerFigure { component: component.to_owned(), name: prefix.to_owned(), value });
        }
        _ => {}
    }
}
