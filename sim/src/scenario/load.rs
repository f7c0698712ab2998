//! The loading of a scenario: its file, the files laid over it, the settings of the command line, and the check.

use super::built_in::BUILT_IN;
use super::check::check;
use super::definition::Scenario;
use super::lint::{warnings, without_effect};
use super::suggestion;
use crate::Error;
use biopay_server::own_scheme::put_program;
use std::path::{Path, PathBuf};

impl Scenario {
    /// Loads a scenario by the path of its file or the name of a built-in one, with `KEY=VALUE` settings on top.
    ///
    /// # Errors
    ///
    /// [`Error::Scenario`], which says what is allowed, and [`Error::File`].
    pub fn load(name_or_path: &str, settings: &[String]) -> Result<Self, Error> {
        Self::load_with(name_or_path, &[], settings)
    }

    /// Loads a scenario with the sections of other files laid over it, in order, and `KEY=VALUE` settings on top.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load).
    pub fn load_with(name_or_path: &str, overlays: &[PathBuf], settings: &[String]) -> Result<Self, Error> {
        let text = match BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            Some((_, text)) => (*text).to_owned(),
            None => read_file(name_or_path)?,
        };
        let parse = |text: String, origin: &str| {
            let invalid = |message: String| Error::Scenario { origin: origin.to_owned(), message };
            text.parse::<toml::Table>().map_err(|e| invalid(e.to_string()))
        };
        let mut table = parse(text, name_or_path)?;
        for path in overlays {
            let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
            lay_over(&mut table, parse(text, &path.display().to_string())?);
        }
        Self::from_table(table, name_or_path, settings)
    }

    /// Reads a scenario from a table, with `KEY=VALUE` settings on top.
    ///
    /// # Errors
    ///
    /// [`Error::Scenario`], which says what is allowed.
    pub fn from_table(mut table: toml::Table, origin: &str, settings: &[String]) -> Result<Self, Error> {
        let invalid = |message: String| Error::Scenario { origin: origin.to_owned(), message };
        for setting in settings {
            set(&mut table, setting)?;
        }
        let mut scenario: Self =
            table.try_into().map_err(|e: toml::de::Error| invalid(suggestion::in_words(&e.to_string())))?;
        scenario.begin().map_err(invalid)?;
        Ok(scenario)
    }

    /// Starts the program of an own scheme and checks the values; the error says what is wrong and what is allowed.
    pub fn begin(&mut self) -> Result<(), String> {
        put_program(&mut self.schemes.parameters.own).map_err(|why| format!("schemes.parameters.{why}"))?;
        self.check()
    }

    /// Lists what is allowed in this scenario but probably not meant.
    pub fn warnings(&self) -> Vec<String> {
        warnings(self)
    }

    /// Lists the settings that have no effect in this scenario.
    pub fn without_effect(&self) -> Vec<String> {
        without_effect(self)
    }

    /// Checks the values; the error says what is wrong and what is allowed.
    pub fn check(&self) -> Result<(), String> {
        check(self)
    }
}

/// Overrides the keys of `table` with those of `over`, section by section.
#[expect(clippy::wildcard_enum_match_arm, reason = "the type is another crate's")]
fn lay_over(table: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match value {
            toml::Value::Table(above) if table.get(&key).is_some_and(toml::Value::is_table) => {
                table
                    .get_mut(&key)
                    .and_then(toml::Value::as_table_mut)
                    .into_iter()
                    .for_each(|t| lay_over(t, above.clone()));
            }
            value => drop(table.insert(key, value)),
        }
    }
}

fn read_file(path: &str) -> Result<String, Error> {
    if !Path::new(path).exists() {
        let names: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        let meant = suggestion::nearest(path, names.iter().copied());
        let meant = meant.map_or_else(String::new, |name| format!("; did you mean {name:?}?"));
        let message = format!("neither a file nor a built-in scenario{meant} (built in: {})", names.join(", "));
        return Err(Error::Scenario { origin: path.to_owned(), message });
    }
    std::fs::read_to_string(path).map_err(Error::file(path))
}

/// Sets one key of the scenario: `biometric.quality=0.9`, `network.mobility.0.share=0.2`. A value that is not TOML is
/// taken as a string.
fn set(table: &mut toml::Table, setting: &str) -> Result<(), Error> {
    let invalid = |message: &str| Error::Scenario { origin: format!("--set {setting}"), message: message.to_owned() };
    let (key, value) = setting.split_once('=').ok_or_else(|| invalid("expected KEY=VALUE, as in --set handsets=50"))?;
    let parsed = format!("value = {value}").parse::<toml::Table>().ok().and_then(|mut t| t.remove("value"));
    let value = parsed.unwrap_or_else(|| toml::Value::String(value.to_owned()));
    let mut parts = key.trim().split('.').peekable();
    let first = parts.next().filter(|part| !part.is_empty()).ok_or_else(|| invalid("the key is empty"))?;
    let empty = || toml::Value::Table(toml::Table::new());
    let mut current = table.entry(first).or_insert_with(empty);
    for part in parts {
        current = match (current, part.parse::<usize>()) {
            (toml::Value::Array(items), Ok(index)) => {
                items.get_mut(index).ok_or_else(|| invalid("the list has no entry with this number; the first is 0"))?
            }
            (toml::Value::Table(table), _) => table.entry(part).or_insert_with(empty),
            _ => return Err(invalid("a part of the key before a dot is not a section")),
        };
    }
    *current = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_scenarios_load_under_their_own_names() {
        for (name, _) in BUILT_IN {
            let scenario = Scenario::load(name, &[]).unwrap();
            assert_eq!(scenario.name, name);
            assert!(!scenario.description.is_empty());
        }
    }

    #[test]
    fn settings_override_the_file() {
        let settings = ["handsets=7", "biometric.quality=0.9", "biometric.device=handset"].map(String::from);
        let scenario = Scenario::load("quickstart", &settings).unwrap();
        assert_eq!((scenario.handsets, scenario.biometric.quality), (7, 0.9));
        assert_eq!(scenario.biometric.device, "handset");
    }

    #[test]
    fn an_overlay_replaces_keys_and_keeps_their_neighbours() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[server.service]\ncores = 3\n[users]\nthink-ms = 7\n").unwrap();
        let plain = Scenario::load("quickstart", &[]).unwrap();
        let scenario =
            Scenario::load_with("quickstart", &[file.path().to_owned()], &["users.retry=0.5".into()]).unwrap();
        assert_eq!((scenario.server.service.cores, scenario.users.think_ms, scenario.users.retry), (3, 7, 0.5));
        assert_eq!(scenario.server.service.datagram_us, plain.server.service.datagram_us);
        assert_eq!(scenario.users.wrong_code, plain.users.wrong_code);
    }

    #[test]
    fn mistakes_are_named_with_what_would_be_right() {
        let message = |setting: &str| Scenario::load("quickstart", &[setting.into()]).unwrap_err().to_string();
        assert!(message("handset=7").contains("did you mean \"handsets\""), "{}", message("handset=7"));
        assert!(message("network.mix.2g=1").contains("--clock virtual"));
        assert!(message("network.mix.6g=1").contains("5g"));
        assert!(message("biometric.device=retina").contains("capacitive"));
        assert!(message("impostors.share=2").contains("from 0 to 1"));
        assert!(message("arrivals.payment-gap-s=nan").contains("above 0"));
        assert!(message("handsets").contains("KEY=VALUE"));
        assert!(Scenario::load("quikstart", &[]).unwrap_err().to_string().contains("quickstart"));
    }

    #[test]
    fn a_scenario_survives_being_printed() {
        for (name, _) in BUILT_IN {
            let scenario = Scenario::load(name, &[]).unwrap();
            let text = toml::to_string(&scenario).unwrap();
            assert_eq!(toml::from_str::<Scenario>(&text).unwrap(), scenario);
        }
    }

    /// Every key that a printed scenario has is in the schema under the same name.
    #[test]
    fn the_schema_knows_every_key() {
        let schema = Scenario::schema();
        let printed = serde_json::to_value(Scenario::default()).unwrap();
        for (key, value) in printed.as_object().unwrap() {
            let described = &schema["properties"][key];
            assert!(described.is_object(), "{key}");
            let Some(section) = described["$ref"].as_str() else { continue };
            let definition = schema.pointer(section.trim_start_matches('#')).unwrap();
            for inner in value.as_object().into_iter().flatten().map(|(inner, _)| inner) {
                assert!(definition["properties"][inner].is_object(), "{key}.{inner}");
            }
        }
    }

    /// Lists the paths of a printed scenario's numbers.
    fn numbers(value: &serde_json::Value, path: &str, out: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(fields) => {
                for (key, field) in fields {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    numbers(field, &path, out);
                }
            }
            serde_json::Value::Number(_) => out.push(path.to_owned()),
            serde_json::Value::Array(_)
            | serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::String(_) => {}
        }
    }

    #[test]
    fn no_number_of_a_scenario_is_without_bounds() {
        let mut paths = Vec::new();
        numbers(&serde_json::to_value(Scenario::default()).unwrap(), "", &mut paths);
        paths.retain(|path| path != "seed" && !path.starts_with("schemes.parameters"));
        assert!(paths.len() > 40, "{paths:?}");
        for path in paths {
            for value in ["1e300", "9223372036854775807", "nan", "-1", "-1e300"] {
                let refused = Scenario::load("quickstart", &[format!("{path}={value}")]);
                assert!(refused.is_err(), "{path}={value} was taken");
            }
        }
    }
}
