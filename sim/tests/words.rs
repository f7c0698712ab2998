//! The words of the records are those of the wire and of scenarios, and a run's report finds its figures by them.

use biopay_protocol::{
    BankAccount, ChannelBinding, Currency, DeviceKeys, IdempotencyKey, LoginName, Merchant, MinorUnits, PayloadBytes,
    PaymentId, PresentationProof, Refusal, Request, Secret,
};
use biopay_reports::records::{Defence, Operation, TransactionOutcome, ZERO_EFFORT};
use biopay_reports::{RunReader, Summary};
use biopay_sim::scenario::Scenario;
use std::process::Command;

#[test]
fn operations_are_named_as_on_the_wire() {
    let secret = || Secret::new("0000").unwrap();
    let login = || LoginName::new("somebody").unwrap();
    let bank_account = || BankAccount::new("120300000000202051").unwrap();
    let payload = || PayloadBytes::new([1; 20]).unwrap();
    let payment = PaymentId(7);
    let requests = [
        Request::Register {
            login: login(),
            password: secret(),
            enrolment: payload(),
            helper: None,
            bank_account: bank_account(),
            pin: secret(),
            devices: DeviceKeys::default(),
        },
        Request::RegisterCredentials { login: login(), password: secret() },
        Request::Login { login: login(), password: secret(), channel: ChannelBinding([0; 32]) },
        Request::BindAccount {
            enrolment: payload(),
            helper: None,
            bank_account: bank_account(),
            pin: secret(),
            devices: DeviceKeys::default(),
        },
        Request::FetchHelper,
        Request::BeginPayment {
            merchant: Merchant::new("shop").unwrap(),
            amount: MinorUnits::new(100).unwrap(),
            currency: Currency::new("EUR").unwrap(),
            idempotency_key: IdempotencyKey::new("once").unwrap(),
            order: None,
        },
        Request::PresentQr { payment, payload: payload(), proof: PresentationProof::default() },
        Request::SubmitCode { payment, code: secret() },
    ];
    let from_register = |operation: &Operation| *operation >= Operation::Register && *operation < Operation::Charge;
    let named: Vec<&str> = Operation::ALL.into_iter().filter(from_register).map(Operation::name).collect();
    assert_eq!(named, requests.each_ref().map(Request::name));
}

#[test]
fn faults_are_named_as_on_the_wire() {
    let refusals = [
        (Refusal::Overloaded, TransactionOutcome::Overloaded),
        (Refusal::UnknownOutcome { payment: PaymentId(7) }, TransactionOutcome::UnknownOutcome),
        (Refusal::BankUnreachable, TransactionOutcome::BankUnreachable),
        (Refusal::Throttled { retry_after_ms: 1 }, TransactionOutcome::Throttled),
    ];
    for (refusal, outcome) in refusals {
        assert_eq!((refusal.name(), outcome.is_fault()), (outcome.name(), true));
    }
}

#[test]
fn attacks_and_defences_are_named_as_in_scenarios() {
    let defences = Defence::SURVEYED.map(|defence| format!("{:?}", defence.name())).join(",");
    let settings = [format!("attack.0.kind={ZERO_EFFORT:?}"), format!("attack.0.configurations=[{defences}]")];
    let scenario = Scenario::load("attack-survey", &settings).unwrap();
    let plan = serde_json::to_value(&scenario.attack[0]).unwrap();
    assert_eq!(plan["kind"], ZERO_EFFORT);
    assert_eq!(plan["configurations"].as_array().unwrap().len(), Defence::SURVEYED.len());
}

#[test]
fn each_scheme_with_a_threshold_shows_it_and_impostors_are_held_against_their_requirement() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ["handsets=8", "impostors.share=1", "schemes.use=[\"template\",\"biohash\",\"index-of-max\"]"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_biopay"));
    command.current_dir(folder.path()).args(["run", "flash-sale", "--out", "run"]);
    for setting in settings {
        command.args(["--set", setting]);
    }
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let run = RunReader::open(&folder.path().join("run")).unwrap();
    let (summary, _) = Summary::read(&run).unwrap();
    assert_eq!(summary.schemes.len(), 3);
    assert!(summary.schemes.iter().all(|s| summary.threshold(&s.scheme).is_some_and(|t| t > 0.0 && t < 1.0)));
    assert_eq!(rules(&std::fs::read_to_string(folder.path().join("run/report.html")).unwrap()), [1, 1, 1]);
    let impostors: Vec<_> = summary.attacks.iter().filter(|a| a.attack == ZERO_EFFORT).collect();
    assert!(!impostors.is_empty() && impostors.iter().all(|a| a.requirement.is_some()));
}

/// Counts the threshold's line in each figure of scores.
fn rules(report: &str) -> Vec<usize> {
    let figures = report.split("<figure").filter(|figure| figure.contains("Scores of "));
    figures.map(|figure| figure.split("</svg>").next().unwrap_or_default().matches(r#"class="rule""#).count()).collect()
}
