//! The server on the wall clock: a server and a bank that the run starts and ends, or a server that is running already.

use crate::Error;
use crate::io::{ServerAddress, any_port};
use crate::people::population::Population;
use crate::scenario::{Connections, ServerSettings};
use crate::wall::preflight::reach;
use crate::wall::processes::Processes;
use crate::wall::usage::Usage;
use biopay_biometrics::scheme::SchemeParameters;
use biopay_reports::records::ServerFigure;
use biopay_server::socket;
use biopay_server::tls::{DEVELOPMENT_NAMES, TlsSources, client_config};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::net::SocketAddr;
use std::path::Path;

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
        /// What it showed of itself before the run, in words.
        greeting: String,
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
        if trusted.is_empty() {
            return Err(unusable(
                "there is no certificate in it: use a PEM file, with -----BEGIN CERTIFICATE-----".into(),
            ));
        }
        let config = client_config(&trusted, &TlsSources::system()).map_err(|e| unusable(e.to_string()))?;
        let name = settings.name.clone().unwrap_or_else(|| DEVELOPMENT_NAMES[0].to_owned());
        let (address, greeting) = reach(given, &config, &name)?;
        Ok(Some(Self::Elsewhere { address, name, config, greeting }))
    }

    /// Opens the sockets of a number of handsets and returns how these reach the server. Must be called within tokio's context.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if a socket cannot be opened.
    pub fn address(&self, connections: &Connections, handsets: u32) -> Result<ServerAddress, Error> {
        let (address, name, config) = match self {
            Self::Own(processes) => (processes.listening(), DEVELOPMENT_NAMES[0].to_owned(), processes.trust()),
            Self::Elsewhere { address, name, config, .. } => (*address, name.clone(), config.clone()),
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
                "The server at {address} was running before the run: its bank's books cannot be read, so that money is not checked."
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

/// Greets the server that the scenario names, and returns what it showed of itself; `None` where the run starts its own.
///
/// # Errors
///
/// Those of [`Target::elsewhere`].
pub fn greeting(settings: &ServerSettings) -> Result<Option<String>, Error> {
    let target = Target::elsewhere(settings)?;
    Ok(target.and_then(|target| match target {
        Target::Own(_) => None,
        Target::Elsewhere { greeting, .. } => Some(greeting),
    }))
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
