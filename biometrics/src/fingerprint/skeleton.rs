//! Lines one pixel wide: following them, and removing what noise drew.

use super::binarisation::BinaryImage;
use super::parameters::{DIRECTION_STEPS, GAP_COSINE, GAP_PERIODS, ISLAND_PERIODS, PERIOD_MAX, SPUR_PERIODS};
use super::thinning::{branches, code};

/// The place where a followed line stopped.
#[derive(Clone, Copy, PartialEq)]
enum Stop {
    /// It ended.
    End,
    /// It met other lines.
    Junction,
    /// It is longer than was asked for.
    Longer,
}

/// One line's end: its pixel and the unit vector from there back along the line.
#[derive(Clone, Copy)]
pub(super) struct LineEnd {
    /// Index in the image.
    pub index: usize,
    /// Column and row.
    pub position: (f32, f32),
    /// Direction into the line.
    pub direction: (f32, f32),
}

/// Bridges gaps, prunes spurs and drops islands; `period` gives the local ridge period at a column and row.
pub(super) fn clean(lines: &mut BinaryImage, period: impl Fn((f32, f32)) -> f32) {
    bridge_gaps(lines, &period);
    prune(lines, Stop::Junction, |at| SPUR_PERIODS * period(at));
    bridge_gaps(lines, &period);
    prune(lines, Stop::End, |at| ISLAND_PERIODS * period(at));
}

/// Finds the ends of lines that are long enough to have a direction.
pub(super) fn ends(lines: &BinaryImage) -> Vec<LineEnd> {
    end_indices(lines).filter_map(|index| line_end(lines, index)).collect()
}

fn end_indices(lines: &BinaryImage) -> impl Iterator<Item = usize> + '_ {
    lines.foreground().filter(|&i| branches(code(lines, i)) <= 1)
}

fn line_end(lines: &BinaryImage, index: usize) -> Option<LineEnd> {
    let (path, _) = follow(lines, index, DIRECTION_STEPS);
    let position = lines.position(index);
    let far = lines.position(*path.last()?);
    let (dx, dy) = (far.0 - position.0, far.1 - position.1);
    let length = dx.hypot(dy);
    (length >= 3.0).then(|| LineEnd { index, position, direction: (dx / length, dy / length) })
}

/// Follows a line from one of its ends for so many steps; the path begins with the end.
fn follow(lines: &BinaryImage, start: usize, steps: usize) -> (Vec<usize>, Stop) {
    let neighbours = lines.neighbours();
    let mut path = vec![start];
    for _ in 0..steps {
        let here = path[path.len() - 1];
        let recent = &path[path.len().saturating_sub(4)..];
        let touches = |i: usize, j: usize| neighbours.iter().any(|&o| i.wrapping_add_signed(o) == j);
        let before = path.len().checked_sub(2).map(|k| path[k]);
        let free = |i: usize| lines.pixels[i] == 1 && !recent.contains(&i);
        // Straight neighbours first, and never a corner pixel that the pixel before already touched.
        let next = [0, 2, 4, 6, 1, 3, 5, 7]
            .map(|k| here.wrapping_add_signed(neighbours[k]))
            .into_iter()
            .find(|&i| free(i) && before.is_none_or(|b| !touches(i, b)));
        let Some(next) = next else { return (path, Stop::End) };
        path.push(next);
        if branches(code(lines, next)) >= 3 {
            return (path, Stop::Junction);
        }
    }
    (path, Stop::Longer)
}

/// Joins pairs of ends that face one another over a short gap, the shortest gaps first.
fn bridge_gaps(lines: &mut BinaryImage, period: &impl Fn((f32, f32)) -> f32) {
    let mut ends = ends(lines);
    ends.sort_by(|a, b| a.position.1.total_cmp(&b.position.1).then(a.index.cmp(&b.index)));
    let mut gaps = Vec::new();
    for (i, a) in ends.iter().enumerate() {
        let near = ends[i + 1..].iter().enumerate().take_while(|(_, b)| b.position.1 - a.position.1 < 2.0 * PERIOD_MAX);
        for (j, b) in near {
            let (dx, dy) = (b.position.0 - a.position.0, b.position.1 - a.position.1);
            let distance = dx.hypot(dy);
            if distance <= GAP_PERIODS * period(a.position) && face(a, b, (dx / distance, dy / distance)) {
                gaps.push((distance, i, i + 1 + j));
            }
        }
    }
    gaps.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut used = vec![false; ends.len()];
    for (_, i, j) in gaps {
        if !used[i] && !used[j] {
            (used[i], used[j]) = (true, true);
            draw(lines, ends[i].position, ends[j].position);
        }
    }
}

fn face(a: &LineEnd, b: &LineEnd, (ux, uy): (f32, f32)) -> bool {
    let from_a = a.direction.0 * ux + a.direction.1 * uy;
    let from_b = b.direction.0 * ux + b.direction.1 * uy;
    let opposite = a.direction.0 * b.direction.0 + a.direction.1 * b.direction.1;
    from_a < -GAP_COSINE && from_b > GAP_COSINE && opposite < -GAP_COSINE
}

fn draw(lines: &mut BinaryImage, from: (f32, f32), to: (f32, f32)) {
    let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()) as usize;
    for k in 1..steps {
        let t = k as f32 / steps as f32;
        let x = (from.0 + t * (to.0 - from.0)).round() as usize;
        let y = (from.1 + t * (to.1 - from.1)).round() as usize;
        let index = lines.index(x, y);
        lines.pixels[index] = 1;
    }
}

/// Erases the lines that reach `stop` within the limit; a junction itself stays.
fn prune(lines: &mut BinaryImage, stop: Stop, limit: impl Fn((f32, f32)) -> f32) {
    let ends: Vec<usize> = end_indices(lines).collect();
    for end in ends {
        let steps = limit(lines.position(end)) as usize;
        let (path, reached) = follow(lines, end, steps);
        if reached != stop {
            continue;
        }
        let keep = usize::from(stop == Stop::Junction);
        for &index in &path[..path.len() - keep] {
            lines.pixels[index] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_lines(lines: &[[usize; 4]]) -> BinaryImage {
        let mut image = BinaryImage::new(80, 80);
        for &[x0, y0, x1, y1] in lines {
            for (x, y) in [(x0, y0), (x1, y1)] {
                let index = image.index(x, y);
                image.pixels[index] = 1;
            }
            draw(&mut image, (x0 as f32, y0 as f32), (x1 as f32, y1 as f32));
        }
        image
    }

    #[test]
    fn gaps_are_bridged_and_spurs_and_islands_go() {
        let gap = [[5, 10, 30, 10], [36, 11, 70, 11]];
        let spur = [[5, 30, 70, 30], [40, 25, 40, 29]];
        let island = [[20, 50, 28, 50]];
        let mut image = with_lines(&[gap[0], gap[1], spur[0], spur[1], island[0]]);
        clean(&mut image, |_| 9.0);
        assert_eq!(ends(&image).len(), 4);
    }

    #[test]
    fn a_long_side_branch_is_an_end_with_its_direction() {
        let image = with_lines(&[[5, 30, 70, 30], [40, 8, 40, 29]]);
        let found = ends(&image);
        let branch = found.iter().find(|e| e.position == (40.0, 8.0)).unwrap();
        assert!((branch.direction.1 - 1.0).abs() < 1e-3);
    }
}
