//! What strangers send: any bytes are decoded or refused by name, and what decodes encodes back.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

use biopay_protocol::codec::{self, Message};
use biopay_protocol::message::AccountState;
use biopay_protocol::*;
use proptest::prelude::*;

fn secret() -> impl Strategy<Value = Secret> {
    "\\PC{0,60}".prop_map(|text| Secret::new(text).unwrap())
}

fn login() -> impl Strategy<Value = LoginName> {
    "\\PC{1,16}".prop_map(|text| LoginName::new(text).unwrap())
}

fn payload() -> impl Strategy<Value = PayloadBytes> {
    proptest::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| PayloadBytes::new(bytes).unwrap())
}

fn helper() -> impl Strategy<Value = Option<HelperBytes>> {
    proptest::option::of(
        proptest::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| HelperBytes::new(bytes).unwrap()),
    )
}

fn opaque() -> impl Strategy<Value = OpaqueBytes> {
    proptest::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| OpaqueBytes::new(bytes).unwrap())
}

fn image() -> impl Strategy<Value = ImageBytes> {
    proptest::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| ImageBytes::new(bytes).unwrap())
}

fn account() -> impl Strategy<Value = BankAccount> {
    "[0-9]{12,19}".prop_map(|text| BankAccount::new(text).unwrap())
}

fn amount() -> impl Strategy<Value = MinorUnits> {
    (1..=MinorUnits::MAX).prop_map(|amount| MinorUnits::new(amount).unwrap())
}

fn currency() -> impl Strategy<Value = Currency> {
    prop_oneof!["EUR", "JPY", "USD", "BHD"].prop_map(|text| Currency::new(text).unwrap())
}

fn page() -> impl Strategy<Value = PaymentId> {
    any::<u128>().prop_map(PaymentId)
}

fn request() -> impl Strategy<Value = Request> {
    let key = "[!-~]{1,64}".prop_map(|text| IdempotencyKey::new(text).unwrap());
    let merchant = "[ -~]{1,40}".prop_map(|text| Merchant::new(text).unwrap());
    prop_oneof![
        (login(), secret(), payload(), helper(), account(), secret()).prop_map(
            |(login, password, enrolment, helper, bank_account, pin)| Request::Register {
                login,
                password,
                enrolment,
                helper,
                bank_account,
                pin,
                devices: DeviceKeys::default()
            }
        ),
        (login(), secret()).prop_map(|(login, password)| Request::RegisterCredentials { login, password }),
        (payload(), helper(), account(), secret(), any::<[u8; 32]>()).prop_map(
            |(enrolment, helper, bank_account, pin, seed)| {
                let devices = DeviceKeys::new([DeviceSecret::from_seed(&seed).key()]).unwrap();
                Request::BindAccount { enrolment, helper, bank_account, pin, devices }
            }
        ),
        (login(), secret(), any::<[u8; 32]>()).prop_map(|(login, password, channel)| Request::Login {
            login,
            password,
            channel: ChannelBinding(channel)
        }),
        Just(Request::Logout),
        (payload(), helper()).prop_map(|(enrolment, helper)| Request::ReplaceQr { enrolment, helper, signature: None }),
        Just(Request::RevokeQr),
        Just(Request::FetchHelper),
        (merchant, amount(), currency(), key).prop_map(|(merchant, amount, currency, idempotency_key)| {
            Request::BeginPayment { merchant, amount, currency, idempotency_key, order: None }
        }),
        (page(), payload()).prop_map(|(payment, payload)| Request::PresentQr {
            payment,
            payload,
            proof: PresentationProof::default()
        }),
        (page(), secret()).prop_map(|(payment, code)| Request::SubmitCode { payment, code }),
        page().prop_map(|payment| Request::ResendCode { payment }),
        page().prop_map(|payment| Request::PaymentStatus { payment }),
        page().prop_map(|payment| Request::CancelPayment { payment }),
        Just(Request::Health),
        Just(Request::Metrics),
        (login(), opaque()).prop_map(|(login, message)| Request::OpaqueRegisterStart { login, message }),
        (login(), opaque()).prop_map(|(login, message)| Request::OpaqueRegisterFinish { login, message }),
        (login(), opaque()).prop_map(|(login, message)| Request::OpaqueLoginStart { login, message }),
        opaque().prop_map(|message| Request::OpaqueLoginFinish { message }),
        (page(), image()).prop_map(|(payment, image)| Request::PresentImage { payment, image }),
        (page(), payload(), any::<(bool, [u8; 32])>()).prop_map(|(payment, payload, (has_nonce, seed))| {
            let nonce = has_nonce.then_some(payment);
            let signature = Some(DeviceSecret::from_seed(&seed).sign(&payload, nonce));
            Request::PresentQr { payment, payload, proof: PresentationProof { nonce, signature } }
        }),
        (payload(), any::<[u8; 32]>()).prop_map(|(enrolment, seed)| {
            let signature = DeviceSecret::from_seed(&seed).sign_enrolment(&enrolment, ChannelBinding(seed));
            Request::ReplaceQr { enrolment, helper: None, signature: Some(signature) }
        }),
    ]
}

fn response() -> impl Strategy<Value = Response> {
    let receipt = (page(), "[0-9A-Z]{12}", "[0-9]{6}", amount(), currency()).prop_map(
        |(payment, reference, approval, amount, currency)| ChargeReceipt {
            payment,
            reference,
            approval,
            amount,
            currency,
        },
    );
    let refusal = prop_oneof![
        Just(Refusal::WrongCredentials),
        Just(Refusal::WrongChannel),
        any::<u8>().prop_map(|tries_left| Refusal::QrMismatch { tries_left }),
        any::<u32>().prop_map(|retry_after_ms| Refusal::Throttled { retry_after_ms }),
        "[0-9]{2}".prop_map(|code| Refusal::Declined { code }),
        page().prop_map(|payment| Refusal::UnknownOutcome { payment }),
    ];
    prop_oneof![
        Just(Response::LoggedIn { account: AccountState::Bound }),
        helper().prop_map(|helper| Response::Helper { helper }),
        (page(), any::<u8>()).prop_map(|(payment, qr_tries)| Response::PaymentOpened { payment, qr_tries }),
        (page(), secret(), any::<u32>()).prop_map(|(payment, shown, valid_for_ms)| Response::CodeIssued {
            payment,
            shown,
            valid_for_ms
        }),
        receipt.prop_map(Response::Charged),
        opaque().prop_map(|message| Response::OpaqueRegistration { message }),
        opaque().prop_map(|message| Response::OpaqueChallenge { message }),
        refusal.prop_map(Response::Refused),
    ]
}

fn round_trips<M: Message + PartialEq + std::fmt::Debug>(message: M) -> Result<(), TestCaseError> {
    let frame = codec::encode(&message).unwrap();
    prop_assert!(frame.len() <= codec::PREFIX_BYTES + M::BYTES_MAX);
    prop_assert_eq!(codec::decode::<M>(&frame), Ok(message));
    Ok(())
}

/// Whatever decodes is a message that means the same after another trip.
fn is_stable<M: Message + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(message) = codec::decode_body::<M>(bytes) {
        round_trips(message)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn requests_round_trip(request in request()) {
        round_trips(request)?;
    }

    #[test]
    fn responses_round_trip(response in response()) {
        round_trips(response)?;
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        is_stable::<Request>(&bytes)?;
        is_stable::<Response>(&bytes)?;
        let _ = codec::decode::<Request>(&bytes);
    }

    #[test]
    fn damaged_requests_are_decoded_or_refused(request in request(), at in any::<usize>(), with in any::<u8>()) {
        let mut frame = codec::encode(&request).unwrap();
        let at = at % frame.len();
        frame[at] = with;
        let _ = codec::decode::<Request>(&frame);
        is_stable::<Request>(&frame[codec::PREFIX_BYTES..])?;
    }

    #[test]
    fn no_secret_is_printed(login in login(), canary in "[a-z]{24}") {
        let (password, pin) = (Secret::new(canary.clone()).unwrap(), Secret::new(canary.clone()).unwrap());
        let enrolment = PayloadBytes::new(canary.clone()).unwrap();
        let helper = Some(HelperBytes::new(canary.clone()).unwrap());
        let bank_account = BankAccount::new("4000001234567890").unwrap();
        let request = Request::Register { login, password, enrolment, helper, bank_account, pin, devices: DeviceKeys::default() };
        let shown = format!("{request:?} {:?}", Response::CodeIssued {
            payment: PaymentId(1), shown: Secret::new(canary.clone()).unwrap(), valid_for_ms: 1,
        });
        prop_assert!(!shown.contains(&canary) && !shown.contains("4000001234567890"), "{}", shown);
    }
}
