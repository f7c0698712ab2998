//! A scheme of the user's own: its settings, and the place where the program that answers for it is put.
//!
//! This crate starts no programs. Whoever reads a configuration puts an implementation of [`Scheme`] in, and the scheme
//! is then built like any other.

use super::id::SchemeId;
use super::interface::Scheme;
use super::parameters::Parameters;
use super::parts::{ComparisonDecision, DeviceToken, Enrolment, HelperData, ServerRecord};
use super::payload::QrPayload;
use crate::{Error, Template};
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How the user's own scheme is run.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct OwnParameters {
    /// The program and its arguments; empty without one.
    pub command: Vec<String>,
    /// The longest time for one answer. Units: seconds.
    pub answer_s: f64,
    /// The most memory of one process. Units: MiB of address space.
    pub memory_mib: u64,
    /// The number of processes; 0 for one on each processor.
    pub processes: usize,
    #[serde(skip)]
    program: Option<Arc<dyn Scheme>>,
}

impl Default for OwnParameters {
    fn default() -> Self {
        Self { command: Vec::new(), answer_s: 10.0, memory_mib: 4_096, processes: 0, program: None }
    }
}

impl OwnParameters {
    /// Returns whether there is no own scheme.
    pub fn is_unset(&self) -> bool {
        self.command.is_empty()
    }

    /// Takes what answers for the scheme.
    pub fn put(&mut self, program: Arc<dyn Scheme>) {
        self.program = Some(program);
    }

    /// Returns whether there is something that answers.
    pub fn is_put(&self) -> bool {
        self.program.is_some()
    }
}

/// Settings are equal when they say the same, whatever answers.
impl PartialEq for OwnParameters {
    fn eq(&self, other: &Self) -> bool {
        let said = |own: &Self| (own.command.clone(), own.answer_s.to_bits(), own.memory_mib, own.processes);
        said(self) == said(other)
    }
}

impl std::fmt::Debug for OwnParameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnParameters").field("command", &self.command).field("is_put", &self.is_put()).finish()
    }
}

impl Parameters for OwnParameters {
    fn build(&self) -> Result<Arc<dyn Scheme>, Error> {
        let why = "names no program: set own.command in the parameters, as in command = [\"python3\", \"mine.py\"]";
        self.program.clone().ok_or(Error::Parameter { name: "own", why })
    }
}

/// The own scheme of a registry without one.
pub(super) struct Absent;

const NO_PROGRAM: &str = "there is no own scheme here: set own.command in the parameters";

impl Scheme for Absent {
    fn id(&self) -> SchemeId {
        SchemeId::Own
    }

    fn enrol(&self, _: &[Template], _: Option<&DeviceToken>, _: &mut dyn Rng) -> Result<Enrolment, Error> {
        Err(Error::FailureToEnrol(NO_PROGRAM))
    }

    fn derive(&self, _: &Template, _: &HelperData, _: Option<&DeviceToken>) -> Result<QrPayload, Error> {
        Err(Error::FailedToDerive)
    }

    fn record(&self, _: &QrPayload) -> Result<ServerRecord, Error> {
        Err(Error::Malformed { what: "payload", why: NO_PROGRAM })
    }

    fn verify(&self, _: &ServerRecord, _: &QrPayload) -> ComparisonDecision {
        ComparisonDecision::REJECTED
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::{Registry, SchemeParameters};

    #[test]
    fn without_a_program_nothing_is_accepted_and_a_configuration_says_so() {
        let registry = Registry::new(&SchemeParameters::default()).unwrap();
        let scheme = registry.scheme(SchemeId::Own);
        let payload = QrPayload { scheme: SchemeId::Own, body: vec![1] };
        assert!(scheme.record(&payload).is_err());
        assert!(!scheme.verify(&ServerRecord(vec![1]), &payload).accepted);
        let own = OwnParameters { command: vec!["mine".into()], ..OwnParameters::default() };
        let error = Registry::new(&SchemeParameters { own, ..SchemeParameters::default() }).err().unwrap();
        assert!(error.to_string().contains("own.command"), "{error}");
    }
}
