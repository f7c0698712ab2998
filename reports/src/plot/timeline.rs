//! What went on over the time of a run.

use super::{Axis, Chart, Scale};

/// Draws one stepped line a series over bins of `bin_s` seconds. Shape: each series has one value a bin; `label` is the
/// vertical axis's.
pub fn timeline(title: &str, label: &str, bin_s: u64, series: &[(&str, usize, Vec<f64>)]) -> Chart {
    let bins = series.iter().map(|(_, _, values)| values.len()).max().unwrap_or(1).max(1);
    let most = series.iter().flat_map(|(_, _, values)| values).copied().fold(0.0, f64::max);
    let (unit, unit_s) = time_unit(bins as u64 * bin_s);
    let at = |bin: usize| (bin as u64 * bin_s) as f64 / unit_s;
    let x = Axis::new(Scale::Linear, 0.0, at(bins), &format!("{unit} since the start"));
    let y = Axis::new(Scale::Linear, 0.0, if most > 0.0 { most * 1.15 } else { 1.0 }, label);
    let mut chart = Chart::new(title, x, y);
    for (name, colour, values) in series {
        let steps: Vec<_> =
            values.iter().enumerate().flat_map(|(bin, &value)| [(at(bin), value), (at(bin + 1), value)]).collect();
        chart.area(&steps, *colour);
        chart.line(&steps, *colour);
        let first_peak =
            |best: (usize, f64), (bin, &value): (usize, &f64)| if value > best.1 { (bin, value) } else { best };
        let (bin, value) = values.iter().enumerate().fold((0, 0.0), first_peak);
        chart.label(at(bin), value, name, *colour);
    }
    chart
}

/// Chooses in what to count a time of so many seconds.
fn time_unit(seconds: u64) -> (&'static str, f64) {
    match seconds {
        s if s > 3 * 86_400 => ("days", 86_400.0),
        s if s > 3 * 3_600 => ("hours", 3_600.0),
        s if s > 600 => ("minutes", 60.0),
        _ => ("seconds", 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_at_all_draws_without_a_nan() {
        let svg = timeline("t", "per second", 1, &[("charges", 0, vec![])]).svg();
        assert!(!svg.contains("NaN") && svg.contains("charges"));
        assert_eq!(time_unit(7_200).0, "minutes");
    }
}
