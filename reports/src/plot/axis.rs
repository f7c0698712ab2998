//! Axes: a scale, a range, and the ticks that a person would choose.

use crate::statistics::probit::probit;

/// A mapping of values to positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal steps.
    Linear,
    /// Decades.
    Log10,
    /// The standard normal quantile, for error rates.
    Probit,
    /// Nines of a quantile: 0.9, 0.99, 0.999 are equally far apart.
    Nines,
}

/// One axis of a chart.
#[derive(Clone, Debug)]
pub struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    /// The label, with its unit.
    pub label: String,
    ticks: Option<Vec<(f64, String)>>,
}

impl Axis {
    /// Makes an axis over `[low, high]`; an empty range is widened.
    pub fn new(scale: Scale, low: f64, high: f64, label: &str) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self { scale, low, high, label: label.to_owned(), ticks: None }
    }

    /// Replaces the ticks.
    pub fn with_ticks(mut self, ticks: Vec<(f64, String)>) -> Self {
        self.ticks = Some(ticks);
        self
    }

    /// Returns the scale and the range, from which a script reads values back: `log10 0.5 200`.
    pub(super) fn data(&self) -> String {
        let scale = match self.scale {
            Scale::Linear => "linear",
            Scale::Log10 => "log10",
            Scale::Probit => "probit",
            Scale::Nines => "nines",
        };
        format!("{scale} {} {}", self.low, self.high)
    }

    /// Returns the position of `value` in [0, 1], clamped to the axis.
    pub fn position(&self, value: f64) -> f64 {
        let [low, value, high] = [self.low, value.clamp(self.low, self.high), self.high].map(|v| self.transform(v));
        (value - low) / (high - low)
    }

    /// Returns the ticks: values with their labels, in order.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        if let Some(ticks) = &self.ticks {
            return ticks.clone();
        }
        match self.scale {
            Scale::Linear => linear_ticks(self.low, self.high),
            Scale::Log10 => self.decades(),
            Scale::Probit => self.inside(&PROBIT_TICKS, percent),
            Scale::Nines => self.inside(&NINES_TICKS, percent),
        }
    }

    fn transform(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => value,
            Scale::Log10 => value.max(f64::MIN_POSITIVE).log10(),
            Scale::Probit => probit(value.clamp(1e-12, 1.0 - 1e-12)),
            Scale::Nines => -(1.0 - value).max(1e-12).log10(),
        }
    }

    fn decades(&self) -> Vec<(f64, String)> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        // Where there would be one tick, or none, those between the decades help.
        let steps: &[f64] = if self.high < 30.0 * self.low { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let values = (first..=last).flat_map(|e| steps.iter().map(move |step| step * 10f64.powi(e)));
        values.filter(|v| (self.low..=self.high).contains(v)).map(|v| (v, engineering(v))).collect()
    }

    fn inside(&self, candidates: &[f64], label: fn(f64) -> String) -> Vec<(f64, String)> {
        candidates.iter().filter(|&&v| (self.low..=self.high).contains(&v)).map(|&v| (v, label(v))).collect()
    }
}

const PROBIT_TICKS: [f64; 13] = [1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95];
const NINES_TICKS: [f64; 6] = [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999];

fn percent(value: f64) -> String {
    format!("{} %", trim(value * 100.0))
}

/// Prints a number with at most six significant decimals and no trailing zeros.
fn trim(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Prints a power of ten the way people write it: 0.01, 1, 100, 10k, 1M.
fn engineering(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{}M", trim(v / 1e6)),
        v if v >= 1e4 => format!("{}k", trim(v / 1e3)),
        v => trim(v),
    }
}

/// Prints a number so that it fits beside an axis: 0.25, 1500, 250k, 208M.
fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 1e6 => format!("{}M", trim(value / 1e6)),
        v if v >= 1e5 => format!("{}k", trim(value / 1e3)),
        _ => trim(value),
    }
}

/// Chooses four to eight ticks at 1, 2 or 5 times a power of ten.
fn linear_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let rough = (high - low) / 6.0;
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * decade).into_iter().find(|&s| s >= rough).unwrap_or(decade);
    let first = (low / step).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).map(|i| (i as f64 * step, short(i as f64 * step))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let labels: Vec<String> = linear_ticks(0.0, 1.0).into_iter().map(|t| t.1).collect();
        assert_eq!(labels, ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(linear_ticks(2.05e8, 2.15e8)[0].1, "206M");
    }

    #[test]
    fn less_than_two_decades_have_ticks_between_them() {
        let labels =
            |low, high| Axis::new(Scale::Log10, low, high, "").ticks().into_iter().map(|t| t.1).collect::<Vec<_>>();
        assert_eq!(labels(87.0, 230.0), ["100", "200"]);
        assert_eq!(labels(0.02, 30.0), ["0.1", "1", "10"]);
    }

    #[test]
    fn nines_are_equally_spaced() {
        let axis = Axis::new(Scale::Nines, 0.0, 0.999, "");
        let [a, b, c] = [0.9, 0.99, 0.999].map(|v| axis.position(v));
        assert!((b - a - (c - b)).abs() < 1e-12 && (c - 1.0).abs() < 1e-12);
    }

    #[test]
    fn values_outside_are_clamped() {
        let axis = Axis::new(Scale::Probit, 1e-4, 0.5, "");
        assert_eq!((axis.position(0.0), axis.position(1.0)), (0.0, 1.0));
    }
}
