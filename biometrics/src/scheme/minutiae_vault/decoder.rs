//! The randomised decoder: guesses which of a probe's points lie on the secret polynomial.
//!
//! A base of k - 1 points leaves polynomials p + c Z of k coefficients, where p passes through them and Z vanishes there.
//! Every other point asks for one c. Points on the secret ask for the same one, so that a base without a wrong point shows
//! it when [`AGREEING`] of the others agree. A base tests all sets of k points that contain it at once, for little more than
//! the cost of one (THIMBLE interpolates k points at a time).

use crate::code::Field;
use crate::code::interpolation::{multiply, with_roots};
use rand::Rng;

/// Points beyond the base that have to agree. Of 15 that are wrong three agree by chance in 3e-5 of bases (GF(2^12)), and the
/// secret is then told from others by its own test.
pub(super) const AGREEING: usize = 3;

/// The points of a probe, prepared for many bases.
pub(super) struct Decoder<'a> {
    field: &'a Field,
    points: Vec<(u16, u16)>,
    /// Logarithms of y.
    values: Vec<u16>,
    /// Logarithms of x_i - x_j at `i * len + j`.
    differences: Vec<u16>,
    /// Base whose turn it was when a value of c was last asked for, and how often it has been in that turn.
    asked: Vec<(u32, u32)>,
}

impl<'a> Decoder<'a> {
    /// Takes points with different x. Those with y = 0, one in 4,096, have no logarithm and are left out.
    pub(super) fn new(field: &'a Field, points: &[(u16, u16)]) -> Self {
        let points: Vec<(u16, u16)> = points.iter().copied().filter(|&(_, y)| y != 0).collect();
        let log = |a: u16, b: u16| if a == b { 0 } else { field.logarithm(a ^ b) as u16 };
        let differences = points.iter().flat_map(|a| points.iter().map(move |b| log(a.0, b.0))).collect();
        let values = points.iter().map(|&(_, y)| field.logarithm(y) as u16).collect();
        Self { field, points, values, differences, asked: vec![(0, 0); field.order() + 1] }
    }

    /// Tries `tries` bases; returns the first polynomial of `coefficients` coefficients that enough points lie on and that `is_right`
    /// confirms.
    pub(super) fn search(
        &mut self,
        coefficients: usize,
        tries: usize,
        rng: &mut impl Rng,
        is_right: impl Fn(&[u16]) -> bool,
    ) -> Option<Vec<u16>> {
        let (base, count) = (coefficients - 1, self.points.len());
        if count < base + AGREEING {
            return None;
        }
        let mut order: Vec<usize> = (0..count).collect();
        let mut weights = vec![0; base];
        for number in 1..=tries as u32 {
            (0..base).for_each(|i| order.swap(i, i + below(count - i, rng)));
            let (base, others) = order.split_at(base);
            weights.iter_mut().zip(base).for_each(|(weight, &i)| *weight = self.quotient(i, base));
            let (first, rest) = others.split_at(others.len().div_ceil(2));
            let mut found = self.agreement(number, base, &weights, first);
            // Of a right base's first half two agree all but always.
            if (2..AGREEING).contains(&found.0) {
                found = self.agreement(number, base, &weights, rest);
            }
            let found = (found.0 >= AGREEING).then_some(found.1);
            let secret = found.map(|c| self.polynomial(base, c));
            if let Some(secret) = secret.filter(|secret| is_right(secret)) {
                return Some(secret);
            }
        }
        None
    }

    /// Asks points for their c, until enough have asked for one; returns how often the most frequent was asked for in this
    /// turn, and which it is.
    fn agreement(&mut self, turn: u32, base: &[usize], weights: &[usize], points: &[usize]) -> (usize, u16) {
        let mut most = (0, 0);
        for &j in points {
            let c = self.asked_for(base, weights, j);
            let asked = &mut self.asked[usize::from(c)];
            *asked = (turn, if asked.0 == turn { asked.1 + 1 } else { 1 });
            if asked.1 as usize > most.0 {
                most = (asked.1 as usize, c);
            }
            if most.0 == AGREEING {
                break;
            }
        }
        most
    }

    /// Returns the c at which the polynomial passes through point j: the divided difference of the base and j.
    fn asked_for(&self, base: &[usize], weights: &[usize], j: usize) -> u16 {
        let (away, order) = (self.away(j), self.field.order());
        let term = |(&i, weight): (&usize, &usize)| self.field.power_below(weight + order - usize::from(away[i]));
        let own = self.field.power_below(self.quotient(j, base));
        base.iter().zip(weights).map(term).fold(own, |sum, term| sum ^ term)
    }

    /// Returns the logarithm of y_i / Π(x_i - x_j) over the other points j of the base.
    fn quotient(&self, i: usize, base: &[usize]) -> usize {
        let away = self.away(i);
        // The difference of a point from itself stands as 0, the logarithm of one.
        let product: usize = base.iter().map(|&j| usize::from(away[j])).sum();
        self.reduced(usize::from(self.values[i]) + self.field.order() - self.reduced(product))
    }

    fn away(&self, i: usize) -> &[u16] {
        &self.differences[i * self.points.len()..][..self.points.len()]
    }

    /// Brings a sum of up to 2^m logarithms below the order 2^m - 1, of which 2^m is one more.
    fn reduced(&self, sum: usize) -> usize {
        let folded = (sum & self.field.order()) + (sum >> self.field.degree());
        if folded >= self.field.order() { folded - self.field.order() } else { folded }
    }

    /// Returns p + c Z.
    fn polynomial(&self, base: &[usize], c: u16) -> Vec<u16> {
        let field = self.field;
        let mut out: Vec<u16> =
            with_roots(field, base.iter().map(|&i| self.points[i].0)).iter().map(|&z| field.multiply(z, c)).collect();
        for &i in base {
            let (x, y) = self.points[i];
            let others = || base.iter().filter(|&&j| j != i).map(|&j| self.points[j].0);
            let scale = others().fold(1, |product, other| field.multiply(product, x ^ other));
            let part = multiply(field, &with_roots(field, others()), &[field.divide(y, scale)]);
            out.iter_mut().zip(part).for_each(|(o, p)| *o ^= p);
        }
        out
    }
}

/// Draws a number below a small bound, no number likelier than another by more than one in a million.
fn below(bound: usize, rng: &mut impl Rng) -> usize {
    ((u64::from(rng.next_u32()) * bound as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::interpolation::evaluate;
    use rand::seq::SliceRandom;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const K: usize = 10;

    /// Points of which the first `right` lie on a polynomial.
    fn points(field: &Field, right: usize, count: usize, rng: &mut ChaCha8Rng) -> (Vec<u16>, Vec<(u16, u16)>) {
        let secret: Vec<u16> = (0..K).map(|_| rng.random_range(0..4_096)).collect();
        let wrong = |y: u16, rng: &mut ChaCha8Rng| y ^ rng.random_range(1..4_096u16);
        let point = |i: usize| {
            let (x, y) = (7 * i as u16 + 1, evaluate(field, &secret, 7 * i as u16 + 1));
            (x, if i < right { y } else { wrong(y, rng) })
        };
        let points = (0..count).map(point).collect();
        (secret.clone(), points)
    }

    #[test]
    fn a_secret_is_found_as_often_as_bases_are_right() {
        let (field, mut rng) = (Field::new(12).unwrap(), ChaCha8Rng::seed_from_u64(1));
        // A base of nine from 18 right ones of 30: C(18, 9)/C(30, 9) = 1/294; in 200 tries 49 % of the time.
        let found = |_: &usize| {
            let (secret, mut points) = points(&field, 18, 30, &mut rng);
            points.shuffle(&mut rng);
            let found = Decoder::new(&field, &points).search(K, 200, &mut rng, |s| s == secret);
            assert!(found.as_ref().is_none_or(|f| *f == secret));
            found.is_some()
        };
        let found = (0..200).filter(found).count();
        // 99 +- 7: five standard deviations.
        assert!((64..=134).contains(&found), "{found} of 200");
    }

    #[test]
    fn too_few_right_points_are_not_found_and_chance_seldom_agrees() {
        let (field, mut rng) = (Field::new(12).unwrap(), ChaCha8Rng::seed_from_u64(2));
        for right in [0, 9, 11] {
            let (_, points) = points(&field, right, 30, &mut rng);
            let asked = std::cell::Cell::new(0);
            let count = |_: &[u16]| {
                asked.set(asked.get() + 1);
                false
            };
            assert_eq!(Decoder::new(&field, &points).search(K, 20_000, &mut rng, count), None);
            // C(21, 3) 2^-24: 8e-5 of bases, 1.6 of 20,000; five standard deviations, and bases with wrong points alone.
            assert!(asked.get() <= 9, "{} of 20,000 bases", asked.get());
        }
        let (secret, points) = points(&field, 13, 13, &mut rng);
        assert_eq!(Decoder::new(&field, &points).search(K, 1, &mut rng, |_| true), Some(secret));
    }

    #[test]
    fn degenerate_points_are_no_panic() {
        let field = Field::new(12).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for points in [vec![], vec![(1, 0)], (0..20).map(|i| (i, 0)).collect::<Vec<_>>()] {
            assert_eq!(Decoder::new(&field, &points).search(K, 10, &mut rng, |_| false), None);
        }
    }
}
