//! Fuzzing of everything that decodes what others wrote: no bytes panic, and what decodes means the same after another
//! trip. Unit tests of the library, because a fuzzed library links without the binaries.
//!
//! Plain `cargo test` runs the corpus beside this file and then random inputs (`BOLERO_RANDOM_ITERATIONS`, 1,000 by
//! default); `.ci/fuzz [SECONDS [TARGET...]]` runs the same guided by coverage, and keeps what reached new code.

use crate::crypto::credential::Credential;
use crate::crypto::opaque::OpaqueServer;
use crate::crypto::vault::Vault;
use crate::env::system;
use crate::iso8583::Message;
use crate::iso8583::pin_block::PinKey;
use biopay_biometrics::scheme::{HelperData, Registry, SchemeId, SchemeParameters, ServerRecord};
use biopay_biometrics::{QrPayload, Template};
use biopay_protocol::codec;
use biopay_protocol::{ChannelBinding, LoginName, OpaqueBytes, Request, Response};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;
use zeroize::Zeroizing;

mod seeds;

fn vault() -> Vault {
    Vault::new(system::env(1, 1), BTreeMap::from([(1, Zeroizing::new([1; 32]))])).unwrap()
}

fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> =
        LazyLock::new(|| Registry::new(&SchemeParameters::default()).expect("the default parameters are valid"));
    &REGISTRY
}

/// A probe whose margins are those of nobody.
fn probe() -> &'static Template {
    static PROBE: LazyLock<Template> = LazyLock::new(|| {
        let margins = (0..512).map(|n| if n % 3 == 0 { 1.0 } else { -1.0 }).collect();
        Template::new(vec![1.0; 8], margins)
    });
    &PROBE
}

#[test]
fn requests() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let _ = codec::decode::<Request>(bytes);
        if let Ok(request) = codec::decode_body::<Request>(bytes) {
            assert_eq!(codec::decode::<Request>(&codec::encode(&request).unwrap()), Ok(request));
        }
    });
}

#[test]
fn responses() {
    bolero::check!().for_each(|bytes: &[u8]| {
        if let Ok(response) = codec::decode_body::<Response>(bytes) {
            assert_eq!(codec::decode::<Response>(&codec::encode(&response).unwrap()), Ok(response));
        }
    });
}

#[test]
fn iso8583_messages() {
    bolero::check!().for_each(|bytes: &[u8]| {
        if let Ok(message) = Message::decode(bytes) {
            assert_eq!(message.encode(), bytes);
        }
    });
}

#[test]
fn pin_blocks() {
    let key = PinKey::new([9; 16]);
    bolero::check!().for_each(|bytes: &[u8]| {
        if let Ok(pin) = key.open(bytes, "400000000001") {
            assert!((4..=12).contains(&pin.len()) && pin.bytes().all(|byte| byte.is_ascii_digit()));
        }
    });
}

#[test]
fn qr_payloads() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let Ok(payload) = QrPayload::from_bytes(bytes) else { return };
        assert_eq!(payload.to_bytes(), bytes);
        let scheme = registry().scheme(payload.scheme);
        if let Ok(record) = scheme.record(&payload) {
            assert!(scheme.verify(&record, &payload).accepted, "a payload does not match its own record");
        }
    });
}

#[test]
fn scheme_helpers() {
    bolero::check!().for_each(|bytes: &[u8]| {
        for id in SchemeId::ALL {
            let _ = registry().scheme(id).derive(probe(), &HelperData(bytes.to_vec()), None);
        }
    });
}

#[test]
fn scheme_records() {
    let payload = seeds::payload();
    bolero::check!().for_each(|bytes: &[u8]| {
        for id in SchemeId::ALL {
            let _ = registry().scheme(id).verify(&ServerRecord(bytes.to_vec()), &payload);
        }
    });
}

#[test]
fn sealed_records() {
    let vault = AssertUnwindSafe(vault());
    bolero::check!().for_each(|bytes: &[u8]| {
        let vault: &AssertUnwindSafe<Vault> = &vault;
        // Nobody makes one without the key, except that the seeds were sealed with it.
        let _ = (vault.open("seed", bytes), Vault::key_id(bytes));
    });
}

#[test]
fn stored_logins() {
    bolero::check!().for_each(|bytes: &[u8]| {
        if let Ok(credential) = Credential::from_bytes(bytes) {
            assert!(Credential::from_bytes(&credential.to_bytes()) == Ok(credential));
        }
    });
}

#[test]
fn opaque_messages() {
    let server = AssertUnwindSafe(OpaqueServer::new(system::env(1, 1), Zeroizing::new([4; 32])));
    let login = LoginName::new("ada").unwrap();
    bolero::check!().for_each(|bytes: &[u8]| {
        let server: &AssertUnwindSafe<OpaqueServer> = &server;
        let Ok(message) = OpaqueBytes::new(bytes) else { return };
        let _ = server.begin_registration(&login, &message);
        let _ = server.finish_registration(&message);
        let _ = server.begin_login(login.clone(), None, &message, ChannelBinding([1; 32]));
    });
}
