//! What the limits cost a request, over tables that already hold many keys: `cargo bench -p biopay-server --bench limits`.

#![allow(missing_docs, reason = "criterion's macros write functions without any")]
#![allow(clippy::unwrap_used, reason = "in a bench, that is the report")]

use biopay_protocol::LoginName;
use biopay_server::config::ThrottleConfig;
use biopay_server::env::system;
use biopay_server::service::limits::{Source, Throttle};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::net::IpAddr;

/// Accounts and addresses with failures.
const KEYS: u32 = 20_000;

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

fn limits(criterion: &mut Criterion) {
    let throttle = used();
    let mut n = 0;
    let mut next = || {
        n = (n + 7_919) % KEYS;
        (name(n), source(n))
    };
    criterion.bench_function("limits/request/20000", |bench| {
        bench.iter_batched(
            &mut next,
            |(name, source)| {
                // What a payment's request costs: one of the account's requests, and a QR that turns out right.
                black_box(throttle.begin_request(&name)).ok();
                black_box(throttle.begin_qr(&name, source)).ok();
                throttle.forgive_qr(&name, source);
            },
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("limits/login/20000", |bench| {
        bench.iter_batched(
            &mut next,
            |(name, source)| {
                if black_box(throttle.begin_login(&name, source)).is_ok() {
                    throttle.forgive_login(&name, source);
                }
            },
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("limits/stranger/20000", |bench| {
        let mut m = 0_u32;
        bench.iter_batched(
            || {
                m = m.wrapping_add(1) % 50_000;
                (LoginName::new(format!("nobody{m}")).unwrap(), source(KEYS + m))
            },
            |(name, source)| {
                black_box(throttle.begin_login(&name, source)).ok();
            },
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, limits);
criterion_main!(benches);
