//! The people: their plans, their accounts and devices, and the samples that sensors capture of them. A pure function
//! of scenario and seed, computed before the clock starts.

pub mod arrival;
pub mod plan;
pub mod population;
pub mod sensors;

pub use population::Population;
pub use sensors::{CaptureKey, Captured, Sensor, Sensors};
