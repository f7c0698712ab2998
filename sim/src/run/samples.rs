//! Pictures for the report: captures of the first subjects, and the symbols made of them.

use crate::Error;
use crate::people::population::{Owner, Population};
use crate::people::sensors::Sensor;
use biopay_datasets::folder::write_image;
use biopay_protocol::qr::Symbol;
use std::fs;
use std::path::Path;

const SUBJECTS: u32 = 4;
const MODULE_PIXELS: u8 = 4;

/// Writes the pictures to `folder`, named so that they sort by subject: `NN_CAPTION.png`.
pub(super) fn write(population: &Population, folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(Error::file(folder))?;
    // By number, not the first that there are: shards together write what the whole would.
    for index in 0..SUBJECTS {
        let Some(owner) = population.owners.get(&index).filter(|owner| !owner.enrolments.is_empty()) else { continue };
        write_samples(population, owner, &folder.join(format!("{index:02}a")))?;
        write_symbols(owner, &folder.join(format!("{index:02}b")))?;
    }
    Ok(())
}

fn write_samples(population: &Population, owner: &Owner, prefix: &Path) -> Result<(), Error> {
    for (sensor, sample) in population.sensors.pictures(owner.subject)? {
        let name = match sensor {
            Sensor::Handset => "handset",
            Sensor::SecondDevice => "second_device",
        };
        let device = population.sensors.device(sensor);
        let path = with_suffix(prefix, &format!("{name}_subject_{}_{name}_({device}).png", owner.subject));
        write_image(&path, &sample)?;
    }
    Ok(())
}

fn write_symbols(owner: &Owner, prefix: &Path) -> Result<(), Error> {
    for (id, enrolment) in &owner.enrolments {
        let bytes = enrolment.payload.to_bytes();
        let Ok(symbol) = Symbol::fitted(&bytes) else { continue };
        let caption =
            format!("subject_{}_{}:_{}_bytes,_version_{}", owner.subject, id.name(), bytes.len(), symbol.version());
        let path = with_suffix(prefix, &format!("{}_{caption}.png", id.name()));
        symbol.render(MODULE_PIXELS).save(&path).map_err(Error::picture(&path))?;
    }
    Ok(())
}

fn with_suffix(prefix: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = prefix.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    prefix.with_file_name(name)
}
