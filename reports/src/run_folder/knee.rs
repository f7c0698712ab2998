//! What a search for the knee found: the highest rate of payments at which customers are still served in time.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file of a search's folder, beside its steps' run folders.
pub const FILE: &str = "knee.json";

/// How a step of the search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepEnding {
    /// Customers were served in time.
    Held,
    /// Payments took too long.
    TooSlow,
    /// Too many payments ended for want of the server.
    TooManyFailed,
    /// The load generator was the limit.
    GeneratorLimited,
}

impl StepEnding {
    /// Returns the words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::TooSlow => "too slow",
            Self::TooManyFailed => "too many failed",
            Self::GeneratorLimited => "the generator was the limit",
        }
    }
}

/// One run of the search.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// The run's folder, within that of the search.
    #[serde(default)]
    pub folder: String,
    /// The rate that was meant. Units: payments a second.
    pub offered_per_s: f64,
    /// Payments meant to start in the first quarter of the step that were charged, over that time. Units: per second.
    pub charged_per_s: f64,
    /// Median of a payment from its intended start. Units: milliseconds.
    pub p50_ms: f64,
    /// Its 99th percentile. Units: milliseconds.
    pub p99_ms: f64,
    /// Payments.
    pub payments: u64,
    /// Of them, those that ended for want of the server.
    pub failed: u64,
    /// How late the generator was at its 99th percentile. Units: milliseconds.
    pub lag_p99_ms: f64,
    /// How it ended.
    pub verdict: StepEnding,
}

/// The result of a search for the knee.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Knee {
    /// What the 99th percentile of a payment may take from its intended start. Units: milliseconds.
    #[serde(default)]
    pub objective_ms: f64,
    /// The highest rate that held; `None` where not even the first did. Units: payments a second.
    pub held_per_s: Option<f64>,
    /// The lowest that did not, and why.
    pub failed_per_s: Option<(f64, StepEnding)>,
    /// Every step, in the order in which they ran.
    pub steps: Vec<Step>,
}

impl Knee {
    /// Reads what a search left in its folder; nothing where there was none.
    pub fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let text = std::fs::read(&path).map_err(Error::file(&path))?;
        serde_json::from_slice(&text).map(Some).map_err(|source| Error::Manifest { path, source })
    }

    /// Writes it into the search's folder.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(FILE);
        let text = serde_json::to_vec_pretty(self).map_err(|source| Error::Manifest { path: path.clone(), source })?;
        std::fs::write(&path, text).map_err(Error::file(path))
    }

    /// Finds the run folder of the highest rate that held, or of the lowest rate where none did.
    pub fn run(&self, folder: &Path) -> Option<PathBuf> {
        let by_rate = |a: &&Step, b: &&Step| a.offered_per_s.total_cmp(&b.offered_per_s);
        let held = self.steps.iter().filter(|step| step.verdict == StepEnding::Held).max_by(by_rate);
        held.or(self.steps.iter().min_by(by_rate)).map(|step| folder.join(&step.folder))
    }

    /// Writes a sentence on where the knee lies.
    pub fn sentence(&self) -> String {
        match (self.held_per_s, self.failed_per_s) {
            (Some(held), Some((failed, StepEnding::GeneratorLimited))) => format!(
                "The knee lies above {held:.0} payments a second: at {failed:.0} the load generator was the limit, not the server."
            ),
            (Some(held), Some((failed, why))) => {
                format!("The knee lies between {held:.0} and {failed:.0} payments a second ({}).", why.words())
            }
            (Some(held), None) => {
                format!("The knee lies above {held:.0} payments a second: the search ended there.")
            }
            (None, _) => "Not even the lowest rate held.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(offered_per_s: f64, verdict: StepEnding) -> Step {
        Step {
            folder: format!("at-{offered_per_s}"),
            offered_per_s,
            charged_per_s: offered_per_s,
            p50_ms: 1.0,
            p99_ms: 2.0,
            payments: 10,
            failed: 0,
            lag_p99_ms: 0.1,
            verdict,
        }
    }

    #[test]
    fn the_report_is_that_of_the_highest_rate_that_held() {
        let steps = vec![step(50.0, StepEnding::Held), step(200.0, StepEnding::TooSlow), step(100.0, StepEnding::Held)];
        let knee = Knee {
            held_per_s: Some(100.0),
            failed_per_s: Some((200.0, StepEnding::TooSlow)),
            steps,
            objective_ms: 5.0,
        };
        let folder = tempfile::tempdir().unwrap();
        assert!(Knee::read(folder.path()).unwrap().is_none());
        knee.write(folder.path()).unwrap();
        let read = Knee::read(folder.path()).unwrap().unwrap();
        assert_eq!(read.run(folder.path()), Some(folder.path().join("at-100")));
        assert_eq!(read.sentence(), "The knee lies between 100 and 200 payments a second (too slow).");
        let hopeless =
            Knee { steps: vec![step(50.0, StepEnding::TooSlow), step(25.0, StepEnding::TooSlow)], ..Knee::default() };
        assert_eq!(hopeless.run(Path::new("k")), Some(PathBuf::from("k/at-25")));
    }
}
