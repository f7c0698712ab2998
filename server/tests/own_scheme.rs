//! The scheme that is a program of a user's: what it says is taken, and whatever it does, nobody waits for ever.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

use biopay_biometrics::scheme::{
    ComparisonKind, DeviceToken, HelperData, OwnParameters, QrPayload, Registry, Scheme, SchemeId, SchemeParameters,
    TokenUse,
};
use biopay_biometrics::{Error, Template};
use biopay_server::own_scheme::put_program;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::path::PathBuf;

/// The program of the documentation.
fn example() -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../sim/doc/example/own_scheme.py");
    vec!["python3".into(), path.to_str().unwrap().into()]
}

/// A program whose answer to everything but the first question is this Python expression of `ask`.
fn python(answer: &str) -> Vec<String> {
    let text = format!(
        "import json, os, sys, time\n\
         for line in sys.stdin:\n\
         \u{20}   ask = json.loads(line)\n\
         \u{20}   hello = {{'version': 1, 'comparison': {{'threshold': 0.7}}}}\n\
         \u{20}   print(json.dumps(hello if ask['do'] == 'hello' else {answer}), flush=True)\n"
    );
    vec!["python3".into(), "-c".into(), text]
}

fn registry(command: Vec<String>) -> Result<Registry, String> {
    registry_of(own(command, 5.0))
}

fn own(command: Vec<String>, answer_s: f64) -> OwnParameters {
    let mut own = OwnParameters::default();
    (own.command, own.answer_s, own.processes, own.memory_mib) = (command, answer_s, 2, 512);
    own
}

fn registry_of(mut own: OwnParameters) -> Result<Registry, String> {
    put_program(&mut own)?;
    Registry::new(&SchemeParameters { own, ..SchemeParameters::default() }).map_err(|error| error.to_string())
}

fn template(seed: u64, noise: f32) -> Template {
    use rand::RngExt;
    let mut fixed = ChaCha8Rng::seed_from_u64(seed);
    let mut fresh = ChaCha8Rng::seed_from_u64(seed ^ 0xabc);
    let margins = (0..512).map(|_| fixed.random::<f32>() - 0.5 + noise * (fresh.random::<f32>() - 0.5)).collect();
    Template::new(vec![1.0, 0.5], margins)
}

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(7)
}

#[test]
fn the_example_enrols_derives_and_tells_people_apart() {
    let registry = registry(example()).unwrap();
    let scheme = registry.scheme(SchemeId::Own);
    assert_eq!(scheme.comparison(), ComparisonKind::Threshold(0.65));
    assert_eq!(scheme.token_use(), TokenUse::Keys);
    let (token, other) = (DeviceToken([1; 32]), DeviceToken([2; 32]));
    let enrolled = scheme.enrol(&[template(1, 0.0)], Some(&token), &mut rng()).unwrap();
    let record = scheme.record(&enrolled.payload).unwrap();
    let presented = |subject, token: &DeviceToken| {
        let payload = scheme.derive(&template(subject, 0.2), &enrolled.helper, Some(token)).unwrap();
        // As it travels.
        let payload = QrPayload::from_bytes(&payload.to_bytes()).unwrap();
        scheme.verify(&record, &payload)
    };
    assert!(presented(1, &token).accepted);
    assert!(!presented(2, &token).accepted, "somebody else");
    assert!(!presented(1, &other).accepted, "another device");
    // Enrolled again with another seed, the old payload is worth nothing; with the same one it is the same.
    let again = scheme.enrol(&[template(1, 0.0)], Some(&token), &mut ChaCha8Rng::seed_from_u64(8)).unwrap();
    assert!(!scheme.verify(&scheme.record(&again.payload).unwrap(), &enrolled.payload).accepted);
    let same = scheme.enrol(&[template(1, 0.0)], Some(&token), &mut rng()).unwrap();
    assert_eq!((same.payload, same.helper), (enrolled.payload, enrolled.helper));
    assert_eq!(scheme.faults(), []);
}

#[test]
fn a_program_that_says_no_is_a_failure_and_no_fault() {
    let registry = registry(python("{'failed': 'too wet'}")).unwrap();
    let scheme = registry.scheme(SchemeId::Own);
    assert!(matches!(scheme.enrol(&[template(1, 0.0)], None, &mut rng()), Err(Error::FailureToEnrol(_))));
    assert_eq!(derive(scheme), Err(Error::FailedToDerive));
    assert_eq!(scheme.faults(), []);
}

fn derive(scheme: &dyn Scheme) -> Result<QrPayload, Error> {
    scheme.derive(&template(1, 0.0), &HelperData(vec![]), None)
}

#[test]
fn a_program_that_ends_hangs_or_talks_nonsense_is_counted_with_its_reason() {
    for (answer, reason) in [
        ("os._exit(3)", "exit status: 3"),
        ("time.sleep(60)", "no answer within"),
        ("{'payload': 7}", "not understood"),
        ("{'payload': 'x' * 9}", "not understood"),
        ("{'payload': 'AAAA' * 1000}", "payload of 3000 bytes"),
        ("'x' * (5 << 20)", "more than 4194304 bytes"),
        ("[0] * (1 << 28)", "exit status: 1"),
    ] {
        let registry = registry_of(own(python(answer), 1.0)).unwrap();
        let scheme = registry.scheme(SchemeId::Own);
        for _ in 0..2 {
            assert_eq!(derive(scheme), Err(Error::FailedToDerive), "{answer}");
        }
        let faults = scheme.faults();
        assert!(faults.len() == 1 && faults[0].0.contains(reason) && faults[0].1 == 2, "{answer}: {faults:?}");
    }
}

#[test]
fn a_score_is_asked_of_a_scheme_with_a_threshold() {
    let registry = registry(python("{'record': 'AA==', 'accepted': True}")).unwrap();
    let scheme = registry.scheme(SchemeId::Own);
    let payload = QrPayload { scheme: SchemeId::Own, body: vec![1] };
    let record = scheme.record(&payload).unwrap();
    assert!(!scheme.verify(&record, &payload).accepted);
    assert_eq!(scheme.faults().len(), 1);
}

#[test]
fn a_program_that_cannot_answer_is_refused_before_anything_is_done() {
    let says = |answer: &str| vec!["sh".to_owned(), "-c".to_owned(), format!("read question; echo '{answer}'")];
    for (command, reason) in [
        (vec!["/no/such/program".to_owned()], "cannot be started"),
        (vec!["true".to_owned()], "it ended"),
        (says("{}"), "not understood"),
        (says("{\"version\":9}"), "version 9"),
        (says("{\"version\":1,\"comparison\":{\"threshold\":7}}"), "outside 0 to 1"),
        (says("{\"failed\":\"no licence\"}"), "it says: no licence"),
    ] {
        let said = registry(command).err().unwrap();
        assert!(said.contains("own.command") && said.contains(reason), "{said}");
    }
    let said = registry_of(own(example(), f64::NAN));
    assert!(said.err().unwrap().contains("own.answer-s"));
}
