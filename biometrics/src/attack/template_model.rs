//! What an adversary knows of people in general: templates of the kind that everybody has.

use crate::Template;
use rand::{Rng, RngExt};

/// A model of templates, from people whom the adversary has samples of; templates like theirs are drawn from it.
///
/// A drawn template is the mean plus a Gaussian mixture of the deviations from it, which has exactly the sample's mean
/// and covariance, in the real-valued and the binary form alike.
/// Source: Galbally, McCool, Fierrez, Marcel and Ortega-Garcia 2010, "On the vulnerability of face verification systems
/// to hill-climbing attacks", section 2 (the population's Gaussian that candidates are drawn from).
#[derive(Clone)]
pub struct TemplateModel {
    mean: Values,
    deviations: Vec<Values>,
}

/// A template's two forms, which can be added.
#[derive(Clone)]
struct Values {
    real: Vec<f32>,
    margins: Vec<f32>,
}

impl TemplateModel {
    /// Takes templates, at least one, all of one shape.
    ///
    /// Panics when there is none.
    pub fn new(templates: &[Template]) -> Self {
        let first = templates.first().expect("an adversary's population holds templates");
        let mut mean = Values { real: vec![0.0; first.real().len()], margins: vec![0.0; first.margins().len()] };
        let share = 1.0 / templates.len() as f32;
        templates.iter().for_each(|template| mean.add(&Values::of(template), share));
        let deviation = |template| {
            let mut values = Values::of(template);
            values.add(&mean, -1.0);
            values
        };
        let deviations = templates.iter().map(deviation).collect();
        Self { mean, deviations }
    }

    /// Draws a template.
    pub fn draw(&self, rng: &mut dyn Rng) -> Template {
        self.stepped(self.mean.clone(), 1.0, rng)
    }

    /// Draws a template near another: `size` of the deviations that people have from each other are added.
    pub fn near(&self, template: &Template, size: f32, rng: &mut dyn Rng) -> Template {
        self.stepped(Values::of(template), size, rng)
    }

    fn stepped(&self, mut from: Values, size: f32, rng: &mut dyn Rng) -> Template {
        let scale = size / (self.deviations.len() as f32).sqrt();
        self.deviations.iter().for_each(|deviation| from.add(deviation, scale * normal(rng)));
        let norm = from.real.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        // The real-valued form is brought to unit norm, and the margins keep their proportion to it.
        from.margins.iter_mut().for_each(|m| *m /= if from.real.is_empty() { 1.0 } else { norm });
        Template::new(from.real, from.margins)
    }
}

impl Values {
    fn of(template: &Template) -> Self {
        Self { real: template.real().to_vec(), margins: template.margins().to_vec() }
    }

    fn add(&mut self, other: &Self, weight: f32) {
        self.real.iter_mut().zip(&other.real).for_each(|(x, o)| *x += weight * o);
        self.margins.iter_mut().zip(&other.margins).for_each(|(x, o)| *x += weight * o);
    }
}

/// Draws a standard normal (Marsaglia's polar method 1964).
pub(super) fn normal(rng: &mut dyn Rng) -> f32 {
    loop {
        let (x, y) = (rng.random_range(-1.0f64..1.0), rng.random_range(-1.0f64..1.0));
        let s = x * x + y * y;
        if s < 1.0 && s > 0.0 {
            return (x * (-2.0 * libm::log(s) / s).sqrt()) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn what_is_drawn_has_the_populations_moments() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        // Two margins with a correlation of 0.8 around a mean of 1 and -2; no real-valued form, so no normalisation.
        let person = |rng: &mut ChaCha8Rng| {
            let (a, b) = (normal(rng), normal(rng));
            Template::new(Vec::new(), vec![1.0 + a, -2.0 + 0.8 * a + 0.6 * b])
        };
        let people: Vec<Template> = (0..400).map(|_| person(&mut rng)).collect();
        let moments = |templates: &[Template]| {
            let mean = |f: &dyn Fn(&[f32]) -> f32| {
                templates.iter().map(|t| f(t.margins())).sum::<f32>() / templates.len() as f32
            };
            let (x, y) = (mean(&|m| m[0]), mean(&|m| m[1]));
            [x, y, mean(&|m| (m[0] - x).powi(2)), mean(&|m| (m[1] - y).powi(2)), mean(&|m| (m[0] - x) * (m[1] - y))]
        };
        let population = TemplateModel::new(&people);
        let drawn: Vec<Template> = (0..4_000).map(|_| population.draw(&mut rng)).collect();
        for (drawn, given) in moments(&drawn).into_iter().zip(moments(&people)) {
            // Standard errors of 4,000 draws are at most 0.023: five of them.
            assert!((drawn - given).abs() < 0.12, "{drawn} and not {given}");
        }
    }
}
