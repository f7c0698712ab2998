//! Linkage: whether two services' records can be told to be of one subject, by an adversary who has both databases.
//!
//! The adversary runs the scheme's own attack: templates that inversion gives ([`Scheme::invert`]) compared by cosine,
//! decodability of two commitments or overlap of two vaults ([`Scheme::link`]), a search over what a token may have done to
//! two payloads ([`Scheme::link_payloads`]), or else agreement of payloads and helpers bit by bit. A naive adversary presents
//! one service's payloads to the other's records ([`presented`]).
//!
//! **Knows.** Payload and helper of both enrolments, and the tokens or not. **Measures.** Scores of mated and non-mated
//! pairs, of which unlinkability D_sys is computed (Gomez-Barrero, Galbally, Rathgeb and Busch 2018, "General framework to
//! evaluate unlinkability in biometric template protection systems"), and how many of one service's subjects are found
//! at rank one among the other's (ISO/IEC 19795-1, closed-set identification).
//! **Measured** (`cargo test --release -p biopay-datasets --test attack linkage -- --nocapture`): BCH(255, 47) at 12 % bit errors
//! links .995 of 200 mated pairs in everybody's order (theory .987, published about .98) and none in each record's own. Rank one
//! among 100: `template` 99; `biohash` and `index-of-max` 99 with the tokens known, 1 and 3 without; commitments 2.
//! **Control.** The systematic order of commitments and vaults, and known tokens, link; see the schemes' own modules.

use super::Target;
use crate::scheme::{DeviceToken, Enrolment, Scheme, TokenUse};

/// One enrolment as it lies in a database, and the template concluded from it.
pub struct Observed {
    /// Payload and helper.
    pub enrolment: Enrolment,
    /// What inversion tells of the template, where it tells anything.
    pub conclusion: Option<Vec<f32>>,
}

/// Whether the adversary has the device tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKnowledge {
    /// They are stolen too.
    Known,
    /// He has no token; what a token keys is not inverted.
    Unknown,
}

/// The result of linking two databases.
#[derive(Clone, Debug, PartialEq)]
pub struct Linked {
    /// Scores of pairs of one subject, larger is likelier the same.
    pub mated: Vec<f32>,
    /// Scores of pairs of two subjects.
    pub non_mated: Vec<f32>,
    /// Of each subject of the second database, whether their own record in the first scored above all others.
    pub identified: Vec<bool>,
}

impl Linked {
    /// Counts the subjects who are identified at rank one.
    pub fn rank_one(&self) -> usize {
        self.identified.iter().filter(|&&is_own| is_own).count()
    }
}

/// Looks at a target's enrolment. `dimension` is that of the real-valued template.
pub fn observe(scheme: &dyn Scheme, target: &Target, knowledge: TokenKnowledge, dimension: usize) -> Observed {
    observed(scheme, target.enrolment.clone(), target.token.as_ref(), knowledge, dimension)
}

/// Looks at an enrolment that is bound to a token.
pub fn observed(
    scheme: &dyn Scheme,
    enrolment: Enrolment,
    token: Option<&DeviceToken>,
    knowledge: TokenKnowledge,
    dimension: usize,
) -> Observed {
    let is_known = scheme.token_use() == TokenUse::Ignored || knowledge == TokenKnowledge::Known;
    let conclusion = scheme.invert(&enrolment, token.filter(|_| is_known), dimension);
    Observed { enrolment, conclusion }
}

/// Scores a pair as the scheme itself compares: one payload presented to the record of the other, or else the agreement of
/// the payloads bit by bit. Larger is likelier the same subject.
pub fn presented(scheme: &dyn Scheme, a: &Observed, b: &Observed) -> f32 {
    let (a, b) = (&a.enrolment.payload, &b.enrolment.payload);
    let score = scheme.record(a).ok().and_then(|record| scheme.verify(&record, b).score);
    score.unwrap_or_else(|| agreement(&a.body, &b.body))
}

/// Scores a pair: what was concluded of both, or the scheme's attack on both helpers or both payloads, or else the agreement
/// of payloads and helpers bit by bit. Larger is likelier the same subject.
pub fn similarity(scheme: &dyn Scheme, a: &Observed, b: &Observed) -> f32 {
    if let (Some(a), Some(b)) = (&a.conclusion, &b.conclusion) {
        let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(p, q)| p * q).sum::<f32>();
        return dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(f32::MIN_POSITIVE);
    }
    let (first, second) = (&a.enrolment, &b.enrolment);
    let attack = scheme.link(&first.helper, &second.helper);
    attack.or_else(|| scheme.link_payloads(&first.payload, &second.payload)).unwrap_or_else(|| {
        agreement(&a.enrolment.payload.body, &b.enrolment.payload.body)
            + agreement(&a.enrolment.helper.0, &b.enrolment.helper.0)
    })
}

/// Links two databases that hold the same subjects in the same order.
pub fn link(scheme: &dyn Scheme, first: &[Observed], second: &[Observed]) -> Linked {
    let mut linked = Linked { mated: Vec::new(), non_mated: Vec::new(), identified: Vec::new() };
    for (j, b) in second.iter().enumerate().take(first.len()) {
        let own = similarity(scheme, &first[j], b);
        let others = first.iter().enumerate().filter(|&(i, _)| i != j);
        let others: Vec<f32> = others.map(|(_, a)| similarity(scheme, a, b)).collect();
        // A tie identifies nobody.
        linked.identified.push(others.iter().all(|&other| own > other));
        linked.mated.push(own);
        linked.non_mated.extend(others);
    }
    linked
}

fn agreement(a: &[u8], b: &[u8]) -> f32 {
    let equal: u32 = a.iter().zip(b).map(|(x, y)| (x ^ y).count_zeros()).sum();
    equal as f32 / (8 * a.len().max(b.len()).max(1)) as f32
}
