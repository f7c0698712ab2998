//! Subjects for attacks: embeddings with a binary form, as the simulator makes them.

use biopay_biometrics::Template;
use biopay_biometrics::attack::Target;
use biopay_biometrics::scheme::{Scheme, SchemeId, SchemeParameters, build};
use biopay_datasets::embedding::EmbeddingPopulation;
use biopay_datasets::stream::stream;
use std::ops::Range;
use std::sync::Arc;

pub const DIMENSION: usize = 128;
const BITS: usize = 1_024;
const SUBJECTS: u64 = 100_000;

/// Schemes that compare within a threshold, and so could leak a score.
pub const THRESHOLD: [SchemeId; 3] = [SchemeId::Template, SchemeId::BioHash, SchemeId::IndexOfMax];

/// Draws the captures of some subjects.
pub fn subjects(range: Range<u64>, captures: u64) -> Vec<Vec<Template>> {
    let population = EmbeddingPopulation::new(1, SUBJECTS);
    let template = |e: biopay_datasets::embedding::Embedding| Template::from_embedding(e.vector, BITS);
    range.map(|s| population.of_subject(s + 1, captures).into_iter().map(template).collect()).collect()
}

/// Draws one capture each of some subjects.
pub fn strangers(range: Range<u64>) -> Vec<Template> {
    subjects(range, 1).into_iter().flatten().collect()
}

/// Lists the schemes that take embeddings.
pub fn of_embeddings() -> impl Iterator<Item = SchemeId> {
    let embedding = strangers(0..1).remove(0);
    SchemeId::ALL.into_iter().filter(move |&id| scheme(id).lacks(&embedding).is_none())
}

/// Builds a scheme with the parameters that embeddings want.
pub fn scheme(id: SchemeId) -> Arc<dyn Scheme> {
    scheme_with(id, &SchemeParameters::for_embeddings())
}

/// Builds a scheme.
pub fn scheme_with(id: SchemeId, parameters: &SchemeParameters) -> Arc<dyn Scheme> {
    build(id, parameters).expect("the parameters are in range")
}

/// Enrols each subject's capture of this number with a token.
pub fn enrolled(scheme: &dyn Scheme, subjects: &[Vec<Template>], capture: usize, service: &str) -> Vec<Target> {
    let one = |(i, captures): (usize, &Vec<Template>)| {
        let mut rng = stream(1, service, i as u64);
        Target::enrol_with_token(scheme, i as u32, &captures[capture..=capture], &mut rng).expect("it enrols")
    };
    subjects.iter().enumerate().map(one).collect()
}
