//! The test vectors beside the specification: one message of each kind, byte for byte. `BIOPAY_WRITE_VECTORS=1` writes them
//! anew.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

use biopay_protocol::message::{AccountState, Factors, Recovery, SessionId, SessionInfo};
use biopay_protocol::*;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/doc/vectors.txt");
const PAGE: PaymentId = PaymentId(0x0199_1122_3344_5566_7788_99aa_bbcc_ddee);

fn binding() -> (PayloadBytes, Option<HelperBytes>, BankAccount, Secret) {
    let helper = Some(HelperBytes::new([9; 3]).unwrap());
    (payload(), helper, BankAccount::new("400000000001").unwrap(), Secret::new("4711").unwrap())
}

fn payload() -> PayloadBytes {
    PayloadBytes::new([0xab; 5]).unwrap()
}

fn credentials() -> (LoginName, Secret) {
    (LoginName::new("Zoë").unwrap(), Secret::new("a long password").unwrap())
}

fn requests() -> Vec<Request> {
    let (payment, channel) = (PAGE, ChannelBinding([3; 32]));
    let (login, password) = credentials();
    let (enrolment, _, bank_account, pin) = binding();
    let message = OpaqueBytes::new([0x6f; 4]).unwrap();
    let device = DeviceSecret::from_seed(&[1; 32]);
    let merchant = Merchant::new("corner shop").unwrap();
    let (amount, currency) = (MinorUnits::new(1_999).unwrap(), Currency::new("EUR").unwrap());
    vec![
        Request::Register {
            login: login.clone(),
            password: password.clone(),
            enrolment: enrolment.clone(),
            helper: None,
            bank_account: bank_account.clone(),
            pin: pin.clone(),
            devices: DeviceKeys::default(),
        },
        Request::RegisterCredentials { login: login.clone(), password: password.clone() },
        Request::BindAccount {
            enrolment: enrolment.clone(),
            helper: None,
            bank_account: bank_account.clone(),
            pin: pin.clone(),
            devices: DeviceKeys::default(),
        },
        Request::Login { login: login.clone(), password: password.clone(), channel },
        Request::Logout,
        Request::ReplaceQr { enrolment: enrolment.clone(), helper: None, signature: None },
        Request::RevokeQr,
        Request::FetchHelper,
        Request::BeginPayment {
            merchant,
            amount,
            currency,
            idempotency_key: IdempotencyKey::new("k1").unwrap(),
            order: None,
        },
        Request::PresentQr { payment, payload: payload(), proof: PresentationProof::default() },
        Request::SubmitCode { payment, code: Secret::new("012345").unwrap() },
        Request::ResendCode { payment },
        Request::PaymentStatus { payment },
        Request::CancelPayment { payment },
        Request::Health,
        Request::Metrics,
        Request::OpaqueRegisterStart { login: login.clone(), message: message.clone() },
        Request::OpaqueRegisterFinish { login: login.clone(), message: message.clone() },
        Request::OpaqueLoginStart { login: login.clone(), message: message.clone() },
        Request::OpaqueLoginFinish { message },
        Request::PresentImage { payment, image: ImageBytes::new(*b"\x89PNG").unwrap() },
        Request::StepUp { factors: Factors::default() },
        Request::ChangePassword { password },
        Request::AddDevice { device: device.key(), signature: device.sign_device(channel) },
        Request::RevokeDevice { device: device.key() },
        Request::ListDevices,
        Request::ListSessions,
        Request::EndSessions { session: None },
        Request::RevokeMandate,
        Request::CloseAccount,
        Request::Recover { recovery: recovery() },
        Request::Refund { refund: refund() },
    ]
}

/// Requests with all their optional fields.
fn fuller_requests() -> Vec<Request> {
    let (payment, (login, password)) = (PAGE, credentials());
    let (enrolment, helper, bank_account, pin) = binding();
    let device = DeviceSecret::from_seed(&[1; 32]);
    let devices = DeviceKeys::new([device.key()]).unwrap();
    let proof = PresentationProof { nonce: Some(PAGE), signature: Some(device.sign(&payload(), Some(PAGE))) };
    let (merchant, amount) = (Merchant::new("corner shop").unwrap(), MinorUnits::new(1_999).unwrap());
    let (currency, idempotency_key) = (Currency::new("EUR").unwrap(), IdempotencyKey::new("k1").unwrap());
    let name = OrderId::new("A-1").unwrap();
    let expires_ms = 1_800_000_000_000;
    let terms = merchant::OrderTerms { merchant: &merchant, amount, currency: &currency, order: &name, expires_ms };
    let order = merchant::sign_order(&DeviceSecret::from_seed(&[2; 32]), &terms).unwrap();
    let stepped_up = Some(device.sign_step_up(&payload(), ChannelBinding([3; 32])));
    let (account, own_pin) = (Some(bank_account.clone()), Some(pin.clone()));
    let factors = Factors { payload: Some(payload()), signature: stepped_up, bank_account: account, pin: own_pin };
    let signature = Some(device.sign_enrolment(&payload(), ChannelBinding([3; 32])));
    vec![
        Request::Register {
            login,
            password,
            enrolment: enrolment.clone(),
            helper: helper.clone(),
            bank_account: bank_account.clone(),
            pin: pin.clone(),
            devices: devices.clone(),
        },
        Request::BindAccount { enrolment, helper: helper.clone(), bank_account, pin, devices },
        Request::ReplaceQr { enrolment: payload(), helper, signature },
        Request::PresentQr { payment, payload: payload(), proof },
        Request::BeginPayment { merchant, amount, currency, idempotency_key, order: Some(order) },
        Request::StepUp { factors },
        Request::EndSessions { session: Some(SessionId(300)) },
        Request::Recover { recovery: Recovery { signature: stepped_up, ..recovery() } },
    ]
}

fn refund() -> merchant::RefundRequest {
    merchant::sign_refund(
        &DeviceSecret::from_seed(&[2; 32]),
        Merchant::new("corner shop").unwrap(),
        Reference::new("ABCDEF123456").unwrap(),
        (MinorUnits::new(500).unwrap(), Currency::new("EUR").unwrap()),
        IdempotencyKey::new("r1").unwrap(),
    )
    .unwrap()
}

fn recovery() -> Recovery {
    let ((login, password), (_, _, bank_account, pin)) = (credentials(), binding());
    let channel = ChannelBinding([3; 32]);
    Recovery { login, password, channel, bank_account, pin, payload: payload(), signature: None }
}

fn responses() -> Vec<Response> {
    let (payment, message) = (PAGE, OpaqueBytes::new([0x6f; 4]).unwrap());
    let receipt = ChargeReceipt {
        payment,
        reference: "ABCDEF123456".into(),
        approval: "000042".into(),
        amount: MinorUnits::new(1_999).unwrap(),
        currency: Currency::new("EUR").unwrap(),
    };
    let mut all = vec![
        Response::Registered,
        Response::CredentialsRegistered,
        Response::AccountBound,
        Response::LoggedIn { account: AccountState::Bound },
        Response::LoggedOut,
        Response::QrReplaced,
        Response::QrRevoked,
        Response::Helper { helper: Some(HelperBytes::new([9; 3]).unwrap()) },
        Response::PaymentOpened { payment, qr_tries: 3 },
        Response::CodeIssued { payment, shown: Secret::new("012345").unwrap(), valid_for_ms: 180_000 },
        Response::Charged(receipt),
        Response::Reversed { payment },
        Response::Healthy,
        Response::Metrics { json: "{}".into() },
        Response::OpaqueRegistration { message: message.clone() },
        Response::OpaqueChallenge { message },
        Response::SteppedUp { valid_for_ms: 300_000 },
        Response::PasswordChanged,
        Response::DeviceAdded,
        Response::DeviceRevoked,
        Response::Devices { devices: DeviceKeys::new([DeviceSecret::from_seed(&[1; 32]).key()]).unwrap() },
        Response::Sessions { sessions: vec![SessionInfo { session: SessionId(300), age_ms: 1_000, is_here: true }] },
        Response::SessionsEnded { sessions: 2 },
        Response::MandateRevoked,
        Response::AccountClosed,
        Response::Recovered,
        Response::Refunded {
            reference: "REFUND123456".into(),
            amount: MinorUnits::new(500).unwrap(),
            currency: Currency::new("EUR").unwrap(),
        },
    ];
    all.extend(refusals().into_iter().map(Response::Refused));
    all
}

fn refusals() -> Vec<Refusal> {
    let (payment, tries_left) = (PAGE, 2);
    vec![
        Refusal::WrongCredentials,
        Refusal::LoginTaken,
        Refusal::NotLoggedIn,
        Refusal::NotBound,
        Refusal::AlreadyBound,
        Refusal::QrMismatch { tries_left },
        Refusal::PaymentPageLeft,
        Refusal::UnreadableQr,
        Refusal::NoSuchPayment,
        Refusal::WrongStep,
        Refusal::WrongCode { tries_left },
        Refusal::CodeExhausted,
        Refusal::CodeExpired,
        Refusal::ResendLimit,
        Refusal::InsufficientFunds,
        Refusal::BankCredentials,
        Refusal::NoSuchBankAccount,
        Refusal::Declined { code: "05".into() },
        Refusal::BankUnreachable,
        Refusal::UnknownOutcome { payment },
        Refusal::InProgress { payment },
        Refusal::IdempotencyConflict,
        Refusal::Throttled { retry_after_ms: 6_000 },
        Refusal::Overloaded,
        Refusal::Malformed,
        Refusal::ShuttingDown,
        Refusal::Internal,
        Refusal::WrongChannel,
        Refusal::UnreadableImage { tries_left },
        Refusal::DeviceRequired,
        Refusal::UnsuitableName,
        Refusal::WeakPassword,
        Refusal::StepUpRequired,
        Refusal::StepUpRefused,
        Refusal::TooManyDevices,
        Refusal::NoSuchDevice,
        Refusal::NoSuchSession,
        Refusal::PaymentsOpen,
        Refusal::MerchantSignature,
        Refusal::OrderExpired,
        Refusal::OrderTaken,
        Refusal::RefundTooLarge,
    ]
}

fn line(kind: &str, name: &str, frame: &[u8]) -> String {
    let hex: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{kind} {name} {hex}\n")
}

#[test]
fn the_vectors_are_what_the_code_writes() {
    let head = "# One frame of each kind of message: what it is, its name in counters and records, its bytes.\n";
    let requests = requests();
    let fuller = fuller_requests();
    let asked = requests.iter().chain(&fuller);
    let asked = asked.map(|request| line("request", request.name(), &codec::encode(request).unwrap()));
    let answered = responses();
    let answered = answered.iter().map(|response| line("response", response.name(), &codec::encode(response).unwrap()));
    let written: String = std::iter::once(head.to_owned()).chain(asked).chain(answered).collect();
    if std::env::var_os("BIOPAY_WRITE_VECTORS").is_some() {
        std::fs::write(PATH, &written).unwrap();
    }
    assert_eq!(std::fs::read_to_string(PATH).unwrap(), written, "BIOPAY_WRITE_VECTORS=1 writes them anew");
}

/// Numbers on the wire are those of the specification's tables, and no kind is left out.
#[test]
fn every_message_has_its_number_in_the_specification() {
    let specification = include_str!("../doc/wire.md");
    let rows = |section: &str| -> Vec<(u8, String)> {
        let text = specification.split(section).nth(1).and_then(|text| text.split("\n## ").next()).unwrap();
        let row = |line: &str| {
            let mut cells = line.split('|').map(str::trim).skip(1);
            Some((cells.next()?.parse().ok()?, cells.next()?.to_owned()))
        };
        text.lines().filter_map(row).collect()
    };
    let shown = |message: &dyn std::fmt::Debug| -> String {
        format!("{message:?}").chars().take_while(char::is_ascii_alphanumeric).collect()
    };
    let found: Vec<_> = requests().iter().map(|r| (codec::encode(r).unwrap()[4], shown(r))).collect();
    assert_eq!(found, rows("## 4. Requests"));
    let mut found: Vec<_> = responses().iter().map(|r| (codec::encode(r).unwrap()[4], shown(r))).collect();
    found.sort_by_key(|(number, _)| *number);
    found.dedup();
    assert_eq!(found, rows("## 5. Responses"));
    let refused = |refusal: &Refusal| codec::encode(&Response::Refused(refusal.clone())).unwrap()[5];
    let found: Vec<_> = refusals().iter().map(|refusal| (refused(refusal), shown(refusal))).collect();
    assert_eq!(found, rows("## 6. Refusals"));
}
