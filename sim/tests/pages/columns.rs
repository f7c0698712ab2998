//! `columns.md`: the columns of every recorded table, from the definitions of the rows.

use crate::{cell, check_generated, read, root};
use std::fmt::Write as _;

#[test]
fn the_page_of_columns_has_every_column() {
    let source = read(&root().join("reports/src/records/rows.rs"));
    let mut page = String::new();
    let mut doc: Vec<&str> = Vec::new();
    let mut columns = 0;
    for line in source.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc.push(text.trim());
            continue;
        }
        if let Some(table) = line.strip_prefix("pub struct ").and_then(|rest| rest.split('"').nth(1)) {
            let _ = writeln!(page, "\n## `{table}.parquet`\n\n{}\n", cell(&doc.join(" ")));
            page.push_str("| column | type | meaning |\n|---|---|---|\n");
        } else if let (Some((name, kind)), false) = (line.trim_end_matches(',').split_once(": "), doc.is_empty()) {
            columns += 1;
            let _ = writeln!(page, "| `{name}` | {} | {}{} |", column(kind), cell(&doc.join(" ")), unit(name));
        }
        doc.clear();
    }
    assert!(columns > 50, "the search for columns found only {columns}");
    check_generated("columns.md", &page);
}

/// The type of a column as readers of Parquet call it.
fn column(kind: &str) -> String {
    let (inner, null) = match kind.strip_prefix("Option<").and_then(|rest| rest.strip_suffix('>')) {
        Some(inner) => (inner, ", may be null"),
        None => (kind, ""),
    };
    let name = match inner {
        "String" => "string",
        "bool" => "boolean",
        "u32" => "uint32",
        "u64" => "uint64",
        "i64" => "int64",
        "f32" => "float",
        "f64" => "double",
        other => panic!("a column of type {other} has no name here"),
    };
    format!("{name}{null}")
}

/// The unit that a column's name ends in.
fn unit(name: &str) -> &'static str {
    match name.rsplit('_').next() {
        Some("us") => " Unit: microseconds.",
        Some("minor") => " Unit: minor units of the currency.",
        Some("bytes") => " Unit: bytes.",
        Some(_) | None => "",
    }
}
