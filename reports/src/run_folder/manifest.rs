//! The manifest of a run: what was run, by what, and what its artefacts digest to.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The manifest's file.
pub(crate) const FILE: &str = "manifest.json";
/// The schema that this version writes.
pub const SCHEMA: u32 = 3;
/// The schemas that this version reads.
pub const SCHEMAS_READ: [u32; 2] = [2, 3];

/// Whether a run reached its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Completion {
    /// Every handset finished.
    Complete,
    /// The run was interrupted, and holds what it had measured until then.
    Partial,
}

/// The machine that wall-clock figures belong to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system and processor architecture.
    pub platform: String,
    /// Processor model, where the system tells.
    pub processor: String,
    /// Cores that the run could use.
    pub cores: usize,
    /// The kernel's release; empty where the system does not tell.
    #[serde(default)]
    pub kernel: String,
    /// The processor's frequency governor; empty where the system does not tell, as in most virtual machines.
    #[serde(default)]
    pub governor: String,
    /// Whether the machine is a virtual one, where the system tells.
    #[serde(default)]
    pub is_virtual: bool,
}

impl Machine {
    /// Describes this machine.
    pub fn this() -> Self {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            processor: model.map_or("unknown", |(_, name)| name).to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: line_of("/proc/sys/kernel/osrelease"),
            governor: line_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            is_virtual: cpuinfo
                .lines()
                .any(|l| l.starts_with("flags") && l.split(' ').any(|flag| flag == "hypervisor")),
        }
    }

    /// Returns whether wall-clock figures of two runs come from the same kind of machine: platform, processor and cores.
    pub fn is_like(&self, other: &Self) -> bool {
        (&self.platform, &self.processor, self.cores) == (&other.platform, &other.processor, other.cores)
    }
}

fn line_of(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// The build of the program that made a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The commit of the sources; a placeholder where they had no repository.
    pub commit: String,
    /// Whether the sources differed from that commit.
    pub is_dirty: bool,
    /// The compiler's version.
    pub compiler: String,
    /// The features that were switched on, by commas.
    pub features: String,
    /// Whether it is a debug build, whose times mean nothing.
    pub is_debug: bool,
}

/// What else the machine did during a run on the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// The mean number of processes that wanted a core in the minute before the run (the load average).
    pub load_before: f64,
    /// The same number at the end of the run, whose own processes count.
    pub load_after: f64,
    /// The share of the cores' time that the hypervisor gave to others.
    pub steal_share: f64,
}

/// What the successes of an attack are measured against, as the run that made it says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AttackTerms {
    /// The limit on the share of successes; `None` for an attack that only measures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirement: Option<AttackRequirement>,
    /// Whether the derivation scheme decides on success, so that the share has a lift over the scheme's FMR.
    pub is_decided_by_scheme: bool,
}

/// A published limit on an attack's success.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttackRequirement {
    /// The standard and its clause.
    pub source: String,
    /// The greatest share of attacks that may succeed, from 0 to 1.
    pub max: f64,
}

/// What is needed to understand and to repeat a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Schema of the run folder.
    pub schema: u32,
    /// The scenario's name.
    pub scenario_name: String,
    /// The scenario with every default filled in.
    pub scenario: serde_json::Value,
    /// The seed that all simulated randomness comes from.
    pub seed: u64,
    /// `wall` or `virtual`.
    pub clock: String,
    /// Program name and version.
    pub program: String,
    /// The command that repeats the run.
    pub command: String,
    /// The build of the program.
    #[serde(default)]
    pub build: Build,
    /// The machine.
    pub machine: Machine,
    /// What else the machine did, on the wall clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<Noise>,
    /// When the run began, seconds since 1970, from the real clock; 0 where virtual time hides it.
    pub started_unix_s: u64,
    /// How long the measured part took on the run's clock. Units: microseconds.
    pub duration_us: u64,
    /// How long each phase took on the machine's own clock. Units: seconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub took_s: BTreeMap<String, f64>,
    /// Whether it reached its end.
    pub completion: Completion,
    /// Handsets that the scenario asked for.
    pub handsets: u32,
    /// Which part of the scenario it is, as `i/n`; nothing where it is the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// The threshold with which each scheme compared scores, by scheme; none for a scheme that compares for equality.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub operating_thresholds: BTreeMap<String, f64>,
    /// What each attack of the run is measured against, by the attack's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attack_terms: BTreeMap<String, AttackTerms>,
    /// Why the figures are not to be trusted; nothing for a run that is valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invalid: Vec<String>,
    /// Free notes a reader of the figures must know.
    pub notes: Vec<String>,
    /// SHA-256 of each artefact, in hexadecimal, by file name.
    pub artefacts: BTreeMap<String, String>,
    /// SHA-256 over the artefacts' names and digests: the run's digest.
    pub digest: String,
}

impl Manifest {
    /// Whether the run's times are virtual.
    pub fn is_virtual(&self) -> bool {
        self.clock == "virtual"
    }
}

#[cfg(test)]
impl Manifest {
    /// Returns the manifest of a run of one second on the wall clock.
    pub(crate) fn example() -> Self {
        Self {
            schema: SCHEMA,
            scenario_name: "test".into(),
            scenario: serde_json::json!({"handsets": 1}),
            seed: 7,
            clock: "wall".into(),
            program: "biopay 0".into(),
            command: "biopay run".into(),
            build: Build::default(),
            machine: Machine::this(),
            noise: None,
            started_unix_s: 0,
            duration_us: 1_000_000,
            took_s: BTreeMap::new(),
            completion: Completion::Complete,
            handsets: 1,
            shard: None,
            operating_thresholds: BTreeMap::new(),
            attack_terms: BTreeMap::new(),
            invalid: vec![],
            notes: vec![],
            artefacts: BTreeMap::new(),
            digest: String::new(),
        }
    }
}
