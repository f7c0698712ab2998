//! What the report's script shows at a threshold: both rates with their intervals and verdicts, computed here, so that the
//! script computes no statistics of its own.

use crate::figures::metric::{Metric, slug};
use crate::judgement::judged;
use crate::statistics::evidence::curve::PointRates;
use crate::statistics::evidence::rate::Rate;
use crate::summary::{SchemeSummary, Summary};
use crate::text::{limit_text, rate_with_method};
use serde::Serialize;

/// The thresholds of one scheme that the slider stops at.
#[derive(Serialize)]
struct Slider<'a> {
    scheme: &'a str,
    /// The index of the operating threshold among the steps.
    stated: usize,
    steps: Vec<Step>,
}

/// Both rates at one threshold.
#[derive(Serialize)]
struct Step {
    threshold: f32,
    fmr: Figure,
    fnmr: Figure,
    verdicts: Vec<(String, &'static str)>,
}

/// A rate as the script needs it.
#[derive(Serialize)]
struct Figure {
    value: f64,
    /// The value with interval, count and method, as the report's tables print it.
    text: String,
}

/// Writes the data of the threshold slider as a `<script>` of JSON; nothing where no scheme has scores and a threshold.
pub(super) fn data(summary: &Summary) -> String {
    let sliders: Vec<Slider<'_>> =
        summary.schemes.iter().filter_map(|s| slider(summary, s, summary.threshold(&s.scheme)? as f32)).collect();
    if sliders.is_empty() {
        return String::new();
    }
    let json = serde_json::to_string(&sliders).unwrap_or_default().replace('<', "\\u003c");
    format!(r#"<script type="application/json" id="explore-thresholds">{json}</script>"#)
}

fn slider<'a>(summary: &Summary, s: &'a SchemeSummary, stated: f32) -> Option<Slider<'a>> {
    let mut points: Vec<PointRates> = s.band.as_ref()?.0.clone();
    points.retain(|p| p.threshold.is_finite() && p.threshold != stated);
    // At the operating threshold the figures are the report's own.
    points.push(PointRates { threshold: stated, fmr: s.fmr, fnmr: s.fnmr });
    points.sort_by(|a, b| a.threshold.total_cmp(&b.threshold));
    let steps: Vec<Step> = points.iter().filter_map(|p| step(summary, &s.scheme, p)).collect();
    let stated = steps.iter().position(|step| step.threshold == stated)?;
    Some(Slider { scheme: &s.scheme, stated, steps })
}

fn step(summary: &Summary, scheme: &str, point: &PointRates) -> Option<Step> {
    let named = |word: &str, rate: &Rate| Metric::rate(format!("{}.{word}", slug(scheme)), rate);
    let metrics = [named("fmr", &point.fmr)?, named("fnmr", &point.fnmr)?];
    let about = judged(&summary.manifest, &metrics).ok()?.0.into_iter().filter(|j| j.observed.is_some());
    Some(Step {
        threshold: point.threshold,
        fmr: figure(&point.fmr)?,
        fnmr: figure(&point.fnmr)?,
        verdicts: about.map(|j| (format!("{}: {}", j.figure, limit_text(&j.threshold)), j.verdict.words())).collect(),
    })
}

fn figure(rate: &Rate) -> Option<Figure> {
    Some(Figure { value: rate.value()?, text: rate_with_method(rate) })
}
