//! The interface that all derivation schemes share.

use super::equality;
use super::id::SchemeId;
use super::parts::{
    Committed, ComparisonDecision, ComparisonKind, DeviceToken, Enrolment, HelperData, ServerRecord, TokenUse,
};
use super::payload::QrPayload;
use super::symbols::PayloadSymbols;
use crate::{Error, Template};
use rand::Rng;

/// A derivation scheme: one way to enrol, derive and verify QR payloads.
pub trait Scheme: Send + Sync {
    /// Returns the scheme's name.
    fn id(&self) -> SchemeId;

    /// Returns the bits that guessing the key costs at most; `None` where the scheme has no key.
    fn key_bits(&self) -> Option<usize> {
        None
    }

    /// Returns how payloads are compared, and at which threshold. Unless a scheme says otherwise its payload is a digest
    /// of a key, and [`record`](Self::record) and [`verify`](Self::verify) are those of digests.
    fn comparison(&self) -> ComparisonKind {
        ComparisonKind::Equality
    }

    /// Returns the symbols that a payload of the scheme consists of, which an adversary reads off an own payload; `None`
    /// where it is a digest, of which nothing can be kept.
    fn symbols(&self, payload: &QrPayload) -> Option<PayloadSymbols> {
        let _ = payload;
        None
    }

    /// Returns what a device token is to the scheme.
    fn token_use(&self) -> TokenUse {
        TokenUse::Ignored
    }

    /// Returns whether a derivation takes so long, tens of milliseconds, that an evaluation with a choice makes fewer of them.
    fn is_costly(&self) -> bool {
        false
    }

    /// Returns how many of the binary template's leading bits a payload follows from; `None` where it follows from all of the
    /// template, or from bits of the subject's own choice.
    fn bits_used(&self) -> Option<usize> {
        None
    }

    /// Returns what a template lacks that the scheme works on; `None` where it lacks nothing.
    fn lacks(&self, template: &Template) -> Option<&'static str> {
        let _ = template;
        None
    }

    /// Lists what went wrong in the scheme itself, with how often; a scheme that is built in has no such faults.
    fn faults(&self) -> Vec<(String, u64)> {
        Vec::new()
    }

    /// Enrols one or several templates of the same subject.
    ///
    /// # Errors
    /// [`Error::FailureToEnrol`] when they cannot make a reference.
    fn enrol(
        &self,
        references: &[Template],
        token: Option<&DeviceToken>,
        rng: &mut dyn Rng,
    ) -> Result<Enrolment, Error>;

    /// Derives the payload from a new capture.
    ///
    /// # Errors
    /// [`Error::FailedToDerive`] when an equality scheme cannot correct the difference;
    /// [`Error::Malformed`] when the helper data is not of this scheme.
    fn derive(&self, probe: &Template, helper: &HelperData, token: Option<&DeviceToken>) -> Result<QrPayload, Error>;

    /// Makes the server's record from the payload presented at registration.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the payload is not of this scheme.
    fn record(&self, payload: &QrPayload) -> Result<ServerRecord, Error> {
        equality::record_of(self.id(), payload)
    }

    /// Decides whether a payload is consistent with a record. Anything malformed is rejected, without a score.
    fn verify(&self, record: &ServerRecord, payload: &QrPayload) -> ComparisonDecision {
        equality::verify(self.id(), record, payload)
    }

    /// Returns what somebody who holds payload, helper data and device token concludes of the template; `None` where
    /// nothing better than comparing payloads and helpers bit by bit is known.
    ///
    /// Shape: a vector whose cosine with that of another enrolment is the larger, the more likely both are of one
    /// subject. `dimension` is that of the real-valued template, which the modality tells.
    fn invert(&self, enrolment: &Enrolment, token: Option<&DeviceToken>, dimension: usize) -> Option<Vec<f32>> {
        let _ = (enrolment, token, dimension);
        None
    }

    /// Returns whether a derivation from a wrong template fails, so that a helper alone proves which template opens it.
    fn proves_derivations(&self) -> bool {
        false
    }

    /// Returns what a helper shows of a template that may open it, to somebody without the server's record; `None` where it
    /// stays shut, or where it cannot tell.
    fn committed(&self, near: &Template, helper: &HelperData, token: Option<&DeviceToken>) -> Option<Committed> {
        let is_proven = self.proves_derivations() && self.derive(near, helper, token).is_ok();
        is_proven.then_some(Committed::Proven)
    }

    /// Returns whether what [`invert`](Self::invert) concludes is an estimate of the real-valued template itself, and not of
    /// something that is mapped to it first.
    fn inverts_to_template(&self) -> bool {
        self.token_use() == TokenUse::Keys
    }

    /// Runs the attack on two payloads whose tokens are unknown that tells whether they are of one subject; `None` where no
    /// attack does better than comparing them bit by bit, or where a payload is not of this scheme.
    ///
    /// Units: of the attack, larger is likelier the same subject.
    fn link_payloads(&self, a: &QrPayload, b: &QrPayload) -> Option<f32> {
        let _ = (a, b);
        None
    }

    /// Runs the attack on two helpers that tells whether they are of one subject; `None` where no attack does better
    /// than comparing them bit by bit, or where a helper is not of this scheme.
    ///
    /// Units: of the attack, larger is likelier the same subject.
    fn link(&self, a: &HelperData, b: &HelperData) -> Option<f32> {
        let _ = (a, b);
        None
    }
}
