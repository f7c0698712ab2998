//! Shapes as a picture: the light style sheet's colours on white, text from outlines that come along, so that every
//! machine draws the same bytes.

use super::shape::{Anchor, HEIGHT, Ink, Shape, WIDTH};
use crate::error::Error;
use ab_glyph::{Font, FontRef, Glyph, OutlineCurve, Point, PxScale, ScaleFont, point};
use ab_glyph_rasterizer::Rasterizer;

/// DejaVu Sans, reduced to Latin, Greek and the signs that charts use; its licence is in `reports/doc/dejavu.txt`.
const REGULAR: &[u8] = include_bytes!("dejavu-sans.ttf");
const BOLD: &[u8] = include_bytes!("dejavu-sans-bold.ttf");
/// Pixels a unit of the chart.
const SCALE: f32 = 2.0;
/// The resolution that the picture states: a unit of the chart is a pixel of style sheets, of which 96 make an inch.
const PIXELS_PER_METRE: u32 = (96.0 * SCALE / 0.0254) as u32;
/// Units: pixels of the chart.
const TEXT_SIZE: f32 = 11.5;
/// How much of a filled area is its colour.
const AREA_OPACITY: f32 = 0.16;

type Colour = [u8; 3];
const INK: Colour = [0x1c, 0x24, 0x30];
const SOFT: Colour = [0x5d, 0x68, 0x75];
const GRID: Colour = [0xd9, 0xdd, 0xe1];
const WHITE: Colour = [0xff; 3];
/// The series' colours of the style sheet, in the order of their classes.
const SERIES: [Colour; 6] = [
    [0x00, 0x72, 0xb2],
    [0xd5, 0x5e, 0x00],
    [0x00, 0x9e, 0x73],
    [0xb0, 0x56, 0x8f],
    [0x8a, 0x6d, 0x00],
    [0x3b, 0x8f, 0xc2],
];

/// Draws the shapes and returns the file.
pub(super) fn draw(shapes: &[Shape]) -> Result<Vec<u8>, Error> {
    let fonts = Fonts { regular: font(REGULAR)?, bold: font(BOLD)? };
    let mut canvas = Canvas::white();
    shapes.iter().for_each(|shape| canvas.draw(shape, &fonts));
    canvas.encode()
}

fn font(bytes: &'static [u8]) -> Result<FontRef<'static>, Error> {
    FontRef::try_from_slice(bytes).map_err(|e| Error::Picture(e.to_string()))
}

struct Fonts {
    regular: FontRef<'static>,
    bold: FontRef<'static>,
}

/// Red, green and blue of every pixel, row by row.
struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    fn white() -> Self {
        let (width, height) = ((WIDTH as f32 * SCALE) as usize, (HEIGHT as f32 * SCALE) as usize);
        Self { width, height, pixels: vec![0xff; 3 * width * height] }
    }

    fn draw(&mut self, shape: &Shape, fonts: &Fonts) {
        match shape {
            Shape::Line { points, ink } => {
                let (colour, width, is_dashed) = look(*ink);
                let points = scaled(points);
                let lines = if is_dashed { dashes(&points) } else { vec![points] };
                self.fill(&lines.iter().flat_map(|line| stroke(line, width * SCALE)).collect::<Vec<_>>(), colour, 1.0);
            }
            Shape::Area { points, colour } => self.fill(&[scaled(points)], series(*colour), AREA_OPACITY),
            Shape::Dot { at, colour } => self.fill(&[disc(*at, 4.0)], series(*colour), 1.0),
            Shape::Ring { at, colour } => {
                self.fill(&[disc(*at, 5.5)], series(*colour), 1.0);
                self.fill(&[disc(*at, 3.5)], WHITE, 1.0);
            }
            Shape::Text { at, anchor, ink, is_upright, text } => {
                let is_name = matches!(ink, Ink::Name(_));
                let outlines =
                    outlines(if is_name { &fonts.bold } else { &fonts.regular }, text, *at, *anchor, *is_upright);
                if is_name {
                    let halo: Vec<_> = outlines.iter().flat_map(|outline| stroke(outline, 3.0 * SCALE)).collect();
                    self.fill(&halo, WHITE, 1.0);
                }
                self.fill_outlines(&outlines, look(*ink).0);
            }
        }
    }

    /// Fills polygons that overlap as one shape, whichever way round each goes.
    fn fill(&mut self, polygons: &[Vec<Point>], colour: Colour, opacity: f32) {
        let turned: Vec<_> = polygons.iter().map(|polygon| counter_clockwise(polygon)).collect();
        self.cover(&turned, colour, opacity);
    }

    /// Fills the outlines of letters, whose inner ones go the other way round.
    fn fill_outlines(&mut self, outlines: &[Vec<Point>], colour: Colour) {
        self.cover(outlines, colour, 1.0);
    }

    fn cover(&mut self, polygons: &[Vec<Point>], colour: Colour, opacity: f32) {
        let mut rasterizer = Rasterizer::new(self.width, self.height);
        for polygon in polygons {
            let (Some(&first), Some(&last)) = (polygon.first(), polygon.last()) else { continue };
            polygon.windows(2).for_each(|pair| rasterizer.draw_line(pair[0], pair[1]));
            rasterizer.draw_line(last, first);
        }
        let pixels = &mut self.pixels;
        rasterizer.for_each_pixel(|i, coverage| {
            let share = coverage.abs().min(1.0) * opacity;
            if share > 0.0 {
                for (pixel, ink) in pixels[3 * i..3 * i + 3].iter_mut().zip(colour) {
                    *pixel = (f32::from(*pixel) * (1.0 - share) + f32::from(ink) * share).round() as u8;
                }
            }
        });
    }

    fn encode(self) -> Result<Vec<u8>, Error> {
        let failed = |e: png::EncodingError| Error::Picture(e.to_string());
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_pixel_dims(Some(png::PixelDimensions {
            xppu: PIXELS_PER_METRE,
            yppu: PIXELS_PER_METRE,
            unit: png::Unit::Meter,
        }));
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(&self.pixels).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(bytes)
    }
}

/// Returns colour, width in units of the chart, and whether it is dashed.
fn look(ink: Ink) -> (Colour, f32, bool) {
    match ink {
        Ink::Grid => (GRID, 1.0, false),
        Ink::Rule => (INK, 1.0, true),
        Ink::Line(colour) => (series(colour), 2.0, false),
        Ink::Bar(colour) => (series(colour), 1.25, false),
        Ink::Soft => (SOFT, 1.0, false),
        Ink::Axis => (INK, 1.0, false),
        Ink::Name(colour) => (series(colour), 1.0, false),
    }
}

fn series(colour: usize) -> Colour {
    // The style sheet has no more classes either; a later series is black there too.
    SERIES.get(colour).copied().unwrap_or([0; 3])
}

fn scaled(points: &[(f64, f64)]) -> Vec<Point> {
    points.iter().map(|&(x, y)| point(x as f32 * SCALE, y as f32 * SCALE)).collect()
}

fn disc((x, y): (f64, f64), radius: f64) -> Vec<Point> {
    let at = |i: u32| {
        let angle = f64::from(i) * std::f64::consts::TAU / 32.0;
        (x + radius * libm::cos(angle), y + radius * libm::sin(angle))
    };
    scaled(&(0..32).map(at).collect::<Vec<_>>())
}

/// Returns a rectangle for each segment, and a disc for each joint that is not the end of a straight line.
fn stroke(points: &[Point], width: f32) -> Vec<Vec<Point>> {
    let mut out = Vec::new();
    for pair in points.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let length = dx.hypot(dy);
        if length > 0.0 {
            let (nx, ny) = (-dy / length * width / 2.0, dx / length * width / 2.0);
            out.push(vec![
                point(a.x + nx, a.y + ny),
                point(b.x + nx, b.y + ny),
                point(b.x - nx, b.y - ny),
                point(a.x - nx, a.y - ny),
            ]);
        }
    }
    let joint = |p: &Point| disc((f64::from(p.x / SCALE), f64::from(p.y / SCALE)), f64::from(width / 2.0 / SCALE));
    out.extend(points.iter().skip(1).take(points.len().saturating_sub(2)).map(joint));
    out
}

/// Cuts a straight line into dashes of four units.
fn dashes(points: &[Point]) -> Vec<Vec<Point>> {
    let (Some(&from), Some(&to)) = (points.first(), points.last()) else { return Vec::new() };
    let length = (to.x - from.x).hypot(to.y - from.y);
    let step = 4.0 * SCALE;
    let at = |along: f32| {
        let share = (along / length).min(1.0);
        point(from.x + (to.x - from.x) * share, from.y + (to.y - from.y) * share)
    };
    let dashes = (length / (2.0 * step)).ceil() as u32;
    (0..dashes).map(|i| i as f32 * 2.0 * step).map(|start| vec![at(start), at(start + step)]).collect()
}

fn counter_clockwise(polygon: &[Point]) -> Vec<Point> {
    let next = polygon.iter().cycle().skip(1);
    let doubled_area: f32 = polygon.iter().zip(next).map(|(a, b)| a.x * b.y - b.x * a.y).sum();
    let mut out = polygon.to_vec();
    if doubled_area < 0.0 {
        out.reverse();
    }
    out
}

/// Returns the outlines of a text's letters where they stand. A sign that the font lacks is drawn as its empty box.
fn outlines(font: &FontRef<'_>, text: &str, at: (f64, f64), anchor: Anchor, is_upright: bool) -> Vec<Vec<Point>> {
    let scaled = font
        .as_scaled(PxScale::from(TEXT_SIZE * SCALE * font.height_unscaled() / font.units_per_em().unwrap_or(1_000.0)));
    let glyphs: Vec<Glyph> = text.chars().map(|c| scaled.scaled_glyph(c)).collect();
    let width: f32 = glyphs.iter().map(|glyph| scaled.h_advance(glyph.id)).sum();
    let mut pen = match anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -width / 2.0,
        Anchor::End => -width,
    };
    let (x, y) = (at.0 as f32 * SCALE, at.1 as f32 * SCALE);
    let mut out = Vec::new();
    for glyph in glyphs {
        let (h, v) = (scaled.h_scale_factor(), scaled.v_scale_factor());
        let place = |p: Point| {
            let (along, up) = (pen + p.x * h, p.y * v);
            if is_upright { point(x - up, y - along) } else { point(x + along, y - up) }
        };
        if let Some(outline) = font.outline(glyph.id) {
            out.extend(contours(&outline.curves).into_iter().map(|c| c.into_iter().map(place).collect()));
        }
        pen += scaled.h_advance(glyph.id);
    }
    out
}

/// Turns curves into closed polygons: a contour ends where the next curve does not begin at its end.
fn contours(curves: &[OutlineCurve]) -> Vec<Vec<Point>> {
    const STEPS: u8 = 6;
    let mut out: Vec<Vec<Point>> = Vec::new();
    for curve in curves {
        let (start, points): (Point, Vec<Point>) = match *curve {
            OutlineCurve::Line(a, b) => (a, vec![b]),
            OutlineCurve::Quad(a, b, c) => (a, along(STEPS, |t| mix(mix(a, b, t), mix(b, c, t), t))),
            OutlineCurve::Cubic(a, b, c, d) => {
                let quad = |a, b, c, t| mix(mix(a, b, t), mix(b, c, t), t);
                (a, along(STEPS, |t| mix(quad(a, b, c, t), quad(b, c, d, t), t)))
            }
        };
        match out.last_mut().filter(|contour| contour.last() == Some(&start)) {
            Some(contour) => contour.extend(points),
            None => out.push([vec![start], points].concat()),
        }
    }
    out
}

fn along(steps: u8, at: impl Fn(f32) -> Point) -> Vec<Point> {
    (1..=steps).map(|i| at(f32::from(i) / f32::from(steps))).collect()
}

fn mix(a: Point, b: Point, t: f32) -> Point {
    point(a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(shapes: &[Shape]) -> (usize, Vec<u8>) {
        let bytes = draw(shapes).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut buffer = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut buffer).unwrap();
        assert_eq!(reader.info().pixel_dims.map(|dims| (dims.xppu, dims.yppu)), Some((7_559, 7_559)), "192 dpi");
        (info.width as usize, buffer)
    }

    fn text(text: &str) -> Shape {
        let anchor = Anchor::Start;
        Shape::Text { at: (100.0, 100.0), anchor, ink: Ink::Axis, is_upright: false, text: text.into() }
    }

    #[test]
    fn text_leaves_ink_and_holes_in_letters_stay_open() {
        let dark = |shapes: &[Shape]| pixels(shapes).1.chunks(3).filter(|p| p[0] < 0x60).count();
        assert_eq!(dark(&[]), 0);
        let (o, l) = (dark(&[text("O")]), dark(&[text("l")]));
        assert!((30..300).contains(&o) && l > 15, "{o} and {l} pixels");
        let (width, o) = pixels(&[text("O")]);
        // The middle of the letter, which is nine units wide and high.
        let middle = 3 * ((2 * 100 - 8) * width + 2 * 100 + 9);
        assert!(o[middle] > 0xf0, "{:?}", &o[middle..middle + 3]);
    }

    #[test]
    fn every_sign_of_a_chart_is_in_the_font() {
        for bytes in [REGULAR, BOLD] {
            let font = font(bytes).unwrap();
            let signs = "0123456789 %.,-–+/()[]@=<>≤≥µ°²³·×…'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZäöüß";
            let missing: Vec<char> = signs.chars().filter(|&c| font.glyph_id(c).0 == 0).collect();
            assert!(missing.is_empty(), "{missing:?}");
        }
    }

    #[test]
    fn a_line_has_its_colour_and_its_width() {
        let points = vec![(10.0, 100.0), (200.0, 100.0)];
        let (width, pixels) = pixels(&[Shape::Line { points, ink: Ink::Line(0) }]);
        let column = |y: usize| &pixels[3 * (y * width + 200)..3 * (y * width + 200) + 3];
        assert_eq!(column(200), SERIES[0]);
        assert_eq!((196..206).filter(|&y| column(y) != WHITE).count(), 4);
    }
}
