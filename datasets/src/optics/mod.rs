//! The optical channel of a symbol: from modules on a screen or on paper to what a camera sees of them.
//!
//! ```text
//! modules ─► surface (screen or print) ─► perspective ─► camera (blur, noise) ─► grey image
//! ```

mod camera;
mod perspective;
mod surface;
mod viewing;

pub use viewing::{Display, FRAME_PIXELS, Viewing};

use crate::fingerprint::CaptureQuality;
use crate::stream::stream;
use ndarray::Array2;

/// Takes one picture of a symbol.
///
/// Shape: `modules` is square, true is dark, without the quiet zone, which is added here; the picture has
/// [`FRAME_PIXELS`] a side. Same arguments, same bytes.
pub fn capture(
    modules: &Array2<bool>,
    display: Display,
    quality: CaptureQuality,
    seed: u64,
    number: u64,
) -> Array2<u8> {
    let open = |stage: &str| stream(seed, &format!("optics/{}/{stage}", display.name()), number);
    let viewing = Viewing::draw(display, quality, &mut open("viewing"));
    look(modules, &viewing, seed, number)
}

/// Takes one picture of a symbol under given conditions; `seed` and `number` choose the noise.
pub fn look(modules: &Array2<bool>, viewing: &Viewing, seed: u64, number: u64) -> Array2<u8> {
    let open = |stage: &str| stream(seed, &format!("optics/{}/{stage}", viewing.display.name()), number);
    let surface = surface::Surface::new(modules, viewing, &mut open("surface"));
    let light = perspective::project(&surface, viewing);
    camera::expose(light, viewing, &mut open("camera"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkerboard(side: usize) -> Array2<bool> {
        Array2::from_shape_fn((side, side), |(r, c)| (r / 3 + c / 3) % 2 == 0)
    }

    fn quality(value: f32) -> CaptureQuality {
        CaptureQuality::new(value).unwrap()
    }

    #[test]
    fn one_number_gives_the_same_picture_and_another_number_another() {
        for display in Display::ALL {
            let take = |number| capture(&checkerboard(29), display, quality(0.5), 1, number);
            assert_eq!(take(3), take(3));
            assert_ne!(take(3), take(4));
            assert_eq!(take(3).dim(), (FRAME_PIXELS, FRAME_PIXELS));
        }
    }

    #[test]
    fn a_clean_head_on_view_shows_the_modules_where_they_are() {
        let viewing = Viewing::clean(Display::Screen, 0.8);
        let modules = checkerboard(21);
        let picture = look(&modules, &viewing, 1, 1);
        let module_pixels = 0.8 * FRAME_PIXELS as f32 / (21.0 + 8.0);
        let at = |i: usize| (FRAME_PIXELS as f32 * 0.1 + (i as f32 + 4.5) * module_pixels) as usize;
        for (row, column) in [(0, 0), (4, 4), (10, 1), (20, 20), (3, 17)] {
            let is_dark = picture[(at(row), at(column))] < 128;
            assert_eq!(is_dark, modules[(row, column)], "module {row} {column}");
        }
    }

    #[test]
    fn a_harder_view_shows_less_contrast() {
        let contrast = |value: f32| {
            let total: f32 = (0..6)
                .map(|number| {
                    let picture = capture(&checkerboard(57), Display::Print, quality(value), 2, number);
                    let middle = picture.slice(ndarray::s![250..390, 250..390]);
                    let mean = middle.iter().map(|&p| f32::from(p)).sum::<f32>() / middle.len() as f32;
                    middle.iter().map(|&p| (f32::from(p) - mean).abs()).sum::<f32>() / middle.len() as f32
                })
                .sum();
            total
        };
        assert!(contrast(0.95) > 1.15 * contrast(0.05), "{} {}", contrast(0.95), contrast(0.05));
    }
}
