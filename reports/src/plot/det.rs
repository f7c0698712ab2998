//! Detection error trade-off: FNMR against FMR on normal-deviate axes.

use super::{Axis, Chart, Scale};
use crate::statistics::evidence::band::Band;
use crate::statistics::evidence::rate::Rate;
use crate::statistics::rates::{OperatingPoint, ScoreSet};
use crate::summary::SchemeSummary;

const RATE_MAX: f64 = 0.6;

/// What one scheme contributes to the plot.
pub struct DetSeries<'a> {
    /// The scheme's name.
    pub name: &'a str,
    /// Its scores, where it has any.
    pub scores: Option<&'a ScoreSet>,
    /// FMR and FNMR at its operating point.
    pub operating_point: Option<(Rate, Rate)>,
    /// The intervals of both over the thresholds.
    pub band: Option<&'a Band>,
}

impl<'a> DetSeries<'a> {
    /// Takes a scheme's scores and operating point.
    pub fn of(s: &'a SchemeSummary) -> Self {
        let has_trials = s.fmr.total > 0 && s.fnmr.total > 0;
        Self {
            name: &s.scheme,
            scores: s.scores.as_ref(),
            operating_point: has_trials.then_some((s.fmr, s.fnmr)),
            band: s.band.as_ref(),
        }
    }
}

/// Draws one line with its band a scheme with scores, and a dot with its intervals at each operating point.
///
/// Source: Martin et al. 1997, "The DET curve in assessment of detection task performance"; ISO/IEC 19795-1:2021.
pub fn det(series: &[DetSeries<'_>]) -> Chart {
    let floor = floor(series);
    let x = Axis::new(Scale::Probit, floor, RATE_MAX, "false match rate (FMR)");
    let y = Axis::new(Scale::Probit, floor.max(1e-3), RATE_MAX, "false non-match rate (FNMR)");
    let mut chart = Chart::new("detection error trade-off", x, y);
    for (colour, s) in series.iter().enumerate() {
        if let Some([lower, upper]) = s.band.map(Band::corners) {
            chart.band(&lower, &upper, colour);
        }
    }
    for (colour, s) in series.iter().enumerate() {
        if let Some(scores) = s.scores {
            let points: Vec<_> = thin(&scores.curve()).iter().map(|p| (p.fmr, p.fnmr)).collect();
            chart.line(&points, colour);
        }
        let values = s.operating_point.and_then(|(fmr, fnmr)| fmr.value().zip(fnmr.value()));
        if let Some((fmr, fnmr)) = values {
            intervals(&mut chart, s, (fmr, fnmr), colour);
            chart.dot(fmr, fnmr, colour);
            chart.label(fmr, fnmr, s.name, colour);
        }
    }
    chart
}

fn intervals(chart: &mut Chart, series: &DetSeries<'_>, (fmr, fnmr): (f64, f64), colour: usize) {
    let both = series.operating_point.and_then(|(fmr, fnmr)| fmr.interval().zip(fnmr.interval()));
    if let Some((across, up)) = both {
        chart.bar((across.lower, fnmr), (across.upper, fnmr), colour);
        chart.bar((fmr, up.lower), (fmr, up.upper), colour);
    }
}

/// Returns the lowest rate worth an axis: half a comparison of the largest set.
fn floor(series: &[DetSeries<'_>]) -> f64 {
    let comparisons = series.iter().filter_map(|s| s.scores).map(|s| s.non_mated.total()).max().unwrap_or(1_000);
    (0.5 / comparisons as f64).clamp(1e-6, 1e-2)
}

/// Keeps the corners of the curve: points where neither rate changes add nothing to the picture.
fn thin(curve: &[OperatingPoint]) -> Vec<OperatingPoint> {
    let mut out: Vec<OperatingPoint> = Vec::new();
    for &point in curve {
        let is_near =
            |p: &OperatingPoint| (p.fmr - point.fmr).abs() < 1e-3 * p.fmr && (p.fnmr - point.fnmr).abs() < 1e-4;
        if !out.last().is_some_and(is_near) {
            out.push(point);
        }
    }
    out
}
