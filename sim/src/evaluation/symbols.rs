//! The QR symbol as a channel: the share of a camera's looks in which a payload of a size is read.

use crate::Error;
use biopay_datasets::fingerprint::CaptureQuality;
use biopay_datasets::optics::{Display, capture};
use biopay_datasets::stream::stream;
use biopay_protocol::qr::{Level, Symbol, SymbolReader, read};
use biopay_reports::interval::Rate;
use image::GrayImage;
use ndarray::Array2;
use rand::Rng;
use rayon::prelude::*;
use serde::Serialize;

/// The conditions under which symbols are shown and read.
#[derive(Clone, Debug)]
pub struct SymbolTrial {
    /// The display that shows the symbols.
    pub display: Display,
    /// The quality of looks.
    pub quality: CaptureQuality,
    /// The number of looks at each size of payload, each at another payload.
    pub looks: u64,
    /// The seed of all randomness.
    pub seed: u64,
}

/// The read rate of payloads of one size.
#[derive(Clone, Debug, Serialize)]
pub struct SymbolRates {
    /// Bytes in the symbol.
    pub payload_bytes: usize,
    /// The symbol's version, 1 to 40.
    pub version: u8,
    /// Its error correction level.
    pub level: Level,
    /// Modules a side, without the quiet zone.
    pub modules: u32,
    /// The share of looks in which the payload was read correctly.
    pub read: Rate,
    /// The number of looks in which something else was read.
    pub misread: u64,
    /// The same share for each reader alone.
    pub alone: Vec<(SymbolReader, Rate)>,
}

impl SymbolTrial {
    /// Measures one size of payload on all cores.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] if the payload is too large for a symbol.
    pub fn measure(&self, payload_bytes: usize) -> Result<SymbolRates, Error> {
        let symbol = Symbol::fitted(&self.payload(payload_bytes, 0))?;
        let looks: Vec<Look> =
            (0..self.looks).into_par_iter().map(|n| self.look(payload_bytes, n)).collect::<Result<_, _>>()?;
        let share = |count: usize| Rate::independent(count as u64, self.looks);
        let count = |wanted| looks.iter().filter(|look| look.outcome == wanted).count();
        let alone = |reader| (reader, share(looks.iter().filter(|look| look.read_by.contains(&reader)).count()));
        Ok(SymbolRates {
            payload_bytes,
            version: symbol.version(),
            level: symbol.level(),
            modules: symbol.width(),
            read: share(count(LookOutcome::Read)),
            misread: count(LookOutcome::Misread) as u64,
            alone: SymbolReader::ALL.map(alone).into(),
        })
    }

    /// Returns one picture of a camera.
    ///
    /// # Errors
    ///
    /// Those of [`measure`](Self::measure).
    pub fn picture(&self, payload_bytes: usize, number: u64) -> Result<GrayImage, Error> {
        let symbol = Symbol::fitted(&self.payload(payload_bytes, number))?;
        let side = symbol.width() as usize;
        let modules = Array2::from_shape_fn((side, side), |(row, column)| symbol.is_dark(row as u32, column as u32));
        let pixels = capture(&modules, self.display, self.quality, self.seed, number);
        let (rows, columns) = pixels.dim();
        let bytes = pixels.into_raw_vec_and_offset().0;
        Ok(GrayImage::from_raw(columns as u32, rows as u32, bytes).expect("a byte a pixel"))
    }

    fn look(&self, payload_bytes: usize, number: u64) -> Result<Look, Error> {
        let (picture, payload) = (self.picture(payload_bytes, number)?, self.payload(payload_bytes, number));
        let outcome = match read(&picture) {
            Ok(reading) if reading.payload == payload => LookOutcome::Read,
            Ok(_) => LookOutcome::Misread,
            Err(_) => LookOutcome::NotRead,
        };
        let reads = |reader: &SymbolReader| reader.read(&picture).is_ok_and(|reading| reading.payload == payload);
        Ok(Look { outcome, read_by: SymbolReader::ALL.into_iter().filter(reads).collect() })
    }

    fn payload(&self, bytes: usize, number: u64) -> Vec<u8> {
        let mut payload = vec![0; bytes];
        stream(self.seed, "symbol/payload", number).fill_bytes(&mut payload);
        payload
    }
}

/// The outcome of one look: for all readers in turn, and the readers that read the payload alone.
struct Look {
    outcome: LookOutcome,
    read_by: Vec<SymbolReader>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LookOutcome {
    Read,
    Misread,
    NotRead,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks of `biopay dataset symbol` that `rqrr` does not read; ZXing, zbar and `rxing` do.
    #[test]
    fn what_one_reader_leaves_another_reads() {
        let looks =
            [(Display::Print, 142, 10), (Display::Print, 272, 1), (Display::Print, 44, 46), (Display::Screen, 512, 3)];
        for (display, bytes, number) in looks {
            let trial = SymbolTrial { display, quality: CaptureQuality::default(), looks: 1, seed: 1 };
            let reading = read(&trial.picture(bytes, number).unwrap()).unwrap();
            assert_eq!(reading.payload, trial.payload(bytes, number), "{bytes} bytes, look {number}");
            assert_eq!(reading.reader, SymbolReader::Rxing, "{bytes} bytes, look {number}");
        }
    }

    #[test]
    fn a_clean_look_is_read_and_the_hardest_at_a_large_symbol_is_not() {
        let trial = |quality, looks| SymbolTrial {
            display: Display::Screen,
            quality: CaptureQuality::new(quality).unwrap(),
            looks,
            seed: 1,
        };
        let clean = trial(1.0, 4).measure(44).unwrap();
        assert_eq!((clean.read.count, clean.misread, clean.version), (4, 0, 4));
        let hard = trial(0.0, 4).measure(1_500).unwrap();
        assert_eq!((hard.read.count, hard.misread), (0, 0));
        assert!(trial(0.5, 1).measure(3_000).is_err());
    }
}
