//! The people: what they plan, what they have, and the samples that sensors take of them. A pure function of scenario and
//! seed, made before the clock starts.

pub mod arrival;
pub mod plan;
pub mod population;
pub mod sensors;

pub use population::Population;
pub use sensors::{CaptureKey, Captured, Sensor, Sensors};
