//! The making of a QR on a handset: capture, derivation, symbol, and its reading by a camera.

use crate::people::population::Population;
use crate::scenario::{ServiceModel, us};
use crate::world::command::{Made, NotMade, QrJob, QrSource};
use biopay_protocol::PayloadBytes;
use biopay_protocol::qr::{Symbol, read};
use biopay_reports::records::Operation;
use biopay_server::env::Clock;
use std::time::Duration;

/// The width of a module on a screen that is read by a camera. Units: pixels.
const MODULE_PIXELS: u8 = 4;

type Took = Vec<(Operation, Duration)>;

/// The source of the operations' durations.
pub(super) enum Timing<'a> {
    /// The measured time on this machine.
    Measured(&'a dyn Clock),
    /// The model's time.
    Modelled(&'a ServiceModel),
}

impl Timing<'_> {
    fn time<T>(&self, operation: Operation, took: &mut Took, work: impl FnOnce() -> T) -> T {
        match self {
            Self::Measured(clock) => {
                let started = clock.elapsed();
                let done = work();
                took.push((operation, clock.elapsed() - started));
                done
            }
            Self::Modelled(model) => {
                took.push((operation, modelled(model, operation)));
                work()
            }
        }
    }
}

/// Returns the modelled time of an operation of the handset alone; operations with the server are measured.
fn modelled(model: &ServiceModel, operation: Operation) -> Duration {
    us(match operation {
        Operation::Extract => model.extract_us,
        Operation::Derive => model.derive_us,
        Operation::EncodeSymbol => model.encode_symbol_us,
        Operation::ScanSymbol => model.scan_symbol_us,
        Operation::Connect
        | Operation::Register
        | Operation::RegisterCredentials
        | Operation::Login
        | Operation::BindAccount
        | Operation::FetchHelper
        | Operation::BeginPayment
        | Operation::PresentQr
        | Operation::SubmitCode
        | Operation::Charge
        | Operation::Payment => 0.0,
    })
}

/// Makes a QR: capture and derivation unless it is stored, then a real symbol, and its reading if a camera scans it.
pub(super) fn make_qr(population: &Population, job: &QrJob, timing: &Timing<'_>) -> Made {
    let mut took = Vec::new();
    let payload =
        payload_bytes(population, job, timing, &mut took).and_then(|bytes| show(&bytes, job, timing, &mut took));
    Made { payload, took }
}

fn payload_bytes(
    population: &Population,
    job: &QrJob,
    timing: &Timing<'_>,
    took: &mut Took,
) -> Result<Vec<u8>, NotMade> {
    let (key, helper) = match &job.source {
        QrSource::Stored(bytes) => return Ok(bytes.clone()),
        QrSource::Capture { key, helper } => (*key, helper),
    };
    let captured = population.sensors.capture(key).map_err(|_| NotMade::FailureToAcquire)?;
    match timing {
        Timing::Measured(_) => took.extend(captured.extraction.map(|duration| (Operation::Extract, duration))),
        Timing::Modelled(model) => took.push((Operation::Extract, modelled(model, Operation::Extract))),
    }
    let template = captured.template.map_err(|_| NotMade::FailureToAcquire)?;
    let scheme = population.registry.scheme(job.scheme);
    let derived = timing.time(Operation::Derive, took, || scheme.derive(&template, helper, None));
    derived.map(|payload| payload.to_bytes()).map_err(|_| NotMade::FailedToDerive)
}

/// Shows a payload as a symbol. In virtual time a symbol that no camera reads is only charged, not drawn: drawing takes
/// a millisecond of this machine, and whether it is possible depends on the payload's size alone.
fn show(bytes: &[u8], job: &QrJob, timing: &Timing<'_>, took: &mut Took) -> Result<PayloadBytes, NotMade> {
    let is_drawn = job.is_scanned
        || match timing {
            Timing::Measured(_) => job.is_drawn,
            Timing::Modelled(model) => {
                took.push((Operation::EncodeSymbol, modelled(model, Operation::EncodeSymbol)));
                false
            }
        };
    if !is_drawn {
        let fits = bytes.len() <= Symbol::BYTES_MAX;
        return fits.then(|| PayloadBytes::new(bytes).ok()).flatten().ok_or(NotMade::SymbolNotRead);
    }
    let symbol =
        timing.time(Operation::EncodeSymbol, took, || Symbol::fitted(bytes)).map_err(|_| NotMade::SymbolNotRead)?;
    let bytes = if job.is_scanned {
        let reading = timing.time(Operation::ScanSymbol, took, || read(&symbol.render(MODULE_PIXELS)));
        reading.map_err(|_| NotMade::SymbolNotRead)?.payload
    } else {
        bytes.to_vec()
    };
    PayloadBytes::new(bytes).map_err(|_| NotMade::SymbolNotRead)
}
