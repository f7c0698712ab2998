//! What a command shows on the standard output: text for people, one JSON value for programs, or nothing.

use crate::progress;
use biopay_reports::terminal::Style;
use clap::Args;
use console::Term;
use std::io::IsTerminal;

/// The options that decide what is shown.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct ShowArgs {
    /// Shows nothing but warnings and errors.
    #[arg(long, short)]
    quiet: bool,
    /// Prints the result as one JSON value: `run_folder`, `report` and `summary`, which is summary.json. Progress and
    /// messages go to the standard error.
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
}

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Text for people.
    Text,
    /// One JSON value.
    Json,
    /// Nothing.
    Nothing,
}

impl ShowArgs {
    /// Returns what is shown, and silences the progress of long work if that is nothing.
    pub(super) fn shown(self) -> Shown {
        if self.quiet {
            progress::silence();
        }
        match (self.quiet, self.json) {
            (true, _) => Shown::Nothing,
            (false, true) => Shown::Json,
            (false, false) => Shown::Text,
        }
    }
}

/// Returns the width and the colours of the standard output: neither for a file. `NO_COLOR` (no-color.org) and terminals
/// that call themselves dumb have no colours.
pub(super) fn style() -> Style {
    let output = std::io::stdout();
    if !output.is_terminal() {
        return Style::default();
    }
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    Style {
        columns: Term::stdout().size_checked().map(|(_, columns)| usize::from(columns)),
        is_coloured: !is_set("NO_COLOR") && !is_dumb,
    }
}
