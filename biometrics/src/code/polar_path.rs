//! One path of the polar list decoder: what it has decided, and what follows from that.

use crate::BitString;

/// A path's decisions and its intermediate values.
///
/// Shape: layer λ of m, from 1 to m, has 2^(m-λ) log-likelihood ratios and as many left partial sums, both at offset
/// 2^(m-λ). Log-likelihood ratios are positive for a zero. The last layer's one value belongs to the current input.
#[derive(Clone, Debug)]
pub(super) struct Path {
    order: u32,
    ratios: Vec<f32>,
    left_sums: Vec<bool>,
    decided: BitString,
    bit: bool,
    /// The penalty so far: smaller is likelier.
    metric: f32,
}

impl Path {
    /// Begins before the first input of a code of length 2^order.
    pub(super) fn new(order: u32) -> Self {
        let size = 1 << order;
        Self {
            order,
            ratios: vec![0.0; size],
            left_sums: vec![false; size],
            decided: BitString::zeros(0),
            bit: false,
            metric: 0.0,
        }
    }

    /// Returns the penalty: smaller is likelier.
    pub(super) fn metric(&self) -> f32 {
        self.metric
    }

    /// Returns the information bits decided so far.
    pub(super) fn decided(&self) -> &BitString {
        &self.decided
    }

    /// Computes the log-likelihood ratios of the node of 2^height inputs that begins at a phase; only the layers below
    /// the last change are done again.
    pub(super) fn advance(&mut self, channel: &[f32], phase: usize, height: u32) {
        let first = if phase == 0 { 1 } else { self.order - phase.trailing_zeros() };
        for layer in first..=self.order - height {
            let half = 1usize << (self.order - layer);
            let is_right = phase >> (self.order - layer) & 1 == 1;
            let (low, high) = self.ratios.split_at_mut(2 * half);
            let above = if layer == 1 { channel } else { &high[..2 * half] };
            let (upper, lower) = above.split_at(half);
            let out = &mut low[half..];
            if is_right {
                right(upper, lower, &self.left_sums[half..2 * half], out);
            } else {
                left(upper, lower, out);
            }
        }
    }

    /// Takes the node's 2^height inputs as the known zeros: all its values are zeros, and each costs what speaks
    /// against it (Hashemi, Condo and Gross 2016).
    pub(super) fn freeze(&mut self, height: u32) {
        let node = 1usize << height;
        self.metric += self.ratios[node..2 * node].iter().map(|&ratio| (-ratio).max(0.0)).sum::<f32>();
        self.bit = false;
    }

    /// Carries the decision on the node of 2^height inputs up as far as partial sums are complete.
    pub(super) fn propagate(&mut self, phase: usize, height: u32) {
        let mut sums = vec![self.bit; 1 << height];
        for layer in (1..=self.order - height).rev() {
            let half = 1usize << (self.order - layer);
            let is_right = phase >> (self.order - layer) & 1 == 1;
            if !is_right {
                self.left_sums[half..2 * half].copy_from_slice(&sums);
                return;
            }
            let mut joined: Vec<bool> = self.left_sums[half..2 * half].iter().zip(&sums).map(|(a, b)| a ^ b).collect();
            joined.append(&mut sums);
            sums = joined;
        }
    }

    /// What deciding for a bit costs: the log-likelihood ratio's magnitude when it speaks against.
    fn penalty(&self, bit: bool) -> f32 {
        let ratio = if bit { -self.ratios[1] } else { self.ratios[1] };
        (-ratio).max(0.0)
    }

    fn decide(&mut self, bit: bool) {
        self.metric += self.penalty(bit);
        self.bit = bit;
        self.decided.push(bit);
    }
}

/// Lets every path decide both ways and keeps the `most` likeliest, in a fixed order.
pub(super) fn fork(paths: Vec<Path>, most: usize) -> Vec<Path> {
    let both = |(i, path): (usize, &Path)| [false, true].map(|bit| (path.metric + path.penalty(bit), i, bit));
    let mut options: Vec<(f32, usize, bool)> = paths.iter().enumerate().flat_map(both).collect();
    options.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    options.truncate(most);
    let mut uses = vec![0usize; paths.len()];
    options.iter().for_each(|&(_, i, _)| uses[i] += 1);
    let mut sources: Vec<Option<Path>> = paths.into_iter().map(Some).collect();
    let mut kept = Vec::with_capacity(options.len());
    for (_, i, bit) in options {
        uses[i] -= 1;
        // The last use takes the path itself: half the copies are saved.
        let source = if uses[i] == 0 { sources[i].take() } else { sources[i].clone() };
        let mut path = source.expect("a path is taken at its last use only");
        path.decide(bit);
        kept.push(path);
    }
    kept
}

/// The check-node rule in its minimum form, which needs no transcendental function and no scale.
fn left(upper: &[f32], lower: &[f32], out: &mut [f32]) {
    for ((out, &a), &b) in out.iter_mut().zip(upper).zip(lower) {
        *out = a.abs().min(b.abs()).copysign(a * b);
    }
}

/// The bit-node rule.
fn right(upper: &[f32], lower: &[f32], sums: &[bool], out: &mut [f32]) {
    for (((out, &a), &b), &sum) in out.iter_mut().zip(upper).zip(lower).zip(sums) {
        *out = if sum { b - a } else { b + a };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_are_those_of_two_bits() {
        let mut out = [0.0; 2];
        left(&[2.0, -3.0], &[-1.0, -5.0], &mut out);
        assert_eq!(out, [-1.0, 3.0]);
        right(&[2.0, 2.0], &[1.0, 1.0], &[false, true], &mut out);
        assert_eq!(out, [3.0, -1.0]);
    }

    #[test]
    fn a_fork_keeps_the_likeliest_and_counts_what_speaks_against() {
        let mut path = Path::new(1);
        path.advance(&[1.0, 4.0], 0, 0);
        let kept = fork(vec![path], 1);
        assert_eq!((kept.len(), kept[0].metric(), kept[0].bit), (1, 0.0, false));
        let mut path = Path::new(1);
        path.advance(&[-1.0, 4.0], 0, 0);
        path.freeze(0);
        assert_eq!(path.metric(), 1.0);
    }

    #[test]
    fn a_frozen_node_costs_what_its_inputs_cost_one_by_one() {
        let channel = [0.7, -1.5, -0.2, 3.0, 1.1, -0.4, 0.3, -2.0];
        let mut slow = Path::new(3);
        for phase in 0..8 {
            slow.advance(&channel, phase, 0);
            slow.freeze(0);
            slow.propagate(phase, 0);
        }
        for height in [1, 2] {
            let mut fast = Path::new(3);
            for phase in (0..8).step_by(1 << height) {
                fast.advance(&channel, phase, height);
                fast.freeze(height);
                fast.propagate(phase, height);
            }
            assert!((fast.metric() - slow.metric()).abs() < 1e-5, "{} {}", fast.metric(), slow.metric());
        }
    }
}
