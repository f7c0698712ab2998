//! What artefacts achieve at the sensor: acceptance with and without a detector, per species, on synthetic subjects.
//! `cargo test --release -p biopay-datasets --test presentation -- --nocapture` prints the figures.
//! With `BIOPAY_PRESENTATION_SHEETS=FOLDER` it writes living and attack samples there to be looked at.

mod artefacts;
mod sheets;
mod subjects;
