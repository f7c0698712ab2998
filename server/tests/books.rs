//! Money's other half: refunds, merchants' orders, reconciliation with the bank, and the settlement file.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

mod common;

use biopay_protocol::merchant::{OrderTerms, SignedOrder, sign_order, sign_refund};
use biopay_protocol::*;
use biopay_server::client::Connection;
use biopay_server::config::OrderRule;
use biopay_server::issuer::faults::Faults;
use biopay_server::issuer::ledger::{Charge, Payer};
use biopay_server::store::{Intent, Settlement};
use common::*;
use std::path::Path;
use std::process::{Command, Output};

const SHOP: &str = "corner shop";

fn refund(reference: &str, amount: u64, key: &str) -> Request {
    let (merchant, reference) = (Merchant::new(SHOP).unwrap(), Reference::new(reference).unwrap());
    let money = (MinorUnits::new(amount).unwrap(), Currency::new("EUR").unwrap());
    let refund = sign_refund(&merchant_key(), merchant, reference, money, IdempotencyKey::new(key).unwrap());
    Request::Refund { refund: refund.unwrap() }
}

async fn ask(connection: &Connection, request: &Request) -> Response {
    connection.request(request).await.unwrap()
}

/// Registers a user and has them pay; returns the charge's reference.
async fn charged(system: &System, n: u64, amount: u64) -> String {
    let Response::Charged(receipt) = pay(&system.user(n).await, amount, "k", n).await else { panic!() };
    receipt.reference
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_is_given_back_in_parts_once_a_key_and_never_more_than_it_was() {
    let system = System::start(Setup { merchants: merchant_keys(SHOP), ..Setup::default() }).await;
    let (reference, shop) = (charged(&system, 1, 100).await, system.connect().await);
    let given = |answer: &Response, expected: u64| matches!(answer, Response::Refunded { amount, .. } if amount.value() == expected);
    let first = ask(&shop, &refund(&reference, 30, "a")).await;
    assert!(given(&first, 30), "{first:?}");
    assert_eq!(ask(&shop, &refund(&reference, 30, "a")).await, first, "the same refund");
    let refused = Response::Refused;
    assert_eq!(ask(&shop, &refund(&reference, 31, "a")).await, refused(Refusal::IdempotencyConflict));
    assert_eq!(ask(&shop, &refund(&reference, 71, "b")).await, refused(Refusal::RefundTooLarge));
    assert_eq!(ask(&shop, &refund("NOSUCHCHARGE", 1, "c")).await, refused(Refusal::NoSuchPayment));
    // Another merchant's charge, and somebody without the key.
    let Request::Refund { refund: mut forged } = refund(&reference, 30, "d") else { panic!() };
    forged.amount = MinorUnits::new(70).unwrap();
    assert_eq!(ask(&shop, &Request::Refund { refund: forged }).await, refused(Refusal::MerchantSignature));
    let rest = ask(&shop, &refund(&reference, 70, "e")).await;
    assert!(given(&rest, 70), "{rest:?}");
    assert_eq!(ask(&shop, &refund(&reference, 1, "f")).await, refused(Refusal::RefundTooLarge));
    let (ours, theirs) = (system.store.audit().await.unwrap(), system.ledger.audit().await.unwrap());
    assert_eq!((ours.posted_minor, ours.refunded_minor, theirs.acquirers_minor), (100, 100, 0));
    system.assert_money().await;
    system.stop().await;
}

/// Sixteen refunds of a third each race for one charge: three of them fit.
#[tokio::test(flavor = "multi_thread")]
async fn racing_refunds_never_give_back_more_than_there_was() {
    let system = System::start(Setup { merchants: merchant_keys(SHOP), ..Setup::default() }).await;
    let reference = charged(&system, 1, 99).await;
    let mut racing = tokio::task::JoinSet::new();
    for n in 0..16 {
        let (shop, request) = (system.connect().await, refund(&reference, 33, &format!("k{n}")));
        racing.spawn(async move { shop.request(&request).await.unwrap() });
    }
    let answers = racing.join_all().await;
    let given = answers.iter().filter(|answer| matches!(answer, Response::Refunded { .. })).count();
    assert_eq!(given, 3, "{answers:?}");
    assert_eq!(system.store.audit().await.unwrap().refunded_minor, 99);
    system.assert_money().await;
    system.stop().await;
}

/// The bank's answers get lost: the refund's outcome is unknown, and the resolver finds it out.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_whose_answer_is_lost_is_given_back_once() {
    let faults = Faults { drop_reply: 0.5, seed: 3, ..Faults::default() };
    let bank_timeout = std::time::Duration::from_millis(150);
    let setup = Setup { merchants: merchant_keys(SHOP), faults, bank_timeout, ..Setup::default() };
    let system = System::start(setup).await;
    let user = system.user(1).await;
    let answer = pay(&user, 90, "k", 1).await;
    system.settle().await;
    let reference = match answer {
        Response::Charged(receipt) => receipt.reference,
        Response::Refused(Refusal::UnknownOutcome { payment }) => {
            let Response::Charged(receipt) = ask(&user, &Request::PaymentStatus { payment }).await else { panic!() };
            receipt.reference
        }
        other => panic!("{other:?}"),
    };
    let shop = system.connect().await;
    let mut given = 0;
    for n in 0..9 {
        let request = refund(&reference, 10, &format!("k{n}"));
        for _ in 0..100 {
            match ask(&shop, &request).await {
                Response::Refunded { .. } => {
                    given += 1;
                    break;
                }
                Response::Refused(
                    Refusal::UnknownOutcome { .. } | Refusal::InProgress { .. } | Refusal::Throttled { .. },
                ) => {
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(given, 9);
    let audit = system.store.audit().await.unwrap();
    assert_eq!((audit.posted_minor, audit.refunded_minor), (90, 90));
    system.assert_money().await;
    system.stop().await;
}

fn order(amount: u64, name: &str, expires_ms: u64) -> SignedOrder {
    let (merchant, currency) = (Merchant::new(SHOP).unwrap(), Currency::new("EUR").unwrap());
    let (amount, order) = (MinorUnits::new(amount).unwrap(), OrderId::new(name).unwrap());
    let terms = OrderTerms { merchant: &merchant, amount, currency: &currency, order: &order, expires_ms };
    sign_order(&merchant_key(), &terms).unwrap()
}

/// Opens a page for an amount by an order, and presents the QR where it opens.
async fn pay_order(user: &Connection, finger: u64, amount: u64, key: &str, signed: Option<SignedOrder>) -> Response {
    let Request::BeginPayment { merchant, amount, currency, idempotency_key, .. } = begin(amount, key) else {
        panic!()
    };
    let begin = Request::BeginPayment { merchant, amount, currency, idempotency_key, order: signed };
    match ask(user, &begin).await {
        Response::PaymentOpened { payment, .. } => {
            let proof = PresentationProof::default();
            ask(user, &Request::PresentQr { payment, payload: payload(finger), proof }).await
        }
        other => other,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn amount_and_payee_are_the_merchants_where_orders_are_asked_for() {
    let setup = Setup { merchants: merchant_keys(SHOP), orders: OrderRule::Signed, ..Setup::default() };
    let system = System::start(setup).await;
    let (user, other) = (system.user(1).await, system.user(2).await);
    let refused = Response::Refused;
    let late = u64::MAX;
    assert_eq!(pay_order(&user, 1, 10, "a", None).await, refused(Refusal::MerchantSignature));
    // The payer's handset asks for less than the merchant did, or a later time.
    assert_eq!(pay_order(&user, 1, 9, "b", Some(order(10, "A-1", late))).await, refused(Refusal::MerchantSignature));
    let prolonged = SignedOrder { expires_ms: late, ..order(10, "A-1", 1) };
    assert_eq!(pay_order(&user, 1, 10, "c", Some(prolonged)).await, refused(Refusal::MerchantSignature));
    assert_eq!(pay_order(&user, 1, 10, "d", Some(order(10, "A-1", 1))).await, refused(Refusal::OrderExpired));
    // Too little money: the order stays free. Then it is paid, once, whoever pays.
    assert_eq!(
        pay_order(&user, 1, 2_000, "e", Some(order(2_000, "A-2", late))).await,
        refused(Refusal::InsufficientFunds)
    );
    let paid = pay_order(&user, 1, 10, "f", Some(order(10, "A-1", late))).await;
    assert!(matches!(paid, Response::Charged(_)), "{paid:?}");
    for (payer, finger) in [(&user, 1), (&other, 2)] {
        let again = pay_order(payer, finger, 10, "g", Some(order(10, "A-1", late))).await;
        assert_eq!(again, refused(Refusal::OrderTaken));
    }
    assert_eq!(system.ledger.audit().await.unwrap().charges, 1);
    system.assert_money().await;
    system.stop().await;
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> (Output, serde_json::Value) {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let line = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output, line)
}

/// The operator's day: the bank's statement, the reconciliation, and the settlement file, all by the programs.
#[tokio::test(flavor = "multi_thread")]
async fn books_are_held_against_the_banks_statement_and_paid_out() {
    let system = System::start(Setup { merchants: merchant_keys(SHOP), ..Setup::default() }).await;
    let reference = charged(&system, 1, 100).await;
    charged(&system, 2, 50).await;
    let refunded = ask(&system.connect().await, &refund(&reference, 30, "a")).await;
    assert!(matches!(refunded, Response::Refunded { .. }), "{refunded:?}");
    suspend(&system, 1, "SUSPENDED001", true).await;
    suspend(&system, 2, "SUSPENDED002", false).await;
    let (bank, store) = (system.bank_path(), system.store_path());
    let folder = store.parent().unwrap().to_owned();
    let (bank, store) = (format!("sqlite:{}", bank.display()), format!("sqlite:{}", store.display()));
    let statement = |name: &str| {
        let (output, _) = run(env!("CARGO_BIN_EXE_biopay-bank"), &["--store", &bank, "--statement", name], &folder);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let server = env!("CARGO_BIN_EXE_biopay-server");
    let reconcile = |name: &str| run(server, &["--store", &store, "--reconcile", name], &folder);
    // One approval in suspense was reversed at the bank and is cleared; the other one's money is still there.
    statement("first.csv");
    let (output, found) = reconcile("first.csv");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((found["suspense_cleared"].as_u64(), found["suspense_left"].as_u64()), (Some(1), Some(1)), "{found}");
    assert_eq!(found["differences"][0]["reference"], "SUSPENDED002", "{found}");
    system.ledger.reverse("100001".into(), "SUSPENDED002".into()).await.unwrap();
    statement("second.csv");
    let (output, found) = reconcile("second.csv");
    assert!(output.status.success(), "{found}");
    assert_eq!((found["looked_at"].as_u64(), found["suspense_cleared"].as_u64()), (Some(5), Some(1)), "{found}");
    assert_eq!(system.store.audit().await.unwrap().suspended, 0);
    // What only one of the two has is named.
    let payer = Payer::Pin { account: bank_account(3).as_str().into(), pin: Some(PIN.to_owned().into()) };
    let behind = Charge { acquirer: "100001".into(), reference: "BEHINDOURBAK".into(), payer, amount_minor: 7 };
    system.ledger.charge(behind).await.unwrap();
    statement("third.csv");
    let text = std::fs::read_to_string(folder.join("third.csv")).unwrap();
    let without: Vec<&str> =
        text.lines().filter(|line| !line.contains(&reference) || line.contains("refund")).collect();
    std::fs::write(folder.join("third.csv"), without.join("\n")).unwrap();
    let (_, found) = reconcile("third.csv");
    let named: Vec<&str> =
        found["differences"].as_array().unwrap().iter().filter_map(|d| d["reference"].as_str()).collect();
    assert_eq!(named, [reference.as_str(), "BEHINDOURBAK"], "{found}");
    check_settlement(server, &store, &folder, &reference);
    system.stop().await;
}

fn check_settlement(server: &str, store: &str, folder: &Path, reference: &str) {
    let settle = |arguments: &[&str]| run(server, &[&["--store", store], arguments].concat(), folder);
    let (output, settled) = settle(&["--settle", "one.csv"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((settled["batch"].as_u64(), settled["rows"].as_u64()), (Some(1), Some(3)), "{settled}");
    assert_eq!(settled["payouts"][0]["amount_minor"], 120, "{settled}");
    let mut reader = csv::Reader::from_path(folder.join("one.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert!(rows.iter().any(|row| &row[3] == "charge" && &row[4] == reference && &row[5] == "100"));
    assert!(rows.iter().any(|row| &row[3] == "refund" && &row[5] == "-30"));
    // Nothing is paid out twice, and a batch is written again as it was.
    let (_, again) = settle(&["--settle", "two.csv"]);
    assert_eq!(again["rows"], 0, "{again}");
    let (_, same) = settle(&["--settle", "again.csv", "--batch", "1"]);
    assert_eq!(same["rows"], 3, "{same}");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(read("one.csv"), read("again.csv"));
}

/// Charges at the bank what we have given up, so that the approval is in suspense.
async fn suspend(system: &System, n: u64, reference: &str, reversed_there: bool) {
    let account = system.store.find_account(name(n)).await.unwrap().unwrap().id;
    let payment = PaymentId(u128::from(n));
    let intent = Intent {
        payment,
        account,
        key: IdempotencyKey::new("given-up").unwrap(),
        merchant: Merchant::new(SHOP).unwrap(),
        amount: MinorUnits::new(5).unwrap(),
        currency: Currency::new("EUR").unwrap(),
        reference: reference.into(),
        at_ms: 1,
        order: None,
    };
    system.store.open_payment(intent).await.unwrap();
    let payer = Payer::Pin { account: bank_account(n).as_str().into(), pin: Some(PIN.to_owned().into()) };
    let charge = Charge { acquirer: "100001".into(), reference: reference.into(), payer, amount_minor: 5 };
    assert_eq!(system.ledger.charge(charge).await.unwrap().code, "00");
    if reversed_there {
        system.ledger.reverse("100001".into(), reference.into()).await.unwrap();
    }
    for settlement in [
        Settlement::Unknown,
        Settlement::Cancelled,
        Settlement::Reversed,
        Settlement::Approved { approval: "000001".into() },
    ] {
        system.store.settle(payment, settlement).await.unwrap();
    }
}
