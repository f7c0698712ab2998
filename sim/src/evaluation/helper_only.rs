//! What a scheme's helper data tell an adversary who has nothing else.

use super::SampleSet;
use super::scorer::{SchemeChoice, device_token};
use crate::Error;
use crate::modality::ModalityId;
use biopay_biometrics::Template;
use biopay_biometrics::attack::Target;
use biopay_biometrics::attack::helper_only::{SignCheck, search};
use biopay_biometrics::scheme::build;
use biopay_datasets::stream::stream;
use serde::Serialize;

/// The number of helpers that are searched.
const TARGETS: usize = 20;
/// Other people who are tried on each before its owner.
const STRANGERS: usize = 4;
/// The number of templates that the check of a commitment's bits is learnt from.
const LEARNT_FROM: usize = 40;

/// What a helper tells somebody who tries people on it, without the server or its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HelperOnly {
    /// Nobody was claimed, not even the owner: no search is known that needs the helper alone.
    Nothing,
    /// Which of the people opens it, so that whoever has it can run the false-accept attack without any limit.
    WhoOpensIt {
        /// Claims that the server's record confirms.
        right: u64,
        /// Claims that it does not.
        wrong: u64,
    },
}

/// Enrols subjects, and tries on each helper other people, the owner's second sample, and the enrolled one itself.
///
/// # Errors
///
/// Parameters out of range; samples that are not fixed-length templates.
pub(super) fn measure(set: &SampleSet, modality: ModalityId, choice: &SchemeChoice) -> Result<HelperOnly, Error> {
    let scheme = build(choice.id, &choice.parameters)?;
    let templates = set.fixed_length()?;
    let known: Vec<Template> = templates.iter().flatten().take(LEARNT_FROM).cloned().collect();
    let margins = modality.definition().margins;
    let bits = known.first().map_or(0, |template| template.margins().len());
    let length = choice.parameters.fuzzy_commitment.code.length();
    let mut rng = stream(choice.seed, "evaluation/helper-only", 0);
    let check = SignCheck::learn(|real| margins(real, bits), &known, length, &mut rng);
    let subjects: Vec<Vec<&Template>> = set
        .samples_of_subjects()
        .into_iter()
        .map(|samples| samples.filter_map(|i| templates[i].as_ref()).collect::<Vec<_>>())
        .filter(|samples| samples.len() > 1)
        .take(TARGETS)
        .collect();
    let (mut right, mut wrong) = (0, 0);
    for (number, samples) in subjects.iter().enumerate() {
        let mut rng = stream(choice.seed, "evaluation/helper-only/target", number as u64);
        let token = device_token(choice.seed, number as u64);
        let enrolled = Target::enrol(scheme.as_ref(), number as u32, &[samples[0].clone()], Some(token), &mut rng);
        let Ok(target) = enrolled else { continue };
        let strangers = (1..=STRANGERS).map(|step| subjects[(number + step) % subjects.len()][0]);
        let strangers = strangers.filter(|other| *other != samples[0]);
        let people = strangers.chain([samples[1], samples[0]]).cloned();
        let found = search(scheme.as_ref(), &target.enrolment.helper, None, people, u64::MAX, check.as_ref());
        match found.claim {
            Some(payload) if target.verify(scheme.as_ref(), &payload).accepted => right += 1,
            Some(_) => wrong += 1,
            None => {}
        }
    }
    Ok(if right + wrong == 0 { HelperOnly::Nothing } else { HelperOnly::WhoOpensIt { right, wrong } })
}
