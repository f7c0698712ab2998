//! What a symbol's surface sends towards the camera.

use super::viewing::{Display, Viewing};
use crate::math::{Point, gaussian};
use ndarray::Array2;
use rand::Rng;

/// Light modules around a symbol (ISO/IEC 18004:2015, 9.1: four).
const QUIET_ZONE_MODULES: usize = 4;
/// How finely a module's edge is drawn.
const CELLS_PER_MODULE: usize = 4;
/// Light from a dark and a light place, as shares of white: a lit screen's black and white, toner and office paper.
const SCREEN: (f32, f32) = (0.06, 1.0);
const PRINT: (f32, f32) = (0.10, 0.82);
/// Light around the symbol: a screen's white page, the sheet of paper.
const PAPER_GRAIN_SD: f32 = 0.035;
/// Screen pixels a module: symbols are shown this large.
const SCREEN_PIXELS_PER_MODULE: f32 = 6.0;
/// Share of light that is lost between two screen pixels.
const GRID_LOSS: f32 = 0.12;
/// Radius of a reflected lamp, in half sides of the surface.
const GLARE_RADIUS: f32 = 0.35;

/// A surface: the light that each place sends.
pub(super) struct Surface<'a> {
    /// Cells of the symbol with its quiet zone, in shares of white.
    cells: Array2<f32>,
    modules: f32,
    viewing: &'a Viewing,
}

impl<'a> Surface<'a> {
    pub(super) fn new(modules: &Array2<bool>, viewing: &'a Viewing, rng: &mut impl Rng) -> Self {
        let side = modules.nrows().max(modules.ncols()) + 2 * QUIET_ZONE_MODULES;
        let (dark, light) = levels(viewing.display);
        let mut cells = Array2::from_shape_fn((side * CELLS_PER_MODULE, side * CELLS_PER_MODULE), |place| {
            if covered(modules, place, viewing.spread) { dark } else { light }
        });
        if viewing.display == Display::Print {
            cells.iter_mut().for_each(|cell| *cell += PAPER_GRAIN_SD * gaussian(rng));
        }
        Self { cells, modules: side as f32, viewing }
    }

    /// Returns the light from a place of the surface, both coordinates from -1 to 1 over symbol and quiet zone.
    pub(super) fn light(&self, place: Point) -> f32 {
        let (x, y) = ((place.x + 1.0) / 2.0, (place.y + 1.0) / 2.0);
        let (_, light) = levels(self.viewing.display);
        let cells = self.cells.nrows() as f32;
        let own = if (0.0..1.0).contains(&x) && (0.0..1.0).contains(&y) {
            self.cells[((y * cells) as usize, (x * cells) as usize)]
        } else {
            light
        };
        let lit = own * self.grid(x, y) * (1.0 - self.viewing.shade * x.clamp(0.0, 1.0));
        lit + self.glare(place)
    }

    /// The lines between screen pixels, which beat with the camera's.
    fn grid(&self, x: f32, y: f32) -> f32 {
        if self.viewing.display == Display::Print {
            return 1.0;
        }
        let pitch = self.modules * SCREEN_PIXELS_PER_MODULE;
        let is_between = |t: f32| (t * pitch).rem_euclid(1.0) > 0.85;
        if is_between(x) || is_between(y) { 1.0 - GRID_LOSS } else { 1.0 }
    }

    /// A lamp's reflection: sharp on glass, wide and weak on paper.
    fn glare(&self, place: Point) -> f32 {
        let (radius, strength) = match self.viewing.display {
            Display::Screen => (GLARE_RADIUS, self.viewing.glare),
            Display::Print => (3.0 * GLARE_RADIUS, 0.3 * self.viewing.glare),
        };
        let distance = place.minus(self.viewing.glare_at).length() / radius;
        strength / (1.0 + distance * distance * distance * distance)
    }
}

fn levels(display: Display) -> (f32, f32) {
    match display {
        Display::Screen => SCREEN,
        Display::Print => PRINT,
    }
}

/// Returns whether a cell is dark: its place moved towards the module's edges by what ink or light spreads.
fn covered(modules: &Array2<bool>, (row, column): (usize, usize), spread: f32) -> bool {
    let place = |cell: usize| (cell as f32 + 0.5) / CELLS_PER_MODULE as f32 - QUIET_ZONE_MODULES as f32;
    let dark = |y: f32, x: f32| {
        let inside = y >= 0.0 && x >= 0.0;
        inside && modules.get((y as usize, x as usize)).copied().unwrap_or(false)
    };
    let (y, x) = (place(row), place(column));
    let reach = spread.abs();
    let around = [(0.0, 0.0), (reach, 0.0), (-reach, 0.0), (0.0, reach), (0.0, -reach)];
    if spread >= 0.0 {
        around.iter().any(|(dy, dx)| dark(y + dy, x + dx))
    } else {
        around.iter().all(|(dy, dx)| dark(y + dy, x + dx))
    }
}
