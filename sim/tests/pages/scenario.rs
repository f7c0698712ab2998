//! `scenario.md`: every key of a scenario, from its schema and its defaults.

use crate::{cell, check_generated};
use biopay_sim::Scenario;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// Scheme parameters are the schemes' own: the schema leaves them open, and the page lists their defaults.
const PARAMETERS: &str = "schemes.parameters";

#[test]
fn the_scenario_page_has_every_key() {
    let schema = Scenario::schema();
    let defaults = serde_json::to_value(Scenario::default()).expect("a scenario is JSON");
    let mut page = String::new();
    table(&mut page, &schema, &schema["properties"], &defaults, "");
    for (section, node) in properties(&schema["properties"]) {
        let definition = resolved(&schema, node);
        let (title, inner) = match definition["type"].as_str() {
            Some("object") => (format!("`[{section}]`"), &definition),
            Some("array") => (format!("`[[{section}]]`"), &resolved(&schema, &definition["items"])),
            Some(_) | None => continue,
        };
        if inner["properties"].is_object() {
            let _ = writeln!(page, "\n### {title}\n\n{}\n", cell(node["description"].as_str().unwrap_or_default()));
            table(&mut page, &schema, &inner["properties"], &defaults[section], &format!("{section}."));
        }
    }
    nested(&mut page, &schema, "Leg", "legs of `network.mobility`");
    nested(&mut page, &schema, "Mobility", "entries of `network.mobility`");
    nested(&mut page, &schema, "ServiceModel", "`[server.service]`");
    patterns(&mut page, &schema);
    values(&mut page, &schema);
    parameters(&mut page, &defaults);
    check_generated("scenario.md", &page);
}

fn properties(node: &Value) -> impl Iterator<Item = (&String, &Value)> {
    node.as_object().into_iter().flat_map(Map::iter)
}

/// The definition that a node refers to, or the node itself.
fn resolved(schema: &Value, node: &Value) -> Value {
    let direct = node["$ref"].as_str().and_then(|name| name.rsplit('/').next());
    let optional = node["anyOf"][0]["$ref"].as_str().and_then(|name| name.rsplit('/').next());
    match direct.or(optional) {
        Some(name) => schema["$defs"][name].clone(),
        None => node.clone(),
    }
}

fn table(page: &mut String, schema: &Value, keys: &Value, defaults: &Value, prefix: &str) {
    page.push_str("| key | type | default | range | meaning |\n|---|---|---|---|---|\n");
    for (key, node) in properties(keys) {
        let definition = resolved(schema, node);
        let is_section = definition["properties"].is_object() || key == "attack";
        if prefix.is_empty() && is_section {
            continue;
        }
        let full = format!("{prefix}{key}");
        let default = node.get("default").unwrap_or(&defaults[key]);
        let is_long = definition["properties"].is_object() || full == PARAMETERS;
        let shown = if is_long { "see below".into() } else { default_text(default) };
        let range = if prefix == "attack." { String::new() } else { range(node) };
        let meaning = cell(node["description"].as_str().unwrap_or_default());
        let _ = writeln!(page, "| `{full}` | {} | {shown} | {range} | {meaning} |", kind(schema, node));
    }
}

/// The type of a key, in words.
fn kind(schema: &Value, node: &Value) -> String {
    let definition = resolved(schema, node);
    let names: Vec<String> = constants(&definition).iter().map(|(name, _)| format!("`{name}`")).collect();
    if !names.is_empty() {
        return format!("one of {}", names.join(", "));
    }
    let named = definition["type"].as_str().or_else(|| definition["type"][0].as_str());
    match named {
        Some("integer") => "whole number".into(),
        Some("number") => "number".into(),
        Some("boolean") => "true or false".into(),
        Some("string") => "text".into(),
        Some("array") => format!("list of {}", kind(schema, &definition["items"])),
        Some("object") => "table".into(),
        Some(_) | None if definition["oneOf"].is_array() => "table, see below".into(),
        Some(_) | None => "name".into(),
    }
}

/// The names that an enumeration takes, each with its meaning.
fn constants(definition: &Value) -> Vec<(String, String)> {
    let listed = definition["enum"].as_array().into_iter().flatten();
    let mut out: Vec<_> = listed.filter_map(|name| Some((name.as_str()?.to_owned(), String::new()))).collect();
    for one in definition["oneOf"].as_array().into_iter().flatten() {
        let meaning = cell(one["description"].as_str().unwrap_or_default());
        let plain = one["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
        out.extend(one["const"].as_str().into_iter().chain(plain).map(|name| (name.to_owned(), meaning.clone())));
    }
    out
}

fn default_text(default: &Value) -> String {
    match default {
        Value::Null => "none".into(),
        Value::Number(number) => format!("`{}`", number_text(number.as_f64().unwrap_or_default())),
        Value::Object(_) => format!("`{}`", default.to_string().replace("\":", " = ").replace(['"', '\\'], "")),
        other => format!("`{other}`"),
    }
}

/// A number without the noise of a single-precision value in double precision.
fn number_text(number: f64) -> String {
    let single = number as f32;
    if f64::from(single) == number { single.to_string() } else { number.to_string() }
}

/// The range of a key, from the bounds in its schema.
fn range(node: &Value) -> String {
    let number = |name: &str| node[name].as_f64();
    let max = number("maximum").map(number_text);
    match (number("minimum"), number("exclusiveMinimum"), max) {
        (Some(min), _, Some(max)) => format!("{} to {max}", number_text(min)),
        (_, Some(_), Some(max)) => format!("above 0, to {max}"),
        (Some(min), _, None) => format!("{} or more", number_text(min)),
        (_, Some(_), None) => "above 0".into(),
        (None, None, _) => String::new(),
    }
}

fn nested(page: &mut String, schema: &Value, name: &str, title: &str) {
    let definition = &schema["$defs"][name];
    let _ = writeln!(page, "\n### {title}\n\n{}\n", cell(definition["description"].as_str().unwrap_or_default()));
    page.push_str("| key | type | default | meaning |\n|---|---|---|---|\n");
    for (key, node) in properties(&definition["properties"]) {
        let default = node.get("default").map_or_else(|| "required".into(), default_text);
        let meaning = cell(node["description"].as_str().unwrap_or_default());
        let _ = writeln!(page, "| `{key}` | {} | {default} | {meaning} |", kind(schema, node));
    }
}

fn patterns(page: &mut String, schema: &Value) {
    page.push_str("\n### `arrivals.pattern`\n\n| `kind` | other keys | meaning |\n|---|---|---|\n");
    for form in schema["$defs"]["Pattern"]["oneOf"].as_array().into_iter().flatten() {
        let others = properties(&form["properties"]).filter(|(key, _)| *key != "kind");
        let others = others.map(|(key, node)| format!("`{key}`: {}", cell(node["description"].as_str().unwrap_or(""))));
        let name = form["properties"]["kind"]["const"].as_str().unwrap_or_default();
        let meaning = cell(form["description"].as_str().unwrap_or_default());
        let _ = writeln!(page, "| `{name}` | {} | {meaning} |", others.collect::<Vec<_>>().join(" "));
    }
}

fn values(page: &mut String, schema: &Value) {
    page.push_str("\n### Names and their meaning\n\n| value | meaning |\n|---|---|\n");
    for (_, definition) in properties(&schema["$defs"]) {
        for (name, meaning) in constants(definition).into_iter().filter(|(_, meaning)| !meaning.is_empty()) {
            let _ = writeln!(page, "| `{name}` | {meaning} |");
        }
    }
}

fn parameters(page: &mut String, defaults: &Value) {
    let _ = writeln!(page, "\n### `[{PARAMETERS}]`\n\n| key | default |\n|---|---|");
    flat(page, &defaults["schemes"]["parameters"], "");
}

fn flat(page: &mut String, node: &Value, prefix: &str) {
    for (key, value) in properties(node) {
        match value {
            Value::Object(_) => flat(page, value, &format!("{prefix}{key}.")),
            leaf => _ = writeln!(page, "| `{prefix}{key}` | {} |", default_text(leaf)),
        }
    }
}
