//! Helper-only search: an adversary who has a helper, and nothing else, tries people off line until one opens it.
//!
//! The false-accept attack needs no record of the server where the helper itself tells right from wrong: a vault leaves a
//! product of its set for the right polynomial alone, a locker has a check, and a commitment's bits are redundant. With more
//! bits than the template has dimensions, the bits of the right key are the signs of some template's margins, and those
//! of a wrong key are not ([`SignCheck`]). What is claimed to open the helper is then the one payload that is presented to
//! the server, whose limit of tries is not met.
//!
//! **Knows.** The helper; templates of other people; the program, and so how margins follow from numbers. **Measures.**
//! Targets whose first claim is right, and people tried. **Control.** The owner's own other capture is among the people,
//! as a sample that was stolen elsewhere: the search has to tell it from all others.
//! **Measured** beforehand, on 1,024 signs of rotations of 128 random numbers (300 draws): with the right key the signs agree
//! to 96 % (95 to 98), near an impostor's own bits to 71 % (66 to 74). `cargo test --release -p biopay-datasets --test attack
//! helper -- --nocapture` prints it for embeddings, with shorter codes, masked bits and a keyed helper.
//! **Sources.** Tams 2013, "Attacks and countermeasures in fingerprint based biometric cryptosystems", section 2.3 (the
//! false-accept attack off line); Ignatenko and Willems 2010 (what a commitment to dependent bits leaks).

use crate::learn::solve_positive;
use crate::scheme::{Committed, DeviceToken, HelperData, Scheme, at_least};
use crate::{QrPayload, Template};
use ndarray::{Array1, Array2};
use rand::{Rng, RngExt};

/// The penalty of the inverse map, over the mean square of its columns.
const PENALTY: f64 = 1e-3;
/// The share of a template's bits that is changed to stand for a wrong key near an impostor's own bits.
const WRONG_SHARE: f64 = 0.3;

/// A test of whether bits are the signs of a template's margins.
pub struct SignCheck {
    /// `[bits, dimensions + 1]`: margins of unit vectors less those of zero, and those of zero.
    map: Array2<f64>,
    threshold: f64,
}

impl SignCheck {
    /// Learns how margins follow from real-valued forms, and from which agreement on bits count as a template's: half way
    /// from what people's own bits reach to what they reach with three tenths of them changed.
    ///
    /// `margins` is linear in its argument, but for what it gives to zero. `length` is that of the committed bits. `None` without
    /// people, or where their templates have no real-valued form.
    pub fn learn(
        margins: impl Fn(&[f32]) -> Vec<f32>,
        people: &[Template],
        length: usize,
        rng: &mut dyn Rng,
    ) -> Option<Self> {
        let dimension = people.first().map(|person| person.real().len()).filter(|dimension| *dimension > 0)?;
        // A short binary form is extended from the real-valued one, as by whoever commits to it.
        let margins = |real: &[f32]| at_least(&Template::new(real.to_vec(), margins(real)), length).into_owned();
        let at_zero = margins(&vec![0.0; dimension]);
        let mut map = Array2::zeros((at_zero.len(), dimension + 1));
        for column in 0..dimension {
            let mut unit = vec![0.0; dimension];
            unit[column] = 1.0;
            let weights = margins(&unit);
            weights.iter().zip(&at_zero).enumerate().for_each(|(i, (w, z))| map[[i, column]] = f64::from(w - z));
        }
        at_zero.iter().enumerate().for_each(|(i, &z)| map[[i, dimension]] = f64::from(z));
        let mut new = Self { map, threshold: 0.0 };
        let (mut right, mut wrong) = (0.0, 0.0);
        let positions: Vec<usize> = (0..length.min(at_zero.len())).collect();
        let inverse = new.inverse(&positions);
        for person in people {
            let all = at_least(person, length);
            let own: Vec<bool> = positions.iter().map(|&i| all[i] > 0.0).collect();
            let changed: Vec<bool> = own.iter().map(|&bit| bit != rng.random_bool(WRONG_SHARE)).collect();
            right += new.agreement_with(&inverse, &positions, &own);
            wrong += new.agreement_with(&inverse, &positions, &changed);
        }
        new.threshold = (right + wrong) / (2.0 * people.len() as f64);
        Some(new)
    }

    /// Returns the share of bits that are the signs of the template that they point at, in [0, 1].
    ///
    /// Shape: pairs of a bit's position and its value.
    pub fn agreement(&self, bits: &[(usize, bool)]) -> f64 {
        let (positions, values): (Vec<usize>, Vec<bool>) = bits.iter().copied().unzip();
        self.agreement_with(&self.inverse(&positions), &positions, &values)
    }

    /// Returns the agreement from which on bits count as a template's.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Returns (AᵀA + λ)⁻¹ Aᵀ for the rows at these positions.
    fn inverse(&self, positions: &[usize]) -> Array2<f64> {
        let rows = self.map.select(ndarray::Axis(0), positions);
        let mut gram = rows.t().dot(&rows);
        let level = PENALTY * gram.diag().sum() / gram.nrows() as f64 + 1e-12;
        gram.diag_mut().map_inplace(|v| *v += level);
        solve_positive(gram, rows.t().to_owned())
    }

    fn agreement_with(&self, inverse: &Array2<f64>, positions: &[usize], values: &[bool]) -> f64 {
        let signs = Array1::from_iter(values.iter().map(|&v| if v { 1.0 } else { -1.0 }));
        let pointed_at = inverse.dot(&signs);
        let agrees = |(&i, &value): (&usize, &bool)| (self.map.row(i).dot(&pointed_at) > 0.0) == value;
        positions.iter().zip(values).filter(|&pair| agrees(pair)).count() as f64 / positions.len().max(1) as f64
    }
}

/// The result of a search with a helper alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// People tried, the one of the claim included.
    pub tried: u64,
    /// People whom the helper gave something, but whose bits were no template's.
    pub refused: u64,
    /// The payload that is claimed to open the account; `None` when the people or the budget are used up.
    pub claim: Option<QrPayload>,
}

/// Tries people until one opens the helper by its own evidence.
///
/// `token` is the adversary's, where there is one. Bits are tested by `check`, and without one believed.
pub fn search(
    scheme: &dyn Scheme,
    helper: &HelperData,
    token: Option<&DeviceToken>,
    people: impl IntoIterator<Item = Template>,
    budget: u64,
    check: Option<&SignCheck>,
) -> Search {
    let mut found = Search { tried: 0, refused: 0, claim: None };
    for person in people {
        if found.tried == budget {
            break;
        }
        found.tried += 1;
        let opens = match scheme.committed(&person, helper, token) {
            None => continue,
            Some(Committed::Proven) => true,
            Some(Committed::Bits(bits)) => check.is_none_or(|check| check.agreement(&bits) >= check.threshold()),
        };
        if opens {
            found.claim = scheme.derive(&person, helper, token).ok();
            break;
        }
        found.refused += 1;
    }
    found
}
