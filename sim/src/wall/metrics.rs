//! The counters of a server that runs already, in Prometheus' text format: read before and after a run.

use crate::Error;
use biopay_reports::records::{Component, ServerFigure};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

/// How long the counters' page may take. Units: seconds.
const PATIENCE_S: u64 = 5;
/// The greatest page that is read. Units: bytes.
const PAGE_MAX: u64 = 8 << 20;
/// The greatest number of samples that go into the report.
const SAMPLES_MAX: usize = 5_000;

/// The counters of a server at the begin of a run.
pub(super) struct Counters {
    url: String,
    before: Page,
}

impl Counters {
    /// Reads the counters at a URL.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRun`] where nothing answers, or the answer is no page of Prometheus' format.
    pub(super) fn read(url: &str) -> Result<Self, Error> {
        Ok(Self { url: url.to_owned(), before: Page::fetch(url)? })
    }

    /// Reads the counters again and returns what they counted since: differences of counters, and gauges as they are now.
    /// Others who used the server meanwhile count as well.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read).
    pub(super) fn since(&self) -> Result<Vec<ServerFigure>, Error> {
        let now = Page::fetch(&self.url)?;
        let row = |(name, value): (&String, &f64)| {
            let before = self.before.samples.get(name).copied().unwrap_or(0.0);
            let value = if now.counts(name) { value - before } else { *value };
            ServerFigure { component: Component::Metrics.name().into(), name: name.clone(), value }
        };
        Ok(now.samples.iter().map(row).take(SAMPLES_MAX).collect())
    }
}

/// A page of samples by their names with labels.
#[derive(Debug, Default, PartialEq)]
struct Page {
    samples: BTreeMap<String, f64>,
    /// The names of families that only grow: counters and histograms.
    growing: BTreeSet<String>,
}

impl Page {
    fn fetch(url: &str) -> Result<Self, Error> {
        let unread = |why: String| {
            Error::InvalidRun(format!("the server's counters at {url} cannot be read: {why}; correct server.metrics"))
        };
        let request = minreq::get(url).with_timeout(PATIENCE_S);
        let answer = request.send_lazy().map_err(|error| unread(error.to_string()))?;
        if answer.status_code != 200 {
            return Err(unread(format!("it answers {} {}", answer.status_code, answer.reason_phrase)));
        }
        let mut text = String::new();
        Read::take(answer, PAGE_MAX).read_to_string(&mut text).map_err(|error| unread(error.to_string()))?;
        Self::parse(&text).map_err(unread)
    }

    /// Reads Prometheus' text exposition format, version 0.0.4: `NAME{LABELS} VALUE [TIME]` and comments.
    fn parse(text: &str) -> Result<Self, String> {
        let mut page = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix('#') {
                if let ["TYPE", name, "counter" | "histogram" | "summary"] =
                    comment.split_whitespace().collect::<Vec<_>>()[..]
                {
                    page.growing.insert(name.to_owned());
                }
                continue;
            }
            // Labels may contain blanks, and braces within quotes: the last brace ends them.
            let end = line.rfind('}').map_or_else(|| line.find(char::is_whitespace), |brace| Some(brace + 1));
            let (name, rest) = line.split_at(end.ok_or_else(|| format!("{line:?} is no sample"))?);
            let value = rest.split_whitespace().next().and_then(|value| value.parse::<f64>().ok());
            let value = value.ok_or_else(|| format!("{line:?} is no sample of Prometheus' text format"))?;
            if value.is_finite() {
                page.samples.insert(name.trim().to_owned(), value);
            }
        }
        match page.samples.is_empty() {
            true => Err("the page has no samples".into()),
            false => Ok(page),
        }
    }

    /// Whether a sample only grows, so that its difference is what a run did.
    fn counts(&self, sample: &str) -> bool {
        let name = sample.split('{').next().unwrap_or(sample);
        let families = ["", "_bucket", "_sum", "_count"].into_iter().filter_map(|end| name.strip_suffix(end));
        families.into_iter().any(|family| self.growing.contains(family))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total{path=\"/a b}\",code=\"200\"} 7 1700000000\n\n# TYPE open gauge\nopen 3\n# TYPE took histogram\ntook_bucket{le=\"+Inf\"} 4\ntook_sum 1.5e0\ntook_count 4\nbroken NaN\n";

    #[test]
    fn counters_differ_and_gauges_stand() {
        let page = Page::parse(PAGE).unwrap();
        assert_eq!(page.samples.len(), 5);
        assert_eq!(page.samples["requests_total{path=\"/a b}\",code=\"200\"}"], 7.0);
        assert!(
            page.counts("requests_total{path=\"/a\"}")
                && page.counts("took_sum")
                && page.counts("took_bucket{le=\"1\"}")
        );
        assert!(!page.counts("open") && !page.counts("open_count"));
    }

    #[test]
    fn a_page_of_something_else_is_refused() {
        assert!(Page::parse("<html>hello</html>").is_err());
        assert!(Page::parse("").unwrap_err().contains("no samples"));
    }
}
