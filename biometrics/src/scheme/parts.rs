//! What schemes take and give: tokens, helper data, records, enrolments and verdicts.

use super::payload::QrPayload;
use serde::{Deserialize, Serialize};

/// The comparison of a scheme's payloads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComparisonKind {
    /// Equal or not: the scheme has one operating point, which its parameters set.
    Equality,
    /// By a score that must reach this threshold.
    Threshold(f32),
}

/// A scheme's use of a device token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenUse {
    /// Nothing: there is no second factor that could be stolen.
    Ignored,
    /// It keys the projection; without one the record's public salt alone does, as if the token were stolen.
    Keys,
}

/// A secret that stays on one device and keys token-based schemes.
#[derive(Clone)]
pub struct DeviceToken(pub [u8; 32]);

/// The data that a device needs besides the probe to derive the payload again. Public by design: the scheme's security
/// does not rest on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelperData(pub Vec<u8>);

/// The part of an enrolment that the server keeps.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRecord(pub Vec<u8>);

/// The part of an enrolment that the handset keeps.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// Presented to the server at registration, and kept by a handset that stores its QR (patent paragraph 20).
    pub payload: QrPayload,
    /// Needed to derive the payload from a new capture (patent paragraph 29).
    pub helper: HelperData,
}

/// What a helper shows, without the server's record, to whoever has a template that may open it.
#[derive(Clone, Debug, PartialEq)]
pub enum Committed {
    /// That the template opens it: the helper proves it.
    Proven,
    /// The bits that were committed if the template opens it, and others if not.
    ///
    /// Shape: pairs of the bit's position in the binary template and its value.
    Bits(Vec<(usize, bool)>),
}

/// The server's decision on one presented payload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ComparisonDecision {
    /// Whether the payload is consistent with the record.
    pub accepted: bool,
    /// The comparison score in [0, 1], larger is more similar; `None` where the scheme compares for equality.
    pub score: Option<f32>,
}

impl ComparisonDecision {
    /// The decision on anything malformed.
    pub const REJECTED: Self = Self { accepted: false, score: None };
}
