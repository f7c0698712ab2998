//! The attacked system: a server with its bank in virtual time, its accounts, and connections from any address.

use super::attackers::attackers_capture;
use super::bounds::Bounds;
use super::findings::Findings;
use super::setup::Setup;
use crate::Error;
use crate::io::ServerAddress;
use crate::network::address::dialled_by;
use crate::network::{Fabric, Itinerary, ProfileId};
use crate::people::population::{Devices, Population};
use crate::scenario::AttackKind;
use crate::scenario::Scenario;
use crate::virtual_time::VirtualClock;
use crate::virtual_time::executor::run;
use crate::virtual_time::play::{host, itinerary};
use crate::virtual_time::server::VirtualServer;
use crate::virtual_time::timeline::Timeline;
use crate::world::outcome::qr_was_accepted;
use biopay_biometrics::Template;
use biopay_biometrics::scheme::{HelperData, Registry, SchemeId};
use biopay_datasets::stream::stream;
use biopay_protocol::{
    BankAccount, Currency, DeviceSecret, HelperBytes, IdempotencyKey, LoginName, Merchant, MinorUnits, PayloadBytes,
    PaymentId, PresentationProof, Refusal, Request, Response, Secret,
};
use biopay_server::client::Connection;
use biopay_server::env::Clock;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The number of addresses that attackers have, beyond the owners'.
pub(super) const BOTNET: u32 = 256;
/// The link of the attackers' addresses.
pub(super) const BOTS_LINK: ProfileId = ProfileId::Ethernet;
/// The amount of every payment. Units: minor units.
pub(super) const AMOUNT: u64 = 500;

/// One system under attack.
pub(super) struct AttackedSystem<'a> {
    /// The attack and how the system is defended.
    pub setup: &'a Setup,
    /// The people.
    pub population: &'a Population,
    /// The accounts that are attacked.
    pub accounts: Vec<Account>,
    /// The clock: virtual for a server of the run's own.
    pub clock: Arc<dyn Clock>,
    /// What only a server of the run's own shows.
    pub(super) inside: Option<Inside<'a>>,
    /// The bounds of an attack on a server that the run did not start.
    pub(super) bounds: Option<Bounds>,
    pub(super) dialler: Dialler,
}

/// What an attack sees of a server of the run's own, besides its answers.
pub(super) struct Inside<'a> {
    /// The timeline, with the network and its packets.
    pub timeline: Arc<Timeline>,
    /// The attacked server.
    pub server: &'a VirtualServer,
}

/// A source of connections from any address. Each task takes a copy.
#[derive(Clone)]
pub(super) struct Dialler {
    /// The attacked server's address.
    pub address: ServerAddress,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl Dialler {
    /// Connects from an address; `None` if the handshake fails.
    pub(super) async fn connect(&self, host: u32) -> Option<Connection> {
        let connection = match &self.address {
            ServerAddress::Virtual { endpoint, config, name } => {
                Connection::connect(endpoint, config.clone(), dialled_by(host), name).await
            }
            ServerAddress::Wall { endpoints, config, address, name } => {
                Connection::connect(endpoints.first()?, config.clone(), *address, name).await
            }
        };
        Some(connection.ok()?.with_clock(self.clock.clone()))
    }

    /// Begins a connection with the caller's own configuration; `None` if it cannot begin.
    pub(super) fn begin(&self, host: u32, config: quinn::ClientConfig) -> Option<quinn::Connecting> {
        let ServerAddress::Virtual { endpoint, name, .. } = &self.address else { return None };
        endpoint.connect_with(config, dialled_by(host), name).ok()
    }

    /// Returns the clock.
    pub(super) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }
}

/// One account at the attacked server.
#[derive(Clone, Debug)]
pub(super) struct Account {
    /// Its owner.
    pub subject: u32,
    /// Its derivation scheme.
    pub scheme: SchemeId,
    /// The name to log in with.
    pub login: LoginName,
    /// The password.
    pub password: Secret,
    /// The enrolled QR.
    pub payload: PayloadBytes,
    /// Its helper data.
    pub helper: HelperData,
    /// The owner's signing keys, where the server asks for signatures.
    pub devices: Devices,
    bank_account: BankAccount,
    pin: Secret,
}

/// Makes one attack on one system, and audits the bank's ledgers afterwards.
///
/// # Errors
///
/// [`Error::InvalidRun`] where the attack could not be made, or the sums are wrong after it.
pub(super) fn play(
    setup: &Setup,
    population: &Population,
    act: impl AsyncFnOnce(&AttackedSystem<'_>) -> Result<Findings, Error>,
) -> Result<Findings, Error> {
    let scenario = &setup.scenario;
    let owners = (0..scenario.handsets).map(|h| (h, itinerary(&scenario.network, scenario.seed, h)));
    // Attackers sit where the network is best.
    let bots = (scenario.handsets..scenario.handsets + BOTNET).map(|h| (h, Itinerary::fixed(BOTS_LINK)));
    let hosts: BTreeMap<u32, Itinerary> = owners.chain(bots).collect();
    let seed = rng(setup, "server").random();
    let timeline = Timeline::new(Fabric::new(seed, hosts, host(&scenario.server.service)));
    run(&timeline, async {
        let mut accounts = accounts(setup, population)?;
        let owners: BTreeSet<u32> = accounts.iter().map(|account| account.subject).collect();
        let server = {
            // Not the population's: the control may have looser schemes.
            let registry = Arc::new(Registry::new(&scenario.schemes.parameters)?);
            let accounts = population.bank_accounts(&owners);
            VirtualServer::start(&scenario.server, &scenario.network, registry, accounts, &timeline, seed).await?
        };
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock(timeline.clone()));
        let address = server.address();
        let acting = async {
            accounts.truncate(setup.targets as usize);
            let dialler = Dialler { address, clock: clock.clone() };
            let inside = Some(Inside { timeline: timeline.clone(), server: &server });
            let system = AttackedSystem { setup, population, accounts, clock, inside, bounds: None, dialler };
            system.register_all().await?;
            act(&system).await
        };
        let found = tokio::select! {
            biased;
            found = acting => found,
            () = timeline.stalled() => Err(broke(setup.kind, "virtual time stood still")),
        }?;
        server.finish().await?;
        Ok(found)
    })
}

/// Returns the error of an attack that could not be made.
pub(super) fn broke(kind: AttackKind, why: impl std::fmt::Display) -> Error {
    Error::InvalidRun(format!("the attack {} could not be made: {why}", kind.name()))
}

/// Opens the attack's own random stream.
pub(super) fn rng(setup: &Setup, purpose: &str) -> ChaCha8Rng {
    let kind = setup.kind.name();
    let (configuration, defence) = (setup.configuration.name(), setup.defence);
    stream(setup.scenario.seed, &format!("attack/{kind}/{configuration}/{defence}/{purpose}"), 0)
}

/// Chooses the attacked accounts: owners who enrolled, their schemes in turn.
pub(super) fn accounts(setup: &Setup, population: &Population) -> Result<Vec<Account>, Error> {
    let scenario = &setup.scenario;
    let schemes = &scenario.schemes.r#use;
    let mut accounts = Vec::new();
    for (subject, owner) in &population.owners {
        let scheme = schemes[*subject as usize % schemes.len()];
        let Some(enrolment) = owner.enrolments.get(&scheme) else { continue };
        accounts.push(Account {
            subject: *subject,
            scheme,
            login: owner.credentials.login.clone(),
            password: owner.credentials.password.clone(),
            payload: PayloadBytes::new(enrolment.payload.to_bytes())?,
            helper: enrolment.helper.clone(),
            devices: Devices::draw(scenario.server.presentation, scenario.seed, *subject),
            bank_account: owner.bank_account.clone(),
            pin: owner.pin.clone(),
        });
        if accounts.len() as u32 == setup.targets {
            break;
        }
    }
    Ok(accounts)
}

impl AttackedSystem<'_> {
    /// Returns the scenario of the attacked system.
    pub(super) fn scenario(&self) -> &Scenario {
        &self.setup.scenario
    }

    /// Returns the error of this attack if it could not be made.
    pub(super) fn broke(&self, why: impl std::fmt::Display) -> Error {
        broke(self.setup.kind, why)
    }

    /// Returns what a server of the run's own shows.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRun`] for another server, on which the attack is never made.
    pub(super) fn inside(&self) -> Result<&Inside<'_>, Error> {
        self.inside.as_ref().ok_or_else(|| self.broke("it looks into a server of the run's own"))
    }

    /// Iterates over the attacked accounts for as long as the attack may take.
    pub(super) fn targets(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().take_while(|_| self.has_time_for(0))
    }

    /// Whether the attack may go on after a wait.
    pub(super) fn has_time_for(&self, wait_ms: u32) -> bool {
        let then = self.clock.elapsed() + Duration::from_millis(u64::from(wait_ms));
        self.bounds.as_ref().is_none_or(|bounds| then < bounds.until)
    }

    /// Waits until the next request may be sent to a server that the run did not start.
    pub(super) async fn pace(&self) {
        if let Some(bounds) = &self.bounds {
            bounds.pace(self.clock.as_ref()).await;
        }
    }

    /// Returns an address that belongs to attackers.
    pub(super) fn bot(&self, index: u32) -> u32 {
        self.scenario().handsets + index % BOTNET
    }

    /// Returns the subject behind an attacker.
    pub(super) fn attacker(&self, index: u32) -> u32 {
        self.scenario().attacker(index)
    }

    /// Returns the template of one of an attacker's captures, or of an owner's spare one; `None` where it gave none.
    pub(super) fn template(&self, subject: u32, number: u32) -> Option<&Template> {
        self.population.sensors.find(attackers_capture(subject, number))?.template.as_ref().ok()
    }

    /// Connects from an address.
    pub(super) async fn connect(&self, host: u32) -> Result<Connection, Error> {
        self.pace().await;
        self.dialler.connect(host).await.ok_or_else(|| self.broke("no connection came about"))
    }

    /// Returns the source of connections for a task.
    pub(super) fn dialler(&self) -> Dialler {
        self.dialler.clone()
    }

    /// Sends a request and waits for the answer.
    pub(super) async fn ask(&self, connection: &Connection, request: &Request) -> Result<Response, Error> {
        self.pace().await;
        connection.request(request).await.map_err(|error| self.broke(error))
    }

    /// Connects from an address and tries to log in.
    pub(super) async fn log_in(
        &self,
        host: u32,
        login: &LoginName,
        password: &Secret,
    ) -> Result<(Connection, Response), Error> {
        let connection = self.connect(host).await?;
        let response = self.try_password(&connection, login, password).await?;
        Ok((connection, response))
    }

    /// Tries a password on a connection.
    pub(super) async fn try_password(
        &self,
        connection: &Connection,
        login: &LoginName,
        password: &Secret,
    ) -> Result<Response, Error> {
        let (login, password, channel) = (login.clone(), password.clone(), connection.channel());
        self.ask(connection, &Request::Login { login, password, channel }).await
    }

    /// Logs in with the right password, waiting for the time that the server asks for.
    pub(super) async fn enter(&self, host: u32, account: &Account) -> Result<Connection, Error> {
        let connection = self.connect(host).await?;
        loop {
            match self.try_password(&connection, &account.login, &account.password).await? {
                Response::LoggedIn { .. } => return Ok(connection),
                Response::Refused(Refusal::Throttled { retry_after_ms }) if self.has_time_for(retry_after_ms) => {
                    self.wait(retry_after_ms).await;
                }
                other => return Err(self.broke(format!("a right login was answered with {}", other.name()))),
            }
        }
    }

    /// Waits for the time that the server asked for.
    pub(super) async fn wait(&self, retry_after_ms: u32) {
        self.clock.sleep(Duration::from_millis(u64::from(retry_after_ms))).await;
    }

    /// Closes the connection, waits for the time that the server asked for, and logs in again: an idle connection would
    /// be closed meanwhile.
    pub(super) async fn return_after(
        &self,
        connection: Connection,
        retry_after_ms: u32,
        account: &Account,
    ) -> Result<Connection, Error> {
        let host = self.bot(account.subject);
        connection.close();
        self.wait(retry_after_ms).await;
        self.enter(host, account).await
    }

    /// Opens a payment page.
    pub(super) async fn open_page(&self, connection: &Connection, key: &str, amount: u64) -> Result<Response, Error> {
        let request = Request::BeginPayment {
            merchant: Merchant::new("Corner Shop")?,
            amount: MinorUnits::new(amount)?,
            currency: Currency::new("EUR")?,
            idempotency_key: IdempotencyKey::new(match &self.bounds {
                Some(bounds) => format!("{key}{}", bounds.order_mark),
                None => key.to_owned(),
            })?,
            order: None,
        };
        self.ask(connection, &request).await
    }

    /// Opens a payment page, or fails with the server's answer.
    pub(super) async fn page(&self, connection: &Connection, key: &str) -> Result<PaymentId, Error> {
        let answer = self.open_page(connection, key, AMOUNT).await?;
        let Response::PaymentOpened { payment, .. } = answer else {
            return Err(self.broke(format!("a page was answered with {}", answer.name())));
        };
        Ok(payment)
    }

    /// Presents a payload with the proof that the attacker has.
    pub(super) async fn present(
        &self,
        connection: &Connection,
        payment: PaymentId,
        payload: &PayloadBytes,
        proof: PresentationProof,
    ) -> Result<Response, Error> {
        let payload = payload.clone();
        self.ask(connection, &Request::PresentQr { payment, payload, proof }).await
    }

    /// Returns the proof that the owner's handset adds to a payload.
    pub(super) fn proof(
        &self,
        device: Option<&DeviceSecret>,
        payment: PaymentId,
        payload: &PayloadBytes,
    ) -> PresentationProof {
        let nonce = self.scenario().server.presentation.asks_for_nonce().then_some(payment);
        PresentationProof { nonce, signature: device.map(|device| device.sign(payload, nonce)) }
    }

    /// Presents a QR on a page as its owner's own handset would.
    pub(super) async fn present_as_owner(
        &self,
        connection: &Connection,
        payment: PaymentId,
        account: &Account,
    ) -> Result<Response, Error> {
        let proof = self.proof(account.devices.handset.as_deref(), payment, &account.payload);
        self.present(connection, payment, &account.payload, proof).await
    }

    /// Derives the payload of a template for an account; `None` where the scheme gives none.
    pub(super) fn derive(&self, account: &Account, template: &Template) -> Option<PayloadBytes> {
        let scheme = self.population.registry.scheme(account.scheme);
        let payload = scheme.derive(template, &account.helper, None).ok()?;
        PayloadBytes::new(payload.to_bytes()).ok()
    }

    /// Registers the accounts. At a server that the run did not start, the run's own handsets have done so.
    pub(super) async fn register_all(&self) -> Result<(), Error> {
        for account in &self.accounts {
            let connection = self.connect(account.subject).await?;
            let request = Request::Register {
                login: account.login.clone(),
                password: account.password.clone(),
                enrolment: account.payload.clone(),
                helper: Some(HelperBytes::new(account.helper.0.clone())?),
                bank_account: account.bank_account.clone(),
                pin: account.pin.clone(),
                devices: account.devices.keys(),
            };
            let answer = self.ask(&connection, &request).await?;
            let is_there = self.inside.is_none() && answer == Response::Refused(Refusal::LoginTaken);
            if answer != Response::Registered && !is_there {
                return Err(self.broke(format!("a registration was answered with {}", answer.name())));
            }
            connection.close();
        }
        Ok(())
    }
}

/// Returns whether the server accepted a QR.
pub(super) fn is_accepted(response: &Response) -> bool {
    qr_was_accepted(response)
}
