//! `thresholds.md`: the names of figures, from the code that makes them.

use crate::{check_generated, read, root};
use biopay_biometrics::scheme::SchemeId;
use biopay_reports::metric::LAST_WORDS;
use biopay_reports::records::{Journey, Operation, TransactionKind, TransactionOutcome};
use biopay_sim::network::ProfileId;
use biopay_sim::scenario::AttackKind;
use std::fmt::Write as _;

#[test]
fn the_page_of_thresholds_has_every_name() {
    let source = read(&root().join("reports/src/figures/metric.rs"));
    let mut page: String = source
        .lines()
        .filter_map(|line| line.strip_prefix("//! |"))
        .map(|row| format!("|{}\n", row.replace("//!", "")))
        .collect();
    assert!(page.lines().count() > 8, "the table of figures was found");
    page.push_str("\nThe words in capitals are:\n\n| word | names |\n|---|---|\n");
    let mut row = |word: &str, names: Vec<&str>| {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(page, "| {word} | {} |", names.join(", "));
    };
    row("SCHEME", SchemeId::ALL.iter().map(|id| id.name()).collect());
    row("JOURNEY", Journey::ALL.into_iter().map(Journey::name).collect());
    row("OPERATION", Operation::ALL.into_iter().map(Operation::name).collect());
    row("KIND", TransactionKind::ALL.into_iter().map(TransactionKind::name).collect());
    row(
        "OUTCOME, beside the refusals of the protocol",
        TransactionOutcome::ALL.into_iter().map(TransactionOutcome::name).collect(),
    );
    row("NAME of an attack", AttackKind::ALL.iter().map(|kind| kind.name()).collect());
    row("link, after `@`", ProfileId::ALL.into_iter().map(ProfileId::name).collect());
    row("last word of a name", LAST_WORDS.to_vec());
    check_generated("thresholds.md", &page);
}
