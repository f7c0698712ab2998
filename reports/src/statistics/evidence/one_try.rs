//! Rates of one try, in which a sample may not be acquired.

use super::rate::Rate;
use super::selection::Selected;
use crate::statistics::interval::Interval;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// False accepts and false rejects of one try.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OneTry {
    /// FAR = FMR (1 - FTA).
    pub far: Selected,
    /// FRR = FTA + FNMR (1 - FTA).
    pub frr: Selected,
}

impl OneTry {
    /// Combines the rates; `None` where one of them has no trial.
    ///
    /// The half width of an interval is the root of the summed squares of what each rate's bound changes (Zou and Donner
    /// 2008). Source of the rates: ISO/IEC 19795-1:2021, section 9.
    pub fn of(fta: &Rate, fmr: &Rate, fnmr: &Rate) -> Option<Self> {
        let far = combined(fta, fmr, fmr.method, |fta, fmr| fmr * (1.0 - fta))?;
        let frr = combined(fta, fnmr, fnmr.method, |fta, fnmr| fta + fnmr * (1.0 - fta))?;
        Some(Self { far, frr })
    }
}

fn combined(a: &Rate, b: &Rate, method: super::method::Method, of: fn(f64, f64) -> f64) -> Option<Selected> {
    let ((p, q), (i, j)) = (a.value().zip(b.value())?, a.interval().zip(b.interval())?);
    let value = of(p, q);
    let ends = |Interval { lower, upper }: Interval| [lower, upper];
    let changes = || ends(i).map(|p| of(p, q) - value).into_iter().chain(ends(j).map(|q| of(p, q) - value));
    let half = |sign: f64| changes().map(|change| (sign * change).max(0.0).powi(2)).sum::<f64>().sqrt();
    let (lower95, upper95) = ((value - half(-1.0)).max(0.0), (value + half(1.0)).min(1.0));
    Some(Selected { value, lower95, upper95, method })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_failures_to_acquire_a_try_is_a_comparison() {
        let (fta, fmr, fnmr) =
            (Rate::independent(0, 1_000_000_000), Rate::independent(5, 1_000), Rate::independent(20, 1_000));
        let one_try = OneTry::of(&fta, &fmr, &fnmr).unwrap();
        let far = fmr.interval().unwrap();
        assert!((one_try.far.upper95 - far.upper).abs() < 1e-6 && (one_try.far.lower95 - far.lower).abs() < 1e-6);
        let third = OneTry::of(&Rate::independent(333_333, 1_000_000), &fmr, &fnmr).unwrap();
        assert!((third.far.value - 0.005 * 2.0 / 3.0).abs() < 1e-6);
        assert!((third.frr.value - (1.0 / 3.0 + 0.02 * 2.0 / 3.0)).abs() < 1e-6);
    }
}
