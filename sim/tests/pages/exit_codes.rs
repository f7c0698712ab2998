//! `exit-codes.md` against the errors of the program.

use crate::{read, root};
use biopay_sim::Error;

#[test]
fn the_page_of_exit_codes_has_each_code() {
    let page = read(&root().join("sim/doc/exit-codes.md"));
    let listed = |code: u8| page.lines().any(|line| line.starts_with(&format!("| {code} |")));
    let file = Error::File { path: "runs".into(), source: std::io::ErrorKind::NotFound.into() };
    let errors = [
        Error::Usage(String::new()),
        Error::ThresholdFailed(1),
        Error::Violations(1),
        Error::Regression(String::new()),
        Error::NotEnoughEvidence(String::new()),
        Error::InvalidRun(String::new()),
        Error::Cluster(String::new()),
        file,
        Error::Interrupted(129),
        Error::Interrupted(130),
        Error::Interrupted(143),
    ];
    let mut codes: Vec<u8> = errors.iter().map(Error::exit_code).collect();
    codes.push(0);
    for code in &codes {
        assert!(listed(*code), "exit-codes.md has no row for {code}");
    }
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit()).count();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(rows, codes.len(), "exit-codes.md has exactly the codes of the program");
}
