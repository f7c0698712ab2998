//! What each scheme's payload costs as a QR symbol, among a run's figures.

use crate::records::{Component, ServerFigure};
use crate::statistics::evidence::rate::Rate;

/// The cost of one payload as a symbol.
#[derive(Clone, Debug, PartialEq)]
pub struct SymbolRow {
    /// The scheme that the payload is of.
    pub scheme: String,
    /// Its size. Units: bytes.
    pub payload_bytes: u64,
    /// The symbol's version (ISO/IEC 18004), 1 to 40.
    pub version: u8,
    /// Looks at a screen in which it was read.
    pub from_screen: Rate,
    /// Looks at paper in which it was read.
    pub from_paper: Rate,
}

impl SymbolRow {
    /// Takes what was measured.
    pub fn of(scheme: &str, payload_bytes: usize, version: u8, from_screen: Rate, from_paper: Rate) -> Self {
        Self { scheme: scheme.to_owned(), payload_bytes: payload_bytes as u64, version, from_screen, from_paper }
    }

    /// Writes it as figures.
    pub fn figures(&self) -> Vec<ServerFigure> {
        let values = [
            ("payload_bytes", self.payload_bytes),
            ("version", u64::from(self.version)),
            ("screen_reads", self.from_screen.count),
            ("screen_looks", self.from_screen.total),
            ("paper_reads", self.from_paper.count),
            ("paper_looks", self.from_paper.total),
        ];
        let figure = |(name, value): (&str, u64)| ServerFigure {
            component: Component::Symbol.name().to_owned(),
            name: format!("{}.{name}", self.scheme),
            value: value as f64,
        };
        values.map(figure).to_vec()
    }
}

/// Reads symbols back from a run's figures, given as component, name and value.
pub fn rows(figures: &[(String, String, f64)]) -> Vec<SymbolRow> {
    let own: Vec<_> = figures.iter().filter(|(component, ..)| component == &Component::Symbol).collect();
    let value = |scheme: &str, name: &str| {
        let full = format!("{scheme}.{name}");
        own.iter().find(|(_, found, _)| *found == full).map(|(.., value)| *value as u64)
    };
    let row = |scheme: &str| {
        let rate = |reads, looks| Some(Rate::independent(value(scheme, reads)?, value(scheme, looks)?));
        Some(SymbolRow {
            scheme: scheme.to_owned(),
            payload_bytes: value(scheme, "payload_bytes")?,
            version: u8::try_from(value(scheme, "version")?).ok()?,
            from_screen: rate("screen_reads", "screen_looks")?,
            from_paper: rate("paper_reads", "paper_looks")?,
        })
    };
    own.iter().filter_map(|(_, name, _)| name.strip_suffix(".version")).filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_back() {
        let row = SymbolRow::of("template", 130, 7, Rate::independent(19, 20), Rate::independent(20, 20));
        let figures: Vec<_> = row.figures().into_iter().map(|f| (f.component, f.name, f.value)).collect();
        assert_eq!(rows(&figures), [row]);
        assert!(rows(&figures[..3]).is_empty());
    }
}
