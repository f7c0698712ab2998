//! The prose of the sources: types are documented by noun phrases, and nothing is said in idioms that a stranger to the
//! project has to guess.

use crate::{CRATES, files_under, read, root};
use std::path::Path;

/// Verbs with which the documentation of a type must not begin: a type is documented by what it is, as in "A connection's
/// session and what was sent on it."
const VERBS: [&str; 8] = ["Holds", "Says", "Is", "Names", "Knows", "Keeps", "Tells", "Describes"];

/// Idioms and inversions, each with plain words for it.
const IDIOMS: [(&str, &str); 10] = [
    ("that is none", "an invalid ..."),
    ("that are none", "invalid ..."),
    ("is none for", "is not valid for"),
    ("what makes ", "the required parts of"),
    ("so many at most", "at most `n`"),
    ("what came of", "the result of"),
    ("what comes of", "the result of"),
    ("lives through", "processes"),
    ("dealt out", "divided"),
    ("gives back of", "returns"),
];

/// The comment of a line, without its slashes; `None` for code.
fn comment(line: &str) -> Option<&str> {
    let line = line.trim_start();
    ["/// ", "//! ", "// "].iter().find_map(|mark| line.strip_prefix(mark))
}

/// Whether a line of code, after its attributes, declares a public type.
fn declares_a_type(line: &str) -> bool {
    let line = line.trim_start();
    let rest = ["pub ", "pub(crate) ", "pub(super) "].iter().find_map(|visible| line.strip_prefix(visible));
    let keywords = ["struct ", "enum ", "trait ", "type ", "union "];
    rest.is_some_and(|rest| keywords.iter().any(|keyword| rest.starts_with(keyword)))
}

/// Lists the public types whose documentation begins with a verb, as `LINE: WORDS`.
fn verbs_of_types(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| declares_a_type(line)) {
        let above = lines[..at].iter().rev();
        let first = above.take_while(|l| !l.trim().is_empty() && !l.trim_end().ends_with(['}', ';', '{']));
        let Some(first) = first.filter_map(|l| l.trim_start().strip_prefix("/// ")).last() else { continue };
        let verb = first.split_whitespace().next().unwrap_or_default();
        if VERBS.contains(&verb) {
            out.push(format!("{}: {first}    ({})", at + 1, line.trim()));
        }
    }
    out
}

#[test]
fn types_are_documented_by_noun_phrases() {
    let example = "/// Holds a thing.\n#[derive(Debug)]\npub struct Thing;\n\n/// A thing.\npub struct Other;\n";
    assert_eq!(verbs_of_types(example).len(), 1, "the search finds a verb where there is one");
    let mut found = Vec::new();
    for path in CRATES.iter().flat_map(|name| files_under(&root().join(name).join("src"), "rs")) {
        found.extend(verbs_of_types(&read(&path)).into_iter().map(|line| format!("{}:{line}", shown(&path))));
    }
    assert!(found.is_empty(), "{} types to be documented by noun phrases:\n{}", found.len(), found.join("\n"));
}

#[test]
fn comments_avoid_idioms() {
    let mut found = Vec::new();
    for path in CRATES.iter().flat_map(|name| files_under(&root().join(name).join("src"), "rs")) {
        for (at, line) in read(&path).lines().enumerate() {
            let Some(text) = comment(line) else { continue };
            let idioms = IDIOMS.iter().filter(|(idiom, _)| text.to_lowercase().contains(idiom));
            found.extend(idioms.map(|(idiom, plain)| {
                format!("{}:{}: \"{idiom}\", better \"{plain}\": {}", shown(&path), at + 1, text.trim())
            }));
        }
    }
    assert!(found.is_empty(), "{} idioms:\n{}", found.len(), found.join("\n"));
}

/// A path below the workspace's folder.
fn shown(path: &Path) -> std::path::Display<'_> {
    path.strip_prefix(root()).unwrap_or(path).display()
}
