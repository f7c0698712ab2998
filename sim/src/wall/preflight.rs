//! The greeting of a server that runs already, before any sample is captured for nothing.

use crate::Error;
use crate::io::any_port;
use biopay_protocol::{Request, Response};
use biopay_server::client::{ClientError, Connection};
use biopay_server::env::Clock;
use biopay_server::env::system::SystemClock;
use biopay_server::socket;
use biopay_server::tls::expires_unix_s;
use quinn::{ConnectionError, TransportErrorCode};
use rustls_pki_types::CertificateDer;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

/// How long each address of a server may take to answer before the run.
const PREFLIGHT: Duration = Duration::from_secs(3);

/// Finds the first of a server's addresses that completes a handshake and says that it is healthy; returns it with what it
/// showed of itself, in words.
///
/// # Errors
///
/// [`Error::Usage`] for an address that does not resolve; [`Error::InvalidRun`] where no address answers, with what each
/// one said.
pub(super) fn reach(given: &str, config: &quinn::ClientConfig, name: &str) -> Result<(SocketAddr, String), Error> {
    let not_an_address =
        || Error::Usage(format!("server.address = {given:?} is not an address: use HOST:PORT, as in 127.0.0.1:4433"));
    let addresses: Vec<SocketAddr> = given.to_socket_addrs().map_err(|_| not_an_address())?.collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Error::file("the runtime"))?;
    let mut answers = Vec::new();
    for &address in &addresses {
        match runtime.block_on(greet(address, config.clone(), name)) {
            Ok(shown) => {
                let number = format!("address {} of {}", answers.len() + 1, addresses.len());
                return Ok((address, format!("the server at {given} answers: {address} ({number}), {shown}")));
            }
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

/// Connects to a server once, asks for its health and leaves; returns what it showed of itself.
async fn greet(address: SocketAddr, config: quinn::ClientConfig, name: &str) -> Result<String, String> {
    let endpoint = socket::endpoint(any_port(address)).map_err(|error| format!("no UDP socket: {error}"))?;
    let clock = SystemClock::new();
    let greeting = async {
        let connection = Connection::connect(&endpoint, config, address, name).await?;
        let healthy = connection.request(&Request::Health).await?;
        Ok((connection, healthy))
    };
    let (connection, health) = tokio::select! {
        biased;
        greeted = greeting => greeted.map_err(|error: ClientError| in_words(&error, name))?,
        () = clock.sleep(PREFLIGHT) => return Err(format!("no answer within {} s", PREFLIGHT.as_secs())),
    };
    let round_trip_ms = connection.quic().rtt().as_secs_f64() * 1e3;
    let certificate = certificate_in_words(&connection, name, clock.unix_ms() / 1_000);
    connection.close();
    let version = String::from_utf8_lossy(biopay_protocol::ALPN).into_owned();
    match health == Response::Healthy {
        true => Ok(format!("{version}, {certificate}, round trip {round_trip_ms:.1} ms")),
        false => Err(format!("it speaks {version}, but its health is {}", health.name())),
    }
}

/// Describes the certificate that a server showed: its name, and for how long it is valid.
fn certificate_in_words(connection: &Connection, name: &str, now_unix_s: u64) -> String {
    const DAY_S: u64 = 86_400;
    let chain =
        connection.quic().peer_identity().and_then(|chain| chain.downcast::<Vec<CertificateDer<'static>>>().ok());
    let expires = chain.and_then(|chain| expires_unix_s(chain.first()?));
    let valid = match expires {
        Some(until) => format!("valid for {} more days", until.saturating_sub(now_unix_s) / DAY_S),
        None => "of unknown validity".to_owned(),
    };
    format!("certificate of {name:?} {valid}")
}

/// Returns why a greeting failed, in a user's words.
fn in_words(error: &ClientError, name: &str) -> String {
    let ClientError::Connection(ended) = error else { return error.to_string() };
    let own = String::from_utf8_lossy(biopay_protocol::ALPN).into_owned();
    match ended {
        ConnectionError::ApplicationClosed(close) if close.reason.starts_with(b"biopay/") => {
            let theirs = String::from_utf8_lossy(&close.reason).into_owned();
            format!("it speaks {theirs}, and this client {own}: use programs of one version")
        }
        ConnectionError::TransportError(failed) => match certificate_fault(&failed.reason, name) {
            Some(fault) => fault.to_owned(),
            None => ended.to_string(),
        },
        ConnectionError::ConnectionClosed(close)
            if close.error_code == TransportErrorCode::crypto(NO_COMMON_PROTOCOL) =>
        {
            format!("it is a QUIC server of something else: it does not speak {own}")
        }
        ConnectionError::TimedOut => "no answer: nothing listens there, or a firewall drops UDP".to_owned(),
        ConnectionError::VersionMismatch => "it speaks no QUIC version 1".to_owned(),
        ConnectionError::ConnectionClosed(_)
        | ConnectionError::ApplicationClosed(_)
        | ConnectionError::Reset
        | ConnectionError::LocallyClosed
        | ConnectionError::CidsExhausted => ended.to_string(),
    }
}

/// TLS's alert `no_application_protocol` (RFC 7301, 3.2).
const NO_COMMON_PROTOCOL: u8 = 120;

/// Returns what is wrong with a server's certificate, by rustls' words for it.
fn certificate_fault(reason: &str, name: &str) -> Option<String> {
    let faults = [
        ("UnknownIssuer", "its certificate is not the one in server.certificate, nor signed by it".to_owned()),
        (
            "CaUsedAsEndEntity",
            "server.certificate is the certificate of an authority that the server shows as its own".to_owned(),
        ),
        ("not valid for name", format!("its certificate is not for the name {name:?}: set server.name")),
        ("expired", "its certificate has expired".to_owned()),
        ("not valid yet", "its certificate is not valid yet: see the clocks of both machines".to_owned()),
        ("BadSignature", "its certificate is not the one in server.certificate: the signature is another's".to_owned()),
    ];
    faults.into_iter().find(|(word, _)| reason.contains(word)).map(|(_, words)| words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificates_fault_is_said_in_words() {
        let unknown = certificate_fault("invalid peer certificate: UnknownIssuer", "localhost");
        assert!(unknown.unwrap().contains("server.certificate"));
        let name = certificate_fault("certificate not valid for name \"pay.example\"; certificate is", "pay.example");
        assert!(name.unwrap().contains("pay.example"));
        assert_eq!(certificate_fault("something else", "localhost"), None);
    }
}
