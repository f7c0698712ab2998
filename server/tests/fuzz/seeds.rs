//! What each target's corpus begins with: messages as they are really sent and stored.

use super::{registry, vault};
use crate::crypto::credential::Credential;
use crate::crypto::opaque::OpaqueServer;
use crate::crypto::password::{HashCost, Passwords};
use crate::env::{Entropy, system};
use crate::iso8583::pin_block::PinKey;
use crate::iso8583::{Field, Message, Mti};
use biopay_biometrics::QrPayload;
use biopay_biometrics::scheme::SchemeId;
use biopay_protocol::opaque::{ClientLogin, ClientRegistration, Draws};
use biopay_protocol::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::path::Path;
use zeroize::Zeroizing;

/// Counts up, so that a seed is the same whenever it is made.
struct Counting(std::sync::Mutex<u8>);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let mut next = self.0.lock().unwrap();
        for byte in bytes {
            *next = next.wrapping_add(1);
            *byte = *next;
        }
    }
}

fn counting() -> crate::env::Env {
    crate::env::Env { entropy: std::sync::Arc::new(Counting(std::sync::Mutex::new(0))), ..system::env(1, 1) }
}

/// Enrols the probe with a scheme.
fn enrolment(id: SchemeId) -> Option<biopay_biometrics::scheme::Enrolment> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    registry().scheme(id).enrol(&[super::probe().clone(), super::probe().clone()], None, &mut rng).ok()
}

/// Returns the template scheme's payload of the probe.
pub(super) fn payload() -> QrPayload {
    enrolment(SchemeId::Template).expect("the template scheme enrols any template").payload
}

/// Every request, since what a fuzzer never saw it finds last.
fn requests() -> Vec<Vec<u8>> {
    let (login, password) = (LoginName::new("ada").unwrap(), Secret::new("password").unwrap());
    let enrolment = PayloadBytes::new(payload().to_bytes()).unwrap();
    let (payment, channel) = (PaymentId(7), ChannelBinding([7; 32]));
    let message = OpaqueBytes::new([7; 96]).unwrap();
    let helper = Some(HelperBytes::new([7; 40]).unwrap());
    let (bank_account, pin) = (BankAccount::new("400000000001").unwrap(), Secret::new("4711").unwrap());
    let device = DeviceSecret::from_seed(&[7; 32]);
    let devices = DeviceKeys::new([device.key()]).unwrap();
    let nonce = Some(payment);
    let proof = PresentationProof { nonce, signature: Some(device.sign(&enrolment, nonce)) };
    let signature = device.sign_enrolment(&enrolment, channel);
    let life = life_requests();
    let requests = [
        Request::Login { login: login.clone(), password: password.clone(), channel },
        Request::Register {
            login: login.clone(),
            password: password.clone(),
            enrolment: enrolment.clone(),
            helper: helper.clone(),
            bank_account: bank_account.clone(),
            pin: pin.clone(),
            devices: DeviceKeys::default(),
        },
        Request::BeginPayment {
            merchant: Merchant::new("corner shop").unwrap(),
            amount: MinorUnits::new(100).unwrap(),
            currency: Currency::new("EUR").unwrap(),
            idempotency_key: IdempotencyKey::new("k").unwrap(),
            order: None,
        },
        Request::PresentQr { payment, payload: enrolment.clone(), proof: PresentationProof::default() },
        Request::SubmitCode { payment, code: Secret::new("123456").unwrap() },
        Request::OpaqueLoginStart { login: login.clone(), message: message.clone() },
        Request::PresentImage { payment, image: ImageBytes::new([7; 30]).unwrap() },
        Request::Register {
            login: login.clone(),
            password: password.clone(),
            enrolment: enrolment.clone(),
            helper: helper.clone(),
            bank_account: bank_account.clone(),
            pin: pin.clone(),
            devices: devices.clone(),
        },
        Request::PresentQr { payment, payload: enrolment.clone(), proof },
        Request::ReplaceQr { enrolment: enrolment.clone(), helper: helper.clone(), signature: Some(signature) },
        Request::RegisterCredentials { login: login.clone(), password },
        Request::BindAccount { enrolment: enrolment.clone(), helper: helper.clone(), bank_account, pin, devices },
        Request::ReplaceQr { enrolment, helper, signature: None },
        Request::Logout,
        Request::RevokeQr,
        Request::FetchHelper,
        Request::ResendCode { payment },
        Request::PaymentStatus { payment },
        Request::CancelPayment { payment },
        Request::Health,
        Request::Metrics,
        Request::OpaqueRegisterStart { login: login.clone(), message: message.clone() },
        Request::OpaqueRegisterFinish { login, message: message.clone() },
        Request::OpaqueLoginFinish { message },
    ];
    let all = requests.iter().chain(&life);
    all.map(|request| codec::encode(request).unwrap()[codec::PREFIX_BYTES..].to_vec()).collect()
}

/// The requests of an account's life.
fn life_requests() -> Vec<Request> {
    let enrolment = PayloadBytes::new(payload().to_bytes()).unwrap();
    let (login, password) = (LoginName::new("ada").unwrap(), Secret::new("password").unwrap());
    let (bank_account, pin) = (BankAccount::new("400000000001").unwrap(), Secret::new("4711").unwrap());
    let (device, channel) = (DeviceSecret::from_seed(&[7; 32]), ChannelBinding([7; 32]));
    let refund = merchant::sign_refund(
        &device,
        Merchant::new("corner shop").unwrap(),
        Reference::new("ABCDEF123456").unwrap(),
        (MinorUnits::new(100).unwrap(), Currency::new("EUR").unwrap()),
        IdempotencyKey::new("k").unwrap(),
    );
    let refund = refund.unwrap();
    let stepped_up = Some(device.sign_step_up(&enrolment, channel));
    let factors = message::Factors {
        payload: Some(enrolment.clone()),
        signature: stepped_up,
        bank_account: Some(bank_account.clone()),
        pin: Some(pin.clone()),
    };
    let recovery = message::Recovery {
        login: login.clone(),
        password: password.clone(),
        channel,
        bank_account: bank_account.clone(),
        pin: pin.clone(),
        payload: enrolment.clone(),
        signature: stepped_up,
    };
    vec![
        Request::StepUp { factors },
        Request::ChangePassword { password: recovery.password.clone() },
        Request::AddDevice { device: device.key(), signature: device.sign_device(channel) },
        Request::RevokeDevice { device: device.key() },
        Request::ListDevices,
        Request::ListSessions,
        Request::EndSessions { session: Some(message::SessionId(7)) },
        Request::RevokeMandate,
        Request::CloseAccount,
        Request::Recover { recovery },
        Request::Refund { refund },
    ]
}

fn responses() -> Vec<Vec<u8>> {
    let payment = PaymentId(7);
    let receipt = ChargeReceipt {
        payment,
        reference: "ABCDEF123456".into(),
        approval: "000001".into(),
        amount: MinorUnits::new(100).unwrap(),
        currency: Currency::new("EUR").unwrap(),
    };
    let refusal = Refusal::Declined { code: "51".into() };
    let shown = Secret::new("123456").unwrap();
    let message = OpaqueBytes::new([7; 96]).unwrap();
    let responses = [
        Response::Charged(receipt),
        Response::Refused(refusal),
        Response::CodeIssued { payment, shown, valid_for_ms: 1_000 },
        Response::Refused(Refusal::DeviceRequired),
        Response::Refused(Refusal::Throttled { retry_after_ms: 1_000 }),
        Response::Refused(Refusal::UnknownOutcome { payment }),
        Response::Refused(Refusal::QrMismatch { tries_left: 2 }),
        Response::LoggedIn { account: message::AccountState::QrRevoked },
        Response::Helper { helper: Some(HelperBytes::new([7; 40]).unwrap()) },
        Response::PaymentOpened { payment, qr_tries: 3 },
        Response::Metrics { json: "{}".into() },
        Response::OpaqueChallenge { message },
        Response::QrReplaced,
        Response::Devices { devices: DeviceKeys::new([DeviceKey([7; 32]); 2]).unwrap() },
        Response::Sessions {
            sessions: vec![message::SessionInfo { session: message::SessionId(7), age_ms: 1_000, is_here: true }],
        },
    ];
    responses.iter().map(|response| codec::encode(response).unwrap()[codec::PREFIX_BYTES..].to_vec()).collect()
}

fn iso8583() -> Vec<Vec<u8>> {
    let network = Message::new(Mti::NETWORK).with_number(Field::Trace, 1).with(Field::NetworkCode, "301");
    let charge = Message::new(Mti::CHARGE)
        .with(Field::AccountNumber, "4000001234567890")
        .with(Field::ProcessingCode, "000000")
        .with_number(Field::Amount, 1_999)
        .with_number(Field::Trace, 42)
        .with(Field::Reference, "ABCDEF123456")
        .with(Field::Currency, "EUR")
        .with(Field::PinBlock, [0xaa; 16]);
    vec![network.encode(), charge.encode()]
}

fn pin_blocks() -> Vec<Vec<u8>> {
    vec![PinKey::new([9; 16]).seal("4711", "400000000001", &*counting().entropy).unwrap().to_vec()]
}

fn opaque_messages() -> Vec<Vec<u8>> {
    let password = Secret::new("password").unwrap();
    let env = counting();
    let fill = &mut |bytes: &mut [u8]| env.entropy.fill(bytes);
    let (_, registration) = ClientRegistration::start(&password, &mut Draws(fill)).unwrap();
    let (_, login) = ClientLogin::start(&password, &mut Draws(fill)).unwrap();
    vec![registration.into(), login.into()]
}

/// Stores a password's hash and an OPAQUE record.
fn stored_logins() -> Vec<Vec<u8>> {
    let cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
    let passwords = Passwords::new(counting(), cost, vec![]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let hash = runtime.block_on(passwords.hash(Secret::new("x").unwrap())).unwrap();
    let record = OpaqueServer::new(counting(), Zeroizing::new([4; 32])).unknown().clone();
    vec![Credential::Password(hash).to_bytes(), Credential::Opaque(record).to_bytes()]
}

fn of_schemes(take: impl Fn(biopay_biometrics::scheme::Enrolment) -> Option<Vec<u8>>) -> Vec<Vec<u8>> {
    SchemeId::ALL.into_iter().filter_map(enrolment).filter_map(take).collect()
}

fn scheme_records() -> Vec<Vec<u8>> {
    of_schemes(|enrolment| {
        let scheme = registry().scheme(enrolment.payload.scheme);
        scheme.record(&enrolment.payload).ok().map(|record| record.0)
    })
}

fn sealed_records() -> Vec<Vec<u8>> {
    let sealed = vault().seal("seed", b"content");
    // Sealed with fresh randomness each time: only its form is a seed.
    vec![sealed[..5].to_vec(), vec![1, 0, 0, 0, 1].into_iter().chain([7; 120]).collect()]
}

/// Writes the seeds with `BIOPAY_WRITE_CORPUS`; asserts without that they are there.
#[test]
fn every_corpus_has_its_seeds() {
    let targets = [
        ("requests", requests()),
        ("responses", responses()),
        ("iso8583_messages", iso8583()),
        ("pin_blocks", pin_blocks()),
        ("qr_payloads", of_schemes(|enrolment| Some(enrolment.payload.to_bytes()))),
        ("scheme_helpers", of_schemes(|enrolment| Some(enrolment.helper.0))),
        ("scheme_records", scheme_records()),
        ("sealed_records", sealed_records()),
        ("stored_logins", stored_logins()),
        ("opaque_messages", opaque_messages()),
    ];
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/__fuzz__");
    for (target, seeds) in targets {
        let corpus = corpora.join(format!("fuzz__{target}")).join("corpus");
        if std::env::var_os("BIOPAY_WRITE_CORPUS").is_some() {
            std::fs::create_dir_all(&corpus).unwrap();
            seeds
                .iter()
                .enumerate()
                .for_each(|(n, seed)| std::fs::write(corpus.join(format!("seed-{n}")), seed).unwrap());
        }
        let found = std::fs::read_dir(&corpus).map_or(0, Iterator::count);
        assert!(!seeds.is_empty() && found >= seeds.len(), "{target}: {found} files in its corpus");
    }
}
