//! A chart: axes, grid and marks, written as SVG.

use super::axis::Axis;
use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 52.0;

/// Draws marks on two axes.
///
/// Units: marks in the axes' values; the picture is 640 by 360 and scales with its place.
pub struct Chart {
    x: Axis,
    y: Axis,
    title: String,
    body: String,
    labels: Vec<(f64, f64)>,
}

impl Chart {
    /// Starts a chart; `title` is what a screen reader says.
    pub fn new(title: &str, x: Axis, y: Axis) -> Self {
        Self { x, y, title: title.to_owned(), body: String::new(), labels: Vec::new() }
    }

    /// Draws a line through the points, in colour `colour`.
    pub fn line(&mut self, points: &[(f64, f64)], colour: usize) {
        let path = self.path(points);
        let _ = write!(self.body, r#"<path class="line c{colour}" d="{path}"/>"#);
    }

    /// Fills the area between a line and the bottom of the chart.
    pub fn area(&mut self, points: &[(f64, f64)], colour: usize) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
        let (path, floor) = (self.path(points), HEIGHT - BOTTOM);
        let (x0, x1) = (self.place_x(first.0), self.place_x(last.0));
        let _ =
            write!(self.body, r#"<path class="area c{colour}" d="{path}L{x1:.1} {floor:.1}L{x0:.1} {floor:.1}Z"/>"#);
    }

    /// Draws a vertical line over the whole height, with its name.
    pub fn rule_x(&mut self, x: f64, name: &str) {
        let (px, bottom) = (self.place_x(x), HEIGHT - BOTTOM);
        let _ = write!(self.body, r#"<path class="rule" d="M{px:.1} {TOP}V{bottom}"/>"#);
        let _ = write!(
            self.body,
            r#"<text class="note" x="{:.1}" y="{:.1}">{}</text>"#,
            px + 4.0,
            TOP + 10.0,
            escape(name)
        );
    }

    /// Draws a horizontal line over the whole width, with its name.
    pub fn rule_y(&mut self, y: f64, name: &str) {
        let (py, right) = (self.place_y(y), WIDTH - RIGHT);
        let _ = write!(self.body, r#"<path class="rule" d="M{LEFT} {py:.1}H{right}"/>"#);
        let _ = write!(
            self.body,
            r#"<text class="note" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            right - 2.0,
            py - 4.0,
            escape(name)
        );
    }

    /// Marks a point.
    pub fn dot(&mut self, x: f64, y: f64, colour: usize) {
        let (px, py) = (self.place_x(x), self.place_y(y));
        let _ = write!(self.body, r#"<circle class="dot c{colour}" cx="{px:.1}" cy="{py:.1}" r="4"/>"#);
    }

    /// Writes a name beside a point in a series' colour, moved down where another name stands already.
    pub fn label(&mut self, x: f64, y: f64, name: &str, colour: usize) {
        let px = self.place_x(x);
        let mut py = self.place_y(y).max(TOP + 12.0);
        while self.labels.iter().any(|&(lx, ly)| (lx - px).abs() < 120.0 && (ly - py).abs() < 13.0) {
            py += 13.0;
        }
        self.labels.push((px, py));
        let anchor = if px > WIDTH * 0.7 { "end" } else { "start" };
        let shift = if anchor == "end" { -6.0 } else { 6.0 };
        let _ = write!(
            self.body,
            r#"<text class="name c{colour}" x="{:.1}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
            px + shift,
            py - 4.0,
            escape(name)
        );
    }

    /// Writes the SVG.
    pub fn finish(self) -> String {
        let mut out = format!(
            r#"<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{}">"#,
            escape(&self.title)
        );
        self.write_x_axis(&mut out);
        self.write_y_axis(&mut out);
        out.push_str(&self.body);
        out.push_str("</svg>");
        out
    }

    fn write_x_axis(&self, out: &mut String) {
        let bottom = HEIGHT - BOTTOM;
        for (value, label) in self.x.ticks() {
            let px = self.place_x(value);
            let _ = write!(out, r#"<path class="grid" d="M{px:.1} {TOP}V{bottom}"/>"#);
            let _ = write!(
                out,
                r#"<text x="{px:.1}" y="{}" text-anchor="middle">{}</text>"#,
                bottom + 18.0,
                escape(&label)
            );
        }
        let middle = (LEFT + WIDTH - RIGHT) / 2.0;
        let _ = write!(out, r#"<text class="axis" x="{middle}" y="{}" text-anchor="middle">"#, HEIGHT - 8.0);
        let _ = write!(out, "{}</text>", escape(&self.x.label));
    }

    fn write_y_axis(&self, out: &mut String) {
        let right = WIDTH - RIGHT;
        for (value, label) in self.y.ticks() {
            let py = self.place_y(value);
            let _ = write!(out, r#"<path class="grid" d="M{LEFT} {py:.1}H{right}"/>"#);
            let _ = write!(
                out,
                r#"<text x="{}" y="{:.1}" text-anchor="end">{}</text>"#,
                LEFT - 8.0,
                py + 4.0,
                escape(&label)
            );
        }
        let middle = (TOP + HEIGHT - BOTTOM) / 2.0;
        let _ =
            write!(out, r#"<text class="axis" transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">"#);
        let _ = write!(out, "{}</text>", escape(&self.y.label));
    }

    fn path(&self, points: &[(f64, f64)]) -> String {
        let mut path = String::new();
        for (i, &(x, y)) in points.iter().enumerate() {
            let command = if i == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{command}{:.1} {:.1}", self.place_x(x), self.place_y(y));
        }
        path
    }

    fn place_x(&self, x: f64) -> f64 {
        LEFT + self.x.position(x) * (WIDTH - LEFT - RIGHT)
    }

    fn place_y(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.position(y) * (HEIGHT - TOP - BOTTOM)
    }
}

/// Escapes text for HTML and SVG.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::Scale;

    #[test]
    fn marks_stay_inside_the_picture_and_text_is_escaped() {
        let axis = || Axis::new(Scale::Linear, 0.0, 1.0, "a<b");
        let mut chart = Chart::new("t", axis(), axis());
        chart.line(&[(-5.0, -5.0), (5.0, 5.0)], 0);
        let svg = chart.finish();
        assert!(svg.contains("M64.0 308.0L616.0 16.0"), "{svg}");
        assert!(svg.contains("a&lt;b") && !svg.contains("a<b"));
    }
}
