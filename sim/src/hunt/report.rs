//! What a hunt leaves: a folder for each failing case with a timeline, and the hunt's figures as JSON and HTML.

use super::campaign::{Failure, Hunted};
use super::fault::{Case, FaultKind};
use super::journal::{Line, Who};
use super::play::Played;
use crate::{Error, provenance};
use biopay_reports::threshold::Verdicts;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Writes the folder of a case: `case.json` to play it again, and `timeline.txt` to read.
///
/// # Errors
///
/// [`Error::File`].
pub fn write_case(folder: &Path, case: &Case, played: &Played) -> Result<PathBuf, Error> {
    let folder = folder.join(format!("seed-{}", case.seed));
    std::fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(Error::file(&path))
    };
    write("case.json", format!("{:#}\n", json!(case)))?;
    write("timeline.txt", timeline(case, played))?;
    Ok(folder)
}

/// Writes a run for a reader: what was broken, by which faults, and then who did what when.
pub fn timeline(case: &Case, played: &Played) -> String {
    let mut text = String::new();
    let mut line = |what: String| writeln!(text, "{what}").unwrap_or_default();
    line(format!("seed {}, {} handsets, {} payments each at most", case.seed, case.handsets.len(), case.payments));
    for finding in &played.findings {
        line(format!("BROKEN: {:?}: {}", finding.checker, finding.what));
    }
    for entry in &case.faults {
        let (kind, seconds) = (entry.kind.name(), entry.at_ms as f64 / 1e3);
        line(format!(
            "fault at {seconds:.3} s: {kind} (handset {}, {} ms, level {})",
            entry.handset, entry.for_ms, entry.level
        ));
    }
    line(format!("digest {}\n", played.digest));
    let disk = |line: &Line| matches!(line.who, Who::Disk(_));
    let mut lines = played.lines.iter().peekable();
    while let Some(first) = lines.next() {
        line(first.to_string());
        // Many syncs of one instant say no more than the last of them.
        while disk(first) && lines.peek().is_some_and(|next| disk(next) && next.at == first.at && next.who == first.who)
        {
            lines.next();
        }
    }
    text
}

/// Returns the command that plays a seed again.
pub fn reproduce(seed: u64, planted: Option<&str>) -> String {
    let commit = provenance::build().commit;
    let planted = planted.map_or_else(String::new, |bug| format!(" --planted {bug}"));
    format!("biopay hunt --seed {seed} --commit {commit}{planted}")
}

/// Returns a hunt's figures.
pub fn to_json(hunted: &Hunted, verdicts: &Verdicts, planted: Option<&str>) -> Value {
    let hours = hunted.lasted.as_secs_f64() / 3_600.0;
    let cpu_hours = hunted.cpu.as_secs_f64() / 3_600.0;
    let injected: serde_json::Map<String, Value> =
        hunted.injected.iter().map(|(kind, count)| (kind.name().to_owned(), json!(count))).collect();
    let failures: Vec<Value> = hunted.failures.iter().map(|failure| failure_json(failure, planted)).collect();
    json!({
        "hunt": {
            "seeds": hunted.seeds.len(),
            "violations": hunted.violations(),
            "virtual_hours": hours,
            "cpu_hours": cpu_hours,
            "virtual_hours_per_cpu_hour": if cpu_hours > 0.0 { hours / cpu_hours } else { 0.0 },
            "acknowledged": hunted.acknowledged,
            "played_twice": hunted.twice,
            "differing": hunted.differing,
            "reached": hunted.reached.len(),
        },
        "thresholds": verdicts,
        "build": provenance::build(),
        "injected": injected,
        "never_injected": FaultKind::ALL.iter().filter(|kind| !hunted.injected.contains_key(kind)).map(|kind| kind.name()).collect::<Vec<_>>(),
        "reached": hunted.reached,
        "growth": hunted.growth,
        "failures": failures,
    })
}

fn failure_json(failure: &Failure, planted: Option<&str>) -> Value {
    json!({
        "seed": failure.case.seed,
        "findings": failure.findings,
        "reproduce": reproduce(failure.case.seed, planted),
        "least": failure.least.as_ref().map(|least| json!(least.case)),
    })
}

/// Returns the same figures as a page.
pub fn to_html(figures: &Value) -> String {
    let mut page = String::from(HEAD);
    let mut table = |title: &str, rows: Vec<(String, String)>| {
        write!(page, "<h2>{title}</h2><table>").unwrap_or_default();
        for (name, value) in rows {
            write!(page, "<tr><th>{}</th><td>{}</td></tr>", escape(&name), escape(&value)).unwrap_or_default();
        }
        page.push_str("</table>");
    };
    let rows = |key: &str| -> Vec<(String, String)> {
        let fields = figures[key].as_object();
        fields.into_iter().flatten().map(|(name, value)| (name.replace('_', " "), value.to_string())).collect()
    };
    table("The hunt", rows("hunt"));
    table("Faults injected", rows("injected"));
    let failures = figures["failures"].as_array().into_iter().flatten();
    let failures = failures
        .map(|failure| (failure["reproduce"].as_str().unwrap_or_default().to_owned(), failure["findings"].to_string()));
    table("Violations", failures.collect());
    let growth: Vec<(String, String)> = figures["growth"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|point| point[0].as_u64().is_some_and(u64::is_power_of_two))
        .map(|point| (format!("after {} seeds", point[0]), point[1].to_string()))
        .collect();
    table("Coverage: states, answers, faults and pairs of faults", growth);
    table("Reached, and by which seed first", rows("reached"));
    page.push_str("</body></html>\n");
    page
}

const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>biopay hunt</title><style>\
body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto}th{text-align:left;font-weight:normal;padding-right:2em}\
td{font-family:monospace}tr:nth-child(even){background:#f3f3f3}</style></head><body><h1>biopay hunt</h1>";

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
