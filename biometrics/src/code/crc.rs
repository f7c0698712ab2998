//! The cyclic redundancy check that tells the list decoder's right path from the others.

use crate::BitString;

/// Bits of the check.
pub(super) const CHECK_BITS: usize = 11;
/// D^11 + D^10 + D^9 + D^5 + 1 (3GPP TS 38.212, 5.1, gCRC11), without the leading term.
const POLYNOMIAL: u16 = 0b110_0010_0001;

/// Returns the remainder of the bits, first bit highest, followed by [`CHECK_BITS`] zeros.
pub(super) fn check(bits: impl Iterator<Item = bool>) -> u16 {
    bits.fold(0, |register, bit| {
        let feedback = (register >> (CHECK_BITS - 1) & 1 == 1) ^ bit;
        let shifted = register << 1 & ((1 << CHECK_BITS) - 1);
        if feedback { shifted ^ POLYNOMIAL } else { shifted }
    })
}

/// Appends the check to a message, first bit highest.
pub(super) fn with_check(message: &BitString) -> BitString {
    let check = check(message.iter());
    BitString::from_bits(message.iter().chain((0..CHECK_BITS).rev().map(|i| check >> i & 1 == 1)))
}

/// Returns the message before the check, when it is right.
pub(super) fn without_check(checked: &BitString) -> Option<BitString> {
    (check(checked.iter()) == 0).then(|| BitString::from_bits(checked.iter().take(checked.len() - CHECK_BITS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remainder_is_that_of_long_division() {
        // x^11 + x^10 + x^9 + x^5 + 1 leaves 11000100001 of x^11, and nothing of itself.
        assert_eq!(check([true].into_iter()), POLYNOMIAL);
        let itself = (0..=CHECK_BITS).rev().map(|i| (1 << CHECK_BITS | POLYNOMIAL) >> i & 1 == 1);
        assert_eq!(check(itself), 0);
    }

    #[test]
    fn a_message_passes_and_any_burst_up_to_eleven_bits_does_not() {
        let message = BitString::from_bits((0..64).map(|i| i % 5 < 2));
        let checked = with_check(&message);
        assert_eq!(without_check(&checked), Some(message));
        for start in 0..checked.len() - 11 {
            let mut damaged = checked.clone();
            [0, 4, 10].iter().for_each(|&i| damaged.set(start + i, !damaged.bit(start + i)));
            assert_eq!(without_check(&damaged), None);
        }
    }
}
