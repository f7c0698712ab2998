//! The frame of every page: one file with its style and its script inside, which reads without the script.

use crate::plot::Chart;
use crate::text::escape;

const STYLE: &str = concat!(include_str!("../style.css"), include_str!("explore.css"));
const SCRIPT: &str = concat!(
    "\"use strict\";(()=>{",
    include_str!("tables.js"),
    include_str!("charts.js"),
    include_str!("threshold.js"),
    include_str!("filters.js"),
    "})();"
);

/// Writes a whole page; `title` is plain text, `main` the HTML of what is shown.
pub(crate) fn document(title: &str, main: &str) -> String {
    let title = escape(title);
    format!(
        r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title><style>{STYLE}</style></head><body><main>{main}</main><script>{SCRIPT}</script></body></html>
"#
    )
}

/// Writes a chart with its caption; `plot` says to the script what it is of.
pub(crate) fn figure(chart: &Chart, caption: &str, plot: Plot<'_>) -> String {
    let data = match plot {
        Plot::Of { kind, scheme } => format!(r#" data-plot="{kind}" data-scheme="{}""#, escape(scheme)),
        Plot::Zoomed => r#" data-zoom="x""#.to_owned(),
        Plot::Linked => r#" data-linked="x""#.to_owned(),
        Plot::Plain => String::new(),
    };
    format!("<figure{data}>{}<figcaption>{caption}</figcaption></figure>", chart.svg())
}

/// What the script does with a chart besides showing its values.
#[derive(Clone, Copy)]
pub(crate) enum Plot<'a> {
    /// Moves the threshold of a scheme in it; all schemes share a chart where the name is empty.
    Of { kind: &'static str, scheme: &'a str },
    /// Zooms into the horizontal axis.
    Zoomed,
    /// Shows the same place in every chart of the page at once.
    Linked,
    /// Nothing.
    Plain,
}

/// Writes a table that scrolls by itself where it is wider than the window; cells are HTML.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let first = |column: usize| rows.first().and_then(|row| row.get(column)).map_or("", String::as_str);
    let class = |cell: &str| if is_figure(cell) { r#" class="figure""# } else { "" };
    let label =
        escape(&format!("Table: {}", head.iter().filter(|h| !h.is_empty()).copied().collect::<Vec<_>>().join(", ")));
    let head: String =
        head.iter().enumerate().map(|(i, h)| format!("<th scope=\"col\"{}>{h}</th>", class(first(i)))).collect();
    let cell = |cell: &String| format!("<td{}>{cell}</td>", class(cell));
    let body: String =
        rows.iter().map(|row| format!("<tr>{}</tr>", row.iter().map(cell).collect::<String>())).collect();
    format!(
        r#"<div class="scroll" role="group" tabindex="0" aria-label="{label}"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"#
    )
}

/// Returns whether a cell is a figure, which is set to the right so that digits stand under each other.
fn is_figure(cell: &str) -> bool {
    cell.starts_with(|c: char| c.is_ascii_digit() || c == '–') || cell == "no trials"
}
