//! TLS 1.3 for both ends of QUIC: certificates from PEM files, or one made for development.

use crate::config::{Limits, TlsConfig};
use crate::error::Error;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::RootCertStore;
use rustls::client::{Resumption, WantsClientCert};
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::time_provider::{DefaultTimeProvider, TimeProvider};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use x509_cert::der::Decode;

/// The names in a development certificate.
pub const DEVELOPMENT_NAMES: [&str; 2] = ["localhost", "biopay.test"];
/// A whole request fits into a stream's first window; nobody needs more.
const STREAM_WINDOW_BYTES: u32 = 65_536;

/// How many handshake bytes may arrive out of order: room for a certificate chain.
const CRYPTO_BUFFER_BYTES: usize = 16 * 1024;
/// Handshakes that may wait to be looked at, and what they may have sent by then, each and all together.
const INCOMING_MAX: usize = 4_096;
const INCOMING_BUFFER_BYTES: u64 = 16 * 1024;
const INCOMING_BUFFERS_BYTES: u64 = 16 * 1024 * 1024;
/// How long an address that proved itself stays proved.
const RETRY_TOKEN_LIFETIME: Duration = Duration::from_secs(15);

/// Where TLS under QUIC takes its algorithms, its randomness and the time from.
#[derive(Clone, Debug)]
pub struct TlsSources {
    /// The algorithms and the randomness.
    pub provider: Arc<CryptoProvider>,
    /// The time that certificates are held against.
    pub time: Arc<dyn TimeProvider>,
}

impl TlsSources {
    /// Takes the operating system's.
    pub fn system() -> Self {
        Self { provider: Arc::new(rustls::crypto::ring::default_provider()), time: Arc::new(DefaultTimeProvider) }
    }
}

/// Returns until when a certificate is valid, in seconds since 1970; `None` where it does not say.
pub fn expires_unix_s(certificate: &CertificateDer<'_>) -> Option<u64> {
    let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
    Some(certificate.tbs_certificate.validity.not_after.to_unix_duration().as_secs())
}

/// A certificate chain and its key.
#[derive(Debug)]
pub struct Identity {
    /// The chain, the server's own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Returns until when the certificate is valid, in seconds since 1970; `None` where it does not say.
    pub fn expires_unix_s(&self) -> Option<u64> {
        expires_unix_s(self.chain.first()?)
    }

    /// Reads the configured files, or makes a development certificate and warns.
    ///
    /// # Errors
    ///
    /// [`Error::Certificate`] when the files cannot be read or only one of them is named.
    pub fn load(config: &TlsConfig) -> Result<Self, Error> {
        let wrong = |error: rustls_pki_types::pem::Error| Error::Certificate(error.to_string());
        match (&config.certificate, &config.key) {
            (Some(certificate), Some(key)) => {
                let chain = CertificateDer::pem_file_iter(certificate).map_err(wrong)?;
                let chain = chain.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
                Ok(Self { chain, key: PrivateKeyDer::from_pem_file(key).map_err(wrong)? })
            }
            (None, None) => Self::development(),
            _ => Err(Error::Certificate("name both the certificate and the key, or neither".into())),
        }
    }

    /// Writes the chain in PEM, for whoever is to trust it.
    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(|certificate| pem("CERTIFICATE", certificate)).collect()
    }

    /// Makes a self-signed certificate for tests.
    ///
    /// # Errors
    ///
    /// [`Error::Certificate`] when no key can be made.
    pub fn development() -> Result<Self, Error> {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519);
        Self::self_signed(key.map_err(|error| Error::Certificate(error.to_string()))?)
    }

    /// Makes the self-signed certificate of an Ed25519 key (RFC 8032, 5.1.5: 32 bytes). The same key gives the same
    /// certificate, and its signatures have one length.
    ///
    /// # Errors
    ///
    /// [`Error::Certificate`].
    pub fn development_of(key: &[u8; 32]) -> Result<Self, Error> {
        let pkcs8 = [PKCS8_ED25519.as_slice(), key].concat();
        let key = rcgen::KeyPair::try_from(pkcs8.as_slice());
        Self::self_signed(key.map_err(|error| Error::Certificate(error.to_string()))?)
    }

    fn self_signed(key: rcgen::KeyPair) -> Result<Self, Error> {
        let wrong = |error: rcgen::Error| Error::Certificate(error.to_string());
        let names = DEVELOPMENT_NAMES.map(str::to_owned);
        let certificate = rcgen::CertificateParams::new(names).map_err(wrong)?.self_signed(&key).map_err(wrong)?;
        let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Ok(Self { chain: vec![certificate.der().clone()], key: private })
    }
}

/// What stands before the 32 bytes of an Ed25519 key in PKCS #8, version 1 (RFC 8410, section 7).
const PKCS8_ED25519: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// Makes the server's side of QUIC with every limit set.
///
/// # Errors
///
/// [`Error::Certificate`] when chain and key do not belong together.
pub fn server_config(identity: Identity, limits: &Limits, sources: &TlsSources) -> Result<quinn::ServerConfig, Error> {
    let wrong = |error: &dyn std::fmt::Display| Error::Certificate(error.to_string());
    let builder = rustls::ServerConfig::builder_with_details(sources.provider.clone(), sources.time.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| wrong(&error))?;
    let mut tls =
        builder.with_no_client_auth().with_single_cert(identity.chain, identity.key).map_err(|error| wrong(&error))?;
    tls.alpn_protocols = biopay_protocol::greetings();
    // No 0-RTT: nothing here is safe to replay. QUIC knows all or nothing (RFC 9001, 4.6.1).
    tls.max_early_data_size = if limits.early_data { u32::MAX } else { 0 };
    let quic = QuicServerConfig::try_from(tls).map_err(|error| wrong(&error))?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(quic));
    config.transport_config(Arc::new(server_transport(limits)));
    config.max_incoming(limits.connections.min(INCOMING_MAX));
    config.incoming_buffer_size(INCOMING_BUFFER_BYTES).incoming_buffer_size_total(INCOMING_BUFFERS_BYTES);
    config.retry_token_lifetime(RETRY_TOKEN_LIFETIME);
    // A handset's address changes when it leaves a Wi-Fi; the new one is validated (RFC 9000, section 9).
    config.migration(true);
    Ok(config)
}

/// Makes a connection's limits, each of them set and none left to a default.
pub fn server_transport(limits: &Limits) -> quinn::TransportConfig {
    let mut transport = quinn::TransportConfig::default();
    let idle = Duration::from_millis(u64::from(limits.idle_ms));
    transport
        .max_concurrent_bidi_streams(limits.streams.into())
        .max_concurrent_uni_streams(0_u32.into())
        .stream_receive_window(STREAM_WINDOW_BYTES.into())
        .receive_window((STREAM_WINDOW_BYTES * 2).into())
        .send_window(u64::from(STREAM_WINDOW_BYTES) * 4)
        .send_fairness(true)
        .crypto_buffer_size(CRYPTO_BUFFER_BYTES)
        .datagram_receive_buffer_size(None)
        .datagram_send_buffer_size(0)
        .keep_alive_interval(None)
        .max_idle_timeout(idle.try_into().ok());
    transport
}

/// Makes the bank's side of TLS over TCP. `clients` names the certificates, PEM, that have to stand behind an acquirer's
/// own; without it any acquirer may connect, and shows who it is by what it knows.
///
/// # Errors
///
/// [`Error::Certificate`] when chain and key do not belong together, or the file holds nothing to trust.
pub fn bank_acceptor(identity: Identity, clients: Option<&Path>) -> Result<TlsAcceptor, Error> {
    let wrong = |error: &dyn std::fmt::Display| Error::Certificate(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| wrong(&error))?;
    let builder = match clients {
        Some(path) => {
            let roots = Arc::new(roots_of(path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| wrong(&error))?)
        }
        None => builder.with_no_client_auth(),
    };
    let config = builder.with_single_cert(identity.chain, identity.key).map_err(|error| wrong(&error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Makes the server's side of TLS to the bank, which trusts the certificates in a PEM file and no others, and shows its
/// own where it has one.
///
/// # Errors
///
/// [`Error::Certificate`] when the file holds none that can be trusted as a root, or our own cannot be used.
pub fn bank_connector(trusted: &Path, own: &TlsConfig) -> Result<TlsConnector, Error> {
    let builder = trusting(trusted)?;
    let config = if *own == TlsConfig::default() {
        builder.with_no_client_auth()
    } else {
        let Identity { chain, key } = Identity::load(own)?;
        builder.with_client_auth_cert(chain, key).map_err(|error| Error::Certificate(error.to_string()))?
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Makes the server's side of TLS to its database, which trusts the certificates in a PEM file and no others.
///
/// # Errors
///
/// [`Error::Certificate`] when the file holds none that can be trusted as a root.
pub fn database_connector(trusted: &Path) -> Result<MakeRustlsConnect, Error> {
    Ok(MakeRustlsConnect::new(trusting(trusted)?.with_no_client_auth()))
}

/// Begins the configuration of a client that trusts the certificates in a PEM file and no others.
fn trusting(path: &Path) -> Result<rustls::ConfigBuilder<rustls::ClientConfig, WantsClientCert>, Error> {
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| Error::Certificate(error.to_string()))?;
    Ok(builder.with_root_certificates(roots_of(path)?))
}

fn roots_of(path: &Path) -> Result<RootCertStore, Error> {
    let wrong = |error: &dyn std::fmt::Display| Error::Certificate(format!("{}: {error}", path.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))? {
        roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
    }
    if roots.is_empty() { Err(wrong(&"the file has no certificate")) } else { Ok(roots) }
}

/// Makes the client's side of QUIC, which trusts these certificates and no others. It resumes no session, so that
/// clients who share it know nothing of each other.
///
/// # Errors
///
/// [`Error::Certificate`] when one of them cannot be trusted as a root.
pub fn client_config(trusted: &[CertificateDer<'static>], sources: &TlsSources) -> Result<quinn::ClientConfig, Error> {
    let wrong = |error: &dyn std::fmt::Display| Error::Certificate(error.to_string());
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add(certificate.clone()).map_err(|error| wrong(&error))?;
    }
    let builder = rustls::ClientConfig::builder_with_details(sources.provider.clone(), sources.time.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| wrong(&error))?;
    let mut tls = builder.with_root_certificates(roots).with_no_client_auth();
    tls.alpn_protocols = vec![biopay_protocol::ALPN.to_vec()];
    tls.resumption = Resumption::disabled();
    let quic = QuicClientConfig::try_from(tls).map_err(|error| wrong(&error))?;
    Ok(quinn::ClientConfig::new(Arc::new(quic)))
}

/// Writes DER as PEM (RFC 7468): base64 in lines of 64 characters.
fn pem(label: &str, der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let encode = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        let letter = |at: usize| char::from(ALPHABET[(bits >> (18 - 6 * at)) as usize & 63]);
        (0..4).map(|at| if at <= chunk.len() { letter(at) } else { '=' }).collect::<String>()
    };
    let letters: String = der.chunks(3).map(encode).collect();
    let lines = letters.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line) + "\n");
    format!("-----BEGIN {label}-----\n{}-----END {label}-----\n", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_reads_back_from_its_pem() {
        let identity = Identity::development().unwrap();
        let read: Vec<_> =
            CertificateDer::pem_slice_iter(identity.chain_pem().as_bytes()).map(Result::unwrap).collect();
        assert_eq!(read, identity.chain);
    }

    #[test]
    fn a_key_has_one_certificate() {
        let chain = |key: u8| Identity::development_of(&[key; 32]).unwrap().chain;
        assert_eq!(chain(1), chain(1));
        assert_ne!(chain(1), chain(2));
    }

    #[test]
    fn one_of_certificate_and_key_is_not_enough() {
        let config = TlsConfig { certificate: Some("x.pem".into()), key: None };
        assert!(matches!(Identity::load(&config), Err(Error::Certificate(_))));
    }
}
