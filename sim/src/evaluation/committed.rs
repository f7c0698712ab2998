//! How much people's committed bits differ: the bound on a payload's security that no longer key raises.

use biopay_biometrics::scheme::{Scheme, SchemeId};
use biopay_biometrics::{BitString, Template};
use biopay_reports::distribution::Distribution;
use biopay_reports::security::degrees_of_freedom;

/// The greatest number of people: their pairs grow with the square.
const PEOPLE_MAX: usize = 500;

/// Returns the degrees of freedom of the bits that a scheme's payload follows from, one template a subject.
///
/// Units: bits; `None` for fewer than three subjects, or where all pairs agree to the same extent.
pub(crate) fn committed_bits<'a>(scheme: &dyn Scheme, people: impl Iterator<Item = &'a Template>) -> Option<f64> {
    // What a program of the user's own takes of a template is not known.
    if scheme.id() == SchemeId::Own {
        return None;
    }
    let used = |template: &Template| {
        let bits = template.bits();
        let count = scheme.bits_used().unwrap_or(usize::MAX).min(bits.len());
        BitString::from_bits(bits.iter().take(count))
    };
    let people: Vec<BitString> = people.take(PEOPLE_MAX).map(used).collect();
    if people.len() < 3 {
        return None;
    }
    let pairs = people.iter().enumerate().flat_map(|(i, a)| people[..i].iter().map(move |b| (a, b)));
    let agreement = pairs.map(|(a, b)| 1.0 - a.hamming(b) as f32 / a.len().max(1) as f32);
    degrees_of_freedom(&Distribution::new(agreement))
}
