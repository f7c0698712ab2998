//! The server on the wall clock: a server and a bank that the run starts and ends, or a server that is running already.

use crate::Error;
use crate::io::{ServerAddress, any_port};
use crate::people::population::Population;
use crate::scenario::{Connections, ServerSettings};
use crate::wall::processes::Processes;
use crate::wall::usage::Usage;
use biopay_biometrics::scheme::SchemeParameters;
use biopay_reports::records::ServerFigure;
use biopay_server::client::Connection;
use biopay_server::env::Clock;
use biopay_server::env::system::SystemClock;
use biopay_server::socket;
use biopay_server::tls::{DEVELOPMENT_NAMES, TlsSources, client_config};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

/// The server at which handsets pay.
pub enum Target {
    /// Processes of this run.
    Own(Box<Processes>),
    /// A server that somebody else started, with a bank behind it.
    Elsewhere {
        /// Its address.
        address: SocketAddr,
        /// The name in its certificate.
        name: String,
        /// The trusted certificate and the transport settings of handsets.
        config: quinn::ClientConfig,
    },
}

impl Target {
    /// Starts server and bank with their stores in `scratch`, or finds the server that the scenario names.
    ///
    /// # Errors
    ///
    /// [`Error::Start`], and [`Error::Usage`] for an invalid address or certificate.
    pub fn open(
        settings: &ServerSettings,
        schemes: &SchemeParameters,
        population: &Population,
        scratch: &Path,
    ) -> Result<Self, Error> {
        match Self::elsewhere(settings)? {
            Some(server) => Ok(server),
            None => Ok(Self::Own(Box::new(Processes::start(settings, schemes, population, scratch)?))),
        }
    }

    /// Finds the server that the scenario names and greets it; `None` where the run starts its own.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for an invalid address or certificate, [`Error::InvalidRun`] where no address answers.
    pub fn elsewhere(settings: &ServerSettings) -> Result<Option<Self>, Error> {
        let (Some(given), Some(certificate)) = (&settings.address, &settings.certificate) else { return Ok(None) };
        let unusable = |why: String| Error::Usage(format!("server.certificate = {}: {why}", certificate.display()));
        let chain = CertificateDer::pem_file_iter(certificate).map_err(|e| unusable(e.to_string()))?;
        let trusted: Vec<_> = chain.collect::<Result<_, _>>().map_err(|e| unusable(e.to_string()))?;
        let config = client_config(&trusted, &TlsSources::system()).map_err(|e| unusable(e.to_string()))?;
        let name = settings.name.clone().unwrap_or_else(|| DEVELOPMENT_NAMES[0].to_owned());
        let address = reach(given, &config, &name)?;
        Ok(Some(Self::Elsewhere { address, name, config }))
    }

    /// Opens the sockets of a number of handsets and returns how these reach the server. Must be called within tokio's context.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if a socket cannot be opened.
    pub fn address(&self, connections: &Connections, handsets: u32) -> Result<ServerAddress, Error> {
        let (address, name, config) = match self {
            Self::Own(processes) => (processes.listening(), DEVELOPMENT_NAMES[0].to_owned(), processes.trust()),
            Self::Elsewhere { address, name, config } => (*address, name.clone(), config.clone()),
        };
        let sockets = connections.sockets;
        if sockets == 0 {
            allow_sockets(handsets);
        }
        let endpoint = |_| socket::endpoint(any_port(address)).map_err(Error::file("a UDP socket"));
        let endpoints = (0..sockets).map(endpoint).collect::<Result<_, _>>()?;
        Ok(ServerAddress::Wall { endpoints, config, address, name })
    }

    /// Returns whether the run started the server itself, and can read the bank's books.
    pub fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// Returns the resources that the server's processes have used; empty for a server that the run did not start.
    pub fn usage(&self) -> Vec<(&'static str, Usage)> {
        match self {
            Self::Own(processes) => processes.usage(),
            Self::Elsewhere { .. } => Vec::new(),
        }
    }

    /// Returns the note on the server for a reader of the figures.
    pub fn note(&self) -> String {
        match self {
            Self::Own(_) => "Server and bank ran as separate processes on the same machine as the handsets.".to_owned(),
            Self::Elsewhere { address, .. } => format!(
                "The server at {address} was running before the run: its counters and its bank's books cannot be read, so that money is not checked."
            ),
        }
    }

    /// Ends the processes that the run started, and returns their figures.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRun`] if one of them failed, or the bank's sums are wrong.
    pub fn finish(self) -> Result<Vec<ServerFigure>, Error> {
        match self {
            Self::Own(processes) => processes.finish(),
            Self::Elsewhere { .. } => Ok(Vec::new()),
        }
    }
}

/// How long each address of a server may take to answer before the run.
const PREFLIGHT: Duration = Duration::from_secs(3);

/// Finds the first of a server's addresses that completes a handshake.
///
/// # Errors
///
/// [`Error::Usage`] for an address that does not resolve; [`Error::InvalidRun`] where no address answers, with what each
/// one said.
fn reach(given: &str, config: &quinn::ClientConfig, name: &str) -> Result<SocketAddr, Error> {
    let not_an_address =
        || Error::Usage(format!("server.address = {given:?} is not an address: use HOST:PORT, as in 127.0.0.1:4433"));
    let addresses: Vec<SocketAddr> = given.to_socket_addrs().map_err(|_| not_an_address())?.collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Error::file("the runtime"))?;
    let mut answers = Vec::new();
    for address in addresses {
        match runtime.block_on(greet(address, config.clone(), name)) {
            Ok(()) => return Ok(address),
            Err(why) => answers.push(format!("{address}: {why}")),
        }
    }
    if answers.is_empty() {
        return Err(not_an_address());
    }
    Err(Error::InvalidRun(format!(
        "no handset can reach the server ({}): start it, or correct server.address, server.certificate and server.name",
        answers.join("; ")
    )))
}

/// Connects to a server once and leaves.
async fn greet(address: SocketAddr, config: quinn::ClientConfig, name: &str) -> Result<(), String> {
    let endpoint = socket::endpoint(any_port(address)).map_err(|error| format!("no UDP socket: {error}"))?;
    let connecting = Connection::connect(&endpoint, config, address, name);
    let clock = SystemClock::new();
    let connected = tokio::select! {
        biased;
        connected = connecting => connected.map_err(|error| error.to_string()),
        () = clock.sleep(PREFLIGHT) => Err(format!("no answer within {} s", PREFLIGHT.as_secs())),
    };
    connected.map(|connection| connection.close())
}

/// Raises the limit of open files as far as the system allows, for one socket for each handset: a limit that is still
/// too low shows as lost connections.
fn allow_sockets(wanted: u32) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    const OTHER_FILES: u64 = 256;
    let limit = getrlimit(Resource::Nofile);
    let wanted = u64::from(wanted) + OTHER_FILES;
    if limit.current.is_some_and(|current| current < wanted) {
        let current = Some(limit.maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        setrlimit(Resource::Nofile, Rlimit { current, ..limit }).ok();
    }
}
