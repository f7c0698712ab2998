//! Virtual time as a user has it: the same bytes again, shards that make a whole, networks that cost what they cost,
//! and queues as theory has them.

use biopay_datasets::stream::stream;
use biopay_reports::records::TransactionOutcome;
use biopay_reports::{Manifest, RunReader};
use biopay_server::env::CostClass;
use biopay_sim::network::Fabric;
use biopay_sim::network::Stations;
use biopay_sim::virtual_time::{ServiceTimes, Timeline, Timer, run, virtual_env};
use rand_distr::{Distribution, Exp};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn biopay(folder: &Path, arguments: &[&str]) -> Output {
    let done = Command::new(env!("CARGO_BIN_EXE_biopay")).args(arguments).current_dir(folder).output();
    let done = done.expect("the program starts");
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    done
}

fn manifest(folder: &Path, name: &str) -> Manifest {
    RunReader::open(&folder.join(name)).expect("the run is there").manifest().clone()
}

/// Everything of a small run that is quick: points instead of fingers, two networks.
const SMALL: &[&str] = &[
    "run",
    "flash-sale",
    "--set",
    "handsets=12",
    "--set",
    "payments.per-handset=2",
    "--set",
    "impostors.share=0.5",
    "--set",
    "users.wrong-code=0.2",
    "--set",
    "network.mix.2g=1",
];

#[test]
fn one_seed_gives_the_same_bytes_again_and_another_seed_others() {
    let folder = tempfile::tempdir().unwrap();
    let digest = |name: &str, more: &[&str]| {
        biopay(folder.path(), &[SMALL, &["--out", name], more].concat());
        manifest(folder.path(), name).digest
    };
    let first = digest("a", &[]);
    assert_eq!(first, digest("b", &[]));
    assert_ne!(first, digest("c", &["--set", "seed=6"]));
    let records = RunReader::open(&folder.path().join("a")).unwrap().records().unwrap();
    assert_eq!(records.transactions.iter().filter(|t| t.outcome == TransactionOutcome::Registered).count(), 12);
    assert!(records.transactions.iter().filter(|t| t.outcome == TransactionOutcome::Charged).count() >= 20);
    // The slow network is slow: a round trip of EDGE takes 840 ms.
    let connect = |profile: &str| records.latency.operation(&format!("connect@{profile}")).map(|h| h.min());
    assert!(connect("2g").is_none_or(|us| us > 650_000), "{:?}", connect("2g"));
    assert!(connect("wifi").is_none_or(|us| us < 100_000), "{:?}", connect("wifi"));
}

#[test]
fn shards_make_the_same_bytes_as_the_whole_where_nobody_waits_for_anybody() {
    let folder = tempfile::tempdir().unwrap();
    let part = |name: &str, more: &[&str]| {
        biopay(folder.path(), &[SMALL, &["--set", "server.shared=false", "--out", name], more].concat());
    };
    part("whole", &[]);
    let whole = manifest(folder.path(), "whole");
    for count in [2, 3, 8] {
        let names: Vec<String> = (0..count).map(|i| format!("part-{i}-{count}")).collect();
        names.iter().enumerate().for_each(|(i, name)| part(name, &["--shard", &format!("{i}/{count}")]));
        let parts: Vec<&str> = names.iter().rev().map(String::as_str).collect();
        let out = format!("merged-{count}");
        biopay(folder.path(), &[&["merge", "--out", &out], &parts[..]].concat());
        let merged = manifest(folder.path(), &out);
        assert_eq!(merged.artefacts, whole.artefacts, "{count} shards");
    }
    for (folders, why) in [
        (vec!["part-0-3", "part-1-3"], "2/3 is missing"),
        (vec!["part-0-2", "part-0-2", "part-1-2"], "twice"),
        (vec!["part-0-2", "part-1-3"], "another run"),
        (vec!["whole"], "whole run"),
    ] {
        let arguments = [&["merge", "--out", "never"], &folders[..]].concat();
        let done =
            Command::new(env!("CARGO_BIN_EXE_biopay")).args(&arguments).current_dir(folder.path()).output().unwrap();
        let message = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(message.contains(why) && done.status.code() == Some(2), "{folders:?}: {message}");
    }
}

/// The stations that every cost of processor is charged to, as an M/M/k queue against Erlang's C, within 3 %: the mean
/// wait of 2,000,000 jobs at load 0.7 has a standard error below 0.6 % (Whitt 1989, for the M/M/1's longest memory).
#[test]
fn stations_wait_as_erlang_says() {
    for servers in [1_usize, 2, 4] {
        let (load, service_s, jobs) = (0.7, 0.01, 2_000_000_u32);
        let mut rng = stream(2, "test/erlang", servers as u64);
        let (gap, service) = (Exp::new(servers as f64 * load / service_s).unwrap(), Exp::new(1.0 / service_s).unwrap());
        let mut stations = Stations::new(servers);
        let (mut now, mut waited) = (0.0, 0.0);
        for _ in 0..jobs {
            now += gap.sample(&mut rng) * 1e9;
            let (begins, _) = stations.take(now as u64, (service.sample(&mut rng) * 1e9) as u64);
            waited += begins as f64 - now.floor();
        }
        let measured = waited / 1e9 / f64::from(jobs);
        let expected = erlang_wait(servers, load, service_s);
        assert!((measured / expected - 1.0).abs() < 0.03, "{servers} servers: {measured} s, {expected} s expected");
    }
}

/// Returns the mean wait of M/M/k. Units: seconds.
fn erlang_wait(servers: usize, load: f64, service_s: f64) -> f64 {
    let offered = servers as f64 * load;
    let terms: Vec<f64> = (0..=servers)
        .scan(1.0, |term, n| {
            let current = *term;
            *term *= offered / (n + 1) as f64;
            Some(current)
        })
        .collect();
    let last = terms[servers] / (1.0 - load);
    let erlang_c = last / (terms[..servers].iter().sum::<f64>() + last);
    erlang_c * service_s / (servers as f64 * (1.0 - load))
}

/// Hashing as a queue of two servers with exponential arrivals and constant service, through the server's own seam: 60,000
/// jobs at load 0.7. The mean wait of M/D/c is half that of M/M/c but for a correction (Cosmetatos 1975), which is itself
/// good to about 1 %; five per cent is about four standard errors.
#[test]
fn waiting_is_as_theory_has_it() {
    const SERVERS: usize = 2;
    const LOAD: f64 = 0.7;
    let service = Duration::from_millis(10);
    let timeline = Timeline::new(Fabric::silent());
    let times = ServiceTimes {
        hash_threads: SERVERS,
        hash_queue: usize::MAX >> 1,
        password_hash: service,
        key_exchange: Duration::ZERO,
        payload_verification: Duration::ZERO,
    };
    let env = virtual_env(&timeline, times, 1, "test/queue");
    let waited = Arc::new(Mutex::new((Duration::ZERO, 0_u32)));
    run(&timeline, async {
        let gap = Exp::new(SERVERS as f64 * LOAD / service.as_secs_f64()).unwrap();
        let mut rng = stream(1, "test/arrivals", 0);
        let mut jobs = Vec::new();
        for _ in 0..60_000 {
            Timer::after(&timeline, Duration::from_secs_f64(gap.sample(&mut rng))).await;
            let (env, waited, timeline) = (env.clone(), waited.clone(), timeline.clone());
            jobs.push(tokio::spawn(async move {
                let came = timeline.elapsed();
                env.run(CostClass::PasswordHash, || ()).await.unwrap();
                let mut waited = waited.lock().unwrap();
                waited.0 += timeline.elapsed() - came - service;
                waited.1 += 1;
            }));
        }
        for job in jobs {
            job.await.unwrap();
        }
    });
    let (sum, jobs) = *waited.lock().unwrap();
    let measured = sum.as_secs_f64() / f64::from(jobs);
    let expected = deterministic_wait(SERVERS as f64, LOAD, service.as_secs_f64());
    assert!((measured / expected - 1.0).abs() < 0.05, "waited {measured} s, {expected} s expected");
}

/// Returns the mean wait of M/D/c for two servers. Units: seconds.
fn deterministic_wait(servers: f64, load: f64, service_s: f64) -> f64 {
    let exponential = erlang_wait(servers as usize, load, service_s);
    let correction = (1.0 - load) * (servers - 1.0) * ((4.0 + 5.0 * servers).sqrt() - 2.0) / (16.0 * load * servers);
    exponential / 2.0 * (1.0 + correction)
}
