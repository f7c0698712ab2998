//! The interface that the parameters of all schemes share.

use super::interface::Scheme;
use crate::Error;
use std::sync::Arc;

/// The parameters of one scheme: what a configuration sets, tuning tries and attacks weaken.
pub trait Parameters: Clone + Default {
    /// Builds the scheme.
    ///
    /// # Errors
    /// [`Error::Parameter`] when a parameter is out of its range.
    fn build(&self) -> Result<Arc<dyn Scheme>, Error>;

    /// Returns the parameters that suit embeddings of 128 numbers.
    fn for_embeddings() -> Self {
        Self::default()
    }

    /// Lists the parameters that tuning tries, with their names, from the most to the least permissive; none for a
    /// scheme with a threshold.
    fn candidates(&self) -> Vec<(String, Self)> {
        Vec::new()
    }

    /// Sets the threshold, brought into the range that the scheme allows, and returns it; `None` for a scheme without
    /// one.
    fn set_threshold(&mut self, threshold: f32) -> Option<f32> {
        let _ = threshold;
        None
    }

    /// Gives every record the same order of bits, so that records can be linked: the control of linkage attacks.
    fn share_order(&mut self) {}
}

/// Brings a threshold above what strangers reach by chance, and to 1 at most.
pub(super) fn threshold_above(chance: f32, threshold: f32) -> f32 {
    threshold.clamp(chance.next_up(), 1.0)
}

/// Lists variations of parameters by their names.
pub(super) fn variations<P: Clone, V>(
    base: &P,
    values: impl IntoIterator<Item = (String, V)>,
    set: impl Fn(&mut P, V),
) -> Vec<(String, P)> {
    let varied = |(name, value)| {
        let mut parameters = base.clone();
        set(&mut parameters, value);
        (name, parameters)
    };
    values.into_iter().map(varied).collect()
}
