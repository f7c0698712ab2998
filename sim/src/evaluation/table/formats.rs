//! The formats of the table.

use super::cell::Cell;
use super::columns::{Bounds, COLUMNS};
use crate::Error;
use clap::ValueEnum;
use std::fmt::Write;

/// A format of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// A `tabular` of LaTeX, with the rules of `booktabs`.
    Latex,
    /// A table of GitHub's Markdown.
    Markdown,
    /// Comma-separated, with each interval's ends in columns of their own.
    Csv,
}

impl TableFormat {
    /// Writes rows of cells, one cell a column.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if a row cannot be written as CSV.
    pub(super) fn write(self, rows: &[Vec<Cell>]) -> Result<String, Error> {
        match self {
            Self::Latex => Ok(latex(rows)),
            Self::Markdown => Ok(markdown(rows)),
            Self::Csv => csv_text(rows).map_err(|e| Error::Usage(format!("the table cannot be written: {e}"))),
        }
    }
}

fn latex(rows: &[Vec<Cell>]) -> String {
    let mut out = String::from("% \\usepackage{booktabs}\n");
    let alignment = rows.first().map_or(String::new(), |row| row.iter().map(alignment).collect());
    let _ = writeln!(out, "\\begin{{tabular}}{{{alignment}}}\n\\toprule");
    let headings: Vec<String> = COLUMNS.iter().map(|column| escaped(column.heading)).collect();
    let _ = writeln!(out, "{} \\\\\n\\midrule", headings.join(" & "));
    for (number, row) in rows.iter().enumerate() {
        // A rule between modalities, which the first column names.
        if number > 0 && rows[number - 1][0] != row[0] {
            out.push_str("\\midrule\n");
        }
        let cells: Vec<String> = row.iter().map(|cell| escaped(&cell.text("--"))).collect();
        let _ = writeln!(out, "{} \\\\", cells.join(" & "));
    }
    out.push_str("\\bottomrule\n\\end{tabular}\n");
    out
}

/// Aligns words to the left and numbers to the right.
fn alignment(cell: &Cell) -> char {
    match cell {
        Cell::Word(_) => 'l',
        Cell::Number { .. } | Cell::AtLeast { .. } | Cell::NotMeasured => 'r',
    }
}

/// Escapes the characters that LaTeX reads as commands.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', character]),
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            'µ' => out.push_str("\\textmu{}"),
            _ => out.push(character),
        }
    }
    out
}

fn markdown(rows: &[Vec<Cell>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut out = line(COLUMNS.iter().map(|column| column.heading.to_owned()).collect());
    out += &line(COLUMNS.iter().map(|_| "---".to_owned()).collect());
    rows.iter().for_each(|row| out += &line(row.iter().map(|cell| cell.text("–").replace('|', "\\|")).collect()));
    out
}

fn csv_text(rows: &[Vec<Cell>]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let names = COLUMNS.iter().flat_map(|column| match column.bounds {
        Bounds::None => vec![column.name.to_owned()],
        Bounds::Interval => ["", "_lower95", "_upper95"].map(|ending| format!("{}{ending}", column.name)).to_vec(),
    });
    writer.write_record(names)?;
    for row in rows {
        let fields = row.iter().zip(&COLUMNS).flat_map(|(cell, column)| {
            let [value, lower, upper] = cell.fields();
            match column.bounds {
                Bounds::None => vec![value],
                Bounds::Interval => vec![value, lower, upper],
            }
        });
        writer.write_record(fields)?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8(bytes).expect("fields are text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<Cell>> {
        let row = |name: &str, cell: Cell| {
            let mut cells = vec![Cell::NotMeasured; COLUMNS.len()];
            (cells[0], cells[2], cells[3]) = (Cell::word(name), Cell::word("a_b & 5 %"), cell);
            cells
        };
        let number = Cell::Number { value: 1.25, decimals: 1, interval: Some((0.5, 2.0)) };
        vec![row("face", number), row("two, of", Cell::AtLeast { bound: 9.96, decimals: 1 })]
    }

    #[test]
    fn what_was_not_measured_is_said_and_never_zero() {
        for format in [TableFormat::Latex, TableFormat::Markdown, TableFormat::Csv] {
            let text = format.write(&rows()).unwrap();
            assert!(text.contains("not measured"), "{text}");
            assert!(!text.contains(" 0 ") && !text.contains(",0,"), "{text}");
        }
    }

    #[test]
    fn programs_find_ends_of_intervals_in_columns_of_their_own() {
        let text = TableFormat::Csv.write(&rows()).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().unwrap().clone();
        let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        let at =
            |row: usize, name: &str| rows[row].get(header.iter().position(|h| h == name).unwrap()).unwrap().to_owned();
        assert_eq!(["", "_lower95", "_upper95"].map(|end| at(0, &format!("fmr_percent{end}"))), ["1.25", "0.5", "2"]);
        assert_eq!(at(1, "modality"), "two, of");
        assert_eq!((at(1, "fmr_percent"), at(1, "fmr_percent_lower95")), ("not measured".into(), "9.96".into()));
        assert_eq!(at(0, "helper_only_bits"), "not measured");
    }

    #[test]
    fn latex_and_markdown_are_escaped_and_every_line_has_every_column() {
        let latex = TableFormat::Latex.write(&rows()).unwrap();
        assert!(latex.contains("a\\_b \\& 5 \\%") && latex.contains("1.2 (0.5--2.0)"), "{latex}");
        assert!(latex.contains("at least 10.0"), "{latex}");
        for line in latex.lines().filter(|line| line.ends_with("\\\\")) {
            let columns = line.replace("\\&", "").matches('&').count() + 1;
            assert_eq!(columns, COLUMNS.len(), "{line}");
        }
        let markdown = TableFormat::Markdown.write(&rows()).unwrap();
        assert_eq!(markdown.lines().count(), 4);
        assert!(markdown.lines().all(|line| line.matches('|').count() == COLUMNS.len() + 1), "{markdown}");
    }
}
