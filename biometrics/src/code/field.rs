//! Arithmetic in GF(2^m), by tables of powers and logarithms of a primitive element.

use crate::Error;

/// The smallest extension degree that is tabulated.
pub const DEGREE_MIN: u32 = 3;
/// The largest extension degree that is tabulated.
pub const DEGREE_MAX: u32 = 16;

/// The primitive polynomials, for m = 3 to 16: bit i is the coefficient of x^i.
/// Source: Lin and Costello, Error Control Coding, 2nd edition, table 2.7 (the one with the fewest terms).
const PRIMITIVE_POLYNOMIALS: [u32; 14] = [
    0b1011,                  // x^3 + x + 1
    0b1_0011,                // x^4 + x + 1
    0b10_0101,               // x^5 + x^2 + 1
    0b100_0011,              // x^6 + x + 1
    0b1000_1001,             // x^7 + x^3 + 1
    0b1_0001_1101,           // x^8 + x^4 + x^3 + x^2 + 1
    0b10_0001_0001,          // x^9 + x^4 + 1
    0b100_0000_1001,         // x^10 + x^3 + 1
    0b1000_0000_0101,        // x^11 + x^2 + 1
    0b1_0000_0101_0011,      // x^12 + x^6 + x^4 + x + 1
    0b10_0000_0001_1011,     // x^13 + x^4 + x^3 + x + 1
    0b100_0100_0100_0011,    // x^14 + x^10 + x^6 + x + 1
    0b1000_0000_0000_0011,   // x^15 + x + 1
    0b1_0001_0000_0000_1011, // x^16 + x^12 + x^3 + x + 1
];

/// The tables of GF(2^m). An element is its coefficients over the powers of the primitive element, in a `u16`.
#[derive(Clone, Debug)]
pub struct Field {
    degree: u32,
    /// `powers[i]` is the primitive element to the power i, twice around so that sums of two logarithms need no modulo.
    powers: Vec<u16>,
    /// `logarithms[x]` is the power that gives x; entry 0 means nothing.
    logarithms: Vec<u16>,
}

impl Field {
    /// Builds GF(2^degree), for a degree of 3 to 16.
    ///
    /// # Errors
    /// [`Error::Parameter`] outside that range.
    pub fn new(degree: u32) -> Result<Self, Error> {
        if !(DEGREE_MIN..=DEGREE_MAX).contains(&degree) {
            return Err(Error::Parameter { name: "field degree", why: "it must be 3 to 16" });
        }
        let order = (1usize << degree) - 1;
        let polynomial = PRIMITIVE_POLYNOMIALS[(degree - DEGREE_MIN) as usize];
        let (mut powers, mut logarithms) = (vec![0u16; 2 * order], vec![0u16; order + 1]);
        let mut element = 1u32;
        for exponent in 0..order {
            powers[exponent] = element as u16;
            powers[exponent + order] = element as u16;
            logarithms[element as usize] = exponent as u16;
            element <<= 1;
            if element >> degree & 1 == 1 {
                element ^= polynomial;
            }
        }
        Ok(Self { degree, powers, logarithms })
    }

    /// Returns m of GF(2^m).
    pub fn degree(&self) -> u32 {
        self.degree
    }

    /// Returns the number of elements other than zero, 2^m - 1.
    pub fn order(&self) -> usize {
        self.logarithms.len() - 1
    }

    /// Returns the primitive element to any power.
    pub fn power(&self, exponent: usize) -> u16 {
        self.powers[exponent % self.order()]
    }

    /// Returns the primitive element to a power below twice the order, without a division.
    pub(crate) fn power_below(&self, exponent: usize) -> u16 {
        self.powers[exponent]
    }

    /// Multiplies.
    pub fn multiply(&self, a: u16, b: u16) -> u16 {
        if a == 0 || b == 0 { 0 } else { self.powers[self.logarithm(a) + self.logarithm(b)] }
    }

    /// Divides; panics on a divisor of zero.
    pub fn divide(&self, a: u16, b: u16) -> u16 {
        assert_ne!(b, 0, "division by zero in GF(2^{})", self.degree);
        if a == 0 { 0 } else { self.powers[self.logarithm(a) + self.order() - self.logarithm(b)] }
    }

    /// Returns the power of the primitive element that gives an element other than zero.
    pub fn logarithm(&self, element: u16) -> usize {
        debug_assert_ne!(element, 0, "zero has no logarithm");
        usize::from(self.logarithms[usize::from(element)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_polynomial_is_primitive() {
        for degree in DEGREE_MIN..=DEGREE_MAX {
            let field = Field::new(degree).unwrap();
            let mut seen: Vec<u16> = field.powers[..field.order()].to_vec();
            seen.sort_unstable();
            assert!(seen.iter().copied().eq(1..=field.order() as u16), "degree {degree} misses an element");
        }
    }

    #[test]
    fn degrees_out_of_range_are_refused() {
        assert!(Field::new(2).is_err() && Field::new(17).is_err());
    }

    proptest! {
        #[test]
        fn multiplication_distributes_and_division_undoes_it(degree in 3u32..=16, a: u16, b: u16, c: u16) {
            let field = Field::new(degree).unwrap();
            let mask = field.order() as u16;
            let (a, b, c) = (a & mask, b & mask, c & mask);
            prop_assert_eq!(field.multiply(a, b ^ c), field.multiply(a, b) ^ field.multiply(a, c));
            prop_assert_eq!(field.multiply(field.multiply(a, b), c), field.multiply(a, field.multiply(b, c)));
            if b != 0 {
                prop_assert_eq!(field.divide(field.multiply(a, b), b), a);
            }
        }
    }
}
