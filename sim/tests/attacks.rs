//! Attacks on the whole system: each succeeds in its negative control and, where there is a counter-measure, not against
//! it; one seed gives one table.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

use biopay_reports::attack::{AttackSummary, summaries};
use biopay_reports::run_folder::{Records, RunReader};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What is attacked: embeddings, whose captures cost nothing, over Wi-Fi.
const BASE: &str = r#"
name = "attacks"
clock = "virtual"
handsets = 20
biometric = { modality = "embedding", enrolment-captures = 1 }
schemes = { use = ["template"] }
payments = { per-handset = 1 }
impostors = { share = 0.0 }
network = { mix = { wifi = 1.0 } }
"#;

/// The attacks that a counter-measure stops, and whose control lets them all, or nearly all, through.
const STOPPED: &str = r#"
[[attack]]
kind = "replay"
[[attack]]
kind = "re-enrolment"
[[attack]]
kind = "foreign-payment"
[[attack]]
kind = "charge-race"
targets = 4
[[attack]]
kind = "code-flooding"
targets = 4
[[attack]]
kind = "early-data"
targets = 3
[[attack]]
kind = "amplification"
targets = 3
[[attack]]
kind = "password-search"
targets = 8
"#;

fn played(attacks: &str, out: &Path) -> (Records, String) {
    let scenario = out.with_extension("toml");
    std::fs::write(&scenario, format!("{BASE}{attacks}")).unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_biopay")).arg("run").arg(&scenario).arg("--out").arg(out).output();
    let done = done.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let reader = RunReader::open(out).unwrap();
    (reader.records().unwrap(), reader.manifest().digest.clone())
}

fn share(found: &[AttackSummary], attack: &str, form: &str, configuration: &str) -> f64 {
    let meant = |a: &&AttackSummary| a.attack == attack && a.variant == form && a.configuration == configuration;
    found
        .iter()
        .find(meant)
        .unwrap_or_else(|| panic!("no {attack}: {form} in {configuration}"))
        .success
        .value()
        .unwrap()
}

#[test]
fn counter_measures_stop_what_the_control_lets_through() {
    let folder = tempfile::tempdir().unwrap();
    let (records, _) = played(STOPPED, &folder.path().join("run"));
    let found = summaries(&records.attacks, &[], &BTreeMap::new());
    let forms = [
        ("replay", "symbol copied"),
        ("replay", "payload extracted"),
        ("re-enrolment", ""),
        ("foreign-payment", ""),
        ("charge-race", "same charge in a race"),
        ("charge-race", "same key, another amount"),
        ("code-flooding", ""),
        ("early-data", "request before the handshake"),
        ("amplification", ""),
        ("password-search", ""),
    ];
    for (attack, form) in forms {
        assert_eq!(share(&found, attack, form, "hardened"), 0.0, "{attack}: {form}");
        assert_eq!(share(&found, attack, form, "control"), 1.0, "{attack}: {form}");
    }
    // What each half of the defence against replays is worth, and what the patent's design concedes.
    assert_eq!(share(&found, "replay", "symbol copied, against a nonce alone", "patent-literal"), 0.0);
    assert_eq!(share(&found, "replay", "payload extracted, against a nonce alone", "patent-literal"), 1.0);
    assert_eq!(share(&found, "replay", "symbol copied, against a device alone", "patent-literal"), 1.0);
    assert_eq!(share(&found, "replay", "symbol copied", "patent-literal"), 1.0);
    assert_eq!(share(&found, "re-enrolment", "", "patent-literal"), 1.0);
    // Static symbols and verification codes: what stops a stolen password is the step up alone.
    assert_eq!(share(&found, "re-enrolment", "against a step up alone", "hardened"), 0.0);
    // One posting a key, in whichever configuration.
    let postings = records.attack_figures.iter().filter(|f| f.measure == "postings per key");
    assert!(postings.clone().count() == 16 && postings.clone().all(|f| f.value == 1.0));
}

/// A reviewer's own server is what the column `scenario` attacks: two opposite configurations differ there, and only there.
#[test]
fn the_scenarios_own_server_is_attacked_as_it_is_configured() {
    let folder = tempfile::tempdir().unwrap();
    let replays = |name: &str, server: &str| {
        let attacks =
            format!("{server}\n[[attack]]\nkind = \"replay\"\n[[attack]]\nkind = \"code-guessing\"\nbudget = 3\n");
        let out = folder.path().join(name);
        let (records, _) = played(&attacks, &out);
        let notes = RunReader::open(&out).unwrap().manifest().notes.join(" ");
        (summaries(&records.attacks, &[], &BTreeMap::new()), notes)
    };
    let (open, notes) =
        replays("open", "[server]\npresentation = \"static\"\nverification-code = false\nthrottling = false");
    assert!(notes.contains("code-guessing was not made on the scenario's own server"), "{notes}");
    let (closed, notes) = replays("closed", "[server]\npresentation = \"nonce\"\ncode-digits = 4");
    assert!(!notes.contains("was not made"), "{notes}");
    let copied = |found: &[AttackSummary], column: &str| share(found, "replay", "symbol copied", column);
    assert_eq!((copied(&open, "scenario"), copied(&closed, "scenario")), (1.0, 0.0));
    assert_eq!(share(&closed, "replay", "payload extracted", "scenario"), 1.0, "a nonce alone stops only the copy");
    for column in ["patent-literal", "hardened", "control"] {
        assert_eq!(copied(&open, column), copied(&closed, column), "{column}");
    }
    assert!(closed.iter().any(|a| a.attack == "code-guessing" && a.configuration == "scenario"));
}

/// The figures other than shares of successes (codes, lock-out, names) against theory.
#[test]
fn figures_agree_with_theory() {
    let folder = tempfile::tempdir().unwrap();
    let attacks = r#"
[[attack]]
kind = "code-guessing"
configurations = ["control", "hardened"]
[[attack]]
kind = "lock-out"
targets = 1
[[attack]]
kind = "name-enumeration"
"#;
    let (records, _) = played(attacks, &folder.path().join("run"));
    let figure = |attack: &str, measure: &str, configuration: &str| {
        let meant = |f: &&biopay_reports::records::AttackFigure| {
            f.attack == attack && f.measure.starts_with(measure) && f.configuration == configuration
        };
        records.attack_figures.iter().find(meant).unwrap_or_else(|| panic!("no {measure} in {configuration}")).clone()
    };
    // Two digits, three tries: 3 in 100, within the interval of the 150 or more codes that were tried.
    let codes = figure("code-guessing", "codes guessed", "control");
    assert!(codes.lower.unwrap() <= 0.03 && codes.upper.unwrap() >= 0.03, "{codes:?}");
    // The limit: ten at once and one a minute for ten minutes.
    let through = figure("code-guessing", "guesses let through", "hardened").value;
    assert!((18.0..=21.0).contains(&through), "{through}");
    let known = figure("name-enumeration", "AUC", "control");
    assert!(known.value > 0.99, "{known:?}");
    let hidden = figure("name-enumeration", "AUC", "hardened");
    assert!(hidden.lower.unwrap() <= 0.5 && hidden.upper.unwrap() >= 0.5, "{hidden:?}");
    let found = summaries(&records.attacks, &[], &BTreeMap::new());
    assert_eq!(share(&found, "lock-out", "owner at a known address", "hardened"), 0.0);
    assert_eq!(share(&found, "lock-out", "owner at a known address", "control"), 1.0);
}

/// Off line, where the network would add nothing: the control is given the score, the token, the short key.
#[test]
fn offline_controls_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let attacks = r#"
[[attack]]
kind = "score-climbing"
targets = 4
[[attack]]
kind = "inversion"
targets = 8
[[attack]]
kind = "linkage"
[[attack]]
kind = "offline-search"
targets = 8
[[attack]]
kind = "helper-only-search"
targets = 8
"#;
    let (records, _) = played(attacks, &folder.path().join("run"));
    let of = |attack: &str, form: &str, scheme: &str, configuration: &str| {
        let meant = |a: &&biopay_reports::records::Attack| {
            (a.attack.as_str(), a.variant.as_str(), a.scheme.as_str()) == (attack, form, scheme)
                && a.configuration == configuration
        };
        let rows: Vec<_> = records.attacks.iter().filter(meant).collect();
        assert!(!rows.is_empty(), "{attack}: {form} of {scheme} in {configuration}");
        rows.iter().filter(|a| a.succeeded).count() as f64 / rows.len() as f64
    };
    assert_eq!(of("score-climbing", "on a leaked score", "biohash", "control"), 1.0);
    assert_eq!(of("score-climbing", "on accept or reject", "biohash", "hardened"), 0.0);
    assert!(of("inversion", "at the same enrolment", "index-of-max", "control") > 0.5);
    assert_eq!(of("inversion", "at the same enrolment", "index-of-max", "hardened"), 0.0);
    assert_eq!(of("offline-search", "keys walked", "digest", "control"), 1.0);
    // The helper of a vault proves who opens it; a commitment's does not under a token; a threshold scheme's never does.
    let helper_only = |scheme: &str, configuration: &str| of("helper-only-search", "", scheme, configuration);
    assert!(helper_only("fuzzy-commitment", "control") > 0.5, "{}", helper_only("fuzzy-commitment", "control"));
    assert!(helper_only("fuzzy-vault", "control") > 0.3, "{}", helper_only("fuzzy-vault", "control"));
    assert_eq!(helper_only("fuzzy-commitment", "hardened"), 0.0);
    assert_eq!(helper_only("template", "control"), 0.0);
    let identified = |configuration: &str, scheme: &str| of("linkage", "identified at rank one", scheme, configuration);
    for scheme in ["biohash", "index-of-max"] {
        assert!(identified("control", scheme) > 0.8, "{scheme}: {}", identified("control", scheme));
        assert!(identified("hardened", scheme) < 0.3, "{scheme}: {}", identified("hardened", scheme));
    }
}

#[test]
fn one_seed_gives_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let attacks = r#"
[[attack]]
kind = "zero-effort"
[[attack]]
kind = "brute-force"
configurations = ["hardened", "control"]
[[attack]]
kind = "decision-climbing"
configurations = ["hardened", "control"]
[[attack]]
kind = "credential-stuffing"
[[attack]]
kind = "code-interception"
[[attack]]
kind = "flood"
budget = 200
configurations = ["hardened", "control"]
[[attack]]
kind = "hostile-input"
budget = 100
[[attack]]
kind = "dictionary"
configurations = ["hardened", "control"]
[[attack]]
kind = "stolen-factors"
configurations = ["hardened", "control"]
"#;
    let (first, digest) = played(attacks, &folder.path().join("first"));
    let (second, again) = played(attacks, &folder.path().join("second"));
    assert_eq!(first.attacks, second.attacks);
    assert_eq!(first.attack_figures, second.attack_figures);
    assert_eq!(digest, again);
    // The harness counts what breaks, and the real decoders do not.
    let found = summaries(&first.attacks, &[], &BTreeMap::new());
    assert!(share(&found, "hostile-input", "decoder that trusts", "control") > 0.0);
    assert_eq!(share(&found, "hostile-input", "message decoder", "hardened"), 0.0);
    // One capture at enrolment: one owner in ten or so is not matched at the first try.
    assert!(share(&found, "zero-effort", "the owner's finger", "control") > 0.6);
}
