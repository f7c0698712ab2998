//! The record of an enrolled QR: the scheme's record and the keys of the devices that sign, sealed together.

use super::rotation::record_context;
use super::session::{Login, Session};
use super::state::{OrRefuse, Service};
use biopay_biometrics::QrPayload;
use biopay_biometrics::scheme::{SchemeId, ServerRecord, Verdict};
use biopay_protocol::proof::{DeviceSignature, is_enrolment_signed_by, is_signed_by, is_step_up_signed_by};
use biopay_protocol::{
    ChannelBinding, DeviceKey, DeviceKeys, LoginName, PayloadBytes, PaymentId, PresentationProof, Refusal,
};

/// Begins a record with devices: no scheme has this code, so that records from before there were devices still open.
const WITH_DEVICES: u8 = 0xff;

/// An opened record. Once its QR is revoked, only the devices are left: one of them signs the new QR.
#[derive(Debug, PartialEq, Eq)]
struct Content {
    devices: DeviceKeys,
    enrolled: Option<Enrolled>,
}

#[derive(Debug, PartialEq, Eq)]
struct Enrolled {
    scheme: u8,
    record: Vec<u8>,
}

impl Content {
    fn to_bytes(&self) -> Vec<u8> {
        let devices = self.devices.as_slice();
        let head = match u8::try_from(devices.len()) {
            Ok(0) | Err(_) => Vec::new(),
            Ok(count) => [vec![WITH_DEVICES, count], devices.iter().flat_map(|key| key.0).collect()].concat(),
        };
        let enrolled = self.enrolled.as_ref().map(|enrolled| [&[enrolled.scheme], enrolled.record.as_slice()].concat());
        [head, enrolled.unwrap_or_default()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (devices, rest) = match bytes {
            [WITH_DEVICES, count, rest @ ..] => {
                let (keys, rest) = rest.split_at_checked(usize::from(*count) * DeviceKey::BYTES)?;
                let keys = keys.chunks_exact(DeviceKey::BYTES).map(|key| key.try_into().ok().map(DeviceKey));
                (DeviceKeys::new(keys.collect::<Option<Vec<_>>>()?).ok()?, rest)
            }
            [WITH_DEVICES] => return None,
            rest => (DeviceKeys::default(), rest),
        };
        let enrolled = rest.split_first().map(|(&scheme, record)| Enrolled { scheme, record: record.to_vec() });
        if enrolled.is_none() && devices.as_slice().is_empty() {
            return None;
        }
        Some(Self { devices, enrolled })
    }
}

impl Service {
    /// Makes the scheme's record of an enrolled payload and seals it with the devices.
    pub(super) fn seal_record(
        &self,
        login: &LoginName,
        enrolment: &PayloadBytes,
        devices: DeviceKeys,
    ) -> Result<Vec<u8>, Refusal> {
        if self.rules.presentation.asks_for_device() && devices.as_slice().is_empty() {
            return Err(Refusal::DeviceRequired);
        }
        let payload = QrPayload::from_bytes(enrolment.as_bytes()).map_err(|_| Refusal::UnreadableQr)?;
        let record = self.schemes.scheme(payload.scheme).record(&payload).map_err(|_| Refusal::UnreadableQr)?;
        let enrolled = Some(Enrolled { scheme: payload.scheme.code(), record: record.0 });
        Ok(self.seal_content(login, &Content { devices, enrolled }))
    }

    fn seal_content(&self, login: &LoginName, content: &Content) -> Vec<u8> {
        self.vault.seal(&record_context(login), &content.to_bytes())
    }

    /// Makes what is left of a record when its QR is revoked: the devices; `None` where there are none.
    pub(super) fn seal_without_qr(&self, login: &LoginName, sealed: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
        let Content { devices, .. } = self.open_record(login, sealed)?;
        let is_empty = devices.as_slice().is_empty();
        Ok((!is_empty).then(|| self.seal_content(login, &Content { devices, enrolled: None })))
    }

    /// Returns whether a record holds a QR, and not only what is left when it is revoked.
    pub(super) fn has_qr(&self, login: &LoginName, sealed: Option<&[u8]>) -> Result<bool, Refusal> {
        let opened = sealed.map(|sealed| self.open_record(login, sealed)).transpose()?;
        Ok(opened.is_some_and(|content| content.enrolled.is_some()))
    }

    fn open_record(&self, login: &LoginName, sealed: &[u8]) -> Result<Content, Refusal> {
        let opened = self.vault.open(&record_context(login), sealed).or_refuse()?;
        Content::from_bytes(&opened).ok_or(Refusal::Internal)
    }

    /// Returns whether a presentation is consistent with the record that is sealed for a login, and comes with what the
    /// rules ask for.
    pub(super) fn verify_presentation(
        &self,
        login: &LoginName,
        sealed: &[u8],
        payment: PaymentId,
        payload: &PayloadBytes,
        proof: &PresentationProof,
    ) -> Result<bool, Refusal> {
        let Content { devices, enrolled } = self.open_record(login, sealed)?;
        let verdict = self.compare(enrolled.ok_or(Refusal::NotBound)?, payload)?;
        let rule = self.rules.presentation;
        let is_fresh = !rule.asks_for_nonce() || proof.nonce == Some(payment);
        let signed = |signature| is_signed_by(devices.as_slice(), payload, proof.nonce, signature);
        let is_bound = !rule.asks_for_device() || proof.signature.as_ref().is_some_and(signed);
        Ok(verdict.accepted && is_fresh && is_bound)
    }

    /// Returns whether a payload that is shown outside a payment is the enrolled one, and signed for this connection where
    /// the rules ask for devices.
    pub(super) fn verify_outside_payment(
        &self,
        login: &LoginName,
        sealed: &[u8],
        channel: ChannelBinding,
        payload: &PayloadBytes,
        signature: Option<&DeviceSignature>,
    ) -> Result<bool, Refusal> {
        let Content { devices, enrolled } = self.open_record(login, sealed)?;
        let Some(enrolled) = enrolled else { return Ok(false) };
        let verdict = self.compare(enrolled, payload)?;
        let signed = |signature| is_step_up_signed_by(devices.as_slice(), payload, channel, signature);
        Ok(verdict.accepted && (!self.rules.presentation.asks_for_device() || signature.is_some_and(signed)))
    }

    /// Compares a payload with a record.
    fn compare(&self, enrolled: Enrolled, payload: &PayloadBytes) -> Result<Verdict, Refusal> {
        let scheme = SchemeId::from_code(enrolled.scheme).ok_or(Refusal::Internal)?;
        let record = ServerRecord(enrolled.record);
        Ok(match QrPayload::from_bytes(payload.as_bytes()) {
            Ok(payload) if payload.scheme == scheme => self.schemes.scheme(scheme).verify(&record, &payload),
            Ok(_) | Err(_) => Verdict::REJECTED,
        })
    }

    /// Returns the devices in a record.
    pub(super) fn devices_in(&self, login: &LoginName, sealed: &[u8]) -> Result<Vec<DeviceKey>, Refusal> {
        Ok(self.open_record(login, sealed)?.devices.into())
    }

    /// Seals a record again with other devices; `None` where neither devices nor a QR are left.
    pub(super) fn seal_with_devices(
        &self,
        login: &LoginName,
        sealed: Option<&[u8]>,
        devices: DeviceKeys,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let opened = sealed.map(|sealed| self.open_record(login, sealed)).transpose()?;
        let enrolled = opened.and_then(|content| content.enrolled);
        let is_empty = enrolled.is_none() && devices.as_slice().is_empty();
        Ok((!is_empty).then(|| self.seal_content(login, &Content { devices, enrolled })))
    }

    /// Returns the devices that a new QR of an account keeps. A device has signed the new QR, or more than the password
    /// was shown: else whoever has the password would enrol their own finger.
    pub(super) fn devices_for_replacement(
        &self,
        session: &Session,
        login: &Login,
        sealed: Option<&[u8]>,
        enrolment: &PayloadBytes,
        signature: Option<&DeviceSignature>,
        step_up: Result<(), Refusal>,
    ) -> Result<DeviceKeys, Refusal> {
        let opened = sealed.map(|sealed| self.open_record(&login.name, sealed)).transpose()?;
        let devices = opened.map(|content| content.devices).unwrap_or_default();
        let signed = |s| is_enrolment_signed_by(devices.as_slice(), enrolment, session.channel(), s);
        if signature.is_some_and(signed) {
            return Ok(devices);
        }
        if self.rules.presentation.asks_for_device() && !session.is_stepped_up() {
            return Err(Refusal::DeviceRequired);
        }
        step_up.map(|()| devices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_with_and_without_devices_read_back() {
        for count in [0, 1, 8] {
            let devices = DeviceKeys::new(vec![DeviceKey([7; DeviceKey::BYTES]); count]).unwrap();
            let content = Content { devices, enrolled: Some(Enrolled { scheme: 3, record: vec![1, 2, 3] }) };
            assert_eq!(Content::from_bytes(&content.to_bytes()), Some(content));
        }
    }

    #[test]
    fn a_revoked_record_keeps_its_devices() {
        let devices = DeviceKeys::new(vec![DeviceKey([7; DeviceKey::BYTES]); 2]).unwrap();
        let content = Content { devices, enrolled: None };
        assert_eq!(Content::from_bytes(&content.to_bytes()), Some(content));
    }

    #[test]
    fn a_record_from_before_there_were_devices_opens() {
        let content = Content::from_bytes(&[2, 9, 9]).unwrap();
        assert_eq!(content.enrolled, Some(Enrolled { scheme: 2, record: vec![9, 9] }));
        assert!(content.devices.as_slice().is_empty());
        for broken in [&[][..], &[WITH_DEVICES], &[WITH_DEVICES, 1, 0], &[WITH_DEVICES, 0]] {
            assert_eq!(Content::from_bytes(broken), None);
        }
    }
}
