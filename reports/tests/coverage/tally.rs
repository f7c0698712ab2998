//! Coverage and length of intervals.

use std::collections::BTreeMap;

/// How often an interval covered the truth, and how long it was.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub tried: u32,
    pub covered: u32,
    /// The truth lay above the upper bound: a verdict of "met" could be wrong.
    pub above: u32,
    /// The sum over the intervals that have an upper bound.
    pub length: f64,
    /// Intervals that have an upper bound.
    pub bounded: u32,
    /// Repetitions without an interval.
    pub missing: u32,
}

impl Tally {
    pub fn add(&mut self, interval: Option<(f64, f64)>, truth: f64) {
        let Some((lower, upper)) = interval else {
            self.missing += 1;
            return;
        };
        self.tried += 1;
        self.covered += u32::from(lower <= truth && truth <= upper);
        self.above += u32::from(truth > upper);
        self.bounded += u32::from(upper.is_finite());
        self.length += if upper.is_finite() { upper - lower } else { 0.0 };
    }

    pub fn merge(&mut self, other: &Self) {
        self.tried += other.tried;
        self.covered += other.covered;
        self.above += other.above;
        self.length += other.length;
        self.bounded += other.bounded;
        self.missing += other.missing;
    }

    pub fn share(&self) -> f64 {
        f64::from(self.covered) / f64::from(self.tried.max(1))
    }

    pub fn mean_length(&self) -> f64 {
        self.length / f64::from(self.bounded.max(1))
    }
}

/// Tallies by figure and method.
pub type Tallies = BTreeMap<(String, &'static str), Tally>;

pub fn merge(sum: &mut Tallies, other: Tallies) {
    for (key, tally) in other {
        sum.entry(key).or_default().merge(&tally);
    }
}

/// The method's name of the product.
pub const OURS: &str = "ours";

/// Prints a line for each figure: coverage and length of ours, and of the others.
pub fn print(title: &str, tallies: &Tallies, others: &[&'static str]) {
    println!("\n{title}");
    for ((figure, method), ours) in tallies.iter().filter(|((_, method), _)| *method == OURS) {
        let shown = |name: &str, t: &Tally| format!("{name} {:>5.1} % {:>9.2e}", 100.0 * t.share(), t.mean_length());
        let beside: Vec<String> =
            others.iter().filter_map(|other| Some(shown(other, tallies.get(&(figure.clone(), *other))?))).collect();
        println!(
            "  {figure:<34} {} | above {:>4.1} % | {:>4} of {:>4}, {:>4} bounded | {}",
            shown(method, ours),
            100.0 * f64::from(ours.above) / f64::from(ours.tried.max(1)),
            ours.tried,
            ours.tried + ours.missing,
            ours.bounded,
            beside.join(" | ")
        );
    }
}
