//! Numbers as people read them: a rate never without its count and interval. Text as a page or a file takes it.

use crate::figures::metric::{Metric, Unit};
use crate::statistics::interval::{Interval, Rate, rule_of_three};

/// Prints a share as a percentage with the digits that it deserves.
pub(crate) fn percent(share: f64) -> String {
    let value = share * 100.0;
    match value {
        0.0 => "0 %".into(),
        v if v >= 99.95 => format!("{v:.0} %"),
        v if v >= 10.0 => format!("{v:.1} %"),
        v if v >= 0.095 => format!("{v:.2} %"),
        v if v >= 0.0095 => format!("{v:.3} %"),
        v => format!("{v:.1e} %"),
    }
}

/// Prints a rate as "value [lower, upper], count/total", or says that there is nothing to say.
pub fn rate(rate: &Rate) -> String {
    let (Some(value), Some(interval)) = (rate.value(), rate.interval()) else { return "no trials".into() };
    format!("{} {}, {}/{}", percent(value), bracket(interval), grouped(rate.count), grouped(rate.total))
}

/// Prints a rate as a table's cell: the value, and its interval and count in small print below.
pub(crate) fn rate_cell(rate: &Rate) -> String {
    let (Some(value), Some(interval)) = (rate.value(), rate.interval()) else { return "no trials".into() };
    let (count, total) = (grouped(rate.count), grouped(rate.total));
    format!("{}<small>{}<br>{count}/{total}</small>", percent(value), bracket(interval))
}

/// Prints an interval.
pub(crate) fn bracket(interval: Interval) -> String {
    format!("[{}, {}]", percent(interval.lower), percent(interval.upper))
}

/// Returns the bound that a count of zero gives; `None` for another count.
pub(crate) fn zero_note(rate: &Rate) -> Option<String> {
    (rate.count == 0 && rate.total > 0)
        .then(|| format!("below {} if independent (rule of 3)", percent(rule_of_three(rate.total))))
}

/// Prints a figure of a run with its interval and count.
pub(crate) fn metric_text(metric: &Metric) -> String {
    if let Some(r) = &metric.rate {
        return rate(r);
    }
    let one = |number: f64| value(number, metric.unit);
    match (metric.unit, metric.sampled) {
        (Unit::Count, _) => one(metric.value),
        (_, false) => format!("{} ({} counted)", one(metric.value), grouped(metric.count)),
        (_, true) => {
            let bound = |bound: Option<f64>| bound.map_or("?".to_owned(), one);
            let interval = format!("[{}, {}]", bound(metric.lower95), bound(metric.upper95));
            format!("{} {interval}, {} counted", one(metric.value), grouped(metric.count))
        }
    }
}

/// Prints a bare value in its unit.
pub(crate) fn value(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Fraction => percent(value),
        Unit::Microseconds => duration(value),
        Unit::Count => count(value),
        Unit::PerSecond => format!("{value:.1}/s"),
    }
}

/// Escapes text for HTML and SVG.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Prints a threshold with its signs as people write them.
pub(crate) fn limit_text(threshold: &str) -> String {
    threshold.replace("<=", "≤").replace(">=", "≥").replace("==", "=")
}

/// Prints a number of things, which may be a mean.
pub(crate) fn count(value: f64) -> String {
    if value.fract() == 0.0 { grouped(value as u64) } else { format!("{value:.2}") }
}

/// Prints an integer with thousands separated.
pub(crate) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Prints a duration. Units: microseconds in; µs, ms or s out.
pub(crate) fn duration(us: f64) -> String {
    match us {
        v if v < 1e3 => format!("{v:.0} µs"),
        v if v < 1e4 => format!("{:.2} ms", v / 1e3),
        v if v < 1e6 => format!("{:.1} ms", v / 1e3),
        v => format!("{:.2} s", v / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(percent(0.0123), "1.23 %");
        assert_eq!(percent(0.000_001_5), "1.5e-4 %");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(duration(15_300.0), "15.3 ms");
        assert_eq!(rate(&Rate::independent(0, 0)), "no trials");
    }

    #[test]
    fn a_rate_shows_its_count_and_interval() {
        let text = rate(&Rate::independent(3, 100));
        assert!(text.contains("3/100") && text.contains('['), "{text}");
    }
}
