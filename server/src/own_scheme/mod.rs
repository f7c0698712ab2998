//! A user's own scheme: a program in any language, which answers questions line by line.
//!
//! ```text
//! {"do":"enrol","references":[{"real":[…],"margins":[…]}],"token":null,"seed":"…"}  ─►  {"payload":"…","helper":"…"}
//! {"do":"derive","probe":{…},"helper":"…","token":null}                             ─►  {"payload":"…"}
//! {"do":"record","payload":"…"}                                                     ─►  {"record":"…"}
//! {"do":"verify","record":"…","payload":"…"}                                        ─►  {"accepted":true,"score":0.9}
//! ```
//! Any answer may be `{"failed":"why"}` instead. All randomness is in the seed, and several processes answer in no order, so
//! a program whose answers depend on the question alone gives the same run each time. A program that ends, hangs or answers
//! nonsense makes a failure to enrol or to derive, which is counted with its reason.

mod wire;

use crate::own_program::{Bytes, OwnProgram, Settings};
use biopay_biometrics::scheme::{
    BODY_BYTES_MAX, ComparisonDecision, ComparisonKind, DeviceToken, Enrolment, HelperData, OwnParameters, QrPayload,
    Scheme, SchemeId, ServerRecord, TokenUse,
};
use biopay_biometrics::{Error, Template};
use rand::Rng;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use wire::{About, Compared, Derived, Enrolled, Numbers, Question, Recorded, Verified};

/// The longest helper that a program may give. Units: bytes.
const HELPER_BYTES_MAX: usize = 65_536;

/// Starts the program of parameters that name one, and puts it in; does nothing where none is named or one is in.
///
/// # Errors
///
/// A text that says what is wrong with the settings, or why the program does not answer.
pub fn put_program(own: &mut OwnParameters) -> Result<(), String> {
    if own.is_unset() || own.is_put() {
        return Ok(());
    }
    let scheme = OwnScheme::start(own)?;
    own.put(Arc::new(scheme));
    Ok(())
}

/// A scheme that a program answers for.
struct OwnScheme {
    about: About,
    program: OwnProgram,
}

impl OwnScheme {
    fn start(own: &OwnParameters) -> Result<Self, String> {
        let settings = Settings::new("own", &own.command, own.answer_s, own.memory_mib, own.processes)?;
        let wrong = |why: String| format!("own.command = {:?}: {why}", own.command.join(" "));
        let program = OwnProgram::new(settings);
        let hello = Question::HELLO;
        let about: About = program.converse(hello.name(), &hello).map_err(|said| wrong(said.to_string()))?;
        about.check().map_err(wrong)?;
        Ok(Self { about, program })
    }

    /// Asks; `None` when the program says that the sample does not do, or fails.
    fn ask<T: DeserializeOwned>(&self, question: &Question<'_>) -> Option<T> {
        self.program.ask(question.name(), question)
    }

    /// Returns what a comparator's payload is: the template of the user's own extractor.
    fn template(&self, template: &Template) -> Option<QrPayload> {
        if template.data().is_empty() {
            let why = "there is no template for a comparator: set biometric.extractor.command too".to_owned();
            self.program.misunderstood("compare", why);
            return None;
        }
        self.payload(Bytes(template.data().to_vec()))
    }

    /// Returns the decision on a score.
    fn decision(&self, score: Option<f32>, accepted: bool, question: &'static str) -> ComparisonDecision {
        match (self.comparison(), score.filter(|score| score.is_finite())) {
            (ComparisonKind::Equality, _) => ComparisonDecision { accepted, score: None },
            (ComparisonKind::Threshold(threshold), Some(score)) => {
                let score = score.clamp(0.0, 1.0);
                ComparisonDecision { accepted: score >= threshold, score: Some(score) }
            }
            (ComparisonKind::Threshold(_), None) => {
                self.program.misunderstood(question, "a scheme with a threshold gives a score".to_owned());
                ComparisonDecision::REJECTED
            }
        }
    }

    fn payload(&self, body: Bytes) -> Option<QrPayload> {
        let bytes = body.0.len();
        if (1..=BODY_BYTES_MAX).contains(&bytes) {
            return Some(QrPayload { scheme: SchemeId::Own, body: body.0 });
        }
        let why = format!("a payload of {bytes} bytes: use 1 to {BODY_BYTES_MAX}");
        self.program.misunderstood("enrol or derive", why);
        None
    }

    fn helper(&self, helper: Bytes) -> Option<HelperData> {
        let bytes = helper.0.len();
        if bytes <= HELPER_BYTES_MAX {
            return Some(HelperData(helper.0));
        }
        let why = format!("helper data of {bytes} bytes: use at most {HELPER_BYTES_MAX}");
        self.program.misunderstood("enrol", why);
        None
    }
}

fn token_of(token: Option<&DeviceToken>) -> Option<Bytes> {
    token.map(|token| Bytes(token.0.to_vec()))
}

impl Scheme for OwnScheme {
    fn id(&self) -> SchemeId {
        SchemeId::Own
    }

    fn key_bits(&self) -> Option<usize> {
        self.about.key_bits
    }

    fn comparison(&self) -> ComparisonKind {
        self.about.kind().into()
    }

    fn token_use(&self) -> TokenUse {
        self.about.token.into()
    }

    fn faults(&self) -> Vec<(String, u64)> {
        self.program.faults()
    }

    fn enrol(
        &self,
        references: &[Template],
        token: Option<&DeviceToken>,
        rng: &mut dyn Rng,
    ) -> Result<Enrolment, Error> {
        let refused = || Error::FailureToEnrol("the own scheme's program makes no enrolment of these samples");
        if self.about.comparator.is_some() {
            let first = references.iter().find_map(|reference| self.template(reference)).ok_or_else(refused)?;
            return Ok(Enrolment { payload: first, helper: HelperData(Vec::new()) });
        }
        let mut seed = vec![0; 32];
        rng.fill_bytes(&mut seed);
        let references = references.iter().map(Numbers::of).collect();
        let enrolled = self.ask(&Question::Enrol { references, token: token_of(token), seed: Bytes(seed) });
        let parts = enrolled.and_then(|Enrolled { payload, helper }| {
            Some(Enrolment { payload: self.payload(payload)?, helper: self.helper(helper)? })
        });
        parts.ok_or_else(refused)
    }

    fn derive(&self, probe: &Template, helper: &HelperData, token: Option<&DeviceToken>) -> Result<QrPayload, Error> {
        if self.about.comparator.is_some() {
            return self.template(probe).ok_or(Error::FailedToDerive);
        }
        let (probe, helper) = (Numbers::of(probe), Bytes(helper.0.clone()));
        let derived = self.ask(&Question::Derive { probe, helper, token: token_of(token) });
        derived.and_then(|Derived { payload }| self.payload(payload)).ok_or(Error::FailedToDerive)
    }

    fn record(&self, payload: &QrPayload) -> Result<ServerRecord, Error> {
        let refused = |why| Error::Malformed { what: "payload", why };
        if payload.scheme != SchemeId::Own {
            return Err(refused("it is of another scheme"));
        }
        if self.about.comparator.is_some() {
            return Ok(ServerRecord(payload.body.clone()));
        }
        let recorded = self.ask(&Question::Record { payload: Bytes(payload.body.clone()) });
        let record = recorded.map(|Recorded { record }| ServerRecord(record.0));
        record.ok_or(refused("the own scheme's program does not take it"))
    }

    fn verify(&self, record: &ServerRecord, payload: &QrPayload) -> ComparisonDecision {
        if payload.scheme != SchemeId::Own {
            return ComparisonDecision::REJECTED;
        }
        let (record, payload) = (Bytes(record.0.clone()), Bytes(payload.body.clone()));
        if self.about.comparator.is_some() {
            let compared = self.ask(&Question::Compare { reference: record, probe: payload });
            return compared.map_or(ComparisonDecision::REJECTED, |Compared { score }| {
                self.decision(Some(score), false, "compare")
            });
        }
        let verified = self.ask(&Question::Verify { record, payload });
        verified.map_or(ComparisonDecision::REJECTED, |Verified { accepted, score }| {
            self.decision(score, accepted, "verify")
        })
    }
}
