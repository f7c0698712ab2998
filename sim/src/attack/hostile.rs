//! Malformed messages, payloads and pictures: a decoder must refuse them without a panic.

use super::act::{Act, Attack};
use super::definition::{Description, Elsewhere, RESISTED, Requirement, one_defence, unchanged};
use super::findings::{Findings, Trial};
use super::system::{AttackedSystem, rng};
use crate::Error;
use crate::scenario::Configuration;
use biopay_biometrics::QrPayload;
use biopay_protocol::qr::{Symbol, read};
use biopay_protocol::{Request, Response, codec};
use rand::{Rng, RngExt};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::time::Duration;

/// Pixels for each module in the damaged pictures.
const MODULE_PIXELS: u8 = 3;

/// The decoder under attack.
#[derive(Clone, Copy)]
enum Reader {
    /// Requests, as the server decodes them.
    Message,
    /// QR payloads.
    Payload,
    /// Pictures of symbols.
    Picture,
    /// The control: a decoder that trusts the length in its input.
    Trusting,
}

impl Reader {
    fn name(self) -> &'static str {
        match self {
            Self::Message => "message decoder",
            Self::Payload => "payload decoder",
            Self::Picture => "symbol reader",
            Self::Trusting => "decoder that trusts",
        }
    }

    /// Returns the number of inputs: a damaged picture takes a thousand times as long as a message.
    fn inputs(self, budget: u64) -> u64 {
        match self {
            Self::Picture => budget.div_ceil(10),
            Self::Message | Self::Payload | Self::Trusting => budget,
        }
    }

    /// Decodes the bytes; returns whether the decoder panicked.
    fn breaks_on(self, bytes: &[u8], symbol: &Symbol) -> bool {
        let reading = AssertUnwindSafe(|| match self {
            Self::Message => drop(codec::decode_body::<Request>(bytes)),
            Self::Payload => drop(QrPayload::from_bytes(bytes)),
            Self::Picture => drop(read(&damaged(symbol, bytes))),
            Self::Trusting => drop(trusting(bytes)),
        });
        catch_unwind(reading).is_err()
    }
}

/// Trusts the first byte as the length of the rest, and panics where it is wrong.
fn trusting(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.first().copied().map_or(0, usize::from);
    bytes[1..1 + length].to_vec()
}

/// Bytes that are not messages and pictures that are not symbols, sent to every reader.
pub(in crate::attack) const HOSTILE_INPUT: Attack = Attack {
    description: Description {
        knowledge: "the protocol",
        targets: 80,
        budget: 500,
        needs: unchanged,
        // The control is a decoder that trusts its input.
        weaken: unchanged,
        defences: one_defence,
        requirement: Some(Requirement {
            source: "CWE-20: input is validated; invariant 4: nothing panics",
            max: RESISTED,
        }),
        is_decided_by_scheme: false,
        elsewhere: Elsewhere::Allowed,
    },
    act: Act::Online(|system| Box::pin(hostile(system))),
};

/// Feeds mutated messages, payloads and pictures to their decoders, and raw bytes to the server's streams; afterwards
/// another client must still be able to pay. A trial is one input; the attack succeeds if a decoder panics.
async fn hostile(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let readers: &[Reader] = match system.setup.configuration {
        Configuration::Control => &[Reader::Trusting],
        Configuration::PatentLiteral | Configuration::Hardened | Configuration::Scenario => {
            &[Reader::Message, Reader::Payload, Reader::Picture]
        }
    };
    let Some(account) = system.accounts.first() else { return Ok(findings) };
    let valid = account.payload.as_bytes().to_vec();
    let symbol = Symbol::fitted(&valid).map_err(|error| system.broke(error))?;
    for &reader in readers {
        let mut drawn = rng(system.setup, reader.name());
        let quiet = silence_panics();
        let seed = seed_of(reader, &valid)?;
        let trial = |input: u64| {
            let broke = reader.breaks_on(&mutated(&seed, &mut drawn), &symbol);
            Trial {
                target: input as u32,
                attacker: system.bot(0),
                tries: 1,
                succeeded: broke,
                outcome: if broke { "broke" } else { "read-or-refused" }.to_owned(),
                took: Duration::ZERO,
            }
        };
        let trials: Vec<Trial> = (0..reader.inputs(system.setup.budget)).map(trial).collect();
        drop(quiet);
        findings.extend(system.setup.trials(reader.name(), "", trials));
    }
    if system.setup.configuration != Configuration::Control {
        findings.extend(on_the_wire(system, account).await?);
    }
    Ok(findings)
}

/// Returns the valid input that is mutated for a decoder.
fn seed_of(reader: Reader, payload: &[u8]) -> Result<Vec<u8>, Error> {
    Ok(match reader {
        Reader::Message => codec::encode(&Request::FetchHelper)?[codec::PREFIX_BYTES..].to_vec(),
        Reader::Payload | Reader::Picture | Reader::Trusting => payload.to_vec(),
    })
}

/// Changes, cuts and lengthens bytes.
fn mutated(seed: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..rng.random_range(1..8) {
        match rng.random_range(0..4) {
            0 if !bytes.is_empty() => {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = rng.random();
            }
            1 => bytes.truncate(rng.random_range(0..=bytes.len())),
            2 => bytes.extend((0..rng.random_range(1..32)).map(|_| rng.random::<u8>())),
            _ => {
                let at = rng.random_range(0..=bytes.len());
                bytes.insert(at, rng.random());
            }
        }
    }
    bytes
}

/// Draws a symbol with stripes of its pixels overwritten by the bytes.
fn damaged(symbol: &Symbol, bytes: &[u8]) -> image::GrayImage {
    let mut picture = symbol.render(MODULE_PIXELS);
    let length = picture.as_raw().len().max(1);
    let mut at = 0;
    for &byte in bytes {
        at = (at * 31 + usize::from(byte) * 97 + 1) % length;
        picture.as_mut()[at] = byte;
    }
    picture
}

thread_local! {
    static IS_COUNTING: Cell<bool> = const { Cell::new(false) };
}

/// A guard that hides the panics of this thread while it lives. The hook is set once for the process, and other
/// threads' panics are still shown, because attacks run in parallel.
struct Quiet;

fn silence_panics() -> Quiet {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_COUNTING.get() {
                before(panic);
            }
        }));
    });
    IS_COUNTING.set(true);
    Quiet
}

impl Drop for Quiet {
    fn drop(&mut self) {
        IS_COUNTING.set(false);
    }
}

/// Sends raw bytes on the streams of a connection, then checks on another connection that the server still answers.
async fn on_the_wire(system: &AttackedSystem<'_>, account: &super::system::Account) -> Result<Findings, Error> {
    let mut drawn = rng(system.setup, "wire");
    let frame = codec::encode(&Request::FetchHelper)?;
    let begun = system.clock.elapsed();
    let mut sent = 0;
    let connection = system.connect(system.bot(0)).await?;
    for _ in 0..system.setup.budget {
        system.pace().await;
        if !system.has_time_for(0) {
            break;
        }
        let Ok((mut send, mut receive)) = connection.quic().open_bi().await else { break };
        let written = send.write_all(&mutated(&frame, &mut drawn)).await.is_ok();
        drop(send.finish());
        drop(receive.read_to_end(64 * 1024).await);
        sent += u64::from(written);
    }
    connection.close();
    let line = system.enter(account.subject, account).await?;
    let answer = system.ask(&line, &Request::Health).await?;
    line.close();
    let trial = |input: u64| Trial {
        target: input as u32,
        attacker: system.bot(0),
        tries: 1,
        succeeded: answer != Response::Healthy,
        outcome: answer.name().to_owned(),
        took: system.clock.elapsed() - begun,
    };
    Ok(system.setup.trials("server's streams", "", (0..sent).map(trial)))
}
