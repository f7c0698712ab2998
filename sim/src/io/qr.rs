//! The making of a QR on a handset: capture, derivation, symbol, and its reading by a camera.

use super::command::{Made, NotMade, QrJob, QrSource};
use crate::population::Population;
use biopay_protocol::PayloadBytes;
use biopay_protocol::qr::{Symbol, read};
use biopay_server::env::Clock;
use std::time::Duration;

/// Screen pixels that a module takes where a symbol is shown to a camera.
const MODULE_PIXELS: u8 = 4;

type Took = Vec<(&'static str, Duration)>;

/// Makes a QR: capture and derivation where it is not stored, then a real symbol, and the reading of it where a camera
/// scans it.
pub(super) fn make_qr(population: &Population, job: &QrJob, clock: &dyn Clock) -> Made {
    let mut took = Vec::new();
    let payload =
        payload_bytes(population, job, clock, &mut took).and_then(|bytes| show(&bytes, job, clock, &mut took));
    Made { payload, took }
}

fn payload_bytes(population: &Population, job: &QrJob, clock: &dyn Clock, took: &mut Took) -> Result<Vec<u8>, NotMade> {
    let (key, helper) = match &job.source {
        QrSource::Stored(bytes) => return Ok(bytes.clone()),
        QrSource::Capture { key, helper } => (*key, helper),
    };
    let captured = population.studio.capture(key).map_err(|_| NotMade::FailureToAcquire)?;
    took.extend(captured.extraction.map(|duration| ("extract", duration)));
    let template = captured.template.map_err(|_| NotMade::FailureToAcquire)?;
    let started = clock.elapsed();
    let derived = population.registry.scheme(job.scheme).derive(&template, helper, None);
    took.push(("derive", clock.elapsed() - started));
    derived.map(|payload| payload.to_bytes()).map_err(|_| NotMade::FailedToDerive)
}

fn show(bytes: &[u8], job: &QrJob, clock: &dyn Clock, took: &mut Took) -> Result<PayloadBytes, NotMade> {
    let started = clock.elapsed();
    let symbol = Symbol::fitted(bytes).map_err(|_| NotMade::SymbolNotRead)?;
    took.push(("encode-symbol", clock.elapsed() - started));
    let bytes = if job.is_scanned {
        let started = clock.elapsed();
        let reading = read(&symbol.render(MODULE_PIXELS)).map_err(|_| NotMade::SymbolNotRead)?;
        took.push(("scan-symbol", clock.elapsed() - started));
        reading.payload
    } else {
        bytes.to_vec()
    };
    PayloadBytes::new(bytes).map_err(|_| NotMade::SymbolNotRead)
}
