//! What the world asks of the I/O side, and what it gets back.

use crate::people::sensors::CaptureKey;
use bevy_ecs::prelude::Entity;
use biopay_biometrics::scheme::{HelperData, SchemeId};
use biopay_protocol::{PayloadBytes, Request};
use biopay_reports::records::Operation;
use std::time::Duration;

/// Asks the I/O side for something.
#[derive(Debug)]
pub enum Command {
    /// Open a connection for this handset.
    Connect {
        /// The handset.
        target: Entity,
        /// Its number.
        handset: u32,
    },
    /// Send a request on its connection.
    Send {
        /// The handset.
        target: Entity,
        /// The request.
        request: Request,
    },
    /// Make a QR.
    MakeQr {
        /// The handset.
        target: Entity,
        /// Of what, and how.
        job: QrJob,
    },
    /// Close its connection.
    Close {
        /// The handset.
        target: Entity,
    },
}

/// Says how a QR is to be made.
#[derive(Clone, Debug)]
pub struct QrJob {
    /// The account's scheme.
    pub scheme: SchemeId,
    /// What it is made of.
    pub source: QrSource,
    /// Whether its symbol is shown on a screen and read by a camera before it is presented.
    pub is_scanned: bool,
    /// Whether it is drawn where nobody reads it.
    pub is_drawn: bool,
}

/// Says what a QR is made of.
#[derive(Clone)]
pub enum QrSource {
    /// The payload kept since enrolment.
    Stored(Vec<u8>),
    /// A capture and the helper data that the device has.
    Capture {
        /// Which capture.
        key: CaptureKey,
        /// The helper data.
        helper: HelperData,
    },
}

/// A stored payload may be a template, so it is never printed.
impl std::fmt::Debug for QrSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stored(_) => f.write_str("Stored"),
            Self::Capture { key, .. } => write!(f, "Capture({key:?})"),
        }
    }
}

/// Is what came of a [`QrJob`].
#[derive(Clone, Debug)]
pub struct Made {
    /// The payload as the till has it, or why there is none.
    pub payload: Result<PayloadBytes, NotMade>,
    /// How long each operation took.
    pub took: Vec<(Operation, Duration)>,
}

/// Says why no QR was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMade {
    /// The sample gave no features.
    FailureToAcquire,
    /// The probe was too far from the reference.
    FailedToDerive,
    /// The symbol was too large to be shown, or was not read.
    SymbolNotRead,
}

/// Holds what quinn counted on a connection.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of the network table")]
pub struct NetworkStatistics {
    pub profile: &'static str,
    pub handshake: Duration,
    pub round_trip: Duration,
    pub datagrams_sent: u64,
    pub datagrams_received: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub packets_lost: u64,
}
