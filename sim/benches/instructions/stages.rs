//! The stages: each is prepared outside what is counted, and does the same work every time.

#[path = "../../../biometrics/tests/support/ridges.rs"]
mod ridges;

use biopay_biometrics::fingerprint::{Extractor, MinutiaeTemplate, compare};
use biopay_biometrics::scheme::{SchemeId, SchemeParameters, build};
use biopay_biometrics::{Sample, Template};
use biopay_protocol::values::{PayloadBytes, PaymentId};
use biopay_protocol::{PresentationProof, Request, codec};
use biopay_server::env::system;
use biopay_server::issuer::accounts;
use biopay_server::issuer::ledger::{Charge, Ledger, Payer};
use biopay_server::sqlite::Location;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use ridges::{Pose, Ridges};
use std::hint::black_box;

/// The stages that are counted.
pub const STAGES: [&str; 5] = ["extract", "compare", "derive", "codec", "ledger"];
/// Messages and charges in one count.
const REPEATS: u32 = 100;

/// Makes what a stage needs, and returns its work.
pub fn prepare(stage: &str) -> Box<dyn FnMut()> {
    match stage {
        "extract" => extract(),
        "compare" => comparison(),
        "derive" => derive(),
        "codec" => codec(),
        "ledger" => ledger(),
        other => panic!("no stage is called {other}"),
    }
}

/// One finger of 388 by 374 pixels.
fn extract() -> Box<dyn FnMut()> {
    let (extractor, sample) = (Extractor::new(), finger(Pose::STRAIGHT));
    Box::new(move || drop(black_box(extractor.extract(black_box(&sample)))))
}

/// One mated pair, the second turned and bent.
fn comparison() -> Box<dyn FnMut()> {
    let extractor = Extractor::new();
    let moved = Pose { rotation: 0.3, shift: (20.0, -15.0), bend: 4.0, noise: 9 };
    let template = |pose| MinutiaeTemplate::new(&extractor.extract(&finger(pose)).expect("the pattern is clear"));
    let (a, b) = (template(Pose::STRAIGHT), template(moved));
    Box::new(move || {
        black_box(compare(black_box(&a), black_box(&b)));
    })
}

fn finger(pose: Pose) -> Sample {
    Ridges::random(1, 40).draw(374, 388, pose)
}

/// One QR payload from a noisy template, through the default error-correcting code.
fn derive() -> Box<dyn FnMut()> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut own = ChaCha8Rng::seed_from_u64(7);
    let values: Vec<f32> = (0..256).map(|_| own.random_range(-1.0f32..1.0)).collect();
    let noisy = values.iter().map(|v| v + 0.33 * own.random_range(-1.0f32..1.0)).collect();
    let (reference, probe) = (Template::from_embedding(values, 1_024), Template::from_embedding(noisy, 1_024));
    let scheme = build(SchemeId::FuzzyCommitment, &SchemeParameters::default()).expect("the defaults are in range");
    let enrolment = scheme.enrol(&[reference], None, &mut rng).expect("the template has every bit");
    Box::new(move || drop(black_box(scheme.derive(black_box(&probe), &enrolment.helper, None))))
}

/// A hundred requests into frames and back.
fn codec() -> Box<dyn FnMut()> {
    let payload = PayloadBytes::new(vec![7; 142]).expect("short enough");
    let request =
        Request::PresentQr { payment: PaymentId(0x1234_5678_9abc_def0), payload, proof: PresentationProof::default() };
    Box::new(move || {
        for _ in 0..REPEATS {
            let frame = codec::encode(black_box(&request)).expect("short enough");
            black_box(codec::decode::<Request>(black_box(&frame)).expect("it was just encoded"));
        }
    })
}

/// A hundred charges into a ledger in memory, each of its own transaction.
fn ledger() -> Box<dyn FnMut()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let ledger = Ledger::open(&Location::Memory, system::env(1, 1), b"key").expect("memory is there");
    let account = accounts::parse("4000000000000001,1234,100000000").expect("an account");
    runtime.block_on(ledger.open_accounts(account)).expect("it is new");
    let mut number = 0;
    Box::new(move || {
        for _ in 0..REPEATS {
            number += 1;
            let pin = Some("1234".to_owned().into());
            let payer = Payer::Pin { account: "4000000000000001".into(), pin };
            let (acquirer, reference) = ("bench".into(), format!("{number:012}"));
            let charge = Charge { acquirer, reference, payer, amount_minor: 100 };
            let answer = runtime.block_on(ledger.charge(charge)).expect("memory does not fail");
            assert_eq!(answer.code, "00", "the charge is approved");
        }
    })
}
