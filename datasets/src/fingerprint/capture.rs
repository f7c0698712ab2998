//! One capture: the finger seen through the sensor.

use super::condition::Condition;
use super::finger::Finger;
use super::print::print;
use super::sensor::develop;
use super::truth::Truth;
use super::{CaptureQuality, Device};
use crate::stream::stream;
use biopay_biometrics::Sample;

/// Holds a captured image and what is known about it.
#[derive(Clone, Debug)]
pub struct Capture {
    /// The image.
    pub sample: Sample,
    /// The truth behind it.
    pub truth: Truth,
}

/// Captures a finger: condition, then the ink that its ridges leave, then the sensor's image of that.
pub(crate) fn capture(finger: &Finger, device: &Device, quality: CaptureQuality, number: u64) -> Capture {
    let open = |stage: &str| {
        let component = format!("fingerprint/capture/{}/{stage}/{number}", device.name);
        stream(finger.seed, &component, finger.subject)
    };
    let condition = Condition::draw(finger, device, quality, &mut open("condition"));
    let ink = print(finger, device, &condition, &mut open("print"));
    let pixels = develop(ink, device, &condition, &mut open("sensor"));
    let truth = Truth::tell(finger, device, quality, condition);
    Capture { sample: Sample::fingerprint(pixels, device.pixels_per_inch), truth }
}
