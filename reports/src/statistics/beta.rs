//! The regularised incomplete beta function and its quantile, right for counts up to 1e9 and beyond.
//!
//! The common Rust implementation's quantile does not return at counts of 1e7, so this is our own: the continued
//! fraction of DiDonato and Morris behind a prefactor in Loader's saddle-point form, inverted by bisection on a bracket.

use std::f64::consts::PI;

/// The continued fraction needs about the square root of the larger argument; this covers 1e12.
const FRACTION_TERMS_MAX: usize = 4_000_000;

/// Returns the regularised incomplete beta function I_x(a, b).
///
/// Units: `x` in [0, 1], `a` and `b` positive. Source: DiDonato and Morris 1992, "Algorithm 708", equation 9; prefactor
/// after Loader 2000, "Fast and accurate computation of binomial probabilities".
pub(crate) fn regularized(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let y = 1.0 - x;
    if x <= a / (a + b) { lower_tail(x, y, a, b) } else { 1.0 - lower_tail(y, x, b, a) }
}

/// Returns I_x(a, b) for `x` up to the mean; `y` is 1 - x, given so that a small one of the two keeps its digits.
fn lower_tail(x: f64, y: f64, a: f64, b: f64) -> f64 {
    let lambda = a * y - b * x;
    prefactor(x, y, lambda, a, b) / fraction(x, y, lambda, a, b)
}

/// Returns the `x` with I_x(a, b) = `p`.
///
/// Units: `p` in [0, 1], `a` and `b` positive.
pub(crate) fn quantile(p: f64, a: f64, b: f64) -> f64 {
    if p <= 0.0 {
        return 0.0;
    }
    if p >= 1.0 {
        return 1.0;
    }
    let (mut low, mut high) = bracket(p, a, b);
    // To the last bit: near 1 a relative tolerance would be coarse against the distribution's width.
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        if regularized(middle, a, b) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// Finds two values around the quantile: from the mean outwards by doubled standard deviations.
fn bracket(p: f64, a: f64, b: f64) -> (f64, f64) {
    let mean = a / (a + b);
    let mut step = (mean * (1.0 - mean) / (a + b + 1.0)).sqrt();
    if regularized(mean, a, b) < p {
        let mut low = mean;
        loop {
            let high = (low + step).min(1.0);
            if high >= 1.0 || regularized(high, a, b) >= p {
                return (low, high);
            }
            (low, step) = (high, 2.0 * step);
        }
    }
    let mut high = mean;
    loop {
        let low = (high - step).max(high * 1e-3);
        if low < f64::MIN_POSITIVE || regularized(low, a, b) < p {
            return (low, high);
        }
        (high, step) = (low, 2.0 * step);
    }
}

/// Returns x^a y^b / B(a, b) for lambda = a - (a+b)x, without the cancellation that log-gamma brings at large
/// arguments.
fn prefactor(x: f64, y: f64, lambda: f64, a: f64, b: f64) -> f64 {
    let n = a + b;
    let distance = deviance(a, n * x, lambda) + deviance(b, n * y, -lambda);
    let exponent = stirling_error(n) - stirling_error(a) - stirling_error(b) - distance;
    exponent.exp() * (a * b / (2.0 * PI * n)).sqrt()
}

/// Returns ln Γ(z+1) less Stirling's approximation of it. Source: Loader 2000, section 2.
fn stirling_error(z: f64) -> f64 {
    if z < 16.0 {
        return ln_gamma(z + 1.0) - (z + 0.5) * z.ln() + z - 0.5 * (2.0 * PI).ln();
    }
    let z2 = z * z;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / (1680.0 * z2)) / z2) / z2) / z
}

/// Returns z ln(z/m) + m - z, by a series where the two are close; `difference` is z - m with digits that the
/// subtraction would lose. Source: Loader 2000, section 3.
fn deviance(z: f64, m: f64, difference: f64) -> f64 {
    if difference.abs() >= 0.1 * (z + m) {
        return z * (z / m).ln() - difference;
    }
    let v = difference / (z + m);
    let mut sum = difference * v;
    let mut term = 2.0 * z * v;
    for j in 1..1000 {
        term *= v * v;
        let next = sum + term / f64::from(2 * j + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// Returns ln Γ(z) for z > 0. Source: Lanczos 1964, with the coefficients for g = 7, n = 9 (Godfrey 2001).
fn ln_gamma(z: f64) -> f64 {
    const G: f64 = 7.0;
    const COEFFICIENTS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let z = z - 1.0;
    let series = COEFFICIENTS.iter().enumerate().skip(1).fold(COEFFICIENTS[0], |sum, (i, c)| sum + c / (z + i as f64));
    let t = z + G + 0.5;
    0.5 * (2.0 * PI).ln() + (z + 0.5) * t.ln() - t + series.ln()
}

/// Evaluates the even part of the continued fraction by the modified Lentz method. For `x` up to the mean its terms are
/// positive, so that nothing cancels however large the arguments are.
fn fraction(x: f64, y: f64, lambda: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let guard = |v: f64| if v.abs() < TINY { TINY } else { v };
    let alpha = |n: f64| {
        let s = a + 2.0 * n - 1.0;
        (a + n - 1.0) / s * ((a + b + n - 1.0) / s) * n * (b - n) * x * x
    };
    let beta = |n: f64| {
        n + n * (b - n) * x / (a + 2.0 * n - 1.0) + (a + n) * (lambda + 1.0 + n * (1.0 + y)) / (a + 2.0 * n + 1.0)
    };
    let first = guard(a * (lambda + 1.0) / (a + 1.0));
    let (mut value, mut c, mut d) = (first, first, 0.0);
    for n in 1..FRACTION_TERMS_MAX {
        let n = n as f64;
        d = 1.0 / guard(beta(n) + alpha(n) * d);
        c = guard(beta(n) + alpha(n) / c);
        let factor = c * d;
        value *= factor;
        if (factor - 1.0).abs() < 4.0 * f64::EPSILON {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(actual: f64, expected: f64, relative: f64) {
        assert!((actual / expected - 1.0).abs() < relative, "{actual:e} instead of {expected:e}");
    }

    #[test]
    fn closed_forms_hold() {
        for x in [1e-9, 0.1, 0.5, 0.9] {
            assert_close(regularized(x, 1.0, 1.0), x, 1e-12);
            assert_close(regularized(x, 3.0, 1.0), x.powi(3), 1e-12);
            assert_close(regularized(x, 1.0, 4.0), -(4.0 * (-x).ln_1p()).exp_m1(), 1e-12);
        }
        assert_close(regularized(0.5, 7.5, 7.5), 0.5, 1e-12);
    }

    #[test]
    fn quantile_inverts_at_every_scale() {
        for (a, b) in [(1.0, 1e6), (4.0, 1e9 - 3.0), (5e8 + 1.0, 5e8), (0.3, 17.2), (1e9, 2.5)] {
            for p in [1e-6, 0.025, 0.5, 0.975] {
                assert_close(regularized(quantile(p, a, b), a, b), p, 1e-7);
            }
        }
    }
}
