//! Thinning to lines of one pixel.

use super::binarisation::BinaryImage;

/// Thins an image in place until nothing more can be removed without breaking a line.
///
/// Source: Guo and Hall 1989, algorithm A1. Only pixels whose neighbourhood changed are looked at again.
pub(super) fn thin(image: &mut BinaryImage) {
    let tables = [deletable(0), deletable(1)];
    let neighbours = image.neighbours();
    let mut stamps = vec![0u32; image.pixels.len()];
    let mut stamp = 1;
    let mut candidates: Vec<usize> = image.foreground().filter(|&i| code(image, i) != 0xff).collect();
    while !candidates.is_empty() {
        let mut next = Vec::new();
        stamp += 1;
        for table in &tables {
            let doomed: Vec<usize> =
                candidates.iter().copied().filter(|&i| image.pixels[i] == 1 && table[code(image, i)]).collect();
            for &i in &doomed {
                image.pixels[i] = 0;
            }
            for i in doomed.iter().flat_map(|&i| neighbours.map(|offset| i.wrapping_add_signed(offset))) {
                if image.pixels[i] == 1 && stamps[i] != stamp {
                    stamps[i] = stamp;
                    next.push(i);
                }
            }
            candidates.extend_from_slice(&next);
        }
        candidates = next;
    }
}

/// Packs the eight neighbours into a byte, bit 0 above, clockwise.
#[inline]
pub(super) fn code(image: &BinaryImage, index: usize) -> usize {
    let row = |middle: usize| -> [u8; 3] {
        image.pixels[middle - 1..middle + 2].try_into().expect("the slice has three entries")
    };
    let [above_left, above, above_right] = row(index - image.stride);
    let [left, _, right] = row(index);
    let [below_left, below, below_right] = row(index + image.stride);
    let upper = above | above_right << 1 | right << 2 | below_right << 3;
    let lower = below | below_left << 1 | left << 2 | above_left << 3;
    usize::from(upper | lower << 4)
}

/// Counts how many lines leave a pixel: the changes from background to foreground around it.
pub(super) fn branches(code: usize) -> u32 {
    let rotated = (code >> 1) | (code & 1) << 7;
    (!code & rotated & 0xff).count_ones()
}

fn deletable(pass: usize) -> [bool; 256] {
    std::array::from_fn(|code| {
        let p = |k: usize| code >> (k % 8) & 1 == 1;
        let crossings = (0..4).filter(|&k| !p(2 * k) && (p(2 * k + 1) || p(2 * k + 2))).count();
        let first = (0..4).filter(|&k| p(2 * k + 7) || p(2 * k)).count();
        let second = (0..4).filter(|&k| p(2 * k) || p(2 * k + 1)).count();
        let ends = first.min(second);
        let keep = if pass == 0 { (p(4) || p(5) || !p(7)) && p(6) } else { (p(0) || p(1) || !p(3)) && p(2) };
        crossings == 1 && (2..=3).contains(&ends) && !keep
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_becomes_a_line_and_a_ring_stays_a_ring() {
        let mut image = BinaryImage::new(60, 60);
        for y in 0..60 {
            for x in 0..60 {
                let bar = (5..11).contains(&y) && (5..55).contains(&x);
                let ring = (8.0..14.0).contains(&(y as f32 - 35.0).hypot(x as f32 - 30.0));
                let index = image.index(x, y);
                image.pixels[index] = u8::from(bar || ring);
            }
        }
        thin(&mut image);
        let ends = (0..image.pixels.len()).filter(|&i| image.pixels[i] == 1 && branches(code(&image, i)) == 1);
        assert_eq!(ends.count(), 2);
        let on: usize = image.pixels.iter().map(|&p| usize::from(p)).sum();
        assert!((90..140).contains(&on), "{on}");
    }
}
