//! Whether two runs measured the same thing.

use crate::run_folder::manifest::{Completion, Manifest};
use serde_json::Value;

/// Keys of a scenario that do not change what is measured.
const FREE: [&str; 5] = ["name", "description", "seed", "thresholds", "arrivals.begin-unix-s"];
/// The most differing keys that are named.
const NAMED_MAX: usize = 8;

/// Lists why the runs are not comparable; nothing where they are. The seed may differ; the machine may on the virtual
/// clock, whose figures do not depend on it.
pub fn differences(a: &Manifest, b: &Manifest) -> Vec<String> {
    let mut out = Vec::new();
    if a.schema != b.schema {
        out.push(format!("figures are defined by schema {} in one and {} in the other", a.schema, b.schema));
    }
    if a.clock != b.clock {
        out.push(format!("one is on the {} clock, the other on the {}", a.clock, b.clock));
    } else if a.clock == "wall" && !a.machine.is_like(&b.machine) {
        out.push(format!("wall-clock figures of two machines: {} and {}", machine(a), machine(b)));
    }
    for (manifest, which) in [(a, "first"), (b, "second")] {
        if manifest.completion == Completion::Partial {
            out.push(format!("the {which} was interrupted"));
        }
        if let Some(shard) = &manifest.shard {
            out.push(format!("the {which} is shard {shard} of a run: merge it first"));
        }
    }
    let mut keys = Vec::new();
    differing("", &a.scenario, &b.scenario, &mut keys);
    keys.retain(|(key, _, _)| {
        !FREE.contains(&key.as_str()) && !FREE.contains(&key.split('.').next().unwrap_or_default())
    });
    let more = keys.len().saturating_sub(NAMED_MAX);
    out.extend(keys.into_iter().take(NAMED_MAX).map(|(key, a, b)| format!("scenario: {key} is {a} and {b}")));
    if more > 0 {
        out.push(format!("scenario: {more} more keys differ"));
    }
    out
}

fn machine(manifest: &Manifest) -> String {
    let m = &manifest.machine;
    format!("{} ({} cores, {})", m.processor, m.cores, m.platform)
}

fn differing(path: &str, a: &Value, b: &Value, out: &mut Vec<(String, String, String)>) {
    match (a, b) {
        (Value::Object(first), Value::Object(second)) => {
            let mut keys: Vec<_> = first.keys().chain(second.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                differing(&path, &a[key], &b[key], out);
            }
        }
        _ if a != b => out.push((path.to_owned(), a.to_string(), b.to_string())),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differing_keys_are_found_by_their_paths() {
        let mut out = Vec::new();
        let (a, b) = (serde_json::json!({"x": {"y": 1}, "z": 2}), serde_json::json!({"x": {"y": 3}, "z": 2, "w": 0}));
        differing("", &a, &b, &mut out);
        let named: Vec<_> = out.iter().map(|(key, a, b)| (key.as_str(), a.as_str(), b.as_str())).collect();
        assert_eq!(named, [("w", "null", "0"), ("x.y", "1", "3")]);
    }
}
