//! The plan of a sweep: its file, and the runs that it asks for.

use crate::Error;
use crate::scenario::{ClockKind, Scenario, check_figure};
use biopay_reports::RunReader;
use biopay_reports::manifest::Completion;
use biopay_reports::sweep::Setting;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The greatest number of runs of one sweep.
const POINTS_MAX: usize = 100_000;

/// A sweep's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SweepFile {
    /// A scenario file, relative to the working folder, or the name of a built-in scenario.
    scenario: String,
    /// The seed of the first replication; further replications have the following seeds.
    seed: Option<u64>,
    /// The number of runs of each point, with different seeds.
    #[serde(default = "one")]
    replications: u64,
    /// The figures that are drawn.
    #[serde(default)]
    figures: Vec<String>,
    /// Keys with one value for all points.
    #[serde(default)]
    set: toml::Table,
    /// Keys with the values that they take: every combination is a point.
    grid: toml::Table,
}

fn one() -> u64 {
    1
}

/// A range of numbers, as an alternative to a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Range {
    from: f64,
    to: f64,
    /// The number of values, both ends included.
    steps: usize,
    /// Whether the values form a geometric instead of an arithmetic sequence.
    #[serde(default)]
    geometric: bool,
}

/// Everything that a sweep runs.
pub struct SweepPlan {
    /// The sweep's name.
    pub name: String,
    /// The swept keys in the page's order: those with numbers first, then by name.
    pub keys: Vec<String>,
    /// The figures that are drawn.
    pub figures: Vec<String>,
    /// The runs.
    pub points: Vec<Planned>,
    /// The clock of all of them.
    pub clock: ClockKind,
}

/// One run of a sweep.
pub struct Planned {
    /// The name of its run folder.
    pub name: String,
    /// The values of the swept keys.
    pub settings: Vec<Setting>,
    /// The scenario, with its seed.
    pub scenario: Scenario,
}

impl SweepPlan {
    /// Reads a sweep's file and computes its points.
    ///
    /// # Errors
    ///
    /// [`Error::Scenario`] with the wrong key and what is allowed; [`Error::File`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
        let name = path.file_stem().map_or("sweep".to_owned(), |stem| stem.to_string_lossy().into_owned());
        Self::parse(&text, &path.display().to_string(), name)
    }

    fn parse(text: &str, origin: &str, name: String) -> Result<Self, Error> {
        let invalid = |message: String| Error::Scenario { origin: origin.to_owned(), message };
        let file: SweepFile = toml::from_str(text).map_err(|e| invalid(e.to_string()))?;
        let mut axes = Vec::new();
        flatten("", &file.grid, &mut |key, value| {
            axes.push((key.clone(), values(value).map_err(|why| invalid(format!("grid.{key}: {why}")))?));
            Ok(())
        })?;
        // Numbers make the better horizontal axis.
        axes.sort_by_key(|(_, values)| !values.iter().all(|v| v.is_integer() || v.is_float()));
        let mut fixed = Vec::new();
        flatten("", &file.set, &mut |key, value| {
            fixed.push(format!("{key}={value}"));
            Ok(())
        })?;
        let combinations = axes.iter().map(|(_, values)| values.len()).product::<usize>();
        if axes.is_empty()
            || file.replications == 0
            || combinations.saturating_mul(file.replications as usize) > POINTS_MAX
        {
            let bound = format!(
                "the grid needs at least one key, replications must be at least 1, and there may be at most {POINTS_MAX} runs"
            );
            return Err(invalid(bound));
        }
        let mut points = Vec::new();
        for combination in 0..combinations {
            let chosen = chosen(&axes, combination);
            let settings = fixed.iter().cloned().chain(chosen.iter().map(|(key, v)| format!("{key}={v}")));
            let scenario = Scenario::load(&file.scenario, &settings.collect::<Vec<_>>())?;
            let first = file.seed.unwrap_or(scenario.seed);
            for replication in 0..file.replications {
                let scenario = Scenario { seed: first.wrapping_add(replication), ..scenario.clone() };
                let settings = chosen.iter().map(|(_, value)| setting(value)).collect();
                points.push(Planned { name: format!("{:05}", points.len()), settings, scenario });
            }
        }
        let (clock, figures) = (points[0].scenario.clock, figures(file.figures));
        figures.iter().try_for_each(|name| check_figure(&points[0].scenario, name)).map_err(invalid)?;
        let keys = axes.into_iter().map(|(key, _)| key).collect();
        Ok(Self { name, keys, figures, points, clock })
    }
}

impl Planned {
    /// Returns its run folder below the folder of all points.
    pub fn run_folder(&self, points: &Path) -> PathBuf {
        points.join(&self.name)
    }

    /// Returns whether the run exists: this scenario with this seed, run to its end by this program.
    pub fn is_finished(&self, points: &Path) -> bool {
        let Ok(run) = RunReader::open(&self.run_folder(points)) else { return false };
        let manifest = run.manifest();
        let scenario = serde_json::to_value(&self.scenario).ok().map(read_back);
        manifest.completion == Completion::Complete
            && Some(&manifest.scenario) == scenario.as_ref()
            && manifest.program == crate::provenance::PROGRAM
    }
}

/// Returns a value as a reader finds it in a file: not every number is read back to its last bit.
fn read_back(value: serde_json::Value) -> serde_json::Value {
    serde_json::from_str(&value.to_string()).unwrap_or(value)
}

/// Calls `f` with every key of a table, those of inner tables with dots, and its value. A table with a key `from` is a
/// range.
#[expect(clippy::wildcard_enum_match_arm, reason = "the type is another crate's")]
fn flatten(
    prefix: &str,
    table: &toml::Table,
    f: &mut impl FnMut(String, &toml::Value) -> Result<(), Error>,
) -> Result<(), Error> {
    for (key, value) in table {
        let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::Table(inner) if !inner.contains_key("from") => flatten(&key, inner, f)?,
            _ => f(key, value)?,
        }
    }
    Ok(())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the type is another crate's")]
fn values(value: &toml::Value) -> Result<Vec<toml::Value>, String> {
    match value {
        toml::Value::Array(values) if !values.is_empty() => Ok(values.clone()),
        toml::Value::Table(_) => {
            let range: Range = value.clone().try_into().map_err(|e: toml::de::Error| e.to_string())?;
            range.values()
        }
        _ => Err("use a list of values, or { from = 0, to = 10, steps = 6 }".into()),
    }
}

impl Range {
    fn values(&self) -> Result<Vec<toml::Value>, String> {
        let is_usable = self.from.is_finite() && self.to.is_finite() && (2..=POINTS_MAX).contains(&self.steps);
        if !is_usable || (self.geometric && (self.from <= 0.0 || self.to <= 0.0)) {
            return Err("a range needs finite ends and at least 2 steps; a geometric one also ends above 0".into());
        }
        let share = |i: usize| i as f64 / (self.steps - 1) as f64;
        let at = |i: usize| match self.geometric {
            true => self.from * libm::pow(self.to / self.from, share(i)),
            false => self.from + (self.to - self.from) * share(i),
        };
        // Digits that only rounding made would make names that nobody asked for.
        let rounded = |v: f64| format!("{v:.9}").parse::<f64>().unwrap_or(v);
        let is_whole = (0..self.steps).all(|i| rounded(at(i)).fract() == 0.0);
        let value = |v: f64| if is_whole { toml::Value::Integer(v as i64) } else { toml::Value::Float(v) };
        Ok((0..self.steps).map(|i| value(rounded(at(i)))).collect())
    }
}

/// Returns the values of one combination; the last key changes fastest.
fn chosen(axes: &[(String, Vec<toml::Value>)], mut combination: usize) -> Vec<(String, toml::Value)> {
    let mut out = Vec::new();
    for (key, values) in axes.iter().rev() {
        out.push((key.clone(), values[combination % values.len()].clone()));
        combination /= values.len();
    }
    out.reverse();
    out
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the type is another crate's")]
fn setting(value: &toml::Value) -> Setting {
    match value {
        toml::Value::Integer(number) => Setting::Number(*number as f64),
        toml::Value::Float(number) => Setting::Number(*number),
        toml::Value::String(text) => Setting::Text(text.clone()),
        toml::Value::Array(items) => {
            Setting::Text(items.iter().map(|item| setting(item).to_string()).collect::<Vec<_>>().join("+"))
        }
        other => Setting::Text(other.to_string()),
    }
}

/// Returns the figures to draw: an empty list means the defaults.
fn figures(named: Vec<String>) -> Vec<String> {
    named.into_iter().map(|name| name.trim().to_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SWEEP: &str = "scenario = \"ageing\"\nseed = 5\nreplications = 2\n[set]\nhandsets = 4\n[grid]\n\
        biometric.quality = { from = 0.2, to = 0.8, steps = 3 }\nbiometric.device = [\"optical\", \"sweep\"]\n";

    fn parse(text: &str) -> Result<SweepPlan, Error> {
        SweepPlan::parse(text, "sweep.toml", "sweep".into())
    }

    #[test]
    fn every_combination_is_run_with_every_seed() {
        let plan = parse(SWEEP).unwrap();
        assert_eq!((plan.points.len(), plan.keys.len()), (12, 2));
        let seeds: Vec<u64> = plan.points.iter().map(|p| p.scenario.seed).collect();
        assert_eq!(seeds[..4], [5, 6, 5, 6]);
        let mut combinations: Vec<(String, u32)> = plan
            .points
            .iter()
            .map(|p| (p.scenario.biometric.device.clone(), (p.scenario.biometric.quality * 10.0).round() as u32))
            .collect();
        combinations.sort();
        combinations.dedup();
        assert_eq!(combinations.len(), 6);
        assert!(plan.points.iter().all(|p| p.scenario.handsets == 4));
    }

    #[test]
    fn ranges_have_both_ends_and_no_rounding_dust() {
        let range = |geometric, from, to, steps| Range { from, to, steps, geometric }.values().unwrap();
        let texts = |values: Vec<toml::Value>| values.iter().map(toml::Value::to_string).collect::<Vec<_>>();
        assert_eq!(texts(range(false, 0.1, 0.4, 4)), ["0.1", "0.2", "0.3", "0.4"]);
        assert_eq!(texts(range(true, 1.0, 100.0, 3)), ["1", "10", "100"]);
        assert!(Range { from: 0.0, to: 1.0, steps: 3, geometric: true }.values().is_err());
    }

    #[test]
    fn mistakes_are_named() {
        for (text, words) in [
            ("scenario = \"ageing\"\n[grid]\n", "at least one key"),
            ("scenario = \"ageing\"\n[grid]\nhandsets = 5\n", "list of values"),
            ("scenario = \"ageing\"\n[grid]\nhandset = [5]\n", "did you mean \"handsets\""),
            ("scenario = \"ageing\"\n[grid]\nhandsets = { from = 1, to = 2, steps = 1 }\n", "2 steps"),
            ("scenario = \"ageing\"\nrepetitions = 3\n[grid]\nhandsets = [5]\n", "replications"),
        ] {
            let error = parse(text).map(drop).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
