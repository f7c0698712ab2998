//! The house rules that a test can check.

mod circles;
mod prose;

use circles::Modules;
use std::fs;
use std::path::{Path, PathBuf};

const CRATES: [&str; 6] = ["biometrics", "datasets", "protocol", "reports", "server", "sim"];
/// The greatest length of a function.
const LONG_FUNCTION_LINES: usize = 70;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

fn files_under(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            out.extend(files_under(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            out.push(path);
        }
    }
    out.sort();
    out
}

fn rust_files() -> Vec<PathBuf> {
    CRATES.iter().flat_map(|c| files_under(&root().join(c), "rs")).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Returns the name and the number of lines of every function, by indentation: rustfmt has made it reliable.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let is_function = [
            "fn ",
            "pub fn ",
            "pub(crate) fn ",
            "pub(super) fn ",
            "async fn ",
            "pub async fn ",
            "const fn ",
            "pub const fn ",
        ]
        .iter()
        .any(|prefix| trimmed.starts_with(prefix));
        if !is_function || trimmed.ends_with(';') {
            continue;
        }
        let closing = format!("{}}}", &line[..line.len() - trimmed.len()]);
        let length = lines[start..].iter().position(|l| *l == closing).map_or(1, |n| n + 1);
        out.push((trimmed.to_owned(), length));
    }
    out
}

#[test]
fn functions_stay_short() {
    let mut long = Vec::new();
    let mut lengths = Vec::new();
    for path in rust_files() {
        for (name, length) in functions(&read(&path)) {
            lengths.push(length);
            if length > LONG_FUNCTION_LINES {
                long.push(format!("{}: {length} lines: {name}", path.display()));
            }
        }
    }
    lengths.sort_unstable();
    assert!(lengths.len() > 500, "the search for functions found only {}", lengths.len());
    assert!(lengths[lengths.len() / 2] <= 10, "the median function has {} lines", lengths[lengths.len() / 2]);
    assert!(
        long.is_empty(),
        "{} functions above {LONG_FUNCTION_LINES} lines:
{}",
        long.len(),
        long.join(
            "
"
        )
    );
}

#[test]
fn files_stay_readable() {
    let long: Vec<String> = rust_files()
        .iter()
        .map(|path| (path, read(path).lines().count()))
        .filter(|&(_, lines)| lines > 500)
        .map(|(path, lines)| format!("{} has {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "split these:\n{}", long.join("\n"));
}

/// Counted like this, 19 of 38 modules of sim were in circles once, 8 of 37 of reports, 8 of 20 of server and 2 of 14 of
/// biometrics.
#[test]
fn modules_import_each_other_in_no_circle() {
    let mut found = Vec::new();
    for name in CRATES {
        let modules = Modules::read(&root().join(name).join("src"));
        assert!(modules.top_level() > 5, "the modules of {name} were not found");
        for circle in modules.circles() {
            let place = Path::new(name).join("src").join(&circle.folder);
            let (place, children) = (place.display(), circle.children.join(", "));
            found.push(format!("{place}: {children}\n    {}", circle.ties.join("\n    ")));
        }
    }
    assert!(found.is_empty(), "{} import circles:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_source_file_is_compiled() {
    for name in CRATES {
        let source = root().join(name).join("src");
        let all: String = files_under(&source, "rs").iter().map(|p| read(p)).collect();
        for path in files_under(&source, "rs") {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let parent = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
            let module = if stem == "mod" { parent.clone() } else { stem.clone() };
            let is_root = stem == "lib" || stem == "main" || parent == "bin";
            let declared = all.lines().any(|l| {
                let l = l.trim_start().trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
                l.trim_start_matches("pub ") == format!("mod {module};")
            });
            assert!(is_root || declared, "{} is not a module of its crate: delete it or declare it", path.display());
        }
    }
}

#[test]
fn every_dependency_gives_its_reason() {
    let manifest = read(&root().join("Cargo.toml"));
    let section =
        manifest.split("[workspace.dependencies]").nth(1).and_then(|s| s.split("\n[").next()).unwrap_or_default();
    let dependencies: Vec<&str> = section.lines().filter(|l| l.contains('=') && !l.contains("path = ")).collect();
    assert!(dependencies.len() > 20, "the section was not found");
    for line in dependencies {
        let reason = line.rsplit_once("# ").map_or("", |(_, reason)| reason);
        assert!(reason.len() >= 15, "say in the workspace manifest why: {line}");
    }
}

#[test]
fn the_readmes_map_matches_the_tree() {
    let readme = read(&root().join("README.md"));
    let map = readme.split("## Map").nth(1).and_then(|s| s.split("\n## ").next()).expect("README has a section Map");
    let paths: Vec<&str> = map.split('`').skip(1).step_by(2).filter(|p| p.contains('/')).collect();
    assert!(paths.len() >= 20, "the map names only {} paths", paths.len());
    for path in &paths {
        assert!(root().join(path).exists(), "README's map names {path}, which is not in the tree");
    }
    for name in CRATES {
        for entry in fs::read_dir(root().join(name).join("src")).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                let relative = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
                assert!(paths.iter().any(|p| p.trim_end_matches('/') == relative), "README's map lacks {relative}");
            }
        }
    }
}

#[test]
fn the_top_level_holds_what_the_design_says() {
    let allowed = ["Cargo.toml", "Cargo.lock", "LICENSE", "README.md", "target", "runs", "shared"];
    for entry in fs::read_dir(root()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_known = name.starts_with('.') || allowed.contains(&name.as_str()) || CRATES.contains(&name.as_str());
        assert!(is_known, "{name} does not belong at the top level");
    }
}

#[test]
fn mains_stay_thin() {
    for path in rust_files() {
        let is_binary = path.ends_with("main.rs") || path.parent().is_some_and(|p| p.ends_with("bin"));
        let lines = read(&path).lines().filter(|l| !l.trim().is_empty()).count();
        assert!(!is_binary || lines <= 15, "{} has {lines} lines", path.display());
    }
}
