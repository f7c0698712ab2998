//! Protection of a presented QR against copying: a signature by an enrolled device, and the payment's nonce.
//!
//! The patent's QR is static (paragraph 20): a photograph of it is the QR. A signature binds a presentation to a device
//! (something one has, NIST SP 800-63B, 5.1.8), the nonce binds it to one payment (replay resistance, 5.2.8). The
//! server can ask for each alone, so that the effect of each can be measured.

use crate::Error;
use crate::values::{ChannelBinding, PayloadBytes, PaymentId};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

/// Devices that one account may have.
pub const DEVICES_MAX: usize = 8;
/// The purpose of a signature, so that it is valid for no other.
const PRESENTATION: &[u8] = b"biopay presentation 1";
const ENROLMENT: &[u8] = b"biopay enrolment 1";
const STEP_UP: &[u8] = b"biopay step up 1";
const DEVICE: &[u8] = b"biopay device 1";

/// A device's public key (Ed25519, RFC 8032).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceKey(pub [u8; Self::BYTES]);

impl DeviceKey {
    /// Its length.
    pub const BYTES: usize = 32;
}

/// The keys of an account's devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<DeviceKey>", into = "Vec<DeviceKey>")]
pub struct DeviceKeys(Vec<DeviceKey>);

impl DeviceKeys {
    /// Checks and wraps keys.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] when there are more than [`DEVICES_MAX`].
    pub fn new(keys: impl Into<Vec<DeviceKey>>) -> Result<Self, Error> {
        let keys = keys.into();
        if keys.len() > DEVICES_MAX {
            return Err(Error::Value { what: "devices", why: "at most 8" });
        }
        Ok(Self(keys))
    }

    /// Returns the keys.
    pub fn as_slice(&self) -> &[DeviceKey] {
        &self.0
    }
}

impl TryFrom<Vec<DeviceKey>> for DeviceKeys {
    type Error = Error;

    fn try_from(keys: Vec<DeviceKey>) -> Result<Self, Error> {
        Self::new(keys)
    }
}

impl From<DeviceKeys> for Vec<DeviceKey> {
    fn from(keys: DeviceKeys) -> Self {
        keys.0
    }
}

/// The proof that goes with a presented payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresentationProof {
    /// The payment that the symbol was made for; `None` in a static one.
    pub nonce: Option<PaymentId>,
    /// A device's signature over payload and nonce.
    pub signature: Option<DeviceSignature>,
}

/// An Ed25519 signature, in its two halves R and S (RFC 8032, 5.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSignature {
    r: [u8; 32],
    s: [u8; 32],
}

/// A device's private key.
pub struct DeviceSecret(Ed25519KeyPair);

impl DeviceSecret {
    /// Makes the key pair of 32 random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(seed).expect("every 32 bytes are a seed"))
    }

    /// Returns the public key.
    pub fn key(&self) -> DeviceKey {
        DeviceKey(self.0.public_key().as_ref().try_into().expect("an Ed25519 key has 32 bytes"))
    }

    /// Signs a presentation.
    pub fn sign(&self, payload: &PayloadBytes, nonce: Option<PaymentId>) -> DeviceSignature {
        self.sign_message(&signed(payload, nonce))
    }

    /// Signs a new enrolment, for one connection.
    pub fn sign_enrolment(&self, enrolment: &PayloadBytes, channel: ChannelBinding) -> DeviceSignature {
        self.sign_message(&enrolled(enrolment, channel))
    }

    /// Signs a payload that is shown outside a payment, for one connection.
    pub fn sign_step_up(&self, payload: &PayloadBytes, channel: ChannelBinding) -> DeviceSignature {
        self.sign_message(&stepped_up(payload, channel))
    }

    /// Signs its own key, for one connection: whoever adds a device has it.
    pub fn sign_device(&self, channel: ChannelBinding) -> DeviceSignature {
        self.sign_message(&added(self.key(), channel))
    }

    pub(crate) fn sign_message(&self, message: &[u8]) -> DeviceSignature {
        let signature = self.0.sign(message);
        let (r, s) = signature.as_ref().split_at(32);
        let half = |half: &[u8]| half.try_into().expect("an Ed25519 signature has 64 bytes");
        DeviceSignature { r: half(r), s: half(s) }
    }
}

/// A private key is never printed.
impl std::fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceSecret(redacted)")
    }
}

/// Returns whether one of these devices made a signature over payload and nonce.
pub fn is_signed_by(
    keys: &[DeviceKey],
    payload: &PayloadBytes,
    nonce: Option<PaymentId>,
    signature: &DeviceSignature,
) -> bool {
    is_message_signed_by(keys, &signed(payload, nonce), signature)
}

/// Returns whether one of these devices signed a new enrolment on this connection.
pub fn is_enrolment_signed_by(
    keys: &[DeviceKey],
    enrolment: &PayloadBytes,
    channel: ChannelBinding,
    signature: &DeviceSignature,
) -> bool {
    is_message_signed_by(keys, &enrolled(enrolment, channel), signature)
}

/// Returns whether one of these devices signed a payload that is shown outside a payment on this connection.
pub fn is_step_up_signed_by(
    keys: &[DeviceKey],
    payload: &PayloadBytes,
    channel: ChannelBinding,
    signature: &DeviceSignature,
) -> bool {
    is_message_signed_by(keys, &stepped_up(payload, channel), signature)
}

/// Returns whether a device signed its own key on this connection.
pub fn is_device_signed(device: DeviceKey, channel: ChannelBinding, signature: &DeviceSignature) -> bool {
    is_message_signed_by(&[device], &added(device, channel), signature)
}

pub(crate) fn is_message_signed_by(keys: &[DeviceKey], message: &[u8], signature: &DeviceSignature) -> bool {
    let signature = [signature.r, signature.s].concat();
    keys.iter().any(|key| UnparsedPublicKey::new(&ED25519, key.0).verify(message, &signature).is_ok())
}

fn enrolled(enrolment: &PayloadBytes, channel: ChannelBinding) -> Vec<u8> {
    [ENROLMENT, &channel.0, enrolment.as_bytes()].concat()
}

fn stepped_up(payload: &PayloadBytes, channel: ChannelBinding) -> Vec<u8> {
    [STEP_UP, &channel.0, payload.as_bytes()].concat()
}

fn added(device: DeviceKey, channel: ChannelBinding) -> Vec<u8> {
    [DEVICE, &channel.0, &device.0].concat()
}

/// The nonce has a fixed length, so that no payload can be read as one.
fn signed(payload: &PayloadBytes, nonce: Option<PaymentId>) -> Vec<u8> {
    let (flag, nonce) = nonce.map_or(([0], [0; 16]), |nonce| ([1], nonce.0.to_be_bytes()));
    [PRESENTATION, &flag, &nonce, payload.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_for_one_payload_one_payment_and_one_device() {
        let (mine, other) = (DeviceSecret::from_seed(&[1; 32]), DeviceSecret::from_seed(&[2; 32]));
        let payload = |byte| PayloadBytes::new([byte; 20]).unwrap();
        let page = Some(PaymentId(7));
        let signature = mine.sign(&payload(1), page);
        assert!(is_signed_by(&[other.key(), mine.key()], &payload(1), page, &signature));
        assert!(!is_signed_by(&[mine.key()], &payload(2), page, &signature));
        assert!(!is_signed_by(&[mine.key()], &payload(1), Some(PaymentId(8)), &signature));
        assert!(!is_signed_by(&[mine.key()], &payload(1), None, &signature));
        assert!(!is_signed_by(&[other.key()], &payload(1), page, &signature));
        assert!(!is_signed_by(&[], &payload(1), page, &signature));
    }

    #[test]
    fn a_signature_for_one_purpose_is_none_for_another() {
        let (device, channel) = (DeviceSecret::from_seed(&[1; 32]), ChannelBinding([5; 32]));
        let payload = PayloadBytes::new([9; 32]).unwrap();
        let keys = [device.key()];
        let signature = device.sign_step_up(&payload, channel);
        assert!(is_step_up_signed_by(&keys, &payload, channel, &signature));
        assert!(!is_step_up_signed_by(&keys, &payload, ChannelBinding([6; 32]), &signature));
        assert!(!is_enrolment_signed_by(&keys, &payload, channel, &signature));
        assert!(!is_signed_by(&keys, &payload, None, &signature));
        let own = PayloadBytes::new(device.key().0).unwrap();
        assert!(is_device_signed(device.key(), channel, &device.sign_device(channel)));
        assert!(!is_device_signed(device.key(), channel, &device.sign_step_up(&own, channel)));
    }

    #[test]
    fn too_many_devices_are_refused_on_the_wire_too() {
        let many = vec![DeviceKey([0; 32]); DEVICES_MAX + 1];
        let hostile = postcard::to_stdvec(&many).unwrap();
        assert!(postcard::from_bytes::<DeviceKeys>(&hostile).is_err());
        assert!(DeviceKeys::new(&many[1..]).is_ok());
    }
}
