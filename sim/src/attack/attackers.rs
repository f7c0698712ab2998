//! The people behind attacks, and the captures that they have.

use crate::people::{CaptureKey, Sensor};
use crate::scenario::Scenario;
pub(super) use crate::scenario::attack::ATTACKERS;

/// The number of an attacker's first capture. Owners' captures have lower numbers.
const CAPTURES_FROM: u32 = 500_000;
/// The number of captures of each attacker.
pub(super) const CAPTURES: u32 = 3;

/// Returns the key of one of an attacker's captures, counted from 0.
pub(in crate::attack) fn attackers_capture(subject: u32, number: u32) -> CaptureKey {
    CaptureKey { subject, sensor: Sensor::Handset, number: CAPTURES_FROM + number, age_months: 0 }
}

/// Lists the captures that a scenario's attacks need: those of the attackers, and one of each owner for the controls.
pub fn captures_needed(scenario: &Scenario) -> Vec<CaptureKey> {
    if scenario.attack.is_empty() {
        return Vec::new();
    }
    let attackers = (0..ATTACKERS).flat_map(|index| {
        let subject = scenario.attacker(index);
        (0..CAPTURES).map(move |number| attackers_capture(subject, number))
    });
    let owners = (0..scenario.handsets).map(|owner| attackers_capture(owner, 0));
    attackers.chain(owners).collect()
}
