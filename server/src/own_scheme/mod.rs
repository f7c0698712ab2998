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

mod fault;
mod program;
mod wire;

use biopay_biometrics::scheme::{
    BODY_BYTES_MAX, ComparisonDecision, ComparisonKind, DeviceToken, Enrolment, HelperData, OwnParameters, QrPayload,
    Scheme, SchemeId, ServerRecord, TokenUse,
};
use biopay_biometrics::{Error, Template};
use fault::{Fault, Faults};
use program::{Pool, Settings};
use rand::Rng;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use wire::{About, Bytes, Derived, Enrolled, Numbers, Question, Recorded, Refused, Verified};

/// The most processes of one program.
const PROCESSES_MAX: usize = 64;
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
    let scheme = OwnScheme::start(settings_of(own)?)?;
    own.put(Arc::new(scheme));
    Ok(())
}

fn settings_of(own: &OwnParameters) -> Result<Settings, String> {
    if !(own.answer_s > 0.0 && own.answer_s <= 3_600.0) {
        return Err(format!("own.answer-s is {}: use more than 0 and at most 3,600 seconds", own.answer_s));
    }
    if !(16..=1 << 20).contains(&own.memory_mib) {
        return Err(format!("own.memory-mib is {}: use 16 to 1,048,576", own.memory_mib));
    }
    if own.processes > PROCESSES_MAX {
        return Err(format!("own.processes is {}: use 0 to {PROCESSES_MAX}", own.processes));
    }
    let processors = std::thread::available_parallelism().map_or(1, usize::from).min(PROCESSES_MAX);
    Ok(Settings {
        command: own.command.clone(),
        answer: Duration::from_secs_f64(own.answer_s),
        memory_bytes: own.memory_mib << 20,
        processes: if own.processes == 0 { processors } else { own.processes },
    })
}

/// A scheme that a program answers for.
struct OwnScheme {
    about: About,
    pool: Pool,
    faults: Faults,
}

impl OwnScheme {
    fn start(settings: Settings) -> Result<Self, String> {
        let command = settings.command.join(" ");
        let wrong = |why: String| format!("own.command = {command:?}: {why}");
        let pool = Pool::new(settings);
        let about: About = converse(&pool, &Question::HELLO).map_err(|said| wrong(said.to_string()))?;
        about.check().map_err(wrong)?;
        Ok(Self { about, pool, faults: Faults::default() })
    }

    /// Asks; `None` when the program says that the sample does not do, or fails.
    fn ask<T: DeserializeOwned>(&self, question: &Question<'_>) -> Option<T> {
        match converse(&self.pool, question) {
            Ok(answer) => Some(answer),
            Err(Unanswered::Refused(_)) => None,
            Err(Unanswered::Fault(fault)) => {
                self.faults.count(&fault);
                None
            }
        }
    }

    fn payload(&self, body: Bytes) -> Option<QrPayload> {
        let bytes = body.0.len();
        if (1..=BODY_BYTES_MAX).contains(&bytes) {
            return Some(QrPayload { scheme: SchemeId::Own, body: body.0 });
        }
        let why = format!("a payload of {bytes} bytes: use 1 to {BODY_BYTES_MAX}");
        self.faults.count(&Fault::NotUnderstood { question: "enrol or derive", why });
        None
    }

    fn helper(&self, helper: Bytes) -> Option<HelperData> {
        let bytes = helper.0.len();
        if bytes <= HELPER_BYTES_MAX {
            return Some(HelperData(helper.0));
        }
        let why = format!("helper data of {bytes} bytes: use at most {HELPER_BYTES_MAX}");
        self.faults.count(&Fault::NotUnderstood { question: "enrol", why });
        None
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("it says: {0}")]
    Refused(String),
    #[error("{0}")]
    Fault(#[from] Fault),
}

fn converse<T: DeserializeOwned>(pool: &Pool, question: &Question<'_>) -> Result<T, Unanswered> {
    let not_understood = |why: String| Fault::NotUnderstood { question: question.name(), why };
    let text = serde_json::to_string(question).map_err(|error| not_understood(error.to_string()))?;
    let line = pool.ask(&text)?;
    match serde_json::from_str::<T>(&line) {
        Ok(answer) => Ok(answer),
        Err(error) => match serde_json::from_str::<Refused>(&line) {
            Ok(refused) => Err(Unanswered::Refused(refused.failed)),
            Err(_) => Err(not_understood(error.to_string()).into()),
        },
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
        self.about.comparison.into()
    }

    fn token_use(&self) -> TokenUse {
        self.about.token.into()
    }

    fn faults(&self) -> Vec<(String, u64)> {
        self.faults.list()
    }

    fn enrol(
        &self,
        references: &[Template],
        token: Option<&DeviceToken>,
        rng: &mut dyn Rng,
    ) -> Result<Enrolment, Error> {
        let mut seed = vec![0; 32];
        rng.fill_bytes(&mut seed);
        let references = references.iter().map(Numbers::of).collect();
        let enrolled = self.ask(&Question::Enrol { references, token: token_of(token), seed: Bytes(seed) });
        let parts = enrolled.and_then(|Enrolled { payload, helper }| {
            Some(Enrolment { payload: self.payload(payload)?, helper: self.helper(helper)? })
        });
        parts.ok_or(Error::FailureToEnrol("the own scheme's program makes no enrolment of these samples"))
    }

    fn derive(&self, probe: &Template, helper: &HelperData, token: Option<&DeviceToken>) -> Result<QrPayload, Error> {
        let (probe, helper) = (Numbers::of(probe), Bytes(helper.0.clone()));
        let derived = self.ask(&Question::Derive { probe, helper, token: token_of(token) });
        derived.and_then(|Derived { payload }| self.payload(payload)).ok_or(Error::FailedToDerive)
    }

    fn record(&self, payload: &QrPayload) -> Result<ServerRecord, Error> {
        let refused = |why| Error::Malformed { what: "payload", why };
        if payload.scheme != SchemeId::Own {
            return Err(refused("it is of another scheme"));
        }
        let recorded = self.ask(&Question::Record { payload: Bytes(payload.body.clone()) });
        let record = recorded.map(|Recorded { record }| ServerRecord(record.0));
        record.ok_or(refused("the own scheme's program does not take it"))
    }

    fn verify(&self, record: &ServerRecord, payload: &QrPayload) -> ComparisonDecision {
        if payload.scheme != SchemeId::Own {
            return ComparisonDecision::REJECTED;
        }
        let question = Question::Verify { record: Bytes(record.0.clone()), payload: Bytes(payload.body.clone()) };
        let Some(Verified { accepted, score }) = self.ask(&question) else { return ComparisonDecision::REJECTED };
        match (self.comparison(), score.filter(|score| score.is_finite())) {
            (ComparisonKind::Equality, _) => ComparisonDecision { accepted, score: None },
            (ComparisonKind::Threshold(threshold), Some(score)) => {
                let score = score.clamp(0.0, 1.0);
                ComparisonDecision { accepted: score >= threshold, score: Some(score) }
            }
            (ComparisonKind::Threshold(_), None) => {
                let why = "a scheme with a threshold gives a score".to_owned();
                self.faults.count(&Fault::NotUnderstood { question: "verify", why });
                ComparisonDecision::REJECTED
            }
        }
    }
}
