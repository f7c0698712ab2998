//! What the limits cost a request in processor time, over tables that already hold many keys:
//! `cargo bench -p biopay-server --bench limits`.

#![allow(missing_docs, reason = "criterion's macros write functions without any")]
#![allow(clippy::unwrap_used, reason = "in a bench, that is the report")]

use biopay_protocol::LoginName;
use biopay_server::config::ThrottleConfig;
use biopay_server::env::system;
use biopay_server::service::limits::{Source, Throttle};
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use std::hint::black_box;
use std::net::IpAddr;
use std::time::Duration;

/// Accounts and addresses with failures.
const KEYS: u32 = 20_000;

/// How often each round is repeated: the kernel counts processor time in steps of milliseconds.
const REPEATS: usize = 200_000;

fn source(n: u32) -> Source {
    IpAddr::from((0x0a00_0000 + n).to_be_bytes()).into()
}

fn name(n: u32) -> LoginName {
    LoginName::new(format!("user{n}")).unwrap()
}

/// Limits that have counted failures of many accounts from many addresses.
fn used() -> Throttle {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &[7; 32]);
    let throttle = Throttle::new(&ThrottleConfig::default(), &system::env(1, 16), key);
    for n in 0..KEYS {
        throttle.begin_login(&name(n), source(n)).unwrap();
        throttle.begin_qr(&name(n), source(n)).unwrap();
        throttle.begin_request(&name(n)).unwrap();
        throttle.remember(&name(n), source(n));
    }
    throttle
}

/// Returns the processor time of this thread (proc(5), schedstat): other programs on the machine do not count.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

/// Measures what is done with each of many names and sources, which are made before.
fn measure(criterion: &mut Criterion, what: &str, first: u32, act: impl Fn(&LoginName, Source)) {
    let who: Vec<_> = (0..KEYS).map(|n| (name(first + n * 7_919 % KEYS), source(first + n * 7_919 % KEYS))).collect();
    let mut group = criterion.benchmark_group("limits");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_millis(10));
    group.bench_function(format!("{what}/{KEYS}"), |bench| {
        bench.iter_custom(|rounds| {
            let began = processor_time();
            for (name, source) in who.iter().cycle().take(rounds as usize * REPEATS) {
                act(black_box(name), black_box(*source));
            }
            (processor_time() - began) / REPEATS as u32
        });
    });
    group.finish();
}

fn limits(criterion: &mut Criterion) {
    let throttle = used();
    // What a payment's request costs: one of the account's requests, and a QR that turns out right.
    measure(criterion, "request", 0, |name, source| {
        black_box(throttle.begin_request(name)).ok();
        black_box(throttle.begin_qr(name, source)).ok();
        throttle.forgive_qr(name, source);
    });
    measure(criterion, "login", 0, |name, source| {
        if black_box(throttle.begin_login(name, source)).is_ok() {
            throttle.forgive_login(name, source);
        }
    });
    measure(criterion, "stranger", KEYS, |name, source| {
        black_box(throttle.begin_login(name, source)).ok();
    });
}

criterion_group!(benches, limits);
criterion_main!(benches);
