//! What a chart is drawn of. Units: a picture of 640 by 360, the origin at the upper left.

pub(super) const WIDTH: f64 = 640.0;
pub(super) const HEIGHT: f64 = 360.0;

/// One shape; later ones lie over earlier ones.
pub(super) enum Shape {
    /// A line through points.
    Line { points: Vec<(f64, f64)>, ink: Ink },
    /// A closed area in a series' colour, through which one can see.
    Area { points: Vec<(f64, f64)>, colour: usize },
    /// A disc.
    Dot { at: (f64, f64), colour: usize },
    /// A circle.
    Ring { at: (f64, f64), colour: usize },
    /// A line of text on its base line; an upright one is read from below.
    Text { at: (f64, f64), anchor: Anchor, ink: Ink, is_upright: bool, text: String },
}

/// What a line or a text is for, and with it how it looks.
#[derive(Clone, Copy)]
pub(super) enum Ink {
    /// The grid.
    Grid,
    /// A dashed line that marks a value.
    Rule,
    /// A series.
    Line(usize),
    /// An interval of a series.
    Bar(usize),
    /// Ticks and notes.
    Soft,
    /// What an axis is of.
    Axis,
    /// The name of a series.
    Name(usize),
}

/// The end of a text that stands at its place.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}
