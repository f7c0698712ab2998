//! What bounds the security of each scheme's payload, among a run's figures.

use crate::records::{Component, ServerFigure};
use crate::statistics::evidence::rate::Rate;
use crate::statistics::evidence::security::EffectiveSecurity;

/// The bounds that a run knows before any comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct SecurityRow {
    /// The scheme.
    pub scheme: String,
    /// Bits of the key that a payload commits to; `None` for a scheme without one.
    pub key_bits: Option<usize>,
    /// Degrees of freedom of the bits that a payload follows from; `None` with too few subjects.
    pub committed_bits: Option<f64>,
}

impl SecurityRow {
    /// Writes it as figures.
    pub fn figures(&self) -> Vec<ServerFigure> {
        let values = [("key_bits", self.key_bits.map(|bits| bits as f64)), ("committed_bits", self.committed_bits)];
        let figure = |(name, value): (&str, Option<f64>)| {
            let name = format!("{}.{name}", self.scheme);
            Some(ServerFigure { component: Component::Security.name().to_owned(), name, value: value? })
        };
        values.into_iter().filter_map(figure).collect()
    }
}

/// Returns the bounds of one scheme's security, from a run's figures as component, name and value, and its false match
/// rate; `None` where the run does not state them.
pub fn of(figures: &[(String, String, f64)], scheme: &str, fmr: &Rate) -> Option<EffectiveSecurity> {
    let value = |name: &str| {
        let full = format!("{scheme}.{name}");
        let meant = |figure: &&(String, String, f64)| figure.0 == Component::Security.name() && figure.1 == full;
        figures.iter().find(meant).map(|(.., value)| *value)
    };
    let (key_bits, committed_bits) = (value("key_bits"), value("committed_bits"));
    (key_bits.is_some() || committed_bits.is_some())
        .then(|| EffectiveSecurity::new(key_bits.map(|bits| bits as usize), fmr, committed_bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_read_back() {
        let row = SecurityRow { scheme: "digest".into(), key_bits: Some(16), committed_bits: Some(12.5) };
        let figures: Vec<_> = row.figures().into_iter().map(|f| (f.component, f.name, f.value)).collect();
        let found = of(&figures, "digest", &Rate::independent(0, 1_000_000)).unwrap();
        assert_eq!((found.key_bits, found.template_bits, found.bits()), (Some(16.0), Some(12.5), 12.5));
        assert_eq!(of(&figures, "template", &Rate::independent(0, 10)), None);
    }
}
