//! The network by its packets: what crosses the whole fabric, socket to socket, has the throughput, the delay and the loss
//! of the profile.

use biopay_sim::network::address::{dialled_by, of_handset};
use biopay_sim::network::{End, Fabric, Host, Itinerary, ProfileId};
use biopay_sim::virtual_time::FabricSocket;
use biopay_sim::virtual_time::{Timeline, Timer, run};
use quinn::AsyncUdpSocket;
use quinn::udp::{RecvMeta, Transmit};
use std::cell::Cell;
use std::io::IoSliceMut;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What a datagram carries, and what it takes on the link with its IPv6 and UDP headers. Units: bytes.
const PAYLOAD: usize = 1_200;
const ON_THE_LINK: f64 = 1_248.0;
/// Handsets that are averaged over: outages come once in half an hour and more.
const HANDSETS: u32 = 40;

/// The datagrams that arrived.
#[derive(Clone, Copy, Debug)]
struct Crossing {
    sent: u64,
    arrived: u64,
    /// From the first arrival to the last. Units: seconds.
    span_s: f64,
    /// Delay of the first datagram. Units: seconds.
    first_s: f64,
}

/// Sends datagrams through the fabric at a steady rate and counts what arrives at the other end.
fn cross(id: ProfileId, from: End, handset: u32, per_s: f64, datagrams: u64) -> Crossing {
    let host = Host { cores: 1, datagram: Duration::ZERO, handshake: Duration::ZERO, wakeup: Duration::ZERO };
    let links = (0..=handset).map(|h| (h, Itinerary::fixed(id)));
    let timeline = Timeline::new(Fabric::new(7, links, host));
    let socket = |end| Arc::new(FabricSocket { timeline: timeline.clone(), end, alive: Arc::new(true.into()) });
    let to = if from == End::Handsets { End::Server } else { End::Handsets };
    let destination = if from == End::Handsets { dialled_by(handset) } else { of_handset(handset) };
    let (sender, receiver) = (socket(from), socket(to));
    let (arrived, first, last) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(None)), Rc::new(Cell::new(Duration::ZERO)));
    run(&timeline, async {
        let receiving = async {
            loop {
                let mut bytes = vec![0; 2 * PAYLOAD];
                let mut meta = [RecvMeta::default()];
                let got = std::future::poll_fn(|context| {
                    receiver.poll_recv(context, &mut [IoSliceMut::new(&mut bytes)], &mut meta)
                });
                arrived.set(arrived.get() + got.await.expect("a fabric does not fail") as u64);
                last.set(timeline.elapsed());
                first.set(first.get().or(Some(timeline.elapsed())));
            }
        };
        let sending = async {
            for turn in 0..datagrams {
                let contents = &[0; PAYLOAD];
                let transmit = Transmit { destination, ecn: None, contents, segment_size: None, src_ip: None };
                sender.try_send(&transmit).expect("a fabric takes everything");
                let due = Duration::from_secs_f64((turn + 1) as f64 / per_s);
                Timer::after(&timeline, due.saturating_sub(timeline.elapsed())).await;
            }
            // What waits in the deepest queue comes out within seconds.
            Timer::after(&timeline, Duration::from_secs(30)).await;
        };
        tokio::select! {
            biased;
            () = sending => {}
            () = receiving => unreachable!("it receives for ever"),
        }
    });
    let first = first.get().expect("something arrives");
    Crossing {
        sent: datagrams,
        arrived: arrived.get(),
        span_s: (last.get() - first).as_secs_f64(),
        first_s: first.as_secs_f64(),
    }
}

fn both_ways(id: ProfileId) -> [(End, biopay_sim::network::profile::Direction); 2] {
    let profile = id.profile();
    [(End::Handsets, profile.up), (End::Server, profile.down)]
}

/// A link that is offered half as much again as it carries delivers its rate, less what is lost on the way: at most 3 % more,
/// and at most 7 % less than that without the mean share of time in which it is away, which few runs meet at its mean.
#[test]
fn a_full_link_carries_its_rate() {
    for id in ProfileId::ALL.into_iter().filter(|&id| id != ProfileId::Loopback) {
        let profile = id.profile();
        for (from, direction) in both_ways(id) {
            let carries = direction.rate_bps / 8.0 / ON_THE_LINK;
            let crossing: Vec<Crossing> = (0..4).map(|h| cross(id, from, h, 1.5 * carries, 4_000)).collect();
            let bits: f64 = crossing.iter().map(|c| c.arrived.saturating_sub(1) as f64 * ON_THE_LINK * 8.0).sum();
            let seconds: f64 = crossing.iter().map(|c| c.span_s).sum();
            let away = |what: biopay_sim::network::profile::Interruptions| {
                let (every, lasts) = (what.every.as_secs_f64(), what.lasts.as_secs_f64());
                if every > 0.0 { lasts / (every + lasts) } else { 0.0 }
            };
            let expected = direction.rate_bps * (1.0 - direction.loss.share);
            let lowest = expected * (1.0 - away(profile.handover) - away(profile.outage));
            let measured = bits / seconds;
            let is_right = measured > 0.93 * lowest && measured < 1.03 * expected;
            assert!(is_right, "{} {from:?}: {measured:.0} bit/s, {expected:.0} configured", id.name());
        }
    }
}

/// A quiet link loses its share and what falls into outages: with 400,000 datagrams in bursts of four, a share of 0.01
/// has a standard error of 0.0004.
#[test]
fn a_quiet_link_loses_its_share_and_keeps_its_delay() {
    for id in ProfileId::ALL {
        let profile = id.profile();
        for (from, direction) in both_ways(id) {
            let (per_s, datagrams) = (4.0, 10_000);
            let crossing: Vec<Crossing> = (0..HANDSETS).map(|h| cross(id, from, h, per_s, datagrams)).collect();
            let sent: u64 = crossing.iter().map(|c| c.sent).sum();
            let lost = 1.0 - crossing.iter().map(|c| c.arrived).sum::<u64>() as f64 / sent as f64;
            let (every, lasts) = (profile.outage.every.as_secs_f64(), profile.outage.lasts.as_secs_f64());
            let away = if every > 0.0 { lasts / (every + lasts) } else { 0.0 };
            let expected = away + (1.0 - away) * direction.loss.share;
            let burst = direction.loss.burst.max(1.0) + per_s * lasts;
            let error = (expected * 2.0 * burst / sent as f64).sqrt();
            assert!(
                (lost - expected).abs() <= 4.0 * error,
                "{} {from:?}: lost {lost:.5}, {expected:.5} configured, standard error {error:.5}",
                id.name()
            );
            let least = direction.delay.as_secs_f64() + ON_THE_LINK * 8.0 / direction.rate_bps;
            let soonest = crossing.iter().map(|c| c.first_s).fold(f64::INFINITY, f64::min);
            assert!(soonest >= least * 0.999, "{} {from:?}: {soonest} s, {least} s at least", id.name());
        }
    }
}
