//! TLS between server and bank, in both directions: each shows who it is, and a stranger is turned away.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

use biopay_server::config::TlsConfig;
use biopay_server::tls::{Identity, bank_acceptor, bank_connector};
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Makes a certificate and its key as files.
fn make(folder: &Path, name: &str) -> TlsConfig {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let (chain, private) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    std::fs::write(&chain, certificate.pem()).unwrap();
    std::fs::write(&private, key.serialize_pem()).unwrap();
    TlsConfig { certificate: Some(chain), key: Some(private) }
}

/// Says whether an acquirer that shows `own` and trusts `trusted` gets an answer from a bank that asks for `clients`.
async fn is_answered(bank: &TlsConfig, clients: Option<&TlsConfig>, own: &TlsConfig, trusted: &TlsConfig) -> bool {
    let clients = clients.and_then(|clients| clients.certificate.clone());
    let acceptor = bank_acceptor(Identity::load(bank).unwrap(), clients.as_deref()).unwrap();
    let connector = bank_connector(trusted.certificate.as_deref().unwrap(), own).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        if let Ok(mut stream) = acceptor.accept(socket).await {
            let _ = stream.write_all(b"answer").await;
            let _ = stream.shutdown().await;
        }
    });
    let socket = TcpStream::connect(address).await.unwrap();
    let Ok(mut stream) = connector.connect("localhost".try_into().unwrap(), socket).await else { return false };
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.is_ok() && answer == b"answer"
}

#[tokio::test]
async fn server_and_bank_show_each_other_who_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let [bank, server, stranger] = ["bank", "server", "stranger"].map(|name| make(folder.path(), name));
    let nobody = TlsConfig::default();
    assert!(is_answered(&bank, Some(&server), &server, &bank).await);
    assert!(!is_answered(&bank, Some(&server), &stranger, &bank).await, "a stranger's certificate was taken");
    assert!(!is_answered(&bank, Some(&server), &nobody, &bank).await, "no certificate was taken for one");
    assert!(!is_answered(&stranger, Some(&server), &server, &bank).await, "the server spoke to a stranger");
    assert!(is_answered(&bank, None, &nobody, &bank).await);
}
