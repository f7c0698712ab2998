//! Primitive binary BCH codes of length 2^m - 1, decoded to their designed distance.
//!
//! Sources: Lin and Costello, Error Control Coding, 2nd edition, chapter 6 (construction, tables of n, k, t); Massey
//! 1969 (the shift-register synthesis); Chien 1964 (the search for its roots).

use super::{Field, Uncorrectable};
use crate::{BitString, Error};

/// The longest code: 2^10 - 1 bits.
const LENGTH_MAX: usize = 1_023;

/// A narrow-sense primitive BCH code.
///
/// Shape: messages of [`message_bits`](Self::message_bits) bits, codewords of [`length`](Self::length) bits, bit i
/// being the coefficient of x^i: first the parity bits, then the message.
#[derive(Clone, Debug)]
pub struct Bch {
    field: Field,
    /// Coefficients of the generator polynomial below its leading one.
    generator_tail: BitString,
    correctable: usize,
}

/// The decoder's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The message of the codeword within the correction radius.
    pub message: BitString,
    /// How many bits of the received word differed from that codeword.
    pub errors: usize,
}

impl Bch {
    /// Builds the code of length `length` (127, 255, 511, 1023, or shorter down to 7) that corrects at least
    /// `correctable` errors.
    ///
    /// Where the same generator corrects more than was asked for, [`correctable`](Self::correctable) says how many.
    ///
    /// # Errors
    /// [`Error::Parameter`] when the length is not 2^m - 1 for m in 3 to 10, or no message bit would be left.
    pub fn new(length: usize, correctable: usize) -> Result<Self, Error> {
        if !(length + 1).is_power_of_two() || length > LENGTH_MAX {
            return Err(Error::Parameter { name: "code length", why: "it must be 2^m - 1 for m of 3 to 10" });
        }
        let field = Field::new((length + 1).ilog2())?;
        if correctable == 0 || 2 * correctable >= length {
            return Err(Error::Parameter { name: "correctable errors", why: "it must be at least 1 and below n/2" });
        }
        let roots = generator_roots(length, 2 * correctable);
        let generator_tail = generator_tail(&field, &roots);
        if generator_tail.len() >= length {
            return Err(Error::Parameter {
                name: "correctable errors",
                why: "so many leave no bit for the message: lower it",
            });
        }
        let consecutive = (1..length).take_while(|&power| roots[power]).count();
        Ok(Self { field, generator_tail, correctable: consecutive / 2 })
    }

    /// Returns n, the bits of a codeword.
    pub fn length(&self) -> usize {
        self.field.order()
    }

    /// Returns k, the bits of a message.
    pub fn message_bits(&self) -> usize {
        self.length() - self.generator_tail.len()
    }

    /// Returns t, the errors that are always corrected.
    pub fn correctable(&self) -> usize {
        self.correctable
    }

    /// Encodes a message systematically; panics when it does not have [`message_bits`](Self::message_bits) bits.
    pub fn encode(&self, message: &BitString) -> BitString {
        assert_eq!(message.len(), self.message_bits(), "a message of this code");
        let parity = self.remainder(message);
        BitString::from_bits(parity.iter().chain(message.iter()))
    }

    /// Finds the codeword within [`correctable`](Self::correctable) bits of a received word, if there is one; panics
    /// when the word does not have [`length`](Self::length) bits.
    ///
    /// # Errors
    /// [`Uncorrectable`]; the decoder never goes beyond the designed distance.
    pub fn decode(&self, received: &BitString) -> Result<Decoded, Uncorrectable> {
        assert_eq!(received.len(), self.length(), "a word of this code");
        let syndromes = self.syndromes(received);
        let locator = self.locator(&syndromes).ok_or(Uncorrectable)?;
        let positions = self.error_positions(&locator).ok_or(Uncorrectable)?;
        let mut codeword = received.clone();
        for &position in &positions {
            codeword.set(position, !codeword.bit(position));
        }
        let message = BitString::from_bits(codeword.iter().skip(self.generator_tail.len()));
        Ok(Decoded { message, errors: positions.len() })
    }

    /// Divides message(x) x^(n-k) by the generator with the shift register that hardware encoders use.
    fn remainder(&self, message: &BitString) -> BitString {
        let tail = self.generator_tail.words();
        let parity_bits = self.generator_tail.len();
        let (top_word, top_bit) = ((parity_bits - 1) / 64, (parity_bits - 1) % 64);
        let mut register = vec![0u64; tail.len()];
        for index in (0..message.len()).rev() {
            let feedback = (register[top_word] >> top_bit & 1 == 1) ^ message.bit(index);
            shift_up(&mut register);
            if feedback {
                register.iter_mut().zip(tail).for_each(|(word, g)| *word ^= g);
            }
        }
        BitString::from_bits((0..parity_bits).map(|i| register[i / 64] >> (i % 64) & 1 == 1))
    }

    /// Evaluates the received word at the first 2t powers of the primitive element; entry j holds S(j+1).
    ///
    /// In characteristic 2, S(2j) is the square of S(j), so only the odd ones are summed.
    fn syndromes(&self, received: &BitString) -> Vec<u16> {
        let positions: Vec<usize> = (0..received.len()).filter(|&i| received.bit(i)).collect();
        let mut syndromes = vec![0u16; 2 * self.correctable];
        for power in 1..=syndromes.len() {
            syndromes[power - 1] = if power % 2 == 1 {
                positions.iter().fold(0, |sum, position| sum ^ self.field.power(position * power))
            } else {
                let half = syndromes[power / 2 - 1];
                self.field.multiply(half, half)
            };
        }
        syndromes
    }

    /// Finds the error locator polynomial by Berlekamp and Massey's algorithm, constant coefficient first; `None` when
    /// the shortest register is longer than t.
    fn locator(&self, syndromes: &[u16]) -> Option<Vec<u16>> {
        let field = &self.field;
        let mut locator = vec![0u16; syndromes.len() + 2];
        let mut previous = locator.clone();
        (locator[0], previous[0]) = (1, 1);
        let (mut register_length, mut shift, mut previous_discrepancy) = (0usize, 1usize, 1u16);
        for step in 0..syndromes.len() {
            let discrepancy =
                (0..=register_length).fold(0, |sum, i| sum ^ field.multiply(locator[i], syndromes[step - i]));
            if discrepancy == 0 {
                shift += 1;
                continue;
            }
            let before = locator.clone();
            let factor = field.divide(discrepancy, previous_discrepancy);
            for i in shift..locator.len() {
                locator[i] ^= field.multiply(factor, previous[i - shift]);
            }
            if 2 * register_length <= step {
                register_length = step + 1 - register_length;
                (previous, previous_discrepancy, shift) = (before, discrepancy, 1);
            } else {
                shift += 1;
            }
        }
        let degree = locator.iter().rposition(|&c| c != 0)?;
        locator.truncate(degree + 1);
        (degree == register_length && degree <= self.correctable).then_some(locator)
    }

    /// Finds the bit positions whose inverse locators are roots, by Chien's search; `None` unless there are as many as
    /// the polynomial's degree.
    fn error_positions(&self, locator: &[u16]) -> Option<Vec<usize>> {
        let (field, order) = (&self.field, self.field.order());
        // One running exponent a term: at position p the term of degree i is c_i * a^(-i p).
        let mut terms: Vec<(usize, usize)> = (1..locator.len())
            .filter(|&i| locator[i] != 0)
            .map(|i| (field.logarithm(locator[i]), (order - i % order) % order))
            .collect();
        let mut positions = Vec::with_capacity(locator.len() - 1);
        for position in 0..order {
            let mut value = locator[0];
            for (exponent, step) in &mut terms {
                value ^= field.power(*exponent);
                *exponent += *step;
                *exponent -= if *exponent >= order { order } else { 0 };
            }
            if value == 0 {
                positions.push(position);
            }
        }
        (positions.len() == locator.len() - 1).then_some(positions)
    }
}

/// Marks the powers that are roots of the generator: the cyclotomic cosets of 1 to `designed`.
fn generator_roots(length: usize, designed: usize) -> Vec<bool> {
    let mut roots = vec![false; length];
    for start in 1..=designed {
        let mut power = start % length;
        while !roots[power] {
            roots[power] = true;
            power = 2 * power % length;
        }
    }
    roots
}

/// Multiplies (x - root) over all roots and drops the leading one; the product has binary coefficients.
fn generator_tail(field: &Field, roots: &[bool]) -> BitString {
    let mut product = vec![1u16];
    for power in (0..roots.len()).filter(|&power| roots[power]) {
        let root = field.power(power);
        product.push(0);
        for i in (0..product.len()).rev() {
            let below = if i == 0 { 0 } else { product[i - 1] };
            product[i] = below ^ field.multiply(product[i], root);
        }
    }
    product.pop();
    debug_assert!(product.iter().all(|&c| c < 2), "a product over whole cosets is binary");
    BitString::from_bits(product.into_iter().map(|c| c == 1))
}

/// Shifts a little-endian multiword register up by one bit.
fn shift_up(register: &mut [u64]) {
    let mut carry = 0;
    for word in register {
        (*word, carry) = (*word << 1 | carry, *word >> 63);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::seq::index;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn random_bits(len: usize, rng: &mut ChaCha8Rng) -> BitString {
        BitString::from_bits((0..len).map(|_| rng.random::<bool>()))
    }

    fn with_errors(word: &BitString, errors: usize, rng: &mut ChaCha8Rng) -> BitString {
        let mut word = word.clone();
        for position in index::sample(rng, word.len(), errors) {
            word.set(position, !word.bit(position));
        }
        word
    }

    /// Lin and Costello, appendix C: lengths, message bits and correctable errors of primitive BCH codes.
    const KNOWN: [(usize, usize, usize); 12] = [
        (15, 7, 2),
        (15, 5, 3),
        (127, 64, 10),
        (127, 29, 21),
        (255, 131, 18),
        (255, 47, 42),
        (255, 21, 55),
        (511, 76, 85),
        (511, 31, 109),
        (1023, 513, 57),
        (1023, 66, 189),
        (1023, 26, 239),
    ];

    #[test]
    fn the_tabulated_codes_have_their_dimensions_and_correct_what_they_claim() {
        for (length, message_bits, correctable) in KNOWN {
            let code = Bch::new(length, correctable).unwrap();
            assert_eq!((code.message_bits(), code.correctable()), (message_bits, correctable), "length {length}");
            let mut rng = ChaCha8Rng::seed_from_u64(length as u64);
            for errors in [0, 1, correctable / 2, correctable - 1, correctable, correctable] {
                let message = random_bits(message_bits, &mut rng);
                let received = with_errors(&code.encode(&message), errors, &mut rng);
                assert_eq!(code.decode(&received), Ok(Decoded { message, errors }), "({length}, {message_bits})");
            }
        }
    }

    #[test]
    fn the_generator_of_the_15_7_code_is_the_textbook_one() {
        // x^8 + x^7 + x^6 + x^4 + 1 (Lin and Costello, example 6.1).
        let tail = Bch::new(15, 2).unwrap().generator_tail;
        let powers: Vec<usize> = (0..tail.len()).filter(|&i| tail.bit(i)).collect();
        assert_eq!(powers, [0, 4, 6, 7]);
    }

    #[test]
    fn beyond_its_radius_a_low_rate_code_reports_failure() {
        // A random word lies within t of some codeword with probability 2^k V(n, t) / 2^n: below 1e-8 for these.
        for (length, correctable) in [(255, 42), (255, 55), (511, 109)] {
            let code = Bch::new(length, correctable).unwrap();
            let mut rng = ChaCha8Rng::seed_from_u64(7);
            for errors in [correctable + 1, correctable + 2, correctable + 5] {
                let codeword = code.encode(&random_bits(code.message_bits(), &mut rng));
                assert_eq!(code.decode(&with_errors(&codeword, errors, &mut rng)), Err(Uncorrectable));
            }
        }
    }

    #[test]
    fn a_perfect_code_never_fails_and_always_returns_the_nearest_codeword() {
        let code = Bch::new(7, 1).unwrap();
        for word in 0u8..128 {
            let received = BitString::from_bytes(&[word], 7).unwrap();
            let decoded = code.decode(&received).unwrap();
            assert_eq!(code.encode(&decoded.message).hamming(&received) as usize, decoded.errors);
            assert!(decoded.errors <= 1);
        }
    }

    #[test]
    fn impossible_parameters_are_refused() {
        for (length, correctable) in [(256, 10), (0, 1), (255, 0), (255, 128), (2047, 5), (3, 1)] {
            assert!(Bch::new(length, correctable).is_err(), "({length}, {correctable})");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_is_decoded_is_a_codeword_within_the_radius(seed: u64, errors in 0usize..=40) {
            let code = Bch::new(127, 10).unwrap();
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let message = random_bits(code.message_bits(), &mut rng);
            let received = with_errors(&code.encode(&message), errors, &mut rng);
            match code.decode(&received) {
                Ok(decoded) => {
                    prop_assert!(decoded.errors <= code.correctable());
                    prop_assert_eq!(code.encode(&decoded.message).hamming(&received) as usize, decoded.errors);
                    prop_assert!(errors > code.correctable() || decoded.message == message);
                }
                Err(Uncorrectable) => prop_assert!(errors > code.correctable()),
            }
        }
    }
}
