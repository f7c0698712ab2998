//! The shard contract on Kubernetes, and the workflow for a repository of one's own: the files that users copy are held
//! against what the program takes.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const BIOPAY: &str = env!("CARGO_BIN_EXE_biopay");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

fn biopay(arguments: &[&str], folder: &Path) {
    let done = Command::new(BIOPAY).args(arguments).current_dir(folder).output().expect("the program starts");
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn digest(run: &Path) -> String {
    biopay_reports::RunReader::open(run).expect("a run folder").manifest().digest.clone()
}

/// Runs a container's command as a pod would, with its volumes in a folder.
fn run_container(container: &Value, folder: &Path, index: &str) {
    let words = container["command"].as_array().expect("the container has a command");
    assert_eq!((words[0].as_str(), words[1].as_str()), (Some("sh"), Some("-c")));
    let script = words[2].as_str().expect("the command is text");
    let volume = |name: &str| folder.join(name).display().to_string();
    let script = script.replace("/scenario/", &(volume("scenario") + "/")).replace("/runs/", &(volume("runs") + "/"));
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).env("JOB_COMPLETION_INDEX", index);
    let bin = Path::new(BIOPAY).parent().expect("the program lies in a folder").display();
    shell.env("PATH", format!("{bin}:{}", std::env::var("PATH").unwrap_or_default()));
    for variable in container["env"].as_array().into_iter().flatten() {
        shell.env(variable["name"].as_str().expect("a name"), variable["value"].as_str().expect("a value"));
    }
    let done = shell.output().expect("the shell starts");
    assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
#[cfg(unix)]
fn the_kubernetes_jobs_pods_merge_to_the_whole() {
    let manifest: Value = serde_json::from_str(include_str!("../doc/kubernetes.json")).expect("the manifest is JSON");
    let jobs = manifest["items"].as_array().expect("the manifest lists its jobs");
    for job in jobs {
        assert_eq!((job["apiVersion"].as_str(), job["kind"].as_str()), (Some("batch/v1"), Some("Job")));
        let pod = &job["spec"]["template"]["spec"];
        assert_eq!(pod["restartPolicy"].as_str(), Some("Never"));
        let volumes: Vec<&str> = pod["volumes"].as_array().unwrap().iter().filter_map(|v| v["name"].as_str()).collect();
        for mount in pod["containers"][0]["volumeMounts"].as_array().unwrap() {
            assert!(volumes.contains(&mount["name"].as_str().unwrap()), "{mount} is of no volume");
        }
    }
    let [shards, merge] = [&jobs[0]["spec"], &jobs[1]["spec"]];
    assert_eq!(shards["completionMode"].as_str(), Some("Indexed"));
    let count = shards["completions"].as_u64().unwrap();
    let container = &shards["template"]["spec"]["containers"][0];
    assert_eq!(container["env"][0]["value"].as_str(), Some(count.to_string().as_str()));

    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("scenario")).unwrap();
    let settings = ["--set", "handsets=16", "--set", "biometric.modality=embedding", "--set", "comparisons.subjects=6"];
    let more = ["--set", "server.shared=false", "--seed", "5"];
    let printed =
        Command::new(BIOPAY).args(["run", "stored-qr", "--print-config"]).args(settings).args(more).output().unwrap();
    std::fs::write(folder.path().join("scenario/scenario.toml"), printed.stdout).unwrap();
    (0..count).for_each(|index| run_container(container, folder.path(), &index.to_string()));
    run_container(&merge["template"]["spec"]["containers"][0], folder.path(), "");
    biopay(&["run", "scenario/scenario.toml", "--out", "whole"], folder.path());
    assert_eq!(digest(&folder.path().join("runs/whole")), digest(&folder.path().join("whole")));
}

/// Every command of Biopay in the workflow is one that the program takes, with these options.
#[test]
fn the_workflows_commands_exist() {
    let text = std::fs::read_to_string(root().join("reports/doc/ci/biopay.yml")).unwrap();
    let commands: Vec<&str> =
        text.lines().filter_map(|line| line.split_once("target/release/biopay ")).map(|(_, c)| c).collect();
    assert!(commands.len() >= 6, "{commands:?}");
    for command in commands {
        let words: Vec<&str> = command.split_whitespace().collect();
        let subcommands = words.iter().take_while(|w| !w.contains(['/', '$', '-', '.', '"'])).count();
        let help = Command::new(BIOPAY).args(&words[..subcommands]).arg("--help").output().unwrap();
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        for option in words.iter().filter(|w| w.starts_with("--")) {
            assert!(help.contains(option), "biopay {command}: there is no {option}");
        }
    }
    for bench in ["--save", "--against", "--label"] {
        let source = std::fs::read_to_string(root().join("sim/benches/instructions/instructions.rs")).unwrap();
        assert!(text.contains(bench) && source.contains(&format!("\"{bench}\"")), "{bench}");
    }
}
