//! What is said to the program of a user's own scheme and what it answers: a line of JSON each, bytes in base64.

use crate::own_program::Bytes;
use biopay_biometrics::Template;
use biopay_biometrics::scheme::{ComparisonKind, TokenUse};
use serde::{Deserialize, Serialize};

/// The version of these messages.
const VERSION: u32 = 1;

/// A question to the program.
#[derive(Serialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(super) enum Question<'a> {
    /// The properties of the scheme.
    Hello { version: u32, r#as: &'static str },
    /// An enrolment from one or several templates of one subject.
    Enrol { references: Vec<Numbers<'a>>, token: Option<Bytes>, seed: Bytes },
    /// The payload of a new template.
    Derive { probe: Numbers<'a>, helper: Bytes, token: Option<Bytes> },
    /// The part of a payload that the server keeps.
    Record { payload: Bytes },
    /// The decision on a payload, held against a record.
    Verify { record: Bytes, payload: Bytes },
    /// The similarity of two templates of the user's own extractor.
    Compare { reference: Bytes, probe: Bytes },
}

impl Question<'_> {
    pub(super) const HELLO: Self = Question::Hello { version: VERSION, r#as: "scheme" };

    /// Returns the question's name.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Enrol { .. } => "enrol",
            Self::Derive { .. } => "derive",
            Self::Record { .. } => "record",
            Self::Verify { .. } => "verify",
            Self::Compare { .. } => "compare",
        }
    }
}

/// A template's numbers.
#[derive(Serialize)]
pub(super) struct Numbers<'a> {
    real: &'a [f32],
    margins: &'a [f32],
    /// What the user's own extractor made.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Bytes>,
}

impl<'a> Numbers<'a> {
    pub(super) fn of(template: &'a Template) -> Self {
        let data = (!template.data().is_empty()).then(|| Bytes(template.data().to_vec()));
        Self { real: template.real(), margins: template.margins(), data }
    }
}

/// What a program says of its scheme.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct About {
    /// The version of the messages that it speaks.
    pub(super) version: u32,
    #[serde(default)]
    pub(super) comparison: Comparison,
    /// Where the program is no scheme but a comparator: its threshold.
    #[serde(default)]
    pub(super) comparator: Option<Comparator>,
    #[serde(default)]
    pub(super) key_bits: Option<usize>,
    #[serde(default)]
    pub(super) token: Token,
}

impl About {
    /// Checks what was said; the error says what is allowed.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.version != VERSION {
            return Err(format!("it speaks version {} of the messages: answer with version {VERSION}", self.version));
        }
        match self.kind() {
            Comparison::Threshold(t) if !(0.0..=1.0).contains(&t) => {
                Err(format!("its threshold {t} lies outside 0 to 1"))
            }
            Comparison::Threshold(_) | Comparison::Equality => Ok(()),
        }
    }
}

impl About {
    /// Returns how payloads are compared.
    pub(super) fn kind(&self) -> Comparison {
        self.comparator.map_or(self.comparison, |comparator| Comparison::Threshold(comparator.threshold))
    }
}

/// What a comparator says of itself.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Comparator {
    pub(super) threshold: f32,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Comparison {
    #[default]
    Equality,
    Threshold(f32),
}

impl From<Comparison> for ComparisonKind {
    fn from(said: Comparison) -> Self {
        match said {
            Comparison::Equality => Self::Equality,
            Comparison::Threshold(t) => Self::Threshold(t),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Token {
    #[default]
    Ignored,
    Keys,
}

impl From<Token> for TokenUse {
    fn from(said: Token) -> Self {
        match said {
            Token::Ignored => Self::Ignored,
            Token::Keys => Self::Keys,
        }
    }
}

/// The answer to [`Question::Enrol`].
#[derive(Deserialize)]
pub(super) struct Enrolled {
    pub(super) payload: Bytes,
    pub(super) helper: Bytes,
}

/// The answer to [`Question::Derive`].
#[derive(Deserialize)]
pub(super) struct Derived {
    pub(super) payload: Bytes,
}

/// The answer to [`Question::Record`].
#[derive(Deserialize)]
pub(super) struct Recorded {
    pub(super) record: Bytes,
}

/// The answer to [`Question::Verify`].
#[derive(Deserialize)]
pub(super) struct Verified {
    pub(super) accepted: bool,
    #[serde(default)]
    pub(super) score: Option<f32>,
}

/// The answer to [`Question::Compare`].
#[derive(Deserialize)]
pub(super) struct Compared {
    pub(super) score: f32,
}
