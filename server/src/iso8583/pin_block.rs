//! PIN blocks of format 4 (ISO 9564-1:2017, 9.4.2): the PIN bound to its account under AES.

use crate::env::Entropy;
use aes::Aes128;
use aes::cipher::generic_array::GenericArray;
use aes::cipher::{BlockDecrypt, BlockEncrypt, KeyInit};
use zeroize::{Zeroize, Zeroizing};

const BLOCK_BYTES: usize = 16;
/// PINs have 4 to 12 digits.
const PIN_DIGITS: std::ops::RangeInclusive<usize> = 4..=12;
const FILL: u8 = 0xa;
const CONTROL: u8 = 4;

/// The error of a PIN or account number that does not fit a PIN block, or of a block without a valid PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no valid PIN for this account")]
pub struct InvalidPin;

/// The key that acquirer and issuer share for PINs.
pub struct PinKey(Aes128);

impl PinKey {
    /// Takes the key's bytes.
    pub fn new(mut key: [u8; BLOCK_BYTES]) -> Self {
        let cipher = Aes128::new(GenericArray::from_slice(&key));
        key.zeroize();
        Self(cipher)
    }

    /// Encrypts a PIN for an account of 12 to 19 digits.
    ///
    /// # Errors
    ///
    /// [`InvalidPin`] when either is not made of the right number of digits.
    pub fn seal(&self, pin: &str, account: &str, entropy: &dyn Entropy) -> Result<[u8; BLOCK_BYTES], InvalidPin> {
        let mut block = pin_field(pin)?;
        entropy.fill(&mut block[8..]);
        self.encrypt(&mut block);
        xor(&mut block, &account_field(account)?);
        self.encrypt(&mut block);
        Ok(*block)
    }

    /// Decrypts a PIN.
    ///
    /// # Errors
    ///
    /// [`InvalidPin`] when the block was made for another account, under another key, or is damaged.
    pub fn open(&self, sealed: &[u8], account: &str) -> Result<Zeroizing<String>, InvalidPin> {
        let block: [u8; BLOCK_BYTES] = sealed.try_into().map_err(|_| InvalidPin)?;
        let mut block = Zeroizing::new(block);
        self.decrypt(&mut block);
        xor(&mut block, &account_field(account)?);
        self.decrypt(&mut block);
        let nibbles: Zeroizing<Vec<u8>> = Zeroizing::new(block[..8].iter().flat_map(|b| [b >> 4, b & 0xf]).collect());
        let digits = usize::from(nibbles[1]);
        let (pin, fill) = nibbles[2..].split_at_checked(digits).ok_or(InvalidPin)?;
        let valid = nibbles[0] == CONTROL && PIN_DIGITS.contains(&digits) && pin.iter().all(|&digit| digit < 10);
        if !valid || fill.iter().any(|&nibble| nibble != FILL) {
            return Err(InvalidPin);
        }
        Ok(Zeroizing::new(pin.iter().map(|&digit| char::from(b'0' + digit)).collect()))
    }

    fn encrypt(&self, block: &mut [u8; BLOCK_BYTES]) {
        self.0.encrypt_block(GenericArray::from_mut_slice(block));
    }

    fn decrypt(&self, block: &mut [u8; BLOCK_BYTES]) {
        self.0.decrypt_block(GenericArray::from_mut_slice(block));
    }
}

/// Control 4, length, PIN, fill to 16 nibbles; the 8 bytes after it are random, and zero here.
fn pin_field(pin: &str) -> Result<Zeroizing<[u8; BLOCK_BYTES]>, InvalidPin> {
    if !PIN_DIGITS.contains(&pin.len()) || !pin.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidPin);
    }
    let mut nibbles = Zeroizing::new([FILL; 16]);
    nibbles[0] = CONTROL;
    nibbles[1] = pin.len() as u8;
    for (nibble, digit) in nibbles[2..].iter_mut().zip(pin.bytes()) {
        *nibble = digit - b'0';
    }
    let mut field = Zeroizing::new([0; BLOCK_BYTES]);
    pack(&mut field[..8], &*nibbles);
    Ok(field)
}

/// The number of digits above 12, the account's digits, zeros to 32 nibbles.
fn account_field(account: &str) -> Result<[u8; BLOCK_BYTES], InvalidPin> {
    if !(12..=19).contains(&account.len()) || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidPin);
    }
    let mut nibbles = [0; 32];
    nibbles[0] = (account.len() - 12) as u8;
    for (nibble, digit) in nibbles[1..].iter_mut().zip(account.bytes()) {
        *nibble = digit - b'0';
    }
    let mut field = [0; BLOCK_BYTES];
    pack(&mut field, &nibbles);
    Ok(field)
}

fn pack(bytes: &mut [u8], nibbles: &[u8]) {
    for (byte, pair) in bytes.iter_mut().zip(nibbles.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
}

fn xor(block: &mut [u8; BLOCK_BYTES], other: &[u8; BLOCK_BYTES]) {
    block.iter_mut().zip(other).for_each(|(a, b)| *a ^= b);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Fixed(u8);

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn the_plain_fields_are_those_of_the_standard() {
        let pin = pin_field("1234").unwrap();
        assert_eq!(pin[..8], [0x44, 0x12, 0x34, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa]);
        let account = account_field("4111111111111111").unwrap();
        assert_eq!(account[..9], [0x44, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x10]);
        assert_eq!(account[9..], [0; 7]);
    }

    proptest! {
        #[test]
        fn a_pin_opens_for_its_own_account_alone(pin in "[0-9]{4,12}", account in "[0-9]{12,19}", other in "[0-9]{12,19}") {
            prop_assume!(account != other);
            let key = PinKey::new([7; 16]);
            let sealed = key.seal(&pin, &account, &Fixed(0x5c)).unwrap();
            prop_assert_eq!(&**key.open(&sealed, &account).unwrap(), &pin);
            let moved = key.open(&sealed, &other);
            prop_assert!(moved.is_err() || *moved.unwrap() != pin);
        }

        #[test]
        fn rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..32)) {
            let _ = PinKey::new([7; 16]).open(&bytes, "4111111111111111");
        }
    }

    #[test]
    fn the_same_pin_never_looks_the_same() {
        let key = PinKey::new([7; 16]);
        let seal = |fill| key.seal("1234", "4111111111111111", &Fixed(fill)).unwrap();
        assert_ne!(seal(1), seal(2));
        assert_eq!(key.seal("12a4", "4111111111111111", &Fixed(0)), Err(InvalidPin));
    }
}
