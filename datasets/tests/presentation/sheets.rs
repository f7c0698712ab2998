//! Sheets of living subjects over their artefacts.

use crate::subjects::{artefact, living};
use biopay_biometrics::Modality;
use biopay_datasets::presentation::Species;
use image::{GrayImage, Luma};
use std::path::Path;

const SHOWN: u64 = 6;

#[test]
fn samples_are_written_to_be_looked_at() {
    let Some(folder) = std::env::var_os("BIOPAY_PRESENTATION_SHEETS") else { return };
    for modality in [Modality::Face, Modality::Fingerprint] {
        let rows = std::iter::once(None).chain(Species::ALL.into_iter().filter(|s| s.modality() == modality).map(Some));
        let rows: Vec<_> = rows.collect();
        let first = living(modality, 0, 1);
        let (height, width) = (first.rows() as u32, first.columns() as u32);
        let mut sheet = GrayImage::new(SHOWN as u32 * width, rows.len() as u32 * height);
        for (row, species) in rows.into_iter().enumerate() {
            for subject in 0..SHOWN {
                let sample = species.map_or_else(|| living(modality, subject, 1), |s| artefact(s, subject, 1));
                for ((r, c), &pixel) in sample.pixels.indexed_iter() {
                    sheet.put_pixel(subject as u32 * width + c as u32, row as u32 * height + r as u32, Luma([pixel]));
                }
            }
        }
        sheet.save(Path::new(&folder).join(format!("{modality:?}.png"))).expect("the folder can be written");
    }
}
