//! QUIC itself: requests before the handshake is done, recorded ones sent again, and answers to somebody else.

use super::Configuration;
use super::arena::{Arena, BOTS_LINK};
use super::findings::{Figure, Findings, Trial};
use crate::Error;
use crate::network::End;
use crate::network::address::dialled_by;
use biopay_protocol::{HelperBytes, Request, Response, codec};
use quinn::udp::Transmit;
use std::time::Duration;

/// How often a recorded flight is sent again.
const REPLAYS: u64 = 3;
/// How long an attacker waits for what comes of it. Longer than a connection's idle time, so that the recorded one is gone.
const PAUSE: Duration = Duration::from_secs(90);
/// The limit on answers to an address that has not proved itself (RFC 9000, 8.1).
const AMPLIFICATION_MAX: f64 = 3.0;

/// Resumes a connection and sends a request before the handshake is done; then sends the recorded datagrams again. The
/// control's server takes early data. What was recorded is worth nothing even there: a ticket is good once (RFC 8446,
/// 8.1), and the server works on nothing before the handshake is done.
pub async fn early_data(arena: &Arena<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    for index in 0..arena.setup.plan.targets() {
        let host = arena.bot(index);
        let begun = arena.clock.elapsed();
        take_ticket(arena, host).await?;
        arena.timeline.with_fabric(|fabric| fabric.tap(host));
        let accepted = send_early(arena, host).await?;
        let recorded = arena.timeline.with_fabric(|fabric| fabric.untap());
        arena.clock.sleep(PAUSE).await;
        let before = arena.server.answered("health");
        for _ in 0..REPLAYS {
            recorded.iter().for_each(|datagram| inject(arena, host, datagram));
            arena.clock.sleep(PAUSE).await;
        }
        let again = arena.server.answered("health") - before;
        let trial = |succeeded, tries, outcome: String| Trial {
            target: index,
            attacker: host,
            tries,
            succeeded,
            outcome,
            took: arena.clock.elapsed() - begun,
        };
        let early = trial(accepted == Some(true), 1, early_name(accepted).to_owned());
        findings.extend(arena.setup.trials("request before the handshake", "", [early]));
        let replay = trial(again > 0, REPLAYS, format!("{again}-answered"));
        findings.extend(arena.setup.trials("recorded flight sent again", "", [replay]));
    }
    Ok(findings)
}

fn early_name(accepted: Option<bool>) -> &'static str {
    match accepted {
        Some(true) => "accepted",
        Some(false) => "rejected",
        None => "not-offered",
    }
}

/// Connects once, so that the server hands out a ticket.
async fn take_ticket(arena: &Arena<'_>, host: u32) -> Result<(), Error> {
    let connecting = arena.dialler().begin(host, arena.server.resuming());
    let connection = match connecting {
        Some(connecting) => connecting.await.map_err(|error| arena.broke(error))?,
        None => return Err(arena.broke("no connection was begun")),
    };
    ask_health(arena, &connection).await?;
    connection.close(0_u32.into(), b"");
    arena.clock.sleep(PAUSE).await;
    Ok(())
}

/// Connects again and asks before the handshake is done; says whether the server took it, or `None` where the ticket
/// offers no such thing.
async fn send_early(arena: &Arena<'_>, host: u32) -> Result<Option<bool>, Error> {
    let connecting = arena.dialler().begin(host, arena.server.resuming());
    let Some(connecting) = connecting else { return Err(arena.broke("no connection was begun")) };
    match connecting.into_0rtt() {
        Err(connecting) => {
            connecting.await.map_err(|error| arena.broke(error))?.close(0_u32.into(), b"");
            Ok(None)
        }
        Ok((connection, accepted)) => {
            let answered = ask_health(arena, &connection).await;
            let accepted = accepted.await;
            connection.close(0_u32.into(), b"");
            Ok(Some(accepted && answered.is_ok()))
        }
    }
}

async fn ask_health(arena: &Arena<'_>, connection: &quinn::Connection) -> Result<Response, Error> {
    let ask = async {
        let (mut send, mut receive) = connection.open_bi().await.ok()?;
        send.write_all(&codec::encode(&Request::Health).ok()?).await.ok()?;
        send.finish().ok()?;
        let answer = receive.read_to_end(1024).await.ok()?;
        codec::decode_body(answer.get(codec::PREFIX_BYTES..)?).ok()
    };
    ask.await.ok_or_else(|| arena.broke("a question about the server's health was not answered"))
}

fn inject(arena: &Arena<'_>, host: u32, datagram: &[u8]) {
    let destination = dialled_by(host);
    let transmit = Transmit { destination, ecn: None, contents: datagram, segment_size: None, src_ip: None };
    arena.timeline.send(End::Handsets, &transmit);
}

/// Begins connections in the name of addresses that hear nothing, one after the other, and compares what was sent to
/// each with what was sent in its name. The control asks from addresses of the attacker's own, which the server answers
/// with more than three times as much.
pub async fn amplification(arena: &Arena<'_>) -> Result<Findings, Error> {
    let (mut trials, mut sum) = (Vec::new(), (0, 0));
    for index in 0..arena.setup.plan.targets() {
        let (begun, before) = (arena.clock.elapsed(), bots_traffic(arena));
        if arena.setup.configuration == Configuration::Control {
            ask_for_much(arena, index).await?;
        } else {
            let host = arena.bot(index);
            arena.timeline.with_fabric(|fabric| fabric.deafen(host));
            drop(arena.dialler().connect(host).await);
        }
        arena.clock.sleep(PAUSE).await;
        let after = bots_traffic(arena);
        let (up, down) = (after.0 - before.0, after.1 - before.1);
        sum = (sum.0 + up, sum.1 + down);
        trials.push(Trial {
            target: index,
            attacker: arena.bot(index),
            tries: 1,
            succeeded: factor(up, down) > AMPLIFICATION_MAX,
            outcome: format!("{up}-bytes-up-{down}-down"),
            took: arena.clock.elapsed() - begun,
        });
    }
    let expected =
        (arena.setup.configuration != Configuration::Control).then_some((AMPLIFICATION_MAX, "at most: RFC 9000, 8.1"));
    let figure = Figure {
        measure: "bytes to an address per byte in its name",
        value: factor(sum.0, sum.1),
        interval: None,
        count: trials.len() as u64,
        expected,
    };
    let mut findings = arena.setup.trials("", "", trials);
    findings.extend(arena.setup.figure("", "", figure));
    Ok(findings)
}

fn factor(up: u64, down: u64) -> f64 {
    down as f64 / up.max(1) as f64
}

/// Returns the bytes from and to the attackers' addresses so far.
fn bots_traffic(arena: &Arena<'_>) -> (u64, u64) {
    let bytes = |direction| {
        arena.timeline.with_fabric(|fabric| fabric.traffic().get(&(BOTS_LINK, direction)).map_or(0, |t| t.bytes))
    };
    (bytes("up"), bytes("down"))
}

/// Fetches a large helper again and again from an address of the attacker's own.
async fn ask_for_much(arena: &Arena<'_>, index: u32) -> Result<(), Error> {
    let account = &arena.accounts[index as usize % arena.accounts.len()];
    let connection = arena.enter(arena.bot(index), account).await?;
    let helper = Some(HelperBytes::new(vec![0; HelperBytes::BYTES_MAX])?);
    arena.ask(&connection, &Request::ReplaceQr { enrolment: account.payload.clone(), helper }).await?;
    for _ in 0..HELPERS {
        arena.ask(&connection, &Request::FetchHelper).await?;
    }
    connection.close();
    Ok(())
}

/// How often the control fetches helper data on a connection.
const HELPERS: u32 = 20;
