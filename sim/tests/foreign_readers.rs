//! A run folder and files of embeddings through tools that were written elsewhere: pyarrow, pandas, DuckDB, the
//! HdrHistogram of Python, jsonschema and junitparser.
//!
//! Needs `python3` with these packages. Without them the test says so and checks nothing, unless `BIOPAY_REQUIRE_PEERS` is
//! set.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

use std::path::Path;
use std::process::{Command, Output};

const PACKAGES: &str = "import pyarrow, pandas, duckdb, hdrh, jsonschema, junitparser";

/// A scenario in which every section is wrong.
const BAD: &str = r#"
handsets = 0
[biometric]
quality = 3.0
device = "webcam"
[users]
wrong-code = 5.0
[impostors]
share = -1.0
[server]
presentation = "banana"
code-digits = 200
[network]
mix = { "6g" = 1.0 }
[schemes]
use = ["nosuch"]
"#;

fn has_peers() -> bool {
    let found = Command::new("python3").args(["-c", PACKAGES]).output().is_ok_and(|done| done.status.success());
    if !found {
        assert!(std::env::var_os("BIOPAY_REQUIRE_PEERS").is_none(), "python3 lacks one of: {PACKAGES}");
        eprintln!("not checked: python3 lacks one of: {PACKAGES}");
    }
    found
}

fn biopay(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_biopay")).args(arguments).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn tools_from_elsewhere_read_what_a_run_leaves_and_write_what_an_evaluation_reads() {
    if !has_peers() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let scenario = "name = \"small\"\nclock = \"virtual\"\nhandsets = 6\nthresholds = [\"charge.count > 1\"]\n\
        biometric = { modality = \"embedding\" }\n";
    std::fs::write(here.join("small.toml"), scenario).unwrap();
    std::fs::write(here.join("bad.toml"), BAD).unwrap();
    let run = biopay(&["run", "small.toml", "--out", "run"], here);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
    // The folder of a pyarrow of 2023 is named by a variable, since one interpreter has one pyarrow.
    for packages in [None, std::env::var_os("BIOPAY_PYARROW_14")] {
        let mut read = Command::new("python3");
        read.arg(peers.join("old_arrow.py")).arg("run").current_dir(here);
        let read = read.envs(packages.map(|folder| ("PYTHONPATH", folder))).output().unwrap();
        assert!(read.status.success(), "{}", text(&read.stderr));
    }
    std::fs::write(here.join("schema.json"), biopay(&["run", "--print-schema"], here).stdout).unwrap();
    std::fs::write(here.join("summary.json"), biopay(&["report", "--print-schema"], here).stdout).unwrap();

    let script = peers.join("readers.py");
    let files = ["run", "schema.json", "summary.json", "bad.toml", "."];
    let read = Command::new("python3").arg(script).args(files).current_dir(here).output().unwrap();
    assert!(read.status.success(), "{}", text(&read.stderr));
    let said = text(&read.stdout);
    // What the check refuses, the schema refuses.
    for key in [
        "handsets",
        "biometric.quality",
        "biometric.device",
        "users.wrong-code",
        "impostors.share",
        "server.presentation",
        "server.code-digits",
        "network.mix",
        "schemes.use.0",
    ] {
        assert!(
            said.lines().any(|line| line.starts_with("faults") && line.split(' ').any(|word| word == key)),
            "{key}: {said}"
        );
    }

    for file in ["wide.parquet", "lists.parquet", "matrix.npy"] {
        let done = biopay(&["evaluate", "--modality", "embedding", "--input", file], here);
        assert!(done.status.success(), "{file}: {}", text(&done.stderr));
        assert!(text(&done.stdout).contains("30"), "{file}: {}", text(&done.stdout));
    }
    let refused = biopay(&["evaluate", "--modality", "embedding", "--input", "nan.parquet"], here);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("row 8"), "{}", text(&refused.stderr));
}
