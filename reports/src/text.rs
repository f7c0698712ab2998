//! Numbers as people read them: a rate never without its count and interval. Text as a page or a file takes it.

use crate::figures::metric::{Metric, Unit};
use crate::statistics::evidence::limit::Needed;
use crate::statistics::evidence::rate::Rate;
use crate::statistics::evidence::security::EffectiveSecurity;
use crate::statistics::evidence::selection::Selected;
use crate::statistics::interval::Interval;
use crate::statistics::rates::ScoreSet;
use crate::summary::LatencyEstimate;

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

/// Prints a rate as [`rate`] does, with the short name of its interval's method.
pub fn rate_with_method(of: &Rate) -> String {
    if of.total == 0 { rate(of) } else { format!("{} ({})", rate(of), of.method.tag()) }
}

/// Prints a rate as a table's cell: the value, and its interval, count and method in small print below.
pub(crate) fn rate_cell(rate: &Rate) -> String {
    let (Some(value), Some(interval)) = (rate.value(), rate.interval()) else { return "no trials".into() };
    let (count, total) = (grouped(rate.count), grouped(rate.total));
    let method = rate.method.words();
    format!("{}<small>{}<br>{count}/{total}<br>{method}</small>", percent(value), bracket(interval))
}

/// Prints the interval of a rate that is read together with others, in small print; nothing where there are no others.
pub(crate) fn together(rate: &Rate, figures: usize) -> String {
    let interval = rate.together(figures).filter(|_| figures > 1);
    interval.map_or_else(String::new, |i| format!("<small>all {figures} together: {}</small>", bracket(i)))
}

/// Prints a selected rate as a table's cell: the value, and its interval in small print below.
pub(crate) fn selected_cell(selected: &Selected) -> String {
    let interval = Interval { lower: selected.lower95, upper: selected.upper95 };
    format!("{}<small>{}<br>{}</small>", percent(selected.value), bracket(interval), selected.method.words())
}

/// Prints the decidability after what stands before it; nothing where the scores do not spread.
pub(crate) fn decidability(scores: &ScoreSet) -> String {
    scores.decidability().map_or(String::new(), |d| format!("   d' {d:.2}"))
}

/// Prints an interval.
pub(crate) fn bracket(interval: Interval) -> String {
    format!("[{}, {}]", percent(interval.lower), percent(interval.upper))
}

/// Prints a rate at a threshold that the data selected, with its interval.
pub fn selected_text(selected: &Selected) -> String {
    let interval = Interval { lower: selected.lower95, upper: selected.upper95 };
    format!("{} {} ({})", percent(selected.value), bracket(interval), selected.method.tag())
}

/// Says what bounds a rate that has no error if all comparisons of a subject are the same; `None` for another rate.
pub(crate) fn worst_case(rate: &Rate) -> Option<String> {
    rate.worst_case().map(|upper| format!("worst case, one trial a subject: below {}", percent(upper)))
}

/// Writes the effective bits of a payload, and what bounds them.
pub fn security_text(security: &EffectiveSecurity) -> String {
    format!("{:.1} effective bits: the least of {}", security.bits(), bounds(security))
}

/// Writes the effective bits of a payload for a table's cell.
pub(crate) fn security_cell(security: &EffectiveSecurity) -> String {
    format!("{:.1}<small>{}</small>", security.bits(), bounds(security))
}

fn bounds(security: &EffectiveSecurity) -> String {
    let key = security.key_bits.map_or_else(String::new, |bits| format!(", key {bits:.0}"));
    let committed = security.template_bits.map_or_else(String::new, |bits| format!(", committed bits {bits:.0}"));
    format!("false accepts {:.1}{key}{committed}", security.false_accept_bits)
}

/// Says how much evidence would do.
pub fn needed_text(needed: Needed) -> String {
    match needed.subjects {
        Some(subjects) => format!("about {} subjects with as many captures each", grouped(subjects)),
        None => format!("about {} trials", grouped(needed.comparisons)),
    }
}

/// Prints the interval of a percentile, or of a mean; a dash for a bound that too few independent latencies give.
pub(crate) fn latency_interval(estimate: &LatencyEstimate) -> String {
    let bound = |us: Option<f64>| us.map_or_else(|| "–".to_owned(), duration);
    format!("{} [{}, {}]", estimate.word, bound(estimate.lower95_us), bound(estimate.upper95_us))
}

/// Prints a figure of a run with its interval and count.
pub(crate) fn metric_text(metric: &Metric) -> String {
    if let Some(r) = &metric.rate {
        return rate_with_method(r);
    }
    let one = |number: f64| value(number, metric.unit);
    match (metric.unit, metric.sampled) {
        (Unit::Count, _) => one(metric.value),
        (_, false) => format!("{} ({} counted)", one(metric.value), grouped(metric.count)),
        (_, true) => {
            let bound = |bound: Option<f64>| bound.map_or("?".to_owned(), one);
            let interval = format!("[{}, {}]", bound(metric.lower95), bound(metric.upper95));
            let method = metric.method.map_or(String::new(), |method| format!(" ({})", method.tag()));
            format!("{} {interval}, {} counted{method}", one(metric.value), grouped(metric.count))
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
