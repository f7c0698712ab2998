//! The linkage of two enrolments of one subject: the scores from which unlinkability is computed.

use super::SampleSet;
use super::scorer::{SchemeChoice, device_token};
use crate::Error;
use biopay_biometrics::Template;
use biopay_biometrics::attack::linkage::{Observed, TokenKnowledge, observed, presented, similarity};
use biopay_biometrics::scheme::{Scheme, build};
use biopay_datasets::stream::stream;
use biopay_reports::distribution::Distribution;
use biopay_reports::unlinkability::{Unlinkability, unlinkability};
use rayon::prelude::*;

/// The greatest number of subjects that are enrolled twice: their pairs grow with the square.
const SUBJECTS_MAX: usize = 400;

/// The attackers for whom linkability is measured: the threat models of ISO/IEC 30136:2018, from the weakest to the
/// strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attacker {
    /// Presents the payloads of one service to the records of the other (naive model).
    Naive,
    /// Knows scheme, payloads and helper data, and attacks both databases (general model).
    General,
    /// Knows the tokens as well, and inverts the invertible schemes (full disclosure model).
    FullDisclosure,
}

/// Enrols each subject at two services, from different samples, with a separate token at each, and measures how well the
/// pairs of one subject can be distinguished from others.
///
/// `None` if too few subjects have two samples.
///
/// # Errors
///
/// Parameters out of range; samples that are not fixed-length templates.
pub fn measure(set: &SampleSet, choice: &SchemeChoice, attacker: Attacker) -> Result<Option<Unlinkability>, Error> {
    let scheme = build(choice.id, &choice.parameters)?;
    let templates = set.fixed_length()?;
    let pairs: Vec<(usize, usize)> = set
        .samples_of_subjects()
        .into_iter()
        .filter_map(|samples| {
            let mut acquired = samples.filter(|&i| templates[i].is_some());
            acquired.next().zip(acquired.next())
        })
        .take(SUBJECTS_MAX)
        .collect();
    let service = |number: u64, sample: fn(&(usize, usize)) -> usize| -> Vec<Option<Observed>> {
        let one = |(subject, pair): (usize, &(usize, usize))| {
            enrol(
                scheme.as_ref(),
                (choice.seed, attacker),
                templates[sample(pair)].as_ref()?,
                2 * subject as u64 + number,
            )
        };
        pairs.par_iter().enumerate().map(one).collect()
    };
    let (first, second) = (service(0, |p| p.0), service(1, |p| p.1));
    let score = match attacker {
        Attacker::Naive => presented,
        Attacker::General | Attacker::FullDisclosure => similarity,
    };
    let scores = |mated: bool| -> Distribution {
        let one = |(i, a): (usize, &Option<Observed>)| -> Vec<f32> {
            let others = second.iter().enumerate().filter(|(j, _)| (i == *j) == mated);
            others.filter_map(|(_, b)| Some(score(scheme.as_ref(), a.as_ref()?, b.as_ref()?))).collect()
        };
        Distribution::new(first.par_iter().enumerate().flat_map_iter(one).collect::<Vec<f32>>())
    };
    Ok(unlinkability(&scores(true), &scores(false), choice.seed))
}

fn enrol(scheme: &dyn Scheme, (seed, attacker): (u64, Attacker), template: &Template, number: u64) -> Option<Observed> {
    let token = device_token(seed, number);
    let mut rng = stream(seed, "evaluation/linkage", number);
    let enrolment = scheme.enrol(std::slice::from_ref(template), Some(&token), &mut rng).ok()?;
    let knowledge = match attacker {
        Attacker::FullDisclosure => TokenKnowledge::Known,
        Attacker::Naive | Attacker::General => TokenKnowledge::Unknown,
    };
    Some(observed(scheme, enrolment, Some(&token), knowledge, template.real().len()))
}
