//! The operator's HTTP endpoint: `/metrics` in Prometheus' text format, `/livez` for whoever restarts a process that
//! hangs, and `/readyz` (with `/healthz`) for whoever sends requests to servers that can charge.

mod prometheus;

use crate::service::Service;
use crate::shutdown::Shutdown;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Connections at once: a scraper, and probes. When there are more, the oldest is closed, so that nobody keeps others out
/// by connecting and saying nothing.
const CONNECTIONS_MAX: usize = 64;
/// How long one connection may take altogether.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the store and the bank may take to answer a health check.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);
const HEADER_BYTES_MAX: usize = 8 * 1024;
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers until the shutdown.
pub async fn serve_operations(listener: TcpListener, service: Arc<Service>, mut shutdown: Shutdown) {
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.begun() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, _)) = accepted else {
            service.env().clock.sleep(Duration::from_millis(10)).await;
            continue;
        };
        open.retain(|connection| !connection.is_finished());
        if open.len() >= CONNECTIONS_MAX
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        let (service, shutdown) = (service.clone(), shutdown.clone());
        let connection = tokio::spawn(async move {
            let env = service.env().clone();
            env.within(CONNECTION_TIMEOUT, converse(socket, service, shutdown)).await;
        });
        open.push_back(connection.abort_handle());
    }
}

async fn converse(socket: TcpStream, service: Arc<Service>, shutdown: Shutdown) {
    let respond = service_fn(|request| {
        let (service, shutdown) = (service.clone(), shutdown.clone());
        async move { Ok::<_, Infallible>(respond(&service, &shutdown, &request).await) }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.keep_alive(false).max_buf_size(HEADER_BYTES_MAX).half_close(false);
    if let Err(error) = http.serve_connection(TokioIo::new(socket), respond).await {
        tracing::debug!(%error, "an operator's connection ended");
    }
}

async fn respond(service: &Service, shutdown: &Shutdown, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => {
            let snapshot = service.snapshot();
            text(StatusCode::OK, prometheus::write(&snapshot, &service.gauges().await, service.images().killed()))
        }
        // That this is answered is all that there is to say: a bank that is away is no reason to restart the server.
        (&Method::GET, "/livez") => text(StatusCode::OK, "alive\n".into()),
        (&Method::GET, "/readyz" | "/healthz") if shutdown.has_begun() => {
            text(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n".into())
        }
        (&Method::GET, "/readyz" | "/healthz") => match service.env().within(HEALTH_TIMEOUT, service.health()).await {
            Some(Ok(_)) => text(StatusCode::OK, "ok\n".into()),
            Some(Err(refusal)) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{refusal}\n")),
            None => text(StatusCode::SERVICE_UNAVAILABLE, "no answer in time\n".into()),
        },
        (&Method::GET, _) => text(StatusCode::NOT_FOUND, "there are /metrics, /livez, /readyz and /healthz\n".into()),
        _ => text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".into()),
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(TEXT));
    response
}
