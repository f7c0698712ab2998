//! Links and paths in the pages: each leads to something that is there.

use crate::{read, root};
use std::path::{Path, PathBuf};

/// The folders with pages.
const FOLDERS: [&str; 3] = ["", "sim/doc", "reports/doc"];
/// The beginnings of paths from the repository's root.
const ROOTS: [&str; 7] = ["biometrics/", "datasets/", "protocol/", "reports/", "server/", "sim/", ".ci/"];

fn pages() -> Vec<PathBuf> {
    let mut out = Vec::new();
    for folder in FOLDERS {
        for entry in std::fs::read_dir(root().join(folder)).into_iter().flatten().flatten() {
            out.extend(Some(entry.path()).filter(|path| path.extension().is_some_and(|e| e == "md")));
        }
    }
    assert!(out.len() > 8, "the pages were found");
    out
}

/// The targets of a page's links that are not on the web.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#')).collect()
}

/// The paths from the repository's root that a page names between backticks.
fn paths(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let words = quoted.flat_map(str::split_whitespace).filter(|word| ROOTS.iter().any(|r| word.starts_with(r)));
    words.filter(|word| !word.contains(['*', '{', '<', '$']) && word.to_lowercase() == **word).collect()
}

#[test]
fn every_link_and_path_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = read(&page);
        let folder = page.parent().unwrap_or(Path::new(""));
        let fenced: String = text.split("```").step_by(2).collect();
        for link in links(&fenced) {
            let file = link.split('#').next().unwrap_or(link);
            if !folder.join(file).exists() {
                broken.push(format!("{}: link to {link}", page.display()));
            }
        }
        for path in paths(&fenced) {
            if !root().join(path.trim_end_matches([',', '.', ':'])).exists() {
                broken.push(format!("{}: names {path}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{} broken:\n{}", broken.len(), broken.join("\n"));
}
