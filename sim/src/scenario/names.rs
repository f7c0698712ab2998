//! The names that keys of a scenario take, written into the exported schema from the lists that the program reads them by.

use super::bounds::node_of;
use crate::modality::ModalityId;
use crate::network::ProfileId;
use biopay_biometrics::scheme::SchemeId;
use biopay_server::config::Presentation;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Writes the names into a scenario's schema.
pub(super) fn write(schema: &mut Value) {
    let devices: BTreeSet<&str> = ModalityId::ALL.iter().flat_map(|id| id.definition().devices).copied().collect();
    // Embeddings have no sensor, and take any word.
    let devices: Vec<&str> = devices.into_iter().chain(["none"]).collect();
    let links: Vec<&str> = ProfileId::ALL.iter().map(|id| id.name()).collect();
    let schemes: Vec<&str> = SchemeId::with_own().map(|id| id.name()).collect();
    let presentations =
        json!([Presentation::Static, Presentation::Nonce, Presentation::Device, Presentation::DeviceAndNonce]);
    let mut set = |key: &str, field: &str, value: Value| {
        if let Some(node) = node_of(schema, key) {
            node[field] = value;
        }
    };
    set("biometric.device", "enum", json!(devices));
    set("biometric.second-device", "enum", json!(devices));
    set("schemes.use", "items", json!({"type": "string", "enum": schemes}));
    set("schemes.use", "minItems", json!(1));
    set("server.presentation", "enum", presentations);
    set("network.mix", "propertyNames", json!({"enum": links}));
    set("network.mix", "minProperties", json!(1));
    if let Some(leg) = schema.pointer_mut("/$defs/Leg/properties/profile") {
        leg["enum"] = json!(links);
    }
    if let Some(weights) = schema.pointer_mut("/$defs/Network/properties/mix/additionalProperties") {
        weights["minimum"] = json!(0);
    }
}

#[cfg(test)]
mod tests {
    use crate::Scenario;

    #[test]
    fn names_and_bounds_stand_in_the_schema() {
        let schema = Scenario::schema();
        let section = |name: &str| schema["$defs"][name]["properties"].clone();
        assert_eq!(section("Biometric")["quality"]["maximum"], 1);
        assert!(section("Biometric")["device"]["enum"].as_array().unwrap().contains(&"optical".into()));
        assert_eq!(section("ServerSettings")["code-digits"]["maximum"], 9);
        assert!(section("ServerSettings")["presentation"]["enum"].as_array().unwrap().contains(&"nonce".into()));
        assert!(section("Schemes")["use"]["items"]["enum"].as_array().unwrap().contains(&"biohash".into()));
        assert!(section("Network")["mix"]["propertyNames"]["enum"].as_array().unwrap().contains(&"2g".into()));
        assert_eq!(schema["properties"]["handsets"]["minimum"], 2);
        assert_eq!(section("Generator")["busy-limit"]["exclusiveMinimum"], 0);
    }
}
