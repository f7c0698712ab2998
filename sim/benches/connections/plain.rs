//! The same against the same server with quinn alone: a task a connection, and nothing that keeps account.

use super::crowd::{HANDSHAKES, PINGED, Side, ping, runtime};
use biopay_protocol::codec::{self, PREFIX_BYTES};
use biopay_server::tls::DEVELOPMENT_NAMES;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Returns handshakes a second.
pub fn handshakes(side: &Side<'_>, span: Duration) -> f64 {
    let (address, config) = (side.processes.listening(), side.processes.trust());
    count(side, HANDSHAKES, span, move |endpoint| {
        let config = config.clone();
        async move {
            let connecting = endpoint.connect_with(config, address, DEVELOPMENT_NAMES[0]).expect("the name is one");
            connecting.await.expect("the server is there").close(0_u32.into(), b"");
        }
    })
}

/// Returns pings a second.
pub fn pings(side: &Side<'_>, span: Duration) -> f64 {
    let runtime = runtime();
    let connections: Vec<quinn::Connection> = runtime.block_on(async {
        let endpoints = side.endpoints();
        let mut connections = Vec::new();
        for i in 0..PINGED {
            let (address, config) = (side.processes.listening(), side.processes.trust());
            let connecting = endpoints[i % endpoints.len()].connect_with(config, address, DEVELOPMENT_NAMES[0]);
            connections.push(connecting.expect("the name is one").await.expect("the server is there"));
        }
        connections
    });
    let frame = Arc::new(codec::encode(&ping()).expect("a ping is a message"));
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    for connection in &connections {
        let (connection, frame, stop, done) = (connection.clone(), frame.clone(), stop.clone(), done.clone());
        runtime.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                match exchange(&connection, &frame).await {
                    Some(bytes) => assert!(bytes > PREFIX_BYTES),
                    // The connections are closed although some tasks still wait for an answer.
                    None => assert!(stop.load(Ordering::Relaxed), "the connection broke"),
                }
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    std::thread::sleep(span);
    stop.store(true, Ordering::Relaxed);
    let rate = done.load(Ordering::Relaxed) as f64 / span.as_secs_f64();
    connections.iter().for_each(|connection| connection.close(0_u32.into(), b""));
    runtime.shutdown_background();
    rate
}

/// Sends a request and returns the bytes of its answer.
async fn exchange(connection: &quinn::Connection, frame: &[u8]) -> Option<usize> {
    let (mut send, mut receive) = connection.open_bi().await.ok()?;
    send.write_all(frame).await.ok()?;
    send.finish().ok()?;
    Some(receive.read_to_end(65_536).await.ok()?.len())
}

/// Repeats something on many tasks, and returns how often a second it was done.
fn count<F, T>(side: &Side<'_>, tasks: usize, span: Duration, act: F) -> f64
where
    F: Fn(quinn::Endpoint) -> T + Clone + Send + 'static,
    T: Future<Output = ()> + Send,
{
    let runtime = runtime();
    let endpoints = runtime.block_on(async { side.endpoints() });
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    for task in 0..tasks {
        let (endpoint, act) = (endpoints[task % endpoints.len()].clone(), act.clone());
        let (stop, done) = (stop.clone(), done.clone());
        runtime.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                act(endpoint.clone()).await;
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    std::thread::sleep(span);
    stop.store(true, Ordering::Relaxed);
    let rate = done.load(Ordering::Relaxed) as f64 / span.as_secs_f64();
    runtime.shutdown_timeout(Duration::from_millis(200));
    rate
}
