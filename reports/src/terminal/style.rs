//! The terminal that text is shown on: its width and its colours.

use crate::judgement::threshold::Verdict;

/// The least width that text is fitted to. Units: columns.
const COLUMNS_MIN: usize = 40;
/// The width that the table of attacks needs. Units: columns.
const WIDE: usize = 118;

/// The width that a histogram needs. Units: columns.
const BARS: usize = 100;

/// The width and the colours of a terminal; none of both for a file or another program.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// The width; `None` where lines may have any length. Units: columns.
    pub columns: Option<usize>,
    /// Whether words have colours.
    pub is_coloured: bool,
}

impl Style {
    /// Whether wide tables have room.
    pub(super) fn is_wide(self) -> bool {
        self.columns.is_none_or(|columns| columns >= WIDE)
    }

    /// Whether a histogram has room, which cannot be broken.
    pub(super) fn has_bars(self) -> bool {
        self.columns.is_none_or(|columns| columns >= BARS)
    }

    /// Returns the mark of a verdict.
    pub(super) fn mark(self, verdict: Verdict) -> String {
        let (mark, colour) = match verdict {
            Verdict::Passed => ('✓', 32),
            Verdict::Failed => ('✗', 31),
            Verdict::NotEnoughEvidence => ('?', 33),
        };
        self.coloured(&mark.to_string(), colour)
    }

    /// Returns a warning's word.
    pub(super) fn warning(self, word: &str) -> String {
        self.coloured(word, 31)
    }

    fn coloured(self, text: &str, colour: u8) -> String {
        if self.is_coloured { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Breaks lines that are longer than the terminal is wide, between words; the rest is indented by two columns more.
    pub(super) fn fit(self, text: &str) -> String {
        let Some(columns) = self.columns.map(|columns| columns.max(COLUMNS_MIN)) else { return text.to_owned() };
        text.lines().map(|line| broken(line, columns)).collect()
    }
}

fn broken(line: &str, columns: usize) -> String {
    let mut out = String::new();
    let indent = (line.len() - line.trim_start().len()).min(columns / 3) + 2;
    let mut rest = line;
    let mut room = columns;
    while width(rest) > room {
        // The last blank within the room that has something before it; a word longer than a line stands as it is.
        let blanks = rest.char_indices().filter(|(_, c)| *c == ' ').map(|(at, _)| at);
        let has_words = |at: &usize| !rest[..*at].trim().is_empty();
        let fitting = blanks.clone().filter(has_words).take_while(|&at| width(&rest[..at]) <= room).last();
        let Some(at) = fitting.or_else(|| blanks.clone().find(has_words)) else { break };
        out.push_str(rest[..at].trim_end());
        out.push('\n');
        out.push_str(&" ".repeat(indent));
        rest = rest[at..].trim_start();
        room = columns - indent;
    }
    out.push_str(rest);
    out.push('\n');
    out
}

/// The columns that a text takes: its characters without colours. Our own texts have no wide ones; names may.
fn width(text: &str) -> usize {
    let mut is_colour = false;
    let is_shown = |c: &char| {
        let was_colour = is_colour;
        is_colour = *c == '\x1b' || is_colour && *c != 'm';
        !(is_colour || was_colour && *c == 'm')
    };
    text.chars().filter(is_shown).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_break_between_words_and_short_ones_stay() {
        let style = Style { columns: Some(40), is_coloured: false };
        let fitted = style.fit("  short\n  template  FMR  0.1 % [0.05, 0.2] 12/12,345 and a word more\n");
        let lines: Vec<&str> = fitted.lines().collect();
        assert_eq!(lines[0], "  short");
        assert!(lines.len() == 3 && lines.iter().all(|line| width(line) <= 40), "{fitted}");
        assert!(lines[2].starts_with("    "), "{fitted}");
        assert_eq!(Style::default().fit("a\nb\n"), "a\nb\n");
    }

    #[test]
    fn colours_take_no_columns_and_are_left_out_unless_asked_for() {
        let coloured = Style { columns: None, is_coloured: true };
        assert_eq!((width(&coloured.mark(Verdict::Passed)), width("✓ x")), (1, 3));
        assert_eq!(Style::default().mark(Verdict::Failed), "✗");
    }
}
