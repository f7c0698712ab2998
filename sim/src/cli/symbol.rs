//! `biopay dataset symbol`.

use crate::Error;
use crate::evaluation::symbols::{SymbolRates, SymbolTrial};
use crate::progress::Stage;
use biopay_datasets::fingerprint::CaptureQuality;
use biopay_datasets::optics::Display;
use biopay_protocol::qr::SymbolReader;
use biopay_reports::html::rate_text;
use clap::Args;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  biopay dataset symbol
  biopay dataset symbol --display print --quality 0.3 --bytes 44,142,272 --looks 400
  biopay dataset symbol --bytes 44 --looks 20 --out pictures

Payload bytes of the schemes: 44 for those that present a digest, 142 for 1,024 bits, 272 for 512 indices of 4 bits.";

/// QR symbols as a camera sees them, and the read rate by size of payload.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SymbolArgs {
    /// Sizes of payload. Units: bytes.
    #[arg(long, value_delimiter = ',', default_values_t = [44, 142, 272, 512, 1_024])]
    bytes: Vec<usize>,
    /// The number of looks of the camera at each size.
    #[arg(long, default_value_t = 200)]
    looks: u64,
    /// What shows the symbol, screen or print; default: both.
    #[arg(long)]
    display: Option<String>,
    /// The quality of looks, from 0 (worst) to 1 (clean).
    #[arg(long, default_value_t = CaptureQuality::default().value())]
    quality: f32,
    /// The seed of all randomness.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A folder for the pictures DISPLAY-BYTES-NUMBER.png; default: no pictures are kept.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Writes the rates as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn execute(args: &SymbolArgs) -> Result<(), Error> {
    let displays = match &args.display {
        None => Display::ALL.to_vec(),
        Some(name) => {
            let unknown = || Error::Usage(format!("--display {name} is unknown: use screen or print"));
            vec![Display::from_name(name).ok_or_else(unknown)?]
        }
    };
    let quality = CaptureQuality::new(args.quality)?;
    let stage = Stage::new("reading symbols", (displays.len() * args.bytes.len()) as u64);
    let mut rows = Vec::new();
    for display in displays {
        let trial = SymbolTrial { display, quality, looks: args.looks, seed: args.seed };
        for &bytes in &args.bytes {
            rows.push((display, trial.measure(bytes)?));
            keep_pictures(args, &trial, bytes)?;
            stage.add(1);
        }
    }
    stage.finish();
    println!("display  bytes  version  modules  read");
    let alone = |r: &SymbolRates| -> String {
        let one = |(reader, rate): &(SymbolReader, _)| format!(", {} {}", reader.name(), rate_text(rate));
        r.alone.iter().map(one).collect()
    };
    for (display, r) in &rows {
        let version = format!("{}-{:?}", r.version, r.level);
        println!(
            "{:<7} {:>6}  {version:>7}  {:>7}  {}{}{}",
            display.name(),
            r.payload_bytes,
            r.modules,
            rate_text(&r.read),
            alone(r),
            if r.misread > 0 { format!(", {} misread", r.misread) } else { String::new() }
        );
    }
    write_json(args, &rows)
}

fn keep_pictures(args: &SymbolArgs, trial: &SymbolTrial, bytes: usize) -> Result<(), Error> {
    let Some(folder) = &args.out else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    for number in 0..args.looks {
        let path = folder.join(format!("{}-{bytes}-{number}.png", trial.display.name()));
        let unwritten = |e: image::ImageError| Error::Usage(format!("{}: {e}", path.display()));
        trial.picture(bytes, number)?.save(&path).map_err(unwritten)?;
    }
    Ok(())
}

fn write_json(args: &SymbolArgs, rows: &[(Display, SymbolRates)]) -> Result<(), Error> {
    let Some(path) = &args.json else { return Ok(()) };
    let values: Vec<_> =
        rows.iter().map(|(display, r)| serde_json::json!({ "display": display, "rates": r })).collect();
    let text = serde_json::to_string_pretty(&values).map_err(|e| Error::Usage(e.to_string()))?;
    std::fs::write(path, text).map_err(Error::file(path))
}
