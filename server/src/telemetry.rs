//! Traces for the operator: a span for each request, and below it one for each wait for the store, the bank and a
//! password's hash, sent to an OpenTelemetry collector (OTLP 1.x, protobuf over HTTP).
//!
//! A request that names its trace (field 100 of the wire) puts its span there, so that a client's trace goes on in the
//! server. Towards the bank, ISO 8583 has no place for a trace: the span carries the retrieval reference number, by which
//! the bank finds the charge. Spans name operations, answers, payments' references and nothing else: no account, no name.

use crate::error::Error;
use biopay_protocol::{Refusal, Response, TraceContext};
use opentelemetry::trace::{
    FutureExt, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response as HttpResponse};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The longest wait for the collector, once a batch.
const COLLECTOR_PATIENCE: Duration = Duration::from_secs(5);

/// Where spans go: nowhere, unless there is a collector.
#[derive(Clone, Debug, Default)]
pub struct Telemetry(Option<Collected>);

#[derive(Clone, Debug)]
struct Collected {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Telemetry {
    /// Sends spans to a collector, `http://HOST:PORT`, in batches from a thread of its own. A full queue drops spans; a
    /// request never waits. Of traces that no client began, `percent` are recorded.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for an invalid address.
    pub fn to_collector(address: &str, percent: u8) -> Result<Self, Error> {
        let endpoint = format!("{}/v1/traces", address.trim_end_matches('/'));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::default())
            .with_endpoint(endpoint)
            .with_timeout(COLLECTOR_PATIENCE)
            .build()
            .map_err(|error| Error::Config(format!("operations.traces: {error}: use http://HOST:PORT")))?;
        let root = Sampler::TraceIdRatioBased(f64::from(percent) / 100.0);
        let resource = Resource::builder_empty()
            .with_service_name("biopay-server")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(root)))
            .with_resource(resource)
            .build();
        let tracer = provider.tracer("biopay-server");
        Ok(Self(Some(Collected { provider, tracer })))
    }

    /// Answers a request within a span, which is part of the client's trace where there is one.
    pub(crate) async fn serve(
        &self,
        operation: &'static str,
        trace: Option<TraceContext>,
        answer: impl Future<Output = Response>,
    ) -> Response {
        let Some(Collected { tracer, .. }) = &self.0 else { return answer.await };
        let parent = trace.map_or_else(Context::new, |trace| Context::new().with_remote_span_context(parent_of(trace)));
        let builder = tracer.span_builder(operation).with_kind(SpanKind::Server);
        let context = parent.with_span(tracer.build_with_context(builder, &parent));
        let response = answer.with_context(context.clone()).await;
        context.span().set_attribute(KeyValue::new("biopay.answer", response.name()));
        if let Response::Refused(refusal @ (Refusal::Internal | Refusal::UnknownOutcome { .. })) = &response {
            context.span().set_status(Status::error(refusal.name()));
        }
        context.span().end();
        response
    }

    /// Waits for something else than this process within a span of the request that is under way.
    pub(crate) async fn call<T>(
        &self,
        what: &'static str,
        reference: Option<&str>,
        answer: impl Future<Output = T>,
    ) -> T {
        let Some(Collected { tracer, .. }) = &self.0 else { return answer.await };
        let parent = Context::current();
        let attributes = reference.map(|reference| KeyValue::new("biopay.reference", reference.to_owned()));
        let builder = tracer.span_builder(what).with_kind(SpanKind::Client).with_attributes(attributes);
        let context = parent.with_span(tracer.build_with_context(builder, &parent));
        let answered = answer.with_context(context.clone()).await;
        context.span().end();
        answered
    }

    /// Sends what is left, and waits for it for a while.
    pub fn finish(&self) {
        if let Some(Collected { provider, .. }) = &self.0
            && let Err(error) = provider.shutdown_with_timeout(COLLECTOR_PATIENCE)
        {
            tracing::warn!(%error, "the last traces did not reach the collector");
        }
    }
}

fn parent_of(trace: TraceContext) -> SpanContext {
    let (id, parent) = (TraceId::from_bytes(trace.trace_id), SpanId::from_bytes(trace.parent_id));
    SpanContext::new(id, parent, TraceFlags::new(trace.flags), true, TraceState::default())
}

/// The connection to a collector: one request a batch, from the batches' own thread.
#[derive(Debug, Default)]
struct Collector {
    /// The last batch did not arrive: said once, until one arrives.
    is_down: AtomicBool,
}

impl Collector {
    fn send(&self, request: Request<Bytes>) -> Result<HttpResponse<Bytes>, HttpError> {
        let mut post = minreq::post(request.uri().to_string())
            .with_timeout(COLLECTOR_PATIENCE.as_secs())
            .with_body(request.body().as_ref());
        for (name, value) in request.headers() {
            post = post.with_header(name.as_str(), value.to_str()?);
        }
        let answered = post.send()?;
        let status = u16::try_from(answered.status_code)?;
        Ok(HttpResponse::builder().status(status).body(Bytes::from(answered.into_bytes()))?)
    }
}

impl HttpClient for Collector {
    fn send_bytes<'life, 'run>(
        &'life self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse<Bytes>, HttpError>> + Send + 'run>>
    where
        'life: 'run,
        Self: 'run,
    {
        Box::pin(async move {
            let sent = self.send(request);
            let failure = match &sent {
                Ok(answer) if answer.status().is_success() => None,
                Ok(answer) => Some(answer.status().to_string()),
                Err(error) => Some(error.to_string()),
            };
            let was_down = self.is_down.swap(failure.is_some(), Ordering::Relaxed);
            if let (Some(error), false) = (failure, was_down) {
                tracing::warn!(%error, "traces do not reach the collector: those of this time are lost");
            }
            sent
        })
    }
}
