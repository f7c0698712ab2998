//! The bounds of every number of a scenario: beyond them a value means nothing, or a run takes all memory or never ends.
//! The check and the exported schema both come from this table.

use super::definition::{HANDSETS_MAX, Scenario};
use super::service::ServiceModel;
use serde_json::{Value, json};

/// The bounds of one number.
pub(super) struct Bound {
    /// Its key, with the sections before it.
    pub(super) key: &'static str,
    value: fn(&Scenario) -> f64,
    least: Least,
    max: f64,
}

/// The least value of a number.
enum Least {
    /// The number may be this.
    From(f64),
    /// The number must be above 0.
    AboveZero,
}

impl Bound {
    /// Checks a scenario's number.
    fn check(&self, scenario: &Scenario) -> Result<(), String> {
        let (key, value, max) = (self.key, (self.value)(scenario), self.max);
        match self.least {
            Least::From(min) if !(min..=max).contains(&value) => {
                Err(format!("{key} = {} must lie from {} to {}", short(value), short(min), short(max)))
            }
            Least::AboveZero if !(value > 0.0 && value <= max) => {
                Err(format!("{key} = {} must be above 0 and at most {}", short(value), short(max)))
            }
            Least::From(_) | Least::AboveZero => Ok(()),
        }
    }

    /// Writes the bounds into the schema of the key.
    fn write(&self, node: &mut Value) {
        match self.least {
            Least::From(min) => {
                node["minimum"] = number(min);
            }
            Least::AboveZero => {
                node["exclusiveMinimum"] = json!(0);
                if let Some(fields) = node.as_object_mut() {
                    fields.remove("minimum");
                }
            }
        }
        node["maximum"] = number(self.max);
    }
}

/// Writes a number as people do, with a power of ten where it is very large or small.
fn short(value: f64) -> String {
    let is_usual = value == 0.0 || (1e-6..1e10).contains(&value.abs());
    if is_usual { value.to_string() } else { format!("{value:e}") }
}

/// Writes whole numbers without a fraction, as schemas of integers have them.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 { json!(value as i64) } else { json!(value) }
}

const fn from(key: &'static str, min: f64, max: f64, value: fn(&Scenario) -> f64) -> Bound {
    Bound { key, value, least: Least::From(min), max }
}

const fn above_zero(key: &'static str, max: f64, value: fn(&Scenario) -> f64) -> Bound {
    Bound { key, value, least: Least::AboveZero, max }
}

/// A relative weight.
pub(super) const WEIGHT_MAX: f64 = 1e9;
/// A time between events: some 30 years. Units: seconds.
pub(crate) const TIME_MAX_S: f64 = 1e9;
/// The year 2100. Units: seconds since 1970.
const UNIX_MAX_S: f64 = 4.2e9;
/// One day. Units: milliseconds.
const DAY_MS: f64 = 86_400_000.0;

/// The bounds, section by section.
const BOUNDS: [Bound; 37] = [
    from("handsets", 2.0, HANDSETS_MAX as f64, |s| s.handsets.into()),
    from("biometric.quality", 0.0, 1.0, |s| s.biometric.quality),
    from("biometric.ageing-per-year", 0.0, 1.0, |s| s.biometric.ageing_per_year),
    from("biometric.enrolment-captures", 1.0, 100.0, |s| s.biometric.enrolment_captures.into()),
    from("biometric.enrolment-attempts", 1.0, 1_000.0, |s| s.biometric.enrolment_attempts.into()),
    from("schemes.symbol-looks", 0.0, 100_000.0, |s| s.schemes.symbol_looks.into()),
    from("payments.per-handset", 0.0, 1_000_000.0, |s| s.payments.per_handset.into()),
    from("payments.stored", 0.0, WEIGHT_MAX, |s| s.payments.stored),
    from("payments.recapture", 0.0, WEIGHT_MAX, |s| s.payments.recapture),
    from("payments.second-device", 0.0, WEIGHT_MAX, |s| s.payments.second_device),
    from("impostors.share", 0.0, 1.0, |s| s.impostors.share),
    from("impostors.victims", 1.0, 1_000.0, |s| s.impostors.victims.into()),
    from("arrivals.registrations-per-s", 1.0 / TIME_MAX_S, 1e6, |s| s.arrivals.registrations_per_s),
    from("arrivals.payments-from-s", 0.0, TIME_MAX_S, |s| s.arrivals.payments_from_s),
    above_zero("arrivals.payment-gap-s", TIME_MAX_S, |s| s.arrivals.payment_gap_s),
    from("arrivals.begin-unix-s", 0.0, UNIX_MAX_S, |s| s.arrivals.begin_unix_s as f64),
    from("users.two-step-registration", 0.0, 1.0, |s| s.users.two_step_registration),
    from("users.wrong-password", 0.0, 1.0, |s| s.users.wrong_password),
    from("users.wrong-code", 0.0, 1.0, |s| s.users.wrong_code),
    from("users.abandon", 0.0, 1.0, |s| s.users.abandon),
    from("users.retry", 0.0, 1.0, |s| s.users.retry),
    from("users.too-little-money", 0.0, 1.0, |s| s.users.too_little_money),
    from("users.think-ms", 0.0, DAY_MS, |s| s.users.think_ms as f64),
    from("users.code-entry-ms", 0.0, DAY_MS, |s| s.users.code_entry_ms as f64),
    from("connections.sockets", 0.0, 60_000.0, |s| s.connections.sockets as f64),
    above_zero("generator.lag-limit-ms", DAY_MS, |s| s.generator.lag_limit_ms),
    above_zero("generator.busy-limit", 1_000.0, |s| s.generator.busy_limit),
    from("network.initial-rtt-ms", 1.0, 60_000.0, |s| s.network.initial_rtt_ms as f64),
    from("server.hash-threads", 1.0, 1_024.0, |s| s.server.hash_threads as f64),
    // Argon2 needs eight blocks a lane.
    from("server.hash-memory-kib", 8.0, 4_194_304.0, |s| s.server.hash_memory_kib.into()),
    from("server.code-digits", 1.0, 9.0, |s| s.server.code_digits.into()),
    from("server.attack-requests-per-s", 0.1, 1_000.0, |s| s.server.attack_requests_per_s),
    from("server.attack-seconds", 1.0, 86_400.0, |s| s.server.attack_seconds),
    from("server.service.cores", 1.0, 1_024.0, |s| s.server.service.cores as f64),
    from("comparisons.subjects", 0.0, 100_000.0, |s| s.comparisons.subjects.into()),
    above_zero("the sum of payments.stored, recapture and second-device", f64::MAX, |s| s.payments.weight()),
    above_zero("the number of schemes.use", 100.0, |s| s.schemes.r#use.len() as f64),
];

/// The greatest cost of work in virtual time. Units: microseconds.
const COST_MAX_US: f64 = 1e9;

/// Checks every number; the error names the first one that is out of bounds.
pub(super) fn check(scenario: &Scenario) -> Result<(), String> {
    BOUNDS.iter().try_for_each(|bound| bound.check(scenario))?;
    let costs = scenario.server.service.costs();
    match costs.iter().find(|(_, us)| !(0.0..=COST_MAX_US).contains(us)) {
        Some((key, us)) => Err(format!("server.service.{key} = {us} must lie from 0 to {COST_MAX_US}")),
        None => Ok(()),
    }
}

/// Writes the bounds into a scenario's schema.
pub(super) fn write(schema: &mut Value) {
    for bound in &BOUNDS {
        if let Some(node) = node_of(schema, bound.key) {
            bound.write(node);
        }
    }
    for (key, _) in ServiceModel::default().costs() {
        if let Some(node) = node_of(schema, &format!("server.service.{key}")) {
            from("", 0.0, COST_MAX_US, |_| 0.0).write(node);
        }
    }
}

/// Finds the schema of a key, section by section; `None` for what is no key.
pub(super) fn node_of<'a>(schema: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    let mut path = String::new();
    for part in key.split('.') {
        path.push_str("/properties/");
        path.push_str(part);
        let node = schema.pointer(&path)?;
        if let Some(definition) = node["$ref"].as_str() {
            path = definition.trim_start_matches('#').to_owned();
        }
    }
    schema.pointer_mut(&path)
}
