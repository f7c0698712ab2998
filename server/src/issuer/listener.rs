//! The bank's side of the wire: many connections, many requests under way on each.

use super::faults::FaultyHost;
use crate::env::Env;
use crate::iso8583::Message;
use crate::iso8583::stream::{self, ReadError};
use crate::shutdown::Shutdown;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;

/// Connections at most: an acquirer keeps a few open.
const CONNECTIONS_MAX: usize = 256;
const HANDSHAKE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);
/// Requests under way on one connection.
const UNDER_WAY_MAX: usize = 4_096;

/// Accepts connections until the shutdown, then lets what is under way finish.
pub async fn listen(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    host: FaultyHost,
    env: Env,
    mut shutdown: Shutdown,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut restarts = host.restarts();
    loop {
        let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
        let accepted = tokio::select! {
            biased;
            () = shutdown.begun() => break,
            Ok(()) = restarts.changed() => {
                env.clock.sleep(host.restart_time()).await;
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, _)) = accepted else {
            // Out of file descriptors, or the peer left already: not a reason to stop, nor to spin.
            env.clock.sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        drop(socket.set_nodelay(true));
        let (host, tls, env, mut shutdown) = (host.clone(), tls.clone(), env.clone(), shutdown.clone());
        let mut restarts = host.restarts();
        tokio::spawn(async move {
            let _place = place;
            tokio::select! {
                biased;
                () = shutdown.begun() => {}
                Ok(()) = restarts.changed() => {}
                () = welcome(socket, tls, host, &env) => {}
            }
        });
    }
    let all = places.acquire_many(CONNECTIONS_MAX as u32);
    if env.within(std::time::Duration::from_secs(5), all).await.is_none() {
        tracing::warn!("connections were still open when the bank stopped");
    }
}

/// Completes the TLS handshake where TLS is used, and then answers requests.
async fn welcome(socket: TcpStream, tls: Option<TlsAcceptor>, host: FaultyHost, env: &Env) {
    let Some(tls) = tls else { return converse(socket, host).await };
    match env.within(HANDSHAKE_TIMEOUT, tls.accept(socket)).await {
        Some(Ok(stream)) => converse(stream, host).await,
        Some(Err(error)) => tracing::warn!(%error, "a handshake failed"),
        None => tracing::warn!("a handshake took too long"),
    }
}

/// Answers one connection's requests, in whatever order their answers are ready.
pub async fn converse(socket: impl AsyncRead + AsyncWrite + Send + 'static, host: FaultyHost) {
    let (reading, mut writing) = tokio::io::split(socket);
    let mut reading = BufReader::new(reading);
    let (answers, mut to_write) = mpsc::channel::<Message>(UNDER_WAY_MAX);
    let places = Arc::new(Semaphore::new(UNDER_WAY_MAX));
    let writer = async move {
        let mut messages = Vec::new();
        while to_write.recv_many(&mut messages, stream::TOGETHER_MAX).await > 0 {
            if stream::write(&mut writing, &messages).await.is_err() {
                return;
            }
            messages.clear();
        }
    };
    let reader = async move {
        loop {
            let request = match stream::read(&mut reading).await {
                Ok(request) => request,
                Err(ReadError::Closed) => return,
                Err(error) => return tracing::warn!(%error, "closed a connection"),
            };
            let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
            let (host, answers) = (host.clone(), answers.clone());
            tokio::spawn(async move {
                let _place = place;
                for answer in host.answers(&request).await {
                    drop(answers.send(answer).await);
                }
            });
        }
    };
    tokio::join!(writer, reader);
}
