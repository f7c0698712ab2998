//! What each attack achieves against each scheme, on feature-level people, beside theory and publications; with each
//! attack's negative control. `cargo test --release -p biopay-datasets --test attack -- --nocapture` prints the figures.

mod climbing;
mod dictionary;
mod helper_only;
mod inversion;
mod linkage;
mod people;
mod published;
mod search;
mod stolen;
