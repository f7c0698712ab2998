//! A user's settings of a program of their own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a program of the user's own is run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ProgramPlan {
    /// The program and its arguments; empty without one.
    pub command: Vec<String>,
    /// The longest time for one answer. Units: seconds.
    pub answer_s: f64,
    /// The most memory of one process. Units: MiB of address space.
    pub memory_mib: u64,
    /// The number of processes; 0 for one on each processor.
    pub processes: usize,
}

impl Default for ProgramPlan {
    fn default() -> Self {
        Self { command: Vec::new(), answer_s: 10.0, memory_mib: 4_096, processes: 0 }
    }
}

impl ProgramPlan {
    /// Returns whether no program is named.
    pub fn is_unset(&self) -> bool {
        self.command.is_empty()
    }
}
