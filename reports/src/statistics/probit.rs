//! The standard normal quantile, for detection-error-trade-off axes.

/// Returns the standard normal quantile of `p`.
///
/// Units: `p` in (0, 1); relative error below 1.15e-9. Source: Acklam 2003, "An algorithm for computing the inverse
/// normal cumulative distribution function".
pub(crate) fn probit(p: f64) -> f64 {
    const TAIL: f64 = 0.02425;
    if p < TAIL {
        tail((-2.0 * p.ln()).sqrt())
    } else if p > 1.0 - TAIL {
        -tail((-2.0 * (1.0 - p).ln()).sqrt())
    } else {
        centre(p - 0.5)
    }
}

fn tail(q: f64) -> f64 {
    const C: [f64; 6] = [
        -7.784894002430293e-03,
        -3.223964580411365e-01,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 4] = [7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996, 3.754408661907416];
    horner(&C, q) / (horner(&D, q) * q + 1.0)
}

fn centre(q: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969683028665376e+01,
        2.209460984245205e+02,
        -2.759285104469687e+02,
        1.38357751867269e+02,
        -3.066479806614716e+01,
        2.506628277459239,
    ];
    const B: [f64; 5] = [
        -5.447609879822406e+01,
        1.615858368580409e+02,
        -1.556989798598866e+02,
        6.680131188771972e+01,
        -1.328068155288572e+01,
    ];
    let r = q * q;
    horner(&A, r) * q / (horner(&B, r) * r + 1.0)
}

fn horner(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, c| sum * x + c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_quantiles() {
        for (p, z) in [(0.5, 0.0), (0.975, 1.959963985), (0.001, -3.090232306), (1e-6, -4.753424309)] {
            assert!((probit(p) - z).abs() < 1e-7, "{p}: {}", probit(p));
        }
    }
}
