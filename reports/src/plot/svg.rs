//! Shapes as SVG. Colours are CSS classes (`c0`…), so that one file serves light and dark.

use super::shape::{Anchor, HEIGHT, Ink, Shape, WIDTH};
use crate::text::escape;
use std::fmt::Write;

/// Writes an `<svg>` element; `title` is what a screen reader says, `axes` the scales and ranges.
pub(super) fn write(title: &str, [x, y]: [String; 2], shapes: &[Shape]) -> String {
    let title = escape(title);
    let mut out = format!(
        r#"<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}" data-x="{x}" data-y="{y}"><title>{title}</title>"#
    );
    shapes.iter().for_each(|shape| out.push_str(&element(shape)));
    out.push_str("</svg>");
    out
}

fn element(shape: &Shape) -> String {
    match shape {
        Shape::Line { points, ink } => format!(r#"<path class="{}" d="{}"/>"#, class(*ink), path(points)),
        Shape::Area { points, colour } => format!(r#"<path class="area c{colour}" d="{}Z"/>"#, path(points)),
        Shape::Dot { at, colour } => {
            format!(r#"<circle class="dot c{colour}" cx="{:.1}" cy="{:.1}" r="4"/>"#, at.0, at.1)
        }
        Shape::Ring { at, colour } => {
            format!(r#"<circle class="ring c{colour}" cx="{:.1}" cy="{:.1}" r="4.5"/>"#, at.0, at.1)
        }
        Shape::Text { at: (x, y), anchor, ink, is_upright, text } => {
            let place = match is_upright {
                true => format!(r#"transform="translate({x:.1} {y:.1}) rotate(-90)""#),
                false => format!(r#"x="{x:.1}" y="{y:.1}""#),
            };
            let anchor = match anchor {
                Anchor::Start => "",
                Anchor::Middle => r#" text-anchor="middle""#,
                Anchor::End => r#" text-anchor="end""#,
            };
            // The outline of a series' name lies under its letters.
            let order = if matches!(ink, Ink::Name(_)) { r#" paint-order="stroke""# } else { "" };
            format!(r#"<text class="{}" {place}{anchor}{order}>{}</text>"#, class(*ink), escape(text))
        }
    }
}

fn class(ink: Ink) -> String {
    match ink {
        Ink::Grid => "grid".to_owned(),
        Ink::Rule => "rule".to_owned(),
        Ink::Line(colour) => format!("line c{colour}"),
        Ink::Bar(colour) => format!("line bar c{colour}"),
        Ink::Soft => "note".to_owned(),
        Ink::Axis => "axis".to_owned(),
        Ink::Name(colour) => format!("name c{colour}"),
    }
}

fn path(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (i, (x, y)) in points.iter().enumerate() {
        let _ = write!(path, "{}{x:.1} {y:.1}", if i == 0 { 'M' } else { 'L' });
    }
    path
}
