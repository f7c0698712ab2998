//! Small multiples: a chart for each figure over the first swept key, a line for each value of the second, a panel for
//! each combination of the rest.

use super::table::{Point, Setting};
use crate::figures::metric::{Metric, Unit};
use crate::html::frame::{self, Plot, figure};
use crate::plot::{Axis, Chart, Scale};
use crate::text::escape;
use std::collections::BTreeMap;

/// How far lines stand beside each other. Units: shares of the axis.
const DODGE: f64 = 0.012;

/// The contents of one chart.
struct Panel<'a> {
    figure: &'a str,
    /// Values of the keys after the second.
    rest: String,
    points: Vec<&'a Point>,
}

/// Writes the page: a panel for each of `figures` that any run has, in their order. Readable without scripts.
pub fn page(title: &str, keys: &[String], points: &[Point], figures: &[String]) -> String {
    let panels: String = panels(keys, points, figures).iter().map(|panel| draw(panel, keys)).collect();
    let replicated = "A dot is a run, a line their mean; a bar is a run's 95 % interval.";
    let lead = format!("{} runs over {}. {replicated}", points.len(), escape(&keys.join(", ")));
    let body = format!(
        r#"<header><h1>{}</h1><p class="lead">{lead}</p></header><div class="plots">{panels}</div>"#,
        escape(title)
    );
    frame::document(title, &body)
}

fn panels<'a>(keys: &[String], points: &'a [Point], figures: &'a [String]) -> Vec<Panel<'a>> {
    let mut out: Vec<Panel<'a>> = Vec::new();
    for figure in figures {
        for point in points.iter().filter(|p| find(p, figure).is_some()) {
            let rest: Vec<String> =
                keys.iter().zip(&point.settings).skip(2).map(|(key, value)| format!("{key} = {value}")).collect();
            let rest = rest.join(", ");
            match out.iter_mut().find(|panel| panel.figure == figure && panel.rest == rest) {
                Some(panel) => panel.points.push(point),
                None => out.push(Panel { figure, rest, points: vec![point] }),
            }
        }
    }
    out
}

fn find<'a>(point: &'a Point, figure: &str) -> Option<&'a Metric> {
    point.figures.iter().find(|m| m.name == figure)
}

fn draw(panel: &Panel<'_>, keys: &[String]) -> String {
    let positions = Positions::of(panel);
    let x_label = keys.first().map_or("run", String::as_str);
    let mut chart = Chart::new(panel.figure, positions.axis(x_label), y_axis(panel));
    let lines_drawn = lines(panel);
    let middle = (lines_drawn.len() as f64 - 1.0) / 2.0;
    for (colour, (name, points)) in lines_drawn.iter().enumerate() {
        let mut means: BTreeMap<usize, (f64, Vec<f64>)> = BTreeMap::new();
        for point in points {
            let Some(metric) = find(point, panel.figure) else { continue };
            let (place, x) = positions.place(point);
            // Beside each other, so that no bar hides another.
            let x = x + (colour as f64 - middle) * DODGE * positions.span();
            let value = shown(metric.value, metric.unit);
            if let Some((low, high)) = metric.lower95.zip(metric.upper95) {
                chart.bar((x, shown(low, metric.unit)), (x, shown(high, metric.unit)), colour);
            }
            chart.dot(x, value, colour);
            means.entry(place).or_insert((x, Vec::new())).1.push(value);
        }
        let line: Vec<(f64, f64)> =
            means.values().map(|(x, values)| (*x, values.iter().sum::<f64>() / values.len() as f64)).collect();
        chart.line(&line, colour);
        if let Some((&(x, y), name)) = line.last().zip(name.as_ref()) {
            chart.label(x, y, name, colour);
        }
    }
    let rest = if panel.rest.is_empty() { String::new() } else { format!(" ({})", escape(&panel.rest)) };
    let lines = keys.get(1).map_or(String::new(), |key| format!(", a line for each {}", escape(key)));
    let caption = format!("<b>{}</b>{rest} over {}{lines}.", escape(panel.figure), escape(x_label));
    figure(&chart, &caption, Plot::Linked)
}

/// Groups the points by the second key, in the order of the sweep.
fn lines<'a>(panel: &Panel<'a>) -> Vec<(Option<String>, Vec<&'a Point>)> {
    let mut out: Vec<(Option<String>, Vec<&Point>)> = Vec::new();
    for &point in &panel.points {
        let name = point.settings.get(1).map(Setting::to_string);
        match out.iter_mut().find(|line| line.0 == name) {
            Some(line) => line.1.push(point),
            None => out.push((name, vec![point])),
        }
    }
    out
}

/// Places the values of the first key: numbers where they are, words side by side.
struct Positions {
    values: Vec<Setting>,
}

impl Positions {
    fn of(panel: &Panel<'_>) -> Self {
        let mut values: Vec<Setting> = Vec::new();
        for value in panel.points.iter().filter_map(|p| p.settings.first()) {
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        let number = |s: &Setting| if let Setting::Number(n) = s { *n } else { f64::NAN };
        values.sort_by(|a, b| number(a).total_cmp(&number(b)));
        Self { values }
    }

    fn place(&self, point: &Point) -> (usize, f64) {
        let place = point.settings.first().and_then(|s| self.values.iter().position(|v| v == s)).unwrap_or(0);
        (place, self.x(place))
    }

    fn x(&self, place: usize) -> f64 {
        match self.values.get(place) {
            Some(Setting::Number(number)) if self.is_numeric() => *number,
            Some(Setting::Number(_) | Setting::Text(_)) | None => place as f64,
        }
    }

    /// Returns how far the axis reaches, without its margins.
    fn span(&self) -> f64 {
        let places = (0..self.values.len()).map(|place| self.x(place));
        let (low, high) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
        if low < high { high - low } else { 1.0 }
    }

    fn is_numeric(&self) -> bool {
        self.values.iter().all(|v| matches!(v, Setting::Number(_)))
    }

    fn axis(&self, label: &str) -> Axis {
        let places: Vec<f64> = (0..self.values.len()).map(|place| self.x(place)).collect();
        let low = places.iter().copied().fold(f64::INFINITY, f64::min);
        let high = places.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = if low < high { (low, high) } else { (low.min(0.0), low.max(0.0) + 1.0) };
        let margin = (high - low) * 0.04;
        let axis = Axis::new(Scale::Linear, low - margin, high + margin, label);
        let ticks = places.iter().zip(&self.values).map(|(x, value)| (*x, value.to_string())).collect();
        if self.values.len() <= 8 { axis.with_ticks(ticks) } else { axis }
    }
}

fn y_axis(panel: &Panel<'_>) -> Axis {
    let metrics: Vec<&Metric> = panel.points.iter().filter_map(|p| find(p, panel.figure)).collect();
    let unit = metrics.first().map_or(Unit::Count, |m| m.unit);
    let highest = |m: &&Metric| shown(m.upper95.unwrap_or(m.value).max(m.value), unit);
    let most = metrics.iter().map(highest).fold(0.0, f64::max);
    let label = match unit {
        Unit::Fraction => "percent",
        Unit::Microseconds => "milliseconds",
        Unit::Count => "count",
        Unit::PerSecond => "per second",
    };
    Axis::new(Scale::Linear, 0.0, if most > 0.0 { most * 1.05 } else { 1.0 }, label)
}

/// Returns a value in the unit that its axis names.
fn shown(value: f64, unit: Unit) -> f64 {
    match unit {
        Unit::Fraction => value * 100.0,
        Unit::Microseconds => value / 1e3,
        Unit::Count | Unit::PerSecond => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(x: f64, line: &str, value: f64) -> Point {
        let metric = Metric {
            name: "charge.p99".into(),
            value,
            unit: Unit::Microseconds,
            lower95: None,
            upper95: None,
            method: None,
            together95: None,
            sampled: true,
            count: 1,
            total: 1,
            rate: None,
        };
        let settings = vec![Setting::Number(x), Setting::Text(line.into())];
        Point { name: String::new(), settings, seed: 1, verdict: None, figures: vec![metric] }
    }

    #[test]
    fn a_panel_a_figure_and_a_named_line_a_value() {
        let keys = ["handsets".to_owned(), "device".to_owned()];
        let points = [point(10.0, "optical", 5e3), point(20.0, "optical", 7e3), point(10.0, "sweep", 6e3)];
        let html = page("t<", &keys, &points, &["charge.p99".into(), "no.such".into()]);
        assert_eq!(html.matches("<svg").count(), 1);
        assert!(html.contains(">optical</text>") && html.contains(">sweep</text>") && html.contains("t&lt;"));
        assert_eq!(html.matches("class=\"dot").count(), 3);
        let drawn = html.split("<script").next().unwrap();
        assert!(drawn.contains("<svg") && !drawn.contains("NaN") && !drawn.contains("inf"));
    }
}
