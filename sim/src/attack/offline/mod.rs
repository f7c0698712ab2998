//! Attacks on schemes and sensors, which need no server: the procedures of `biometrics` and `datasets`, made on the run's
//! own people in every configuration.

pub(super) mod artefacts;
pub(super) mod breach;
pub(super) mod factors;
pub(super) mod helpers;
pub(super) mod people;
pub(super) mod scores;
