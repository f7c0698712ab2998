//! The language of thresholds.

use crate::error::Error;
use crate::figures::metric::{HUNT, LAST_WORDS, Metric, PER_CHARGE, Unit, is_meant};
use std::str::FromStr;

/// The side of the limit on which a figure has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==`
    Equal,
}

impl Comparator {
    /// The longer ones first, so that `<=` is not read as `<`.
    const TOKENS: [(&'static str, Self); 5] = [
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("==", Self::Equal),
        ("<", Self::Less),
        (">", Self::Greater),
    ];

    /// Returns whether `value` is on the right side of `limit`.
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Less => value < limit,
            Self::LessOrEqual => value <= limit,
            Self::Greater => value > limit,
            Self::GreaterOrEqual => value >= limit,
            Self::Equal => value == limit,
        }
    }

    /// Returns whether the figure has to be below the limit.
    pub fn wants_small(self) -> bool {
        matches!(self, Self::Less | Self::LessOrEqual)
    }
}

/// The part of a figure that is held against the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// All of its 95 % interval; its value where it is not sampled.
    Interval,
    /// The interval's lower bound.
    Lower,
    /// The interval's upper bound.
    Upper,
    /// The value alone.
    Estimate,
}

/// A threshold as a scenario states it.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// As it was written.
    pub text: String,
    /// The words of the figure's name that must be there, in order; the last is the name's last.
    pub words: Vec<String>,
    /// What of the figure counts.
    pub aspect: Aspect,
    /// On which side it must be.
    pub comparator: Comparator,
    /// Of what. Units: fractions, microseconds, counts, per second.
    pub limit: f64,
}

impl Threshold {
    /// Returns whether the threshold applies to a figure: `fmr` is that of every scheme, `template.fmr` that of one.
    pub fn means(&self, metric: &Metric) -> bool {
        is_meant(self.words.iter().rev().map(String::as_str), &metric.name)
    }
}

impl FromStr for Threshold {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |why: String| Error::Threshold { expression: text.to_owned(), why };
        let found = Comparator::TOKENS.iter().filter_map(|(token, c)| Some((text.find(token)?, *token, *c)));
        let (at, token, comparator) = found
            .min_by_key(|(at, token, _)| (*at, usize::MAX - token.len()))
            .ok_or_else(|| wrong("it has none of < <= > >= ==, as in charge.p99 < 300ms".into()))?;
        let (words, aspect) = figure(text[..at].trim()).map_err(wrong)?;
        let last = words.last().map_or("", String::as_str);
        let limit = limit(text[at + token.len()..].trim(), unit_of(last)).map_err(wrong)?;
        if comparator == Comparator::Equal && aspect != Aspect::Estimate && is_sampled(last) {
            return Err(wrong(format!("no sample shows that a figure equals a limit: use <, or {last}.estimate")));
        }
        Ok(Self { text: text.trim().to_owned(), words, aspect, comparator, limit })
    }
}

impl Threshold {
    /// Returns whether it is about a hunt, and not about a run.
    pub fn is_about_hunt(&self) -> bool {
        self.words.first().is_some_and(|word| word == HUNT)
    }
}

fn figure(text: &str) -> Result<(Vec<String>, Aspect), String> {
    let mut words: Vec<String> = text.split('.').map(|word| word.trim().to_lowercase()).collect();
    if words.iter().any(String::is_empty) || text.contains(char::is_whitespace) {
        return Err(format!(
            "{text:?} is not the name of a figure: use words joined by dots, as in template.fmr.upper95"
        ));
    }
    let aspect = match words.last().map(String::as_str) {
        Some("lower95") => Aspect::Lower,
        Some("upper95") => Aspect::Upper,
        Some("estimate") => Aspect::Estimate,
        _ => Aspect::Interval,
    };
    if aspect != Aspect::Interval {
        words.pop();
    }
    let last = words.last().cloned().unwrap_or_default();
    if !LAST_WORDS.contains(&last.as_str()) && last != "violations" {
        return Err(format!("no figure ends in {last:?}: they end in {}, violations", LAST_WORDS.join(", ")));
    }
    if !is_sampled(&last) && matches!(aspect, Aspect::Lower | Aspect::Upper) {
        return Err(format!("{last} has no interval: name it without lower95 or upper95"));
    }
    Ok((words, aspect))
}

/// Returns the unit of the figures whose names end in a word.
pub(crate) fn unit_of(last: &str) -> Unit {
    match last {
        "p50" | "p90" | "p99" | "p999" | "mean" | "max" => Unit::Microseconds,
        "throughput" | "peak" => Unit::PerSecond,
        "count" | "violations" | PER_CHARGE => Unit::Count,
        _ => Unit::Fraction,
    }
}

fn is_sampled(last: &str) -> bool {
    matches!(
        last,
        "fmr"
            | "fnmr"
            | "eer"
            | "fmr100"
            | "fmr1000"
            | "fmr10000"
            | "far"
            | "frr"
            | "fte"
            | "rate"
            | "share"
            | "p50"
            | "p90"
            | "p99"
            | "p999"
            | "mean"
    )
}

fn limit(text: &str, unit: Unit) -> Result<f64, String> {
    let split = text.rfind(|c: char| c.is_ascii_digit() || c == '.').map_or(0, |at| at + 1);
    let (number, suffix) = (text[..split].trim(), text[split..].trim());
    let no_limit = || format!("{text:?} is not a limit: use a number, as in 1e-4, 0.5 % or 300ms");
    let value = number.parse::<f64>().ok().filter(|v| v.is_finite() && *v >= 0.0).ok_or_else(no_limit)?;
    let factor = match (unit, suffix) {
        (Unit::Fraction | Unit::Count | Unit::PerSecond, "") | (Unit::PerSecond, "/s") => 1.0,
        (Unit::Fraction, "%") => 0.01,
        (Unit::Microseconds, "us" | "µs") => 1.0,
        (Unit::Microseconds, "ms") => 1e3,
        (Unit::Microseconds, "s") => 1e6,
        (Unit::Microseconds, "") => return Err(format!("say in what unit: {number}us, {number}ms or {number}s")),
        _ => return Err(format!("{suffix:?} is not a unit of this figure")),
    };
    if unit == Unit::Fraction && value * factor > 1.0 {
        return Err(format!("{text} is more than all of them: use a fraction, or a percentage with its %"));
    }
    Ok(value * factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Threshold {
        text.parse().unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn limits_are_read_in_their_units() {
        assert_eq!(parse("charge.p99 < 300ms").limit, 300_000.0);
        assert_eq!(parse("fmr.upper95<1e-4").limit, 1e-4);
        assert_eq!(parse("fmr.upper95 <= 0.5 %").limit, 0.005);
        assert_eq!(parse("charge.throughput >= 100/s").limit, 100.0);
        let exact = parse("money.violations == 0");
        assert_eq!((exact.comparator, exact.aspect, exact.limit), (Comparator::Equal, Aspect::Interval, 0.0));
        assert_eq!(parse("template.fmr.upper95 < 1e-4").aspect, Aspect::Upper);
        assert_eq!(parse("charge@2g.p99 < 3s").words, ["charge@2g", "p99"]);
    }

    #[test]
    fn mistakes_say_what_would_be_right() {
        for (text, words) in [
            ("charge.p99 300ms", "none of <"),
            ("charge.p99 < 300", "300ms"),
            ("charge.p98 < 300ms", "p99"),
            ("fmr < 5", "percentage"),
            ("fmr == 0", "fmr.estimate"),
            ("money.violations.upper95 < 1", "no interval"),
            ("charge..p99 < 1s", "joined by dots"),
            ("fmr < often", "not a limit"),
            ("fmr < -1", "not a limit"),
            ("fmr < 3ms", "not a unit"),
        ] {
            let error = text.parse::<Threshold>().unwrap_err().to_string();
            assert!(error.contains(words) && error.contains(text), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}", end in "[a-z0-9.@ ]{0,12}(<|<=|==|>)[ -~µ]{0,10}") {
            let _ = text.parse::<Threshold>();
            let _ = end.parse::<Threshold>();
        }
    }
}
