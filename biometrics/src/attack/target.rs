//! One subject's enrolment, and what an adversary has of it.

use crate::scheme::{ComparisonDecision, DeviceToken, Enrolment, HelperData, Scheme, ServerRecord};
use crate::{Error, QrPayload, Template};
use rand::Rng;

/// One subject's enrolment at one service, with everything that can be stolen of it.
#[derive(Clone)]
pub struct Target {
    /// Index of the subject.
    pub subject: u32,
    /// The subject's device token, where there is one.
    pub token: Option<DeviceToken>,
    /// What the handset holds.
    pub enrolment: Enrolment,
    /// What the server holds.
    pub record: ServerRecord,
}

crate::named_enum! {
    /// The factors that the adversary has stolen; in place of the others he uses his own.
    ///
    /// From the weakest adversary to the strongest.
    pub enum Stolen {
        /// Nothing of the target's.
        Nothing = "nothing",
        /// The device token.
        Token = "token",
        /// The helper data: stolen, or handed out by the server after a login with the target's credentials.
        Helper = "helper",
        /// Token and helper data.
        Both = "both",
    }
}

/// The helper data and the token that a payload is derived with, besides a template.
#[derive(Clone)]
pub struct Factors {
    /// Helper data, somebody's.
    pub helper: HelperData,
    /// A device token, somebody's.
    pub token: Option<DeviceToken>,
}

impl Target {
    /// Enrols a subject from captures.
    ///
    /// # Errors
    /// [`Error::FailureToEnrol`] as the scheme says.
    pub fn enrol(
        scheme: &dyn Scheme,
        subject: u32,
        references: &[Template],
        token: Option<DeviceToken>,
        rng: &mut dyn Rng,
    ) -> Result<Self, Error> {
        let enrolment = scheme.enrol(references, token.as_ref(), rng)?;
        let record = scheme.record(&enrolment.payload)?;
        Ok(Self { subject, token, enrolment, record })
    }

    /// Enrols a subject with a token that is drawn.
    ///
    /// # Errors
    /// As [`enrol`](Self::enrol).
    pub fn enrol_with_token(
        scheme: &dyn Scheme,
        subject: u32,
        references: &[Template],
        rng: &mut dyn Rng,
    ) -> Result<Self, Error> {
        let mut token = [0; 32];
        rng.fill_bytes(&mut token);
        Self::enrol(scheme, subject, references, Some(DeviceToken(token)), rng)
    }

    /// Returns the server's decision on a payload.
    pub fn verify(&self, scheme: &dyn Scheme, payload: &QrPayload) -> ComparisonDecision {
        scheme.verify(&self.record, payload)
    }

    /// Returns the subject's own factors.
    pub fn factors(&self) -> Factors {
        Factors { helper: self.enrolment.helper.clone(), token: self.token.clone() }
    }
}

impl Stolen {
    /// Returns what an adversary derives payloads with, who is enrolled himself as `own`.
    pub fn factors(self, target: &Target, own: &Target) -> Factors {
        let helper_of = if matches!(self, Self::Helper | Self::Both) { target } else { own };
        let token_of = if matches!(self, Self::Token | Self::Both) { target } else { own };
        Factors { helper: helper_of.enrolment.helper.clone(), token: token_of.token.clone() }
    }
}

impl Factors {
    /// Derives the payload of a template.
    ///
    /// # Errors
    /// As the scheme says; [`Error::FailedToDerive`] tells an adversary without a query that it is no use.
    pub fn payload(&self, scheme: &dyn Scheme, template: &Template) -> Result<QrPayload, Error> {
        scheme.derive(template, &self.helper, self.token.as_ref())
    }
}
