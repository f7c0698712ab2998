//! Costs between processes: how long an arrived request waits for the server's task, and how long the bank takes.

use super::timing::{ROUNDS, Watch, failed, median};
use crate::Error;
use crate::io::any_port;
use crate::people::plan::draw;
use crate::people::population::{Population, captures_needed};
use crate::people::sensors::Sensors;
use crate::scenario::{Scenario, ServiceModel};
use crate::shard::Shard;
use crate::wall::processes::Processes;
use biopay_protocol::{Currency, Merchant, MinorUnits, Request};
use biopay_server::bank::acquirer::Acquirer;
use biopay_server::bank::dial::BankAddress;
use biopay_server::bank::tcp::TcpWire;
use biopay_server::bank::{Authority, Bank, BankAnswer, ChargeOrder, Sending};
use biopay_server::client::Connection;
use biopay_server::config::BankConfig;
use biopay_server::env::system;
use biopay_server::tls::DEVELOPMENT_NAMES;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

const PINGS: usize = 1_000;
const CHARGES: u32 = 50;
/// The datagrams that the server processes for a request and its answer: one in, one out, and the acknowledgement.
const DATAGRAMS: f64 = 3.0;

/// Times requests that the server refuses at once, and charges at the bank, each alone, against real processes.
pub(super) async fn measure(model: &mut ServiceModel) -> Result<(), Error> {
    let settings = ["clock=wall", "handsets=2", "payments.per-handset=1"].map(String::from);
    let scenario = Scenario::load("throughput", &settings)?;
    let plans = draw(&scenario, Shard::WHOLE)?;
    let needed = captures_needed(&scenario.biometric, &plans);
    let mut sensors = Sensors::new(&scenario.biometric, scenario.seed, scenario.subject_count())?;
    sensors.admit(sensors.take_all(&needed, &AtomicBool::new(false), &|_| {})?);
    let population = Population::make(&scenario, &plans, sensors, &AtomicBool::new(false))?;
    let scratch = tempfile::tempdir().map_err(Error::file("a temporary folder"))?;
    let processes = Processes::start(&scenario.server, &scenario.schemes.parameters, &population, scratch.path())?;
    let ping = ping(&processes).await?;
    model.wakeup_us = (ping - DATAGRAMS * model.datagram_us).max(0.0);
    model.bank_us = charge(&processes, &population).await?;
    Ok(())
}

/// Returns the median of a request that is refused without work. Units: microseconds.
async fn ping(processes: &Processes) -> Result<f64, Error> {
    let address = processes.listening();
    let endpoint = quinn::Endpoint::client(any_port(address)).map_err(Error::file("a UDP socket"))?;
    let connection = Connection::connect(&endpoint, processes.trust(), address, DEVELOPMENT_NAMES[0]).await;
    let connection = connection.map_err(failed)?;
    let mut took = Vec::new();
    for _ in 0..PINGS {
        let watch = Watch::start();
        connection.request(&Request::FetchHelper).await.map_err(failed)?;
        took.push(watch.us());
    }
    Ok(median(took))
}

/// Returns the median of a charge at the bank, its commit included. Units: microseconds.
async fn charge(processes: &Processes, population: &Population) -> Result<f64, Error> {
    let config = BankConfig::default();
    let address = BankAddress { address: processes.bank(), tls: None };
    let env = system::env(1, 1);
    let wire = TcpWire::new(address, env.clone(), Duration::from_millis(u64::from(config.timeout_ms)));
    let pin_key = biopay_server::process::pin_key(None).map_err(failed)?;
    let acquirer = Acquirer::new(wire, env, config.institution, pin_key);
    let (account, pin, _) = population.bank_account(0).ok_or_else(|| failed("nobody enrolled"))?;
    let mut rounds = Vec::new();
    let mut number = 0;
    for _ in 0..ROUNDS {
        let watch = Watch::start();
        for _ in 0..CHARGES {
            number += 1;
            let order = ChargeOrder {
                account: account.clone(),
                authority: Authority::Pin(pin.clone()),
                amount: MinorUnits::new(1)?,
                currency: Currency::new("EUR")?,
                merchant: Merchant::new("Corner Shop")?,
                reference: format!("CAL{number:09}"),
                begun_ms: number,
                sending: Sending::First,
            };
            let answer = acquirer.charge(order).await.map_err(failed)?;
            if !matches!(answer, BankAnswer::Approved { .. }) {
                return Err(failed(format!("the bank did not approve a charge: {answer:?}")));
            }
        }
        rounds.push(watch.us() / f64::from(CHARGES));
    }
    Ok(median(rounds))
}
