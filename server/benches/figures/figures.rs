//! The server's figures, each as a ratio of two measurements in one run: `cargo bench -p biopay-server`.
//!
//! `BIOPAY_FIGURES` names those to measure, separated by commas: `group-commit`, `logins`, `processor`, `memory`,
//! `latency`, `names`; without it, all. `BIOPAY_FIGURES_ROUNDS` says how often (3).

#![allow(clippy::unwrap_used, reason = "in a bench, that is the report")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

#[path = "../../tests/common/mod.rs"]
mod common;
mod latency;
mod names;
mod quic;
mod store;
mod usage;

/// The same as the server's, so that echo and store are measured with what the server has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if std::env::var_os(quic::ECHO_ROLE).is_some() {
        return runtime.block_on(quic::echo_server());
    }
    let wanted = std::env::var("BIOPAY_FIGURES").unwrap_or_default();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.split(',').any(|wanted| wanted == name);
    let rounds = std::env::var("BIOPAY_FIGURES_ROUNDS").map_or(3, |text| text.parse().unwrap());
    runtime.block_on(async {
        for round in 1..=rounds {
            if is_wanted("group-commit") {
                store::group_commit(round).await;
            }
            if is_wanted("logins") {
                store::logins(round).await;
            }
            if is_wanted("processor") || is_wanted("memory") {
                quic::processor_and_memory(round).await;
            }
            if is_wanted("latency") {
                for priority in latency::PRIORITIES {
                    latency::charges_beside_logins(round, priority).await;
                }
            }
            if is_wanted("names") {
                names::known_and_unknown(round).await;
            }
        }
    });
}
