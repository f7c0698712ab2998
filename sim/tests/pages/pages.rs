//! The pages under `sim/doc/`: references are generated from the code, and links lead somewhere.
//!
//! With `BIOPAY_RENEW=1` the test writes the generated parts again; otherwise it fails where a page differs from the code.

mod columns;
mod exit_codes;
mod links;
mod scenario;
mod thresholds;

use std::fs;
use std::path::{Path, PathBuf};

/// The line before the generated part of a page.
const BEGIN: &str = "<!-- generated: BIOPAY_RENEW=1 cargo test -p biopay-sim --test pages -->";
/// The line after it.
const END: &str = "<!-- end of the generated part -->";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Checks the generated part of a page below `sim/doc/`, or writes it again.
fn check_generated(page: &str, generated: &str) {
    let path = root().join("sim/doc").join(page);
    let text = read(&path);
    let (head, rest) = text.split_once(BEGIN).unwrap_or_else(|| panic!("{page} has a generated part"));
    let (_, tail) = rest.split_once(END).unwrap_or_else(|| panic!("the generated part of {page} has an end"));
    let wanted = format!("{head}{BEGIN}\n\n{}\n\n{END}{tail}", generated.trim());
    if wanted != text && std::env::var_os("BIOPAY_RENEW").is_some() {
        fs::write(&path, wanted).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        return;
    }
    let mut lines = wanted.lines().zip(text.lines());
    let different = lines.find(|(wanted, written)| wanted != written);
    assert!(wanted == text, "{page} differs from the code ({different:?}): run BIOPAY_RENEW=1 cargo test --test pages");
}

/// A cell of a Markdown table on one line.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
