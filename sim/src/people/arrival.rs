//! The start times of payments: a steady process whose time is warped by a pattern, or a trace.

use crate::Error;
use crate::csv_file::read_rows;
use crate::scenario::Pattern;
use crate::scenario::TIME_MAX_S;
use crate::time::SimTime;
use std::path::Path;

const DAY_S: f64 = 86_400.0;
/// The number of halvings of the interval in the search for an inverse: below a nanosecond in a year.
const HALVINGS: u32 = 60;

/// A map from real time to the time of a steady process and back: where the rate is doubled, steady time passes twice
/// as fast. A Poisson process of constant rate in steady time has the pattern's rate in real time (the time change of
/// Papangelou 1972).
#[derive(Clone, Copy, Debug)]
pub struct Warp(Pattern);

impl Warp {
    /// Creates the map of a pattern.
    pub fn new(pattern: Pattern) -> Self {
        Self(pattern)
    }

    /// Returns the steady time at a real one: the integral of the relative rate. Units: seconds.
    pub fn to_steady(self, real_s: f64) -> f64 {
        match self.0 {
            Pattern::Steady => real_s,
            Pattern::Diurnal { peak_hour, swing } => {
                let turn = std::f64::consts::TAU / DAY_S;
                let phase = |s: f64| libm::sin(turn * (s - peak_hour * 3_600.0));
                real_s + swing / turn * (phase(real_s) - phase(0.0))
            }
            Pattern::FlashSale { at_s, lasts_s, factor } => {
                let within = (real_s - at_s).clamp(0.0, lasts_s);
                real_s + within * (factor - 1.0)
            }
        }
    }

    /// Returns the real time at a steady one. Units: seconds.
    pub fn to_real(self, steady_s: f64) -> f64 {
        let (mut low, mut high) = (0.0, steady_s.max(1.0));
        while self.to_steady(high) < steady_s {
            high *= 2.0;
        }
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if self.to_steady(middle) < steady_s { low = middle } else { high = middle }
        }
        high
    }
}

/// Reads a trace, a CSV file with a column `at_s` in its header: a start in seconds in every row. The result is sorted.
///
/// # Errors
///
/// [`Error::Usage`] with the line without a valid start, and [`Error::File`].
pub fn read_trace(path: &Path) -> Result<Vec<SimTime>, Error> {
    let mut rows = read_rows(path)?.into_iter();
    let column = rows.next().and_then(|header| header.fields.iter().position(|name| name == "at_s"));
    let column = column.ok_or_else(|| Error::Usage(format!("{}: the header has no column at_s", path.display())))?;
    let mut starts = Vec::new();
    for row in rows {
        let seconds = row.fields.get(column).and_then(|field| field.parse::<f64>().ok());
        let seconds = seconds.filter(|s| (0.0..=TIME_MAX_S).contains(s)).ok_or_else(|| {
            Error::Usage(format!("{}: line {} has no start in seconds from 0 to 1e9", path.display(), row.line))
        })?;
        starts.push(SimTime::from_seconds(seconds));
    }
    starts.sort_unstable();
    Ok(starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_again() {
        let patterns = [
            Pattern::Steady,
            Pattern::Diurnal { peak_hour: 18.0, swing: 0.9 },
            Pattern::FlashSale { at_s: 100.0, lasts_s: 20.0, factor: 30.0 },
        ];
        for pattern in patterns {
            let warp = Warp::new(pattern);
            for steady in [0.5, 99.0, 101.0, 400.0, 50_000.0, 200_000.0] {
                assert!((warp.to_steady(warp.to_real(steady)) - steady).abs() < 1e-6, "{pattern:?} {steady}");
            }
        }
    }

    #[test]
    fn a_sale_and_an_evening_are_busier() {
        let sale = Warp::new(Pattern::FlashSale { at_s: 100.0, lasts_s: 20.0, factor: 30.0 });
        assert!((sale.to_steady(120.0) - sale.to_steady(100.0) - 600.0).abs() < 1e-9);
        let day = Warp::new(Pattern::Diurnal { peak_hour: 18.0, swing: 0.8 });
        let hour = |h: f64| day.to_steady((h + 0.5) * 3_600.0) - day.to_steady((h - 0.5) * 3_600.0);
        assert!(hour(18.0) > 1.75 * 3_600.0 && hour(6.0) < 0.25 * 3_600.0);
        assert!((day.to_steady(DAY_S) - DAY_S).abs() < 1e-6, "the mean is that of the gap");
    }

    #[test]
    fn a_trace_is_read_sorted_and_its_mistakes_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.csv");
        std::fs::write(&path, "shop,at_s\na,2.5\nb,1\n").unwrap();
        assert_eq!(read_trace(&path).unwrap(), [1.0, 2.5].map(SimTime::from_seconds));
        for text in ["\u{feff}at_s\r\n1\r\n\r\n2.5\r\n", "\"shop\",\"at_s\"\n\"Smith, Ltd\",\"2.5\"\nb,1\n"] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read_trace(&path).unwrap(), [1.0, 2.5].map(SimTime::from_seconds), "{text}");
        }
        std::fs::write(&path, "at_s\n1\nsoon\n").unwrap();
        assert!(read_trace(&path).unwrap_err().to_string().contains("line 3"));
    }
}
