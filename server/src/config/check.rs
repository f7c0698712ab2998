//! Values that no server can work with, refused by name before anything is opened.

use super::{FailureLimit, ServerConfig};
use crate::error::Error;

/// The longest time that anything is waited for, in milliseconds: a day.
const MS_MAX: u64 = 86_400_000;

/// Ten years.
const BURST_MS_MAX: u64 = 10 * 365 * MS_MAX;

impl ServerConfig {
    /// Checks every value that can be wrong by itself.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with the first key whose value is outside its range, and the range.
    pub fn check(&self) -> Result<(), Error> {
        self.check_numbers()?;
        self.check_limits()?;
        self.check_texts()?;
        if !self.password.cost.is_valid() {
            return Err(Error::Config(
                "password.cost is outside what is allowed: 4 GiB, 64 passes, 64 lanes at most".into(),
            ));
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), Error> {
        let Self { rules, bank, limits, images, password, throttle, operations, .. } = self;
        let ms = |value: u32| (u64::from(value), 1, MS_MAX);
        for (key, (value, least, most)) in [
            ("rules.qr-tries", (rules.qr_tries.into(), 1, 100)),
            ("rules.code-tries", (rules.code_tries.into(), 1, 100)),
            ("rules.code-digits", (rules.code_digits.into(), 1, 9)),
            ("rules.code-valid-ms", ms(rules.code_valid_ms)),
            ("rules.page-valid-ms", ms(rules.page_valid_ms)),
            ("rules.login-valid-ms", ms(rules.login_valid_ms)),
            ("rules.step-up-valid-ms", ms(rules.step_up_valid_ms)),
            ("rules.code-resends", (rules.code_resends.into(), 0, 100)),
            ("bank.timeout-ms", ms(bank.timeout_ms)),
            ("bank.heartbeat-ms", ms(bank.heartbeat_ms)),
            ("throttle.hashes-per-source", (throttle.hashes_per_source.into(), 0, 1_000_000)),
            ("limits.retry-above", (limits.retry_above as u64, 0, 10_000_000)),
            ("limits.connections-per-source", (limits.connections_per_source.into(), 0, 10_000_000)),
            ("limits.connections", (limits.connections as u64, 1, 10_000_000)),
            ("limits.handshake-ms", ms(limits.handshake_ms)),
            ("limits.streams", (limits.streams.into(), 1, 1_000)),
            ("limits.idle-ms", ms(limits.idle_ms)),
            ("limits.message-ms", ms(limits.message_ms)),
            ("limits.drain-ms", ms(limits.drain_ms)),
            ("operations.traced-percent", (operations.traced_percent.into(), 0, 100)),
            ("images.processes", (images.processes as u64, 1, 1_000)),
            ("images.queue", (images.queue as u64, 0, 1_000_000)),
            ("images.deadline-ms", ms(images.deadline_ms)),
            ("images.memory-bytes", (images.memory_bytes, 32 * 1024 * 1024, 64 * 1024 * 1024 * 1024)),
            ("password.threads", (password.threads as u64, 0, 1_024)),
            ("password.queue", (password.queue as u64, 1, 1_000_000)),
        ] {
            if !(least..=most).contains(&value) {
                return Err(Error::Config(format!("{key} is {value}: use {least} to {most}")));
            }
        }
        Ok(())
    }

    fn check_texts(&self) -> Result<(), Error> {
        let wrong = |text: &str| Err(Error::Config(text.to_owned()));
        let institution = &self.bank.institution;
        if !(1..=11).contains(&institution.len()) || !institution.bytes().all(|byte| byte.is_ascii_digit()) {
            return wrong("bank.institution needs 1 to 11 digits");
        }
        if self.store_redo.is_some() && !self.store.starts_with("sqlite:") {
            return wrong("store-redo is for a SQLite store alone");
        }
        if self.bank.second_address == Some(self.bank.address) {
            return wrong("bank.second-address is bank.address: name another one");
        }
        if self.keys.peppers.iter().any(|pepper| pepper.id == 0) {
            return wrong("keys.peppers has number 0, which is keys.pepper: use numbers from 1");
        }
        if self.keys.pepper.iter().chain(self.keys.peppers.iter().map(|key| &key.pepper)).any(String::is_empty) {
            return wrong("a pepper is empty");
        }
        if self.operations.traces.as_ref().is_some_and(|address| !address.starts_with("http://")) {
            return wrong("operations.traces needs http://HOST:PORT of a collector on this machine");
        }
        if self.tls.certificate.is_some() != self.tls.key.is_some() {
            return wrong("tls needs both a certificate and a key");
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), Error> {
        for (key, FailureLimit { burst, refill_ms }) in self.throttle.named() {
            if burst > 0 && !(1..=MS_MAX).contains(&u64::from(refill_ms)) {
                return Err(Error::Config(format!(
                    "throttle.{key}.refill-ms is {refill_ms}: use 1 to {MS_MAX}, or a burst of 0 for no limit"
                )));
            }
            // Beyond that, a full limit is forgiven after years, and its arithmetic would end.
            if u64::from(burst) * u64::from(refill_ms) > BURST_MS_MAX {
                return Err(Error::Config(format!("throttle.{key} takes more than ten years to be forgiven")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_allowed_and_zeros_are_refused_by_name() {
        ServerConfig::default().check().unwrap();
        for (text, key) in [
            ("[rules]\nqr-tries = 0", "rules.qr-tries"),
            ("[rules]\ncode-digits = 10", "rules.code-digits"),
            ("[limits]\nstreams = 0", "limits.streams"),
            ("[limits]\nidle-ms = 4000000000", "limits.idle-ms"),
            ("[bank]\ntimeout-ms = 0", "bank.timeout-ms"),
            ("[bank]\nheartbeat-ms = 0", "bank.heartbeat-ms"),
            ("[bank]\ninstitution = \"bank\"", "bank.institution"),
            ("[bank]\nsecond-address = \"127.0.0.1:4434\"", "bank.second-address"),
            ("[keys]\npepper = \"\"", "pepper is empty"),
            ("[keys]\npeppers = [{ id = 0, pepper = \"x\" }]", "keys.peppers has number 0"),
            ("[tls]\ncertificate = \"server.pem\"", "both a certificate and a key"),
            ("[throttle]\ncode = { burst = 4000000000, refill-ms = 86400000 }", "throttle.code takes more"),
            ("[images]\nmemory-bytes = 1", "images.memory-bytes"),
            ("[throttle]\nlogin = { burst = 3, refill-ms = 0 }", "throttle.login.refill-ms"),
            ("[password.cost]\nmemory-kib = 0", "password.cost"),
        ] {
            let config: ServerConfig = toml::from_str(text).unwrap();
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(key), "{text}: {error}");
        }
    }
}
