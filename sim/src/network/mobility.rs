//! The links of a handset over time: one permanent link, or a daily sequence of links.

use super::profile::{Profile, ProfileId};
use crate::time::Nanos;

/// A handset's links over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Itinerary {
    /// Begins of legs within a period, in order, the first at zero; one leg never ends.
    legs: Vec<(Nanos, Profile)>,
    period: Nanos,
}

impl Itinerary {
    /// Returns an itinerary with one permanent link.
    pub fn fixed(profile: ProfileId) -> Self {
        Self { legs: vec![(0, profile.profile())], period: Nanos::MAX }
    }

    /// Returns an itinerary that repeats its legs, each from its begin within the period; the first begins at zero.
    /// Units: seconds.
    ///
    /// `None` if there is no leg, the legs are out of order, or the period ends before the last leg begins.
    pub fn round(legs: &[(f64, ProfileId)], period_s: f64) -> Option<Self> {
        let nanos = |seconds: f64| (seconds * 1e9) as Nanos;
        let in_order = legs.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let fits = legs.first()?.0 == 0.0 && legs.last()?.0 < period_s && period_s.is_finite();
        let legs = legs.iter().map(|&(at, profile)| (nanos(at), profile.profile())).collect();
        (in_order && fits).then_some(Self { legs, period: nanos(period_s) })
    }

    /// Returns the link at an instant.
    pub fn at(&self, now: Nanos) -> &Profile {
        let within = now % self.period;
        let after = self.legs.partition_point(|(begins, _)| *begins <= within);
        &self.legs[after - 1].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commuter_goes_round() {
        let day = Itinerary::round(&[(0.0, ProfileId::Wifi), (8.0, ProfileId::FourG), (9.0, ProfileId::Wifi)], 24.0);
        let day = day.unwrap();
        let at = |seconds: u64| day.at(seconds * 1_000_000_000).id;
        assert_eq!([0, 7, 8, 9, 23, 24, 32].map(at), {
            use ProfileId::{FourG, Wifi};
            [Wifi, Wifi, FourG, Wifi, Wifi, Wifi, FourG]
        });
        assert_eq!(Itinerary::fixed(ProfileId::TwoG).at(Nanos::MAX - 1).id, ProfileId::TwoG);
    }

    #[test]
    fn a_round_that_is_none_is_refused() {
        assert!(Itinerary::round(&[], 10.0).is_none());
        assert!(Itinerary::round(&[(1.0, ProfileId::Wifi)], 10.0).is_none());
        assert!(Itinerary::round(&[(0.0, ProfileId::Wifi), (12.0, ProfileId::FourG)], 10.0).is_none());
    }
}
