//! The JSON Schema of scenario files.

use super::definition::Scenario;
use super::{bounds, names};
use serde_json::Value;

impl Scenario {
    /// Returns the JSON Schema (2020-12) of scenario files, with the bounds and the names that the check has.
    pub fn schema() -> Value {
        let mut schema = schemars::schema_for!(Self).to_value();
        bounds::write(&mut schema);
        names::write(&mut schema);
        schema
    }
}
