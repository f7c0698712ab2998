//! The cost of work on this machine: each part timed alone, the median of several rounds.
//!
//! Costs of both ends of a connection are timed together on one thread and halved. What lies between processes, wake-ups
//! and the bank's exchange, is timed against real ones.

mod processes;
pub(crate) mod timing;

use crate::Error;
use crate::people::population::STRETCHING;
use crate::people::sensors::{CaptureKey, Sensor, Sensors};
use crate::progress::Stage;
use crate::scenario::{CALIBRATED_HASH_KIB, Scenario, ServiceModel};
use crate::wall;
use biopay_biometrics::scheme::{Registry, SchemeId};
use biopay_datasets::stream::stream;
use biopay_protocol::opaque::{ClientLogin, ClientRegistration, Draws};
use biopay_protocol::qr::{Symbol, read};
use biopay_protocol::{ChannelBinding, Currency, IdempotencyKey, LoginName, Merchant, MinorUnits, PaymentId, Secret};
use biopay_reports::manifest::Machine;
use biopay_server::config::Limits;
use biopay_server::crypto::credential::Credential;
use biopay_server::crypto::opaque::OpaqueServer;
use biopay_server::crypto::password::{HashCost, Passwords};
use biopay_server::env::system;
use biopay_server::sqlite::Location;
use biopay_server::store::{AccountId, Creation, Intent, SqliteStore, Store};
use biopay_server::tls::{Identity, TlsSources, client_config, server_config};
use std::net::SocketAddr;
use std::sync::Arc;
use timing::{ROUNDS, Watch, failed, median};
use zeroize::Zeroizing;

/// Captures, derivations and symbols of one round.
const SAMPLES: u32 = 8;
/// The number of store commands submitted together, to separate a command's cost from a commit's.
const TOGETHER: u32 = 100;
const CONNECTIONS: u32 = 100;
const PINGS: u32 = 2_000;
const STAGES: u64 = 6;

/// Measures every cost that [`ServiceModel`] has.
///
/// # Errors
///
/// What a part of the system reports, as [`Error::Start`].
pub fn measure() -> Result<ServiceModel, Error> {
    let stage = Stage::new("calibrating", STAGES);
    let mut model = ServiceModel::default();
    let machine = Machine::this();
    let load = wall::noise::load();
    let busy = if load > machine.cores as f64 / 2.0 {
        format!(", busy with other work (load {load:.1})")
    } else {
        String::new()
    };
    if !busy.is_empty() {
        eprintln!("warning: this machine is{}: the costs will be too high", busy.trim_start_matches(','));
    }
    model.measured_on = format!("{}, {}, {} cores{busy}", machine.platform, machine.processor, machine.cores);
    model.cores = machine.cores;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Error::file("the runtime"))?;
    model.password_hash_us = runtime.block_on(password_hash())?;
    stage.add(1);
    runtime.block_on(store(&mut model))?;
    stage.add(1);
    runtime.block_on(quic(&mut model))?;
    stage.add(1);
    handset(&mut model)?;
    stage.add(1);
    runtime.block_on(processes::measure(&mut model))?;
    stage.add(1);
    model.key_exchange_us = key_exchange()?;
    stage.add(1);
    stage.finish();
    Ok(model)
}

async fn password_hash() -> Result<f64, Error> {
    let cost = HashCost { memory_kib: CALIBRATED_HASH_KIB, ..HashCost::default() };
    let passwords = Passwords::new(system::env(1, 16), cost, b"calibration".to_vec());
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        let secret = Secret::new("calibration")?;
        let watch = Watch::start();
        passwords.hash(secret).await.map_err(failed)?;
        took.push(watch.us());
    }
    Ok(median(took))
}

/// Times the server's two steps of an OPAQUE login together and halves them.
fn key_exchange() -> Result<f64, Error> {
    let env = system::env(1, 1);
    let server = OpaqueServer::new(env.clone(), Zeroizing::new([7; 32]));
    let (login, password) = (LoginName::new("calibration")?, Secret::new("calibration")?);
    let fill = &mut |bytes: &mut [u8]| env.entropy.fill(bytes);
    let (state, message) = ClientRegistration::start(&password, &mut Draws(fill))?;
    let answer = server.begin_registration(&login, &message).map_err(failed)?;
    let upload = state.finish(&login, &password, &answer, STRETCHING, &mut Draws(fill))?;
    let record = server.finish_registration(&upload).map_err(failed)?;
    let channel = ChannelBinding([0; ChannelBinding::BYTES]);
    let mut took = Vec::new();
    for _ in 0..TOGETHER {
        let (state, message) = ClientLogin::start(&password, &mut Draws(fill))?;
        let watch = Watch::start();
        let (begun, answer) = server.begin_login(login.clone(), Some(&record), &message, channel).map_err(failed)?;
        let first = watch.us();
        let last = state.finish(&login, &password, &answer, channel, STRETCHING, &mut Draws(fill))?;
        let watch = Watch::start();
        begun.finish(&last).map_err(failed)?;
        took.push((first + watch.us()) / 2.0);
    }
    Ok(median(took))
}

/// Times commands that commit alone, and many that commit together: their difference is the commit.
async fn store(model: &mut ServiceModel) -> Result<(), Error> {
    let folder = tempfile::tempdir().map_err(Error::file("a temporary folder"))?;
    let store = SqliteStore::open(&Location::File(folder.path().join("store.db"))).map_err(failed)?;
    let passwords = Passwords::new(system::env(1, 1), HashCost { memory_kib: 8, passes: 1, lanes: 1 }, Vec::new());
    let credential = Credential::Password(passwords.hash(Secret::new("calibration")?).await.map_err(failed)?);
    let created = store.create_account(LoginName::new("calibration")?, credential, None).await.map_err(failed)?;
    let Creation::Created(account) = created else { return Err(failed("the new store is not empty")) };
    let (mut alone, mut together, mut reading) = (Vec::new(), Vec::new(), Vec::new());
    let mut number = 0;
    for _ in 0..ROUNDS {
        let watch = Watch::start();
        for _ in 0..TOGETHER / 10 {
            store.open_payment(intent(account, &mut number)?).await.map_err(failed)?;
        }
        alone.push(watch.us() / f64::from(TOGETHER / 10));
        let watch = Watch::start();
        let mut waiting = Vec::new();
        for _ in 0..TOGETHER {
            waiting.push(store.open_payment(intent(account, &mut number)?));
        }
        for opened in waiting {
            opened.await.map_err(failed)?;
        }
        together.push(watch.us() / f64::from(TOGETHER));
        let watch = Watch::start();
        for _ in 0..TOGETHER {
            store.find_account(LoginName::new("calibration")?).await.map_err(failed)?;
        }
        reading.push(watch.us() / f64::from(TOGETHER));
    }
    model.store_write_us = median(together);
    model.store_commit_us = (median(alone) - model.store_write_us).max(0.0);
    model.store_read_us = median(reading);
    Ok(())
}

fn intent(account: AccountId, number: &mut u32) -> Result<Intent, Error> {
    *number += 1;
    Ok(Intent {
        payment: PaymentId(u128::from(*number)),
        account,
        key: IdempotencyKey::new(format!("calibration-{number}"))?,
        merchant: Merchant::new("Corner Shop")?,
        amount: MinorUnits::new(100)?,
        currency: Currency::new("EUR")?,
        reference: format!("{number:012}"),
        at_ms: 0,
        order: None,
    })
}

/// Times pings and handshakes with both ends on this thread.
async fn quic(model: &mut ServiceModel) -> Result<(), Error> {
    let identity = Identity::development().map_err(failed)?;
    let sources = TlsSources::system();
    let client = client_config(&identity.chain, &sources).map_err(failed)?;
    let config = server_config(identity, &Limits::default(), &sources).map_err(failed)?;
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = quinn::Endpoint::server(config, any).map_err(Error::file("a UDP socket"))?;
    let address = server.local_addr().map_err(Error::file("a UDP socket"))?;
    tokio::spawn(echo(server));
    let endpoint = quinn::Endpoint::client(any).map_err(Error::file("a UDP socket"))?;
    let connect = async || {
        let connecting = endpoint.connect_with(client.clone(), address, "localhost").map_err(failed)?;
        connecting.await.map_err(failed)
    };
    let connection = connect().await?;
    let before = datagrams(&connection);
    let watch = Watch::start();
    for _ in 0..PINGS {
        let (mut send, mut receive) = connection.open_bi().await.map_err(failed)?;
        send.write_all(b"ping").await.map_err(failed)?;
        send.finish().map_err(failed)?;
        receive.read_to_end(64).await.map_err(failed)?;
    }
    // Every datagram is sent by one end and received by the other, on this one thread.
    model.datagram_us = watch.us() / 2.0 / (datagrams(&connection) - before);
    let watch = Watch::start();
    let mut sent = 0.0;
    for _ in 0..CONNECTIONS {
        sent += datagrams(&connect().await?);
    }
    let handshake = (watch.us() - 2.0 * sent * model.datagram_us) / 2.0 / f64::from(CONNECTIONS);
    model.handshake_us = handshake.max(0.0);
    Ok(())
}

fn datagrams(connection: &quinn::Connection) -> f64 {
    let stats = connection.stats();
    (stats.udp_tx.datagrams + stats.udp_rx.datagrams) as f64
}

async fn echo(server: quinn::Endpoint) {
    while let Some(incoming) = server.accept().await {
        tokio::spawn(async move {
            let Ok(connection) = incoming.await else { return };
            while let Ok((mut send, mut receive)) = connection.accept_bi().await {
                let Ok(read) = receive.read_to_end(64).await else { return };
                // The client measures; where it is gone, nobody waits for the rest.
                if send.write_all(&read).await.is_err() || send.finish().is_err() {
                    return;
                }
            }
        });
    }
}

/// Times the making of a QR from a captured finger.
fn handset(model: &mut ServiceModel) -> Result<(), Error> {
    let scenario = Scenario::default();
    let sensors = Sensors::new(&scenario.biometric, scenario.seed, scenario.subject_count())?;
    let registry = Registry::new(&scenario.schemes.parameters)?;
    let scheme = registry.scheme(SchemeId::FuzzyCommitment);
    let key = |number| CaptureKey { subject: 1, sensor: Sensor::Handset, number, age_months: 0 };
    let (mut extract, mut derive, mut encode, mut scan) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut templates = Vec::new();
    for captured in (0..SAMPLES).map(|number| sensors.capture(key(number))) {
        let captured = captured?;
        extract.extend(captured.extraction.map(|took| took.as_secs_f64() * 1e6));
        templates.extend(captured.template.ok());
    }
    let mut rng = stream(1, "sim/calibration", 0);
    let enrolment = scheme.enrol(&templates[..templates.len().min(3)], None, &mut rng)?;
    for template in &templates {
        let watch = Watch::start();
        // A probe that derives nothing has done the same work.
        let _ = scheme.derive(template, &enrolment.helper, None);
        derive.push(watch.us());
        let watch = Watch::start();
        let symbol = Symbol::fitted(&enrolment.payload.to_bytes())?;
        encode.push(watch.us());
        let image = symbol.render(4);
        let watch = Watch::start();
        read(&image)?;
        scan.push(watch.us());
    }
    let verify = Arc::new(scheme.record(&enrolment.payload)?);
    let watch = Watch::start();
    for _ in 0..TOGETHER {
        std::hint::black_box(scheme.verify(&verify, &enrolment.payload));
    }
    model.payload_verification_us = watch.us() / f64::from(TOGETHER);
    (model.extract_us, model.derive_us) = (median(extract), median(derive));
    (model.encode_symbol_us, model.scan_symbol_us) = (median(encode), median(scan));
    Ok(())
}
