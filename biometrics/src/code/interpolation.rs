//! Polynomials through noisy points: the decoder of every code whose codewords are values of a polynomial.
//!
//! Source: Gao 2003, "A new algorithm for decoding Reed-Solomon codes" (an extended Euclidean algorithm that is
//! stopped halfway). Erased values are simply left out of the points.

use super::{Field, Uncorrectable};

/// Finds the polynomial of fewer than `coefficients` coefficients that passes through all but at most
/// (n - `coefficients`) / 2 of n points with distinct x, constant coefficient first.
///
/// Takes time in the square of the number of points.
///
/// # Errors
/// [`Uncorrectable`] when there is none, when two points share an x, or when there are too few points.
pub fn reconstruct(field: &Field, points: &[(u16, u16)], coefficients: usize) -> Result<Vec<u16>, Uncorrectable> {
    let count = points.len();
    if coefficients == 0 || count < coefficients {
        return Err(Uncorrectable);
    }
    let vanishing = vanishing(field, points);
    let through = interpolate(field, points, &vanishing)?;
    let found = nearest(field, vanishing, through, coefficients)?;
    let missed = points.iter().filter(|&&(x, y)| evaluate(field, &found, x) != y).count();
    if 2 * missed > count - coefficients { Err(Uncorrectable) } else { Ok(found) }
}

/// Finds the polynomial of fewer than `coefficients` coefficients that takes the values of another one at all but at most
/// (n - `coefficients`) / 2 of n different places.
///
/// As [`reconstruct`] of the other's points, without computing them: what passes through all of them is the other's
/// remainder by the product of (X - x).
///
/// # Errors
/// [`Uncorrectable`] when there is none, or when there are too few places.
pub fn agreeing(field: &Field, with: &[u16], places: &[u16], coefficients: usize) -> Result<Vec<u16>, Uncorrectable> {
    if coefficients == 0 || places.len() < coefficients {
        return Err(Uncorrectable);
    }
    let vanishing = with_roots(field, places.iter().copied());
    let (_, through) = divide(field, with, &vanishing);
    nearest(field, vanishing, through, coefficients)
}

/// Finds the message within half the distance of a received word: `through` passes through its points, `vanishing` is zero
/// at their places.
///
/// The factor of `through` is zero at every wrong point, and has as many roots as half the spare points at most.
fn nearest(
    field: &Field,
    vanishing: Vec<u16>,
    through: Vec<u16>,
    coefficients: usize,
) -> Result<Vec<u16>, Uncorrectable> {
    let count = vanishing.len() - 1;
    let (remainder, factor) = half_euclid(field, vanishing, through, (count + coefficients).div_ceil(2));
    let (mut quotient, rest) = divide(field, &remainder, &factor);
    if !rest.is_empty() || quotient.len() > coefficients || 2 * (factor.len() - 1) > count - coefficients {
        return Err(Uncorrectable);
    }
    quotient.resize(coefficients, 0);
    Ok(quotient)
}

/// Evaluates a polynomial, constant coefficient first, by Horner's rule.
pub fn evaluate(field: &Field, polynomial: &[u16], x: u16) -> u16 {
    polynomial.iter().rev().fold(0, |sum, &coefficient| field.multiply(sum, x) ^ coefficient)
}

/// Multiplies (X - x) over all x: the monic polynomial that vanishes there, constant coefficient first.
pub fn with_roots(field: &Field, roots: impl IntoIterator<Item = u16>) -> Vec<u16> {
    let mut product = vec![1];
    for root in roots {
        product.push(0);
        for i in (0..product.len()).rev() {
            let below = if i == 0 { 0 } else { product[i - 1] };
            product[i] = below ^ field.multiply(product[i], root);
        }
    }
    product
}

fn vanishing(field: &Field, points: &[(u16, u16)]) -> Vec<u16> {
    with_roots(field, points.iter().map(|p| p.0))
}

/// Sums y_i / M_i(x_i) · M_i(X) with M_i = M / (X - x_i) (Lagrange).
fn interpolate(field: &Field, points: &[(u16, u16)], vanishing: &[u16]) -> Result<Vec<u16>, Uncorrectable> {
    let mut sum = vec![0; points.len()];
    for &(x, y) in points {
        let others = divide_by_root(field, vanishing, x);
        let value = evaluate(field, &others, x);
        if value == 0 {
            return Err(Uncorrectable);
        }
        let weight = field.divide(y, value);
        sum.iter_mut().zip(&others).for_each(|(s, &o)| *s ^= field.multiply(weight, o));
    }
    Ok(trimmed(sum))
}

/// Divides by (X - root) where root is one (synthetic division).
fn divide_by_root(field: &Field, polynomial: &[u16], root: u16) -> Vec<u16> {
    let mut quotient = vec![0; polynomial.len() - 1];
    let mut carry = 0;
    for i in (0..quotient.len()).rev() {
        carry = polynomial[i + 1] ^ field.multiply(carry, root);
        quotient[i] = carry;
    }
    quotient
}

/// Runs the extended Euclidean algorithm until the remainder has fewer than `stop + 1` coefficients; returns the
/// remainder and the factor of `b` in it.
fn half_euclid(field: &Field, a: Vec<u16>, b: Vec<u16>, stop: usize) -> (Vec<u16>, Vec<u16>) {
    let (mut last, mut current) = (a, b);
    let (mut last_factor, mut factor) = (Vec::new(), vec![1]);
    while current.len() > stop {
        let (quotient, rest) = divide(field, &last, &current);
        let next = add(&last_factor, &multiply(field, &quotient, &factor));
        (last, current) = (current, rest);
        (last_factor, factor) = (factor, next);
    }
    (current, factor)
}

/// Runs Euclid's algorithm on two polynomials; returns how many coefficients `b` and each remainder have, to the last.
pub fn remainder_lengths(field: &Field, a: Vec<u16>, b: Vec<u16>) -> Vec<usize> {
    let (mut last, mut current) = (a, trimmed(b));
    let mut lengths = vec![current.len()];
    while !current.is_empty() {
        let (_, rest) = divide(field, &last, &current);
        (last, current) = (current, rest);
        lengths.push(current.len());
    }
    lengths
}

/// Divides with remainder; panics on a divisor of zero.
fn divide(field: &Field, dividend: &[u16], divisor: &[u16]) -> (Vec<u16>, Vec<u16>) {
    let &leading = divisor.last().expect("the divisor is no zero polynomial");
    let mut rest = dividend.to_vec();
    let mut quotient = vec![0; (dividend.len() + 1).saturating_sub(divisor.len())];
    for shift in (0..quotient.len()).rev() {
        let weight = field.divide(rest[shift + divisor.len() - 1], leading);
        quotient[shift] = weight;
        if weight != 0 {
            divisor.iter().enumerate().for_each(|(i, &d)| rest[shift + i] ^= field.multiply(weight, d));
        }
    }
    (trimmed(quotient), trimmed(rest))
}

/// Multiplies two polynomials.
pub(crate) fn multiply(field: &Field, a: &[u16], b: &[u16]) -> Vec<u16> {
    let mut product = vec![0; (a.len() + b.len()).saturating_sub(1)];
    for (i, &x) in a.iter().enumerate() {
        b.iter().enumerate().for_each(|(j, &y)| product[i + j] ^= field.multiply(x, y));
    }
    trimmed(product)
}

fn add(a: &[u16], b: &[u16]) -> Vec<u16> {
    let at = |p: &[u16], i: usize| p.get(i).copied().unwrap_or(0);
    trimmed((0..a.len().max(b.len())).map(|i| at(a, i) ^ at(b, i)).collect())
}

/// Drops leading zeros, so that the length is the degree plus one and zero is empty.
fn trimmed(mut polynomial: Vec<u16>) -> Vec<u16> {
    let length = polynomial.iter().rposition(|&c| c != 0).map_or(0, |last| last + 1);
    polynomial.truncate(length);
    polynomial
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_polynomial_is_found_through_up_to_half_the_spare_points_wrong_and_refused_beyond(
            message in proptest::collection::vec(0u16..128, 1..20),
            spare in 0usize..24,
            wrong in proptest::collection::vec(1u16..128, 24),
            excess in 0usize..3,
        ) {
            let field = Field::new(7).unwrap();
            let count = message.len() + spare;
            let mut points: Vec<_> = (0..count as u16).map(|x| (x, evaluate(&field, &message, x))).collect();
            let errors = (spare / 2 + excess).min(count);
            points.iter_mut().zip(&wrong).take(errors).for_each(|(p, w)| p.1 ^= w);
            let found = reconstruct(&field, &points, message.len());
            if excess == 0 {
                prop_assert_eq!(found, Ok(message));
            } else {
                prop_assert_ne!(found, Ok(message));
            }
        }

        #[test]
        fn what_agrees_with_a_polynomial_is_what_passes_through_its_points(
            with in proptest::collection::vec(0u16..128, 0..30),
            message in proptest::collection::vec(0u16..128, 1..12),
            places in proptest::sample::subsequence((0u16..128).collect::<Vec<_>>(), 0..40),
            shared in 0usize..40,
        ) {
            let field = Field::new(7).unwrap();
            // A polynomial that takes the message's values at the first places.
            let zero = with_roots(&field, places.iter().copied().take(shared));
            let with = add(&multiply(&field, &zero, &with), &message);
            let points: Vec<_> = places.iter().map(|&x| (x, evaluate(&field, &with, x))).collect();
            let found = agreeing(&field, &with, &places, message.len());
            prop_assert_eq!(found, reconstruct(&field, &points, message.len()));
        }

        #[test]
        fn hostile_points_never_panic(points in proptest::collection::vec((0u16..8, 0u16..8), 0..12), k in 0usize..14) {
            let _ = reconstruct(&Field::new(3).unwrap(), &points, k);
        }
    }

    #[test]
    fn roots_are_roots() {
        let field = Field::new(16).unwrap();
        let polynomial = with_roots(&field, [1, 500, 60_000]);
        assert_eq!(polynomial.len(), 4);
        assert!([1, 500, 60_000].iter().all(|&x| evaluate(&field, &polynomial, x) == 0));
        assert_ne!(evaluate(&field, &polynomial, 2), 0);
    }
}
