//! Run folders in an object store, against a server of the test's own: the program's processes speak to it over TCP.

mod server;

use server::{BUCKET, KEY_ID, SECRET, Server};
use std::path::Path;
use std::process::{Command, Output};

const BIOPAY: &str = env!("CARGO_BIN_EXE_biopay");
const SCENARIO: [&str; 11] = [
    "run",
    "stored-qr",
    "--seed",
    "5",
    "--set",
    "handsets=16",
    "--set",
    "biometric.modality=embedding",
    "--set",
    "server.shared=false",
    "--set=comparisons.subjects=6",
];

fn command(server: &Server, arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(BIOPAY);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(folder).env("TMPDIR", folder);
    command.env("AWS_ENDPOINT_URL", &server.endpoint).env("AWS_ALLOW_HTTP", "true").env("AWS_REGION", "eu-central-1");
    command.env("AWS_ACCESS_KEY_ID", KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET);
    command
}

fn finished(mut command: Command) -> Output {
    let output = command.output().expect("the program starts");
    let text = said(&output);
    assert!(!text.contains(SECRET), "the secret is shown: {text}");
    output
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn succeeds(server: &Server, arguments: &[&str], folder: &Path) -> String {
    let output = finished(command(server, arguments, folder));
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    said(&output)
}

fn fails(command: Command, code: i32) -> String {
    let output = finished(command);
    assert_eq!(output.status.code(), Some(code), "{}", said(&output));
    said(&output)
}

fn scenario<'a>(more: &[&'a str]) -> Vec<&'a str> {
    SCENARIO.iter().chain(more).copied().collect()
}

fn place(prefix: &str) -> String {
    format!("s3://{BUCKET}/{prefix}")
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

fn manifest(server: &Server, prefix: &str) -> serde_json::Value {
    let bytes = server.with_objects(|objects| objects[&format!("{prefix}/manifest.json")].clone());
    assert!(!String::from_utf8_lossy(&bytes).contains(SECRET));
    serde_json::from_slice(&bytes).expect("the manifest is JSON")
}

#[test]
fn shards_meet_in_a_bucket_and_merge_to_the_whole() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    let [zero, one, whole] = ["parts/0", "parts/1", "whole"].map(place);
    for (shard, out) in [("0/2", &zero), ("1/2", &one)] {
        let text = succeeds(&server, &scenario(&["--shard", shard, "--out", out]), folder);
        assert!(text.contains(&format!("run folder  {out}")) && text.contains("uploading files"), "{text}");
    }
    let log = server.take_log();
    let uploads: Vec<&String> = log.iter().filter(|line| line.starts_with("PUT parts/1/")).collect();
    assert_eq!(uploads.last().map(|s| s.as_str()), Some("PUT parts/1/manifest.json"), "the manifest is last");
    assert!(uploads.len() >= 10, "{uploads:?}");

    succeeds(&server, &["merge", &one, &zero, "--out", &whole], folder);
    succeeds(&server, &scenario(&["--out", "local"]), folder);
    let local = biopay_reports::RunReader::open(&folder.join("local")).unwrap();
    assert_eq!(manifest(&server, "whole")["digest"], serde_json::json!(local.manifest().digest));
    for (name, digest) in &local.manifest().artefacts {
        assert_eq!(manifest(&server, "whole")["artefacts"][name], serde_json::json!(digest), "{name}");
        let stored = server.with_objects(|objects| objects[&format!("whole/{name}")].clone());
        assert_eq!(stored, std::fs::read(folder.join("local").join(name)).unwrap(), "{name}");
    }

    succeeds(&server, &["report", &whole, "--out", "whole.html"], folder);
    assert_eq!(
        std::fs::read_to_string(folder.join("whole.html")).unwrap().len(),
        std::fs::read_to_string(folder.join("local/report.html")).unwrap().len()
            + manifest(&server, "whole")["command"].as_str().unwrap().len()
            - local.manifest().command.len(),
    );
    let text = fails(command(&server, &["report", &whole], folder), 2);
    assert!(text.contains("--out"), "{text}");
    let text = fails(command(&server, &["merge", &zero, &place("whole"), "--out", "again"], folder), 2);
    assert!(text.contains("whole: is a whole run, not a shard"), "{text}");
    let mut left = entries(folder);
    left.sort();
    assert_eq!(left, ["local", "whole.html"], "no temporary folder stays behind");
}

#[test]
fn a_run_is_replaced_only_when_that_is_said_and_never_half() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let (folder, out) = (folder.path(), place("deep/run"));
    succeeds(&server, &scenario(&["--out", &out]), folder);
    let text = fails(command(&server, &scenario(&["--out", &out]), folder), 2);
    assert!(text.contains("--overwrite"), "{text}");

    // A file that the earlier run lists and the new one lacks goes; what is nobody's stays.
    server.with_objects(|objects| {
        let key = "deep/run/manifest.json".to_owned();
        let mut earlier: serde_json::Value = serde_json::from_slice(&objects[&key]).unwrap();
        earlier["artefacts"]["cases/stale.png"] = "00".into();
        earlier["artefacts"]["../../other/thesis.tex"] = "00".into();
        objects.insert(key, earlier.to_string().into_bytes());
        objects.insert("deep/run/cases/stale.png".into(), vec![1]);
        objects.insert("deep/run/notes.txt".into(), vec![1]);
        objects.insert("other/thesis.tex".into(), vec![1]);
    });
    server.take_log();
    succeeds(&server, &scenario(&["--out", &out, "--overwrite"]), folder);
    let log = server.take_log();
    let position = |wanted: &str| log.iter().position(|line| line == wanted).unwrap();
    let first_upload = log.iter().position(|line| line.starts_with("PUT")).unwrap();
    assert!(position("POST ?delete") < first_upload, "the earlier manifest goes first: {log:?}");
    let keys = server.keys();
    assert!(!keys.iter().any(|key| key.ends_with("stale.png")), "{keys:?}");
    assert!(["deep/run/notes.txt", "other/thesis.tex"].iter().all(|key| keys.iter().any(|k| k == key)), "{keys:?}");

    // The store fails in the middle: a reader finds no run, and the run is not lost.
    server.refuse_after(Some(4));
    let text = fails(command(&server, &scenario(&["--out", &out, "--overwrite"]), folder), 1);
    let kept = text.lines().find_map(|line| line.strip_prefix("the run is kept in ")).expect("the folder is named");
    assert!(biopay_reports::RunReader::open(Path::new(kept)).unwrap().records().is_ok());
    server.refuse_after(None);
    let text = fails(command(&server, &["report", &out, "--format", "json"], folder), 1);
    assert!(text.contains("still being written"), "{text}");
}

#[test]
fn a_run_that_is_not_what_its_manifest_says_is_refused() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let (folder, out) = (folder.path(), place("run"));
    succeeds(&server, &scenario(&["--out", &out]), folder);
    let report = ["report", &out, "--format", "csv"];
    assert!(succeeds(&server, &report, folder).contains("charge"));
    server.with_objects(|objects| objects.get_mut("run/latency.hdr").unwrap()[0] ^= 1);
    let text = fails(command(&server, &report, folder), 1);
    assert!(text.contains("latency.hdr differs from the manifest"), "{text}");

    server.with_objects(|objects| {
        let manifest = objects.get_mut("run/manifest.json").unwrap();
        let text = String::from_utf8_lossy(manifest).replace("latency.hdr", "../../latency.hdr");
        *manifest = text.into_bytes();
        let escaped = objects["run/latency.hdr"].clone();
        objects.insert("latency.hdr".into(), escaped);
    });
    let text = fails(command(&server, &report, folder), 1);
    assert!(text.contains("not a file of a run folder"), "{text}");
    assert!(entries(folder).is_empty(), "{:?}", entries(folder));
}

/// What lies beside the samples of a shard is copied by the merge, here something of several blocks.
#[test]
fn a_large_file_goes_up_in_parts_and_comes_down_whole() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let (folder, out) = (folder.path(), place("large"));
    for (shard, out) in [("0/2", "part-0"), ("1/2", "part-1")] {
        succeeds(&server, &scenario(&["--shard", shard, "--out", out]), folder);
    }
    let large: Vec<u8> = (0..5_000_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    std::fs::create_dir_all(folder.join("part-0/samples")).unwrap();
    std::fs::write(folder.join("part-0/samples/large.bin"), &large).unwrap();
    succeeds(&server, &["merge", "part-0", "part-1", "--out", &out], folder);
    let log = server.take_log();
    let parts = log.iter().filter(|line| *line == "PUT large/samples/large.bin").count();
    assert_eq!(parts, 3, "20 MB in blocks of 8 MiB");
    assert!(server.with_objects(|objects| objects["large/samples/large.bin"] == large));
    assert!(succeeds(&server, &["report", &out, "--format", "csv"], folder).contains("fmr"));
    let gets = server.take_log().iter().filter(|line| *line == "GET large/samples/large.bin").count();
    assert_eq!(gets, 3, "as many blocks come down, and their digest is right");
}

#[test]
fn what_is_wrong_shows_before_the_run_and_says_what_to_do() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let (folder, out) = (folder.path(), place("run"));
    let run = scenario(&["--out", &out]);
    let cases: [(&str, Option<&str>, &[&str], &str); 5] = [
        ("AWS_ACCESS_KEY_ID", Some("SOMEBODYELSE"), &run, "refuses the credentials: check AWS_ACCESS_KEY_ID"),
        ("AWS_SECRET_ACCESS_KEY", None, &run, "AWS_SECRET_ACCESS_KEY"),
        ("AWS_ALLOW_HTTP", None, &run, "set AWS_ALLOW_HTTP=true"),
        ("AWS_REGION", None, &["run", "--out", "s3://nobodys/run"], "there is no bucket nobodys at http://127.0.0.1"),
        ("AWS_REGION", None, &["run", "--find-knee", "--out", "s3://nobodys/run"], "a folder of this machine"),
    ];
    for (variable, value, arguments, wanted) in cases {
        let mut command = command(&server, arguments, folder);
        match value {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
        let text = fails(command, 2);
        assert!(text.contains(wanted) && !text.contains("capturing"), "{variable}: {text}");
    }
    // No credentials at all: the client asks the machine's own service for some, here one that does not answer.
    let mut command = command(&server, &run, folder);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command.env("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1");
    let text = fails(command, 2);
    assert!(text.contains("there are no credentials: set AWS_ACCESS_KEY_ID"), "{text}");
    assert!(server.keys().is_empty() && entries(folder).is_empty());
}
