//! A chart: axes, grid and marks, drawn as a list of shapes that becomes SVG or a picture.

use super::axis::Axis;
use super::shape::{Anchor, HEIGHT, Ink, Shape, WIDTH};
use super::{png, svg};
use crate::error::Error;

const LEFT: f64 = 76.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 52.0;
/// The room that the name of a series takes.
const LABEL_WIDTH: f64 = 120.0;
const LABEL_HEIGHT: f64 = 13.0;

/// Marks on two axes.
///
/// Units: marks in the axes' values; the picture is 640 by 360 and scales with its place.
pub struct Chart {
    x: Axis,
    y: Axis,
    title: String,
    shapes: Vec<Shape>,
    labels: Vec<(f64, f64)>,
}

impl Chart {
    /// Starts a chart; `title` is what a screen reader says.
    pub fn new(title: &str, x: Axis, y: Axis) -> Self {
        let mut chart = Self { x, y, title: title.to_owned(), shapes: Vec::new(), labels: Vec::new() };
        chart.draw_x_axis();
        chart.draw_y_axis();
        chart
    }

    /// Draws a line through the points, in colour `colour`.
    pub fn line(&mut self, points: &[(f64, f64)], colour: usize) {
        let points = self.placed(points);
        self.shapes.push(Shape::Line { points, ink: Ink::Line(colour) });
    }

    /// Fills the area between a line and the bottom of the chart.
    pub fn area(&mut self, points: &[(f64, f64)], colour: usize) {
        let mut points = self.placed(points);
        let (Some(first), Some(last)) = (points.first().copied(), points.last().copied()) else { return };
        points.extend([(last.0, HEIGHT - BOTTOM), (first.0, HEIGHT - BOTTOM)]);
        self.shapes.push(Shape::Area { points, colour });
    }

    /// Fills the area between two lines.
    pub fn band(&mut self, one: &[(f64, f64)], other: &[(f64, f64)], colour: usize) {
        let back: Vec<_> = other.iter().rev().copied().collect();
        let points = self.placed(&[one, &back].concat());
        self.shapes.push(Shape::Area { points, colour });
    }

    /// Draws a thin line between two points: an interval.
    pub fn bar(&mut self, from: (f64, f64), to: (f64, f64), colour: usize) {
        let points = self.placed(&[from, to]);
        self.shapes.push(Shape::Line { points, ink: Ink::Bar(colour) });
    }

    /// Draws a vertical line over the whole height, with its name.
    pub fn rule_x(&mut self, x: f64, name: &str) {
        let px = self.place_x(x);
        self.shapes.push(Shape::Line { points: vec![(px, TOP), (px, HEIGHT - BOTTOM)], ink: Ink::Rule });
        self.text(Ink::Soft, (px + 4.0, TOP + 10.0), Anchor::Start, name);
    }

    /// Draws a horizontal line over the whole width, with its name.
    pub fn rule_y(&mut self, y: f64, name: &str) {
        let (py, right) = (self.place_y(y), WIDTH - RIGHT);
        self.shapes.push(Shape::Line { points: vec![(LEFT, py), (right, py)], ink: Ink::Rule });
        self.text(Ink::Soft, (right - 2.0, py - 4.0), Anchor::End, name);
    }

    /// Marks a point.
    pub fn dot(&mut self, x: f64, y: f64, colour: usize) {
        let at = (self.place_x(x), self.place_y(y));
        self.shapes.push(Shape::Dot { at, colour });
    }

    /// Marks a point with a ring.
    pub fn ring(&mut self, x: f64, y: f64, colour: usize) {
        let at = (self.place_x(x), self.place_y(y));
        self.shapes.push(Shape::Ring { at, colour });
    }

    /// Writes a name beside a point in a series' colour, moved up or down where another name stands already.
    pub fn label(&mut self, x: f64, y: f64, name: &str, colour: usize) {
        let (px, wanted) = (self.place_x(x), self.place_y(y).max(TOP + LABEL_HEIGHT));
        let is_free = |py: f64| {
            !self.labels.iter().any(|&(lx, ly)| (lx - px).abs() < LABEL_WIDTH && (ly - py).abs() < LABEL_HEIGHT)
        };
        let is_inside = |py: &f64| (TOP + LABEL_HEIGHT..=HEIGHT - BOTTOM).contains(py);
        let around = (0..30).flat_map(|i| [1.0, -1.0].map(|side| wanted + side * f64::from(i) * LABEL_HEIGHT));
        let py = around.filter(is_inside).find(|&py| is_free(py)).unwrap_or(wanted);
        self.labels.push((px, py));
        let (anchor, shift) = if px > WIDTH * 0.7 { (Anchor::End, -6.0) } else { (Anchor::Start, 6.0) };
        self.text(Ink::Name(colour), (px + shift, py - 4.0), anchor, name);
    }

    /// Writes the chart as an `<svg>` element whose colours are those of the page.
    pub fn svg(&self) -> String {
        svg::write(&self.title, [&self.x, &self.y].map(Axis::data), &self.shapes)
    }

    /// Draws the chart as a PNG of 1,280 by 720 pixels on white.
    pub fn png(&self) -> Result<Vec<u8>, Error> {
        png::draw(&self.shapes)
    }

    fn draw_x_axis(&mut self) {
        let bottom = HEIGHT - BOTTOM;
        for (value, label) in self.x.ticks() {
            let px = self.place_x(value);
            self.shapes.push(Shape::Line { points: vec![(px, TOP), (px, bottom)], ink: Ink::Grid });
            self.text(Ink::Soft, (px, bottom + 18.0), Anchor::Middle, &label);
        }
        let label = self.x.label.clone();
        self.text(Ink::Axis, ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8.0), Anchor::Middle, &label);
    }

    fn draw_y_axis(&mut self) {
        for (value, label) in self.y.ticks() {
            let py = self.place_y(value);
            self.shapes.push(Shape::Line { points: vec![(LEFT, py), (WIDTH - RIGHT, py)], ink: Ink::Grid });
            self.text(Ink::Soft, (LEFT - 8.0, py + 4.0), Anchor::End, &label);
        }
        let (at, text) = ((14.0, (TOP + HEIGHT - BOTTOM) / 2.0), self.y.label.clone());
        self.shapes.push(Shape::Text { at, anchor: Anchor::Middle, ink: Ink::Axis, is_upright: true, text });
    }

    fn text(&mut self, ink: Ink, at: (f64, f64), anchor: Anchor, text: &str) {
        self.shapes.push(Shape::Text { at, anchor, ink, is_upright: false, text: text.to_owned() });
    }

    fn placed(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        points.iter().map(|&(x, y)| (self.place_x(x), self.place_y(y))).collect()
    }

    fn place_x(&self, x: f64) -> f64 {
        LEFT + self.x.position(x) * (WIDTH - LEFT - RIGHT)
    }

    fn place_y(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.position(y) * (HEIGHT - TOP - BOTTOM)
    }
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
        let svg = chart.svg();
        assert!(svg.contains("M76.0 308.0L616.0 16.0"), "{svg}");
        assert!(svg.contains("a&lt;b") && !svg.contains("a<b"));
    }
}
