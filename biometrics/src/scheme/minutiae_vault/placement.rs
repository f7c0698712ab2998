//! Where minutiae lie in the finger's frame: movements, one reference of several captures, and the movements that a
//! probe is tried under.

use crate::PlacedMinutia;
use std::f32::consts::{PI, TAU};

/// How near two minutiae are to be the same one. Units: pixels, radians.
const SAME_DISTANCE: f32 = 14.0;
const SAME_ANGLE: f32 = 0.5;
/// How far apart the frames of two captures may be.
const FRAMES_DISTANCE: f32 = 80.0;
const FRAMES_ANGLE: f32 = 0.6;
/// Minutiae of a capture, the best first, that are supposed to be one of the other capture's each.
const SEEDS: usize = 25;
/// Common minutiae below which two captures are left unaligned.
const COMMON_MIN: usize = 8;
/// A probe's movements: steps of 10 pixels on a hexagonal grid, two rings around the estimated place, and five turns.
/// The place is off by a median of 10 pixels on FVC2002 DB1_B and 8 on DB3_B, the turn by 0.11 and 0.19.
const STEP: f32 = 10.0;
const RINGS: i32 = 2;
const TURN: f32 = 0.1;
const TURNS: i32 = 2;

/// A turn around the origin, and a shift after it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Movement {
    turn: f32,
    cos: f32,
    sin: f32,
    shift: (f32, f32),
}

impl Movement {
    fn new(turn: f32, shift: (f32, f32)) -> Self {
        Self { turn, cos: libm::cosf(turn), sin: libm::sinf(turn), shift }
    }

    /// Returns the movement that takes one minutia to another.
    fn between(from: &PlacedMinutia, to: &PlacedMinutia) -> Self {
        let turned = Self::new(difference(to.angle, from.angle), (0.0, 0.0));
        let moved = turned.apply(from);
        Self { shift: (to.x - moved.x, to.y - moved.y), ..turned }
    }

    pub(super) fn apply(&self, minutia: &PlacedMinutia) -> PlacedMinutia {
        let PlacedMinutia { x, y, angle, quality } = *minutia;
        PlacedMinutia {
            x: self.cos * x - self.sin * y + self.shift.0,
            y: self.sin * x + self.cos * y + self.shift.1,
            angle: (angle + self.turn).rem_euclid(TAU),
            quality,
        }
    }

    fn inverse(&self) -> Self {
        let (x, y) = self.shift;
        Self::new(-self.turn, (-self.cos * x - self.sin * y, self.sin * x - self.cos * y))
    }
}

/// Lists the movements under which a probe is tried, the smallest first.
pub(super) fn movements() -> Vec<Movement> {
    let offsets = || -RINGS..=RINGS;
    let cells = offsets().flat_map(|i| offsets().map(move |j| (i, j))).filter(|(i, j)| (i + j).abs() <= RINGS);
    let mut steps: Vec<(i32, i32, i32)> =
        cells.flat_map(|(i, j)| (-TURNS..=TURNS).map(move |turn| (i, j, turn))).collect();
    let length = |&(i, j, turn): &(i32, i32, i32)| i * i + i * j + j * j + turn * turn;
    steps.sort_by_key(|step| (length(step), *step));
    let movement = |(i, j, turn): (i32, i32, i32)| {
        let (i, j) = (i as f32, j as f32);
        Movement::new(TURN * turn as f32, (STEP * (i + j / 2.0), STEP * j * 3f32.sqrt() / 2.0))
    };
    steps.into_iter().map(movement).collect()
}

/// Merges several captures into one, in the mean of their frames: minutiae seen in the most captures first, and then those
/// of higher quality.
pub(super) fn merged(captures: &[&[PlacedMinutia]]) -> Vec<PlacedMinutia> {
    let Some((&first, others)) = captures.split_first() else { return Vec::new() };
    let mut seen: Vec<Vec<PlacedMinutia>> = first.iter().map(|&minutia| vec![minutia]).collect();
    let mut frames = vec![Movement::new(0.0, (0.0, 0.0))];
    for &capture in others {
        let Some(movement) = alignment(capture, first) else { continue };
        frames.push(movement);
        add(&mut seen, capture.iter().map(|minutia| movement.apply(minutia)));
    }
    let mut merged: Vec<(usize, PlacedMinutia)> = seen.iter().map(|of| (of.len(), mean(of))).collect();
    merged.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.quality.total_cmp(&a.1.quality)));
    let to_mean = mean_frame(&frames).inverse();
    merged.into_iter().map(|(_, minutia)| to_mean.apply(&minutia)).collect()
}

/// Finds the movement that takes the most minutiae of one capture to those of another; `None` where there are few.
fn alignment(from: &[PlacedMinutia], to: &[PlacedMinutia]) -> Option<Movement> {
    let pairs = from.iter().take(SEEDS).flat_map(|a| to.iter().map(move |b| Movement::between(a, b)));
    let near = pairs.filter(|m| m.turn.abs() < FRAMES_ANGLE && m.shift.0.hypot(m.shift.1) < FRAMES_DISTANCE);
    let common = |movement: &Movement| {
        let has_partner = |a: &PlacedMinutia| to.iter().any(|b| is_same(a, b));
        from.iter().filter(|a| has_partner(&movement.apply(a))).count()
    };
    let counted = near.map(|movement| (common(&movement), movement));
    // The first of equals: the one of the best minutiae.
    let best = counted.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.filter(|(common, _)| *common >= COMMON_MIN).map(|(_, movement)| movement)
}

/// Adds a capture's minutiae to those that are there, each to the nearest one that is the same.
fn add(seen: &mut Vec<Vec<PlacedMinutia>>, capture: impl Iterator<Item = PlacedMinutia>) {
    let there = seen.len();
    let mut is_taken = vec![false; there];
    for minutia in capture {
        let away = |i: usize| (seen[i][0].x - minutia.x).hypot(seen[i][0].y - minutia.y);
        let same = (0..there).filter(|&i| !is_taken[i] && is_same(&seen[i][0], &minutia));
        match same.min_by(|&a, &b| away(a).total_cmp(&away(b))) {
            Some(i) => {
                is_taken[i] = true;
                seen[i].push(minutia);
            }
            None => seen.push(vec![minutia]),
        }
    }
}

fn is_same(a: &PlacedMinutia, b: &PlacedMinutia) -> bool {
    let (dx, dy) = (a.x - b.x, a.y - b.y);
    dx * dx + dy * dy < SAME_DISTANCE * SAME_DISTANCE && difference(a.angle, b.angle).abs() < SAME_ANGLE
}

fn mean(of: &[PlacedMinutia]) -> PlacedMinutia {
    let count = of.len() as f32;
    let mean = |part: &dyn Fn(&PlacedMinutia) -> f32| of.iter().map(part).sum::<f32>() / count;
    let angle = of[0].angle + mean(&|m| difference(m.angle, of[0].angle));
    PlacedMinutia { x: mean(&|m| m.x), y: mean(&|m| m.y), angle: angle.rem_euclid(TAU), quality: mean(&|m| m.quality) }
}

/// Returns the mean of movements that turn little.
fn mean_frame(frames: &[Movement]) -> Movement {
    let count = frames.len() as f32;
    let mean = |part: &dyn Fn(&Movement) -> f32| frames.iter().map(part).sum::<f32>() / count;
    Movement::new(mean(&|m| m.turn), (mean(&|m| m.shift.0), mean(&|m| m.shift.1)))
}

/// Returns an angle less another, in [-π, π).
fn difference(a: f32, b: f32) -> f32 {
    (a - b + PI).rem_euclid(TAU) - PI
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn finger(count: usize, seed: u64) -> Vec<PlacedMinutia> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = |reach: f32| rng.random_range(-reach..reach);
        let minutia = |_| PlacedMinutia { x: draw(150.0), y: draw(150.0), angle: draw(PI) + PI, quality: 0.5 };
        (0..count).map(minutia).collect()
    }

    #[test]
    fn movements_are_all_there_the_smallest_first() {
        let all = movements();
        // 19 cells of two rings, five turns.
        assert_eq!(all.len(), 95);
        assert_eq!((all[0].turn, all[0].shift), (0.0, (0.0, 0.0)));
        assert!(all.iter().all(|m| m.shift.0.hypot(m.shift.1) < 20.1 && m.turn.abs() < 0.21));
    }

    #[test]
    fn a_movement_is_undone_and_found_again() {
        let movement = Movement::new(0.3, (20.0, -15.0));
        let own = finger(40, 1);
        let moved: Vec<PlacedMinutia> = own.iter().map(|m| movement.apply(m)).collect();
        for (own, moved) in own.iter().zip(&moved) {
            let back = movement.inverse().apply(moved);
            assert!((back.x - own.x).hypot(back.y - own.y) < 1e-3 && difference(back.angle, own.angle).abs() < 1e-4);
        }
        let found = alignment(&own, &moved).unwrap();
        assert!((found.turn - 0.3).abs() < 1e-3 && (found.shift.0 - 20.0).hypot(found.shift.1 + 15.0) < 0.1);
        assert_eq!(alignment(&own, &finger(40, 2)), None);
    }

    #[test]
    fn what_several_captures_show_comes_first_and_in_their_mean_frame() {
        let own = finger(30, 3);
        let [left, right] = [-0.1, 0.1].map(|turn| {
            let movement = Movement::new(turn, (100.0 * turn, 0.0));
            own.iter().chain(&finger(5, 4)).map(|m| movement.apply(m)).collect::<Vec<_>>()
        });
        let left: Vec<PlacedMinutia> = left.into_iter().chain(finger(6, 5)).collect();
        let merged = merged(&[&left, &right]);
        assert!(merged.len() >= 36);
        for m in &merged[..35] {
            let nearest =
                own.iter().chain(&finger(5, 4)).map(|o| (o.x - m.x).hypot(o.y - m.y)).fold(f32::MAX, f32::min);
            // Between the two frames lies the finger's own, but for what a turn shortens.
            assert!(nearest < 2.0, "{nearest}");
        }
    }

    #[test]
    fn captures_of_two_fingers_are_not_mixed() {
        let (a, b) = (finger(30, 6), finger(30, 7));
        assert_eq!(merged(&[&a, &b]).len(), 30);
        assert!(merged(&[]).is_empty());
    }
}
