//! Attacks on QUIC: requests before the end of the handshake, replayed datagrams, and amplification.

use super::act::{Act, Attack};
use super::definition::{
    ABSENT, Description, Elsewhere, NEEDS_NETWORK, Requirement, one_defence, unchanged, without_step_up,
};
use super::findings::{Figure, Findings, Trial};
use super::system::{AttackedSystem, BOTS_LINK, Inside};
use crate::Error;
use crate::network::End;
use crate::network::address::dialled_by;
use crate::scenario::Configuration;
use crate::virtual_time::server::VirtualServer;
use crate::virtual_time::timeline::Timeline;
use biopay_protocol::{HelperBytes, Request, Response, codec};
use quinn::udp::Transmit;
use std::time::Duration;

/// How often a recorded flight is sent again.
const REPLAYS: u64 = 3;
/// The time that an attacker waits for an effect. Longer than a connection's idle timeout, so that the recorded
/// connection is closed.
const PAUSE: Duration = Duration::from_secs(90);
/// The limit on answers to an address that has not proved itself (RFC 9000, 8.1).
const AMPLIFICATION_MAX: f64 = 3.0;

/// Requests sent before the handshake is done, and recorded datagrams sent again.
pub(in crate::attack) const EARLY_DATA: Attack = Attack {
    description: Description {
        knowledge: "a recorded resumption of a connection",
        targets: 36,
        budget: 1,
        needs: unchanged,
        weaken: |scenario| scenario.server.early_data = true,
        defences: one_defence,
        requirement: Some(Requirement { source: "RFC 9001, 9.2: replays of 0-RTT", max: ABSENT }),
        is_decided_by_scheme: false,
        elsewhere: Elsewhere::Refused(NEEDS_NETWORK),
    },
    act: Act::Online(|system| Box::pin(early_data(system))),
};

/// Resumes a connection and sends a request before the end of the handshake; then replays the recorded datagrams. The
/// control's server accepts early data. The replay fails even there: a ticket is valid once (RFC 8446, 8.1), and the
/// server processes no request before the end of the handshake.
async fn early_data(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let Inside { timeline, server } = system.inside()?;
    for index in 0..system.setup.targets {
        let host = system.bot(index);
        let begun = system.clock.elapsed();
        take_ticket(system, server, host).await?;
        timeline.with_fabric(|fabric| fabric.tap(host));
        let accepted = send_early(system, server, host).await?;
        let recorded = timeline.with_fabric(|fabric| fabric.untap());
        system.clock.sleep(PAUSE).await;
        let before = server.answered("health");
        for _ in 0..REPLAYS {
            recorded.iter().for_each(|datagram| inject(timeline, host, datagram));
            system.clock.sleep(PAUSE).await;
        }
        let again = server.answered("health") - before;
        let trial = |succeeded, tries, outcome: String| Trial {
            target: index,
            attacker: host,
            tries,
            succeeded,
            outcome,
            took: system.clock.elapsed() - begun,
        };
        let early = trial(accepted == Some(true), 1, early_name(accepted).to_owned());
        findings.extend(system.setup.trials("request before the handshake", "", [early]));
        let replay = trial(again > 0, REPLAYS, format!("{again}-answered"));
        findings.extend(system.setup.trials("recorded flight sent again", "", [replay]));
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

/// Connects once to obtain a ticket.
async fn take_ticket(system: &AttackedSystem<'_>, server: &VirtualServer, host: u32) -> Result<(), Error> {
    let connecting = system.dialler().begin(host, server.resuming());
    let connection = match connecting {
        Some(connecting) => connecting.await.map_err(|error| system.broke(error))?,
        None => return Err(system.broke("no connection was begun")),
    };
    ask_health(system, &connection).await?;
    connection.close(0_u32.into(), b"");
    system.clock.sleep(PAUSE).await;
    Ok(())
}

/// Connects again and sends a request before the end of the handshake; returns whether the server accepted it, or
/// `None` if the ticket does not offer early data.
async fn send_early(system: &AttackedSystem<'_>, server: &VirtualServer, host: u32) -> Result<Option<bool>, Error> {
    let connecting = system.dialler().begin(host, server.resuming());
    let Some(connecting) = connecting else { return Err(system.broke("no connection was begun")) };
    match connecting.into_0rtt() {
        Err(connecting) => {
            connecting.await.map_err(|error| system.broke(error))?.close(0_u32.into(), b"");
            Ok(None)
        }
        Ok((connection, accepted)) => {
            let answered = ask_health(system, &connection).await;
            let accepted = accepted.await;
            connection.close(0_u32.into(), b"");
            Ok(Some(accepted && answered.is_ok()))
        }
    }
}

async fn ask_health(system: &AttackedSystem<'_>, connection: &quinn::Connection) -> Result<Response, Error> {
    let ask = async {
        let (mut send, mut receive) = connection.open_bi().await.ok()?;
        send.write_all(&codec::encode(&Request::Health).ok()?).await.ok()?;
        send.finish().ok()?;
        let answer = receive.read_to_end(1024).await.ok()?;
        codec::decode_body(answer.get(codec::PREFIX_BYTES..)?).ok()
    };
    ask.await.ok_or_else(|| system.broke("a question about the server's health was not answered"))
}

fn inject(timeline: &Timeline, host: u32, datagram: &[u8]) {
    let destination = dialled_by(host);
    let transmit = Transmit { destination, ecn: None, contents: datagram, segment_size: None, src_ip: None };
    timeline.send(End::Handsets, &transmit);
}

/// Answers of the server directed at an address that is another's.
pub(in crate::attack) const AMPLIFICATION: Attack = Attack {
    description: Description {
        knowledge: "the server's address, somebody else's address",
        targets: 36,
        budget: 1,
        needs: unchanged,
        // The control's address is the attacker's own.
        weaken: without_step_up,
        defences: one_defence,
        requirement: Some(Requirement { source: "RFC 9000, 8.1: at most three times what was received", max: 0.5 }),
        is_decided_by_scheme: false,
        elsewhere: Elsewhere::Refused(NEEDS_NETWORK),
    },
    act: Act::Online(|system| Box::pin(amplification(system))),
};

/// Begins connections with forged sender addresses, one after the other, and compares the bytes sent to each address
/// with the bytes sent in its name. The control uses the attacker's own addresses, to which the server sends more than
/// three times as much.
async fn amplification(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let (mut trials, mut sum) = (Vec::new(), (0, 0));
    let Inside { timeline, .. } = system.inside()?;
    for index in 0..system.setup.targets {
        let (begun, before) = (system.clock.elapsed(), bots_traffic(timeline));
        if system.setup.configuration == Configuration::Control {
            ask_for_much(system, index).await?;
        } else {
            let host = system.bot(index);
            timeline.with_fabric(|fabric| fabric.deafen(host));
            drop(system.dialler().connect(host).await);
        }
        system.clock.sleep(PAUSE).await;
        let after = bots_traffic(timeline);
        let (up, down) = (after.0 - before.0, after.1 - before.1);
        sum = (sum.0 + up, sum.1 + down);
        trials.push(Trial {
            target: index,
            attacker: system.bot(index),
            tries: 1,
            succeeded: factor(up, down) > AMPLIFICATION_MAX,
            outcome: format!("{up}-bytes-up-{down}-down"),
            took: system.clock.elapsed() - begun,
        });
    }
    let expected =
        (system.setup.configuration != Configuration::Control).then_some((AMPLIFICATION_MAX, "at most: RFC 9000, 8.1"));
    let figure = Figure {
        measure: "bytes to an address per byte in its name",
        value: factor(sum.0, sum.1),
        interval: None,
        count: trials.len() as u64,
        expected,
    };
    let mut findings = system.setup.trials("", "", trials);
    findings.extend(system.setup.figure("", "", figure));
    Ok(findings)
}

fn factor(up: u64, down: u64) -> f64 {
    down as f64 / up.max(1) as f64
}

/// Returns the bytes sent from and to the attackers' addresses so far.
fn bots_traffic(timeline: &Timeline) -> (u64, u64) {
    let bytes =
        |direction| timeline.with_fabric(|fabric| fabric.traffic().get(&(BOTS_LINK, direction)).map_or(0, |t| t.bytes));
    (bytes("up"), bytes("down"))
}

/// Fetches a large helper again and again from an address of the attacker's own.
async fn ask_for_much(system: &AttackedSystem<'_>, index: u32) -> Result<(), Error> {
    let account = &system.accounts[index as usize % system.accounts.len()];
    let connection = system.enter(system.bot(index), account).await?;
    let helper = Some(HelperBytes::new(vec![0; HelperBytes::BYTES_MAX])?);
    system
        .ask(&connection, &Request::ReplaceQr { enrolment: account.payload.clone(), helper, signature: None })
        .await?;
    for _ in 0..HELPERS {
        system.ask(&connection, &Request::FetchHelper).await?;
    }
    connection.close();
    Ok(())
}

/// How often the control fetches helper data on a connection.
const HELPERS: u32 = 20;
