//! One value of the table: a number with its interval, a word, or nothing that was measured.

use biopay_reports::interval::Rate;
use biopay_reports::unlinkability::Unlinkability;

/// The words for a value that was not measured.
pub(super) const NOT_MEASURED: &str = "not measured";

/// One value of the table.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// A name, or why there is no number.
    Word(String),
    /// A number.
    Number {
        /// The value.
        value: f64,
        /// Digits after the point that people read; files for programs have all.
        decimals: usize,
        /// Its 95 % interval.
        interval: Option<(f64, f64)>,
    },
    /// A lower bound, where nothing that would give a value was observed.
    AtLeast {
        /// The bound.
        bound: f64,
        /// Digits after the point that people read.
        decimals: usize,
    },
    /// Nothing was measured.
    NotMeasured,
}

impl Cell {
    /// Writes a name.
    pub(super) fn word(name: impl Into<String>) -> Self {
        Self::Word(name.into())
    }

    /// Writes a number without an interval.
    pub(super) fn number(value: f64, decimals: usize) -> Self {
        Self::Number { value, decimals, interval: None }
    }

    /// Writes a rate in per cent.
    pub(super) fn per_cent(rate: &Rate, decimals: usize) -> Self {
        let Some(value) = rate.value() else { return Self::NotMeasured };
        let interval = rate.interval().map(|i| (100.0 * i.lower, 100.0 * i.upper));
        Self::Number { value: 100.0 * value, decimals, interval }
    }

    /// Writes a linkability.
    pub(super) fn d_sys(measured: Option<&Unlinkability>) -> Self {
        measured.map_or(Self::NotMeasured, |u| Self::number(u.d_sys, 3))
    }

    /// Returns the text that people read, with this dash between the ends of an interval.
    pub(super) fn text(&self, dash: &str) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Number { value, decimals, interval: None } => format!("{value:.decimals$}"),
            Self::Number { value, decimals, interval: Some((lower, upper)) } => {
                format!("{value:.decimals$} ({lower:.decimals$}{dash}{upper:.decimals$})")
            }
            Self::AtLeast { bound, decimals } => format!("at least {bound:.decimals$}"),
            Self::NotMeasured => NOT_MEASURED.into(),
        }
    }

    /// Returns value, lower and upper bound for programs; a bound that does not exist is empty.
    pub(super) fn fields(&self) -> [String; 3] {
        let none = String::new;
        match self {
            Self::Word(word) => [word.clone(), none(), none()],
            Self::Number { value, interval: None, .. } => [value.to_string(), none(), none()],
            Self::Number { value, interval: Some((lower, upper)), .. } => {
                [*value, *lower, *upper].map(|x| x.to_string())
            }
            Self::AtLeast { bound, .. } => [NOT_MEASURED.into(), bound.to_string(), none()],
            Self::NotMeasured => [NOT_MEASURED.into(), none(), none()],
        }
    }
}
