//! Verification codes: six digits unless the rules say otherwise, one use, three tries, three minutes; only a keyed hash is kept.

use super::state::Service;
use crate::planted::{PlantedBug, planted};
use biopay_protocol::{PaymentId, Secret};
use ring::hmac;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// The most digits of a code: more do not fit 32 bits.
const DIGITS_MAX: u8 = 9;

/// What the server keeps of a code.
#[derive(Debug)]
pub(crate) struct IssuedCode {
    mac: [u8; 32],
    expires: Duration,
    tries_left: u8,
}

/// The outcome of a typed code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// It is right.
    Right,
    /// It is wrong, and may be typed again.
    Wrong {
        /// How often.
        tries_left: u8,
    },
    /// It was wrong too often.
    Exhausted,
    /// It is too old, right or wrong.
    Expired,
}

impl Service {
    /// Draws a code for a payment: what is kept, and what is shown.
    pub(super) fn draw_code(&self, payment: PaymentId) -> (IssuedCode, Secret) {
        let digits = self.rules.code_digits.clamp(1, DIGITS_MAX);
        let codes = 10_u32.pow(u32::from(digits));
        // The largest multiple of the codes that 32 bits hold: draws above it would favour small codes.
        let fair_below = u32::MAX - u32::MAX % codes;
        let drawn = std::iter::repeat_with(|| u32::from_be_bytes(self.env.random()));
        let number = drawn.filter(|&number| number < fair_below).map(|number| number % codes).next();
        let number = number.expect("an endless iterator has a next element");
        let shown = Secret::new(format!("{number:0width$}", width = usize::from(digits)));
        let shown = shown.expect("nine digits are short enough");
        let expires = self.env.clock.elapsed() + Duration::from_millis(u64::from(self.rules.code_valid_ms));
        let mac = self.code_mac(payment, &shown);
        (IssuedCode { mac, expires, tries_left: self.rules.code_tries }, shown)
    }

    /// Checks a typed code and counts the try.
    pub(super) fn check_code(&self, issued: &mut IssuedCode, payment: PaymentId, typed: &Secret) -> Typed {
        let is_right = || bool::from(self.code_mac(payment, typed).ct_eq(&issued.mac));
        if planted(PlantedBug::CodeBeforeExpiry) && is_right() {
            return Typed::Right;
        }
        if self.env.clock.elapsed() >= issued.expires {
            return Typed::Expired;
        }
        if is_right() {
            return Typed::Right;
        }
        issued.tries_left = issued.tries_left.saturating_sub(1);
        match issued.tries_left {
            0 => Typed::Exhausted,
            tries_left => Typed::Wrong { tries_left },
        }
    }

    fn code_mac(&self, payment: PaymentId, code: &Secret) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.code_key);
        context.update(&payment.0.to_be_bytes());
        context.update(code.expose().as_bytes());
        context.sign().as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
    }
}
