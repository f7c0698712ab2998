//! A TCP proxy in front of a dependency that hangs, or loses an answer.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to what the dependency answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    Pass,
    /// They wait until they may pass again.
    Hang,
    /// They are lost, and the connection with them.
    Lost,
}

/// A proxy; it ends with the runtime.
pub struct Proxy {
    pub address: SocketAddr,
    answers: watch::Sender<Answers>,
}

impl Proxy {
    pub async fn start(behind: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (answers, rule) = watch::channel(Answers::Pass);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let rule = rule.clone();
                tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(behind).await {
                        carry(client, server, rule).await;
                    }
                });
            }
        });
        Self { address, answers }
    }

    pub fn set(&self, answers: Answers) {
        self.answers.send_replace(answers);
    }
}

async fn carry(client: TcpStream, server: TcpStream, mut rule: watch::Receiver<Answers>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
    });
    let mut buffer = vec![0; 65_536];
    while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
        let _ = rule.wait_for(|rule| *rule != Answers::Hang).await;
        if *rule.borrow() == Answers::Lost || to_client.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
