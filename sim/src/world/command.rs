//! The commands of the world to the I/O side, and their results.

use crate::people::sensors::CaptureKey;
use bevy_ecs::prelude::Entity;
use biopay_biometrics::scheme::{HelperData, SchemeId};
use biopay_protocol::{PayloadBytes, Request};
use biopay_reports::records::Operation;
use std::time::Duration;

/// A command to the I/O side.
#[derive(Debug)]
pub enum Command {
    /// Opens a connection for a handset.
    Connect {
        /// The handset.
        target: Entity,
        /// Its number.
        handset: u32,
    },
    /// Sends a request on its connection.
    Send {
        /// The handset.
        target: Entity,
        /// The request.
        request: Request,
    },
    /// Makes a QR.
    MakeQr {
        /// The handset.
        target: Entity,
        /// The QR to make.
        job: QrJob,
    },
    /// Closes its connection.
    Close {
        /// The handset.
        target: Entity,
    },
}

/// The QR to make, and how.
#[derive(Clone, Debug)]
pub struct QrJob {
    /// The account's scheme.
    pub scheme: SchemeId,
    /// The source of the payload.
    pub source: QrSource,
    /// Whether its symbol is shown on a screen and read by a camera before it is presented.
    pub is_scanned: bool,
    /// Whether the symbol is drawn although no camera reads it.
    pub is_drawn: bool,
}

/// The source of a QR's payload.
#[derive(Clone)]
pub enum QrSource {
    /// The payload kept since enrolment.
    Stored(Vec<u8>),
    /// A capture and the helper data that the device has.
    Capture {
        /// The key of the capture.
        key: CaptureKey,
        /// The helper data.
        helper: HelperData,
    },
}

/// A stored payload may be a template, so that it is never printed.
impl std::fmt::Debug for QrSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stored(_) => f.write_str("Stored"),
            Self::Capture { key, .. } => write!(f, "Capture({key:?})"),
        }
    }
}

/// The result of a [`QrJob`].
#[derive(Clone, Debug)]
pub struct Made {
    /// The payload as the till received it, or the reason why there is none.
    pub payload: Result<PayloadBytes, NotMade>,
    /// The duration of each operation.
    pub took: Vec<(Operation, Duration)>,
}

/// The reason why no QR was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMade {
    /// The sample gave no features.
    FailureToAcquire,
    /// The probe was too far from the reference.
    FailedToDerive,
    /// The payload was too large for a symbol, or the symbol was not read.
    SymbolNotRead,
}

/// Quinn's counters of a connection.
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
