//! One capture: the finger seen through the sensor.

use super::condition::Condition;
use super::finger::Finger;
use super::print::print;
use super::sensor::develop;
use super::truth::Truth;
use super::{CaptureQuality, Device};
use crate::stream::stream;
use biopay_biometrics::Sample;

/// A captured image and what is known about it.
#[derive(Clone, Debug)]
pub struct Capture {
    /// The image.
    pub sample: Sample,
    /// The truth behind it.
    pub truth: Truth,
}

impl Finger {
    /// Captures the finger: the image that a device gives, and the truth behind it.
    ///
    /// Same arguments, same bytes. Captures of different numbers are independent touches.
    pub fn capture(&self, device: &Device, quality: CaptureQuality, number: u64) -> Capture {
        capture(self, device, quality, number)
    }
}

/// Captures a finger: condition, then the ink that its ridges leave, then the sensor's image of that.
fn capture(finger: &Finger, device: &Device, quality: CaptureQuality, number: u64) -> Capture {
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
