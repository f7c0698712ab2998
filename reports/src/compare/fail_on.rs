//! What a change is not allowed to do: `charge.p99 > +10%`, `charge.throughput < -5%`, `fmr > +0.001`.

use super::difference::{Comparison, Difference, Finding, finding};
use super::statistics::holm;
use crate::error::Error;
use crate::figures::metric::Unit;
use crate::judgement::threshold::Threshold;
use std::str::FromStr;

/// A limit on a change from one run to another.
#[derive(Clone, Debug, PartialEq)]
pub struct FailOn {
    threshold: Threshold,
    is_relative: bool,
    is_increase: bool,
}

/// A change that went beyond its limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Regression {
    /// The limit as it was written.
    pub limit: String,
    /// The figure.
    pub figure: String,
    /// Whether the test shows that the change is none of chance; without a test it is what it is.
    pub is_shown: bool,
}

impl FromStr for FailOn {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| Error::Threshold { expression: text.to_owned(), why: why.to_owned() };
        let (at, is_increase) = match (text.find("> +").or(text.find(">+")), text.find("< -").or(text.find("<-"))) {
            (Some(at), None) => (at, true),
            (None, Some(at)) => (at, false),
            _ => {
                return Err(wrong(
                    "use > +LIMIT for a figure that must not grow or < -LIMIT for one that must not shrink, as in charge.p99 > +10%",
                ));
            }
        };
        let (figure, limit) = (&text[..at], text[at + 1..].trim().trim_start_matches(['+', '-']).trim());
        // A percentage is relative whatever the figure; everything else is read as a threshold's limit.
        let (limit, share) = match limit.strip_suffix('%') {
            Some(percent) => {
                let share = percent.trim().parse::<f64>().ok().filter(|p| p.is_finite() && *p >= 0.0);
                ("0", Some(share.ok_or_else(|| wrong("the percentage is not a number"))? / 100.0))
            }
            None => (limit, None),
        };
        let unit = if share.is_some() && is_time(figure) { "us" } else { "" };
        let threshold: Threshold = format!("{figure} > {limit}{unit}")
            .parse()
            .map_err(|e| if let Error::Threshold { why, .. } = &e { wrong(why) } else { e })?;
        let limit = share.unwrap_or(threshold.limit);
        Ok(Self {
            threshold: Threshold { text: text.to_owned(), limit, ..threshold },
            is_relative: share.is_some(),
            is_increase,
        })
    }
}

fn is_time(figure: &str) -> bool {
    ["p50", "p90", "p99", "p999", "mean", "max"].iter().any(|word| figure.trim().ends_with(&format!(".{word}")))
}

impl FailOn {
    /// Lists the figures whose change went beyond a limit. The tests of the figures that limits name are held to a
    /// family-wise error of 5 % among themselves.
    ///
    /// # Errors
    /// [`Error::Threshold`] for a limit on a figure that the runs do not both have.
    pub fn all(limits: &[Self], comparison: &Comparison) -> Result<Vec<Regression>, Error> {
        let mut named: Vec<(&Self, &Difference)> = Vec::new();
        for limit in limits {
            let is_meant = |d: &&Difference| {
                d.change.is_some() && d.first.as_ref().is_some_and(|metric| limit.threshold.means(metric))
            };
            let before = named.len();
            named.extend(comparison.differences.iter().filter(is_meant).map(|d| (limit, d)));
            if named.len() == before {
                let why = "the runs do not both have such a figure".to_owned();
                return Err(Error::Threshold { expression: limit.threshold.text.clone(), why });
            }
        }
        let tested: Vec<f64> = named.iter().filter_map(|(_, d)| d.p_value).collect();
        let mut adjusted = holm(&tested).into_iter();
        let judged = named.into_iter().filter_map(|(limit, d)| {
            let p = d.p_value.and_then(|_| adjusted.next());
            let found = p.map(|p| finding(p, d.change));
            // What is counted exactly is what it is; a sample that is too small to test shows nothing.
            let is_sampled = d.first.as_ref().is_some_and(|metric| metric.sampled);
            let is_shown = match found {
                None => !is_sampled,
                Some(finding) => matches!(finding, Finding::Greater | Finding::Less),
            };
            let (limit_text, figure) = (limit.threshold.text.clone(), d.name.clone());
            limit.is_beyond(d).then_some(Regression { limit: limit_text, figure, is_shown })
        });
        Ok(judged.collect())
    }

    fn is_beyond(&self, difference: &Difference) -> bool {
        let change = if self.is_relative { difference.relative() } else { difference.change };
        let change = change.or(difference.change).unwrap_or(0.0);
        let towards = if self.is_increase { change } else { -change };
        towards > self.threshold.limit
    }
}

impl Difference {
    /// Returns whether the unit is time.
    pub(super) fn is_latency(&self) -> bool {
        self.unit == Unit::Microseconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_and_mistakes_named() {
        let p99: FailOn = "charge.p99 > +10%".parse().unwrap();
        assert!(p99.is_relative && p99.is_increase && p99.threshold.limit == 0.1);
        let absolute: FailOn = "charge.p99 > +5ms".parse().unwrap();
        assert!(!absolute.is_relative && absolute.threshold.limit == 5_000.0);
        let throughput: FailOn = "charge.throughput < -5%".parse().unwrap();
        assert!(throughput.is_relative && !throughput.is_increase);
        for (text, words) in
            [("charge.p99 > 10%", "> +LIMIT"), ("charge.p98 > +10%", "p99"), ("charge.p99 > +x%", "not a number")]
        {
            let error = text.parse::<FailOn>().unwrap_err().to_string();
            assert!(error.contains(words) && error.contains(text), "{error}");
        }
    }
}
