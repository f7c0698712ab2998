//! `summary.json`: the figures of a run as one flat list, with the verdicts, under a published schema.

use super::threshold::{Threshold, Verdict, Verdicts, judge};
use crate::error::Error;
use crate::figures::metric::{Metric, metrics};
use crate::run_folder::RunReader;
use crate::run_folder::manifest::{Completion, Manifest};
use crate::summary::Summary;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of `summary.json` that this program writes.
pub(crate) const VERSION: u32 = 1;

/// The contents of `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// Version of this document's schema.
    pub version: u32,
    /// Which run it is.
    pub run: RunIdentity,
    /// The worst verdict; null without thresholds.
    pub verdict: Option<Verdict>,
    /// What each threshold came to.
    pub thresholds: Verdicts,
    /// Every figure of the run.
    pub figures: Vec<Metric>,
}

/// What tells a run from others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunIdentity {
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// `wall` or `virtual`.
    pub clock: String,
    /// The program and its version.
    pub program: String,
    /// The command that repeats it.
    pub command: String,
    /// Handsets that the scenario asked for.
    pub handsets: u32,
    /// How long the measured part took on the run's clock, in microseconds.
    pub duration_us: u64,
    /// Whether it reached its end.
    pub complete: bool,
    /// SHA-256 over the run's artefacts.
    pub digest: String,
}

impl Document {
    /// Gathers the figures of a run and judges its thresholds.
    ///
    /// # Errors
    /// [`Error::Threshold`] when a threshold of the manifest's scenario cannot be read.
    pub fn new(summary: &Summary) -> Result<Self, Error> {
        let figures = metrics(summary);
        let thresholds = judged(&summary.manifest, &figures)?;
        Ok(Self {
            version: VERSION,
            run: RunIdentity::of(&summary.manifest),
            verdict: thresholds.overall(),
            thresholds,
            figures,
        })
    }

    /// Reads a run folder and gathers its figures.
    pub fn read(run: &RunReader) -> Result<Self, Error> {
        Self::new(&Summary::read(run)?.0)
    }
}

impl RunIdentity {
    fn of(manifest: &Manifest) -> Self {
        Self {
            scenario: manifest.scenario_name.clone(),
            seed: manifest.seed,
            clock: manifest.clock.clone(),
            program: manifest.program.clone(),
            command: manifest.command.clone(),
            handsets: manifest.handsets,
            duration_us: manifest.duration_us,
            complete: manifest.completion == Completion::Complete && manifest.shard.is_none(),
            digest: manifest.digest.clone(),
        }
    }
}

/// Returns the JSON Schema (2020-12) of `summary.json`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}

/// Judges the thresholds that the run's scenario names.
pub(crate) fn judged(manifest: &Manifest, figures: &[Metric]) -> Result<Verdicts, Error> {
    let texts = manifest.scenario["thresholds"].as_array().into_iter().flatten().filter_map(|text| text.as_str());
    let mut thresholds: Vec<Threshold> = texts.map(str::parse).collect::<Result<_, _>>()?;
    thresholds.retain(|threshold| !threshold.is_about_hunt());
    let is_whole = manifest.completion == Completion::Complete && manifest.shard.is_none();
    Ok(judge(&thresholds, figures, is_whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published file is what the program prints: write it again with `biopay report --print-schema`.
    #[test]
    fn the_published_schema_is_this_one() {
        let published: serde_json::Value = serde_json::from_str(include_str!("../../doc/summary.schema.json")).unwrap();
        assert_eq!(published, schema());
    }

    #[test]
    fn the_schema_describes_every_key() {
        let schema = schema();
        for key in ["version", "run", "verdict", "thresholds", "figures"] {
            assert!(schema["properties"][key].is_object(), "{key}");
        }
        assert!(schema["$defs"]["Metric"]["properties"]["upper95"].is_object());
        assert!(schema["$defs"]["RunIdentity"]["required"].as_array().unwrap().len() >= 9);
    }
}
