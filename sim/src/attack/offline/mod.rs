//! Attacks on schemes and sensors, which need no server: the procedures of `biometrics` and `datasets`, made on the run's
//! own people in every configuration.

pub(in crate::attack) mod artefacts;
pub(in crate::attack) mod breach;
pub(in crate::attack) mod factors;
pub(in crate::attack) mod people;
pub(in crate::attack) mod scores;
