//! One reference from one or several captures of the same subject.

use crate::{Error, Template};
use std::borrow::Cow;

/// Averages the margins of several captures, which weighs each capture's bit by how sure it is.
///
/// Shape: one entry a bit, in within-subject standard deviations of a single capture. Averaging n captures of
/// independent noise divides its variance by n, so the sign is the better estimate of the subject's own bit and the
/// magnitude of how seldom a probe will flip it.
///
/// # Errors
/// [`Error::FailureToEnrol`] without captures, or when their shapes differ.
pub(super) fn mean_margins(references: &[Template]) -> Result<Vec<f32>, Error> {
    mean_of_at_least(references, 0)
}

/// Averages the margins as [`mean_margins`] does, each capture's extended as [`at_least`] does.
///
/// # Errors
/// As [`mean_margins`].
pub(super) fn mean_of_at_least(references: &[Template], count: usize) -> Result<Vec<f32>, Error> {
    let first = references.first().ok_or(Error::FailureToEnrol("no capture was given"))?;
    let mut sum = vec![0.0f32; at_least(first, count).len()];
    for reference in references {
        let margins = at_least(reference, count);
        if margins.len() != sum.len() {
            return Err(Error::FailureToEnrol("the captures' templates differ in shape"));
        }
        sum.iter_mut().zip(margins.iter()).for_each(|(s, m)| *s += m);
    }
    let count = references.len() as f32;
    sum.iter_mut().for_each(|s| *s /= count);
    if sum.iter().any(|m| !m.is_finite()) {
        return Err(Error::FailureToEnrol("a template holds a margin that is not a number"));
    }
    Ok(sum)
}

/// Returns a template's margins, or when there are fewer than `count` that many rotations of its real-valued form, the
/// same for everybody: a short binary form need not shorten the code. Fewer than `count` without a real-valued form.
pub(crate) fn at_least(template: &Template, count: usize) -> Cow<'_, [f32]> {
    if template.margins().len() >= count || template.real().is_empty() {
        return Cow::Borrowed(template.margins());
    }
    Cow::Owned(Template::from_embedding(template.real().to_vec(), count).margins().to_vec())
}

/// Averages the unit vectors of several captures and brings the mean to unit norm.
///
/// # Errors
/// [`Error::FailureToEnrol`] without captures, when their shapes differ, or when one has no finite numbers.
pub(super) fn mean_real(references: &[Template]) -> Result<Vec<f32>, Error> {
    let first = references.first().ok_or(Error::FailureToEnrol("no capture was given"))?;
    let mut sum = vec![0.0f32; first.real().len()];
    for reference in references {
        if reference.real().len() != sum.len() {
            return Err(Error::FailureToEnrol("the captures' templates differ in shape"));
        }
        sum.iter_mut().zip(reference.real()).for_each(|(s, x)| *s += x);
    }
    if sum.is_empty() || sum.iter().any(|x| !x.is_finite()) {
        return Err(Error::FailureToEnrol("a template's real-valued form is empty or has a value that is not finite"));
    }
    Ok(Template::new(sum, Vec::new()).real().to_vec())
}
