//! Our ISO 8583 codec against an independent one: `pip install pyiso8583`.
//!
//! `BIOPAY_PYTHON` names the interpreter (`python3` by default). Where it or the package is missing the test says so
//! and checks nothing, unless `BIOPAY_REQUIRE_PEERS` is set, as in continuous integration.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]

use biopay_server::iso8583::fields::{Alphabet, Length};
use biopay_server::iso8583::{Field, Message, Mti};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

const MESSAGES: usize = 2_000;
const TYPES: [u16; 10] = [100, 110, 200, 201, 210, 400, 410, 420, 430, 800];

#[derive(serde::Deserialize)]
struct Reading {
    r#type: String,
    fields: BTreeMap<String, String>,
    again: String,
}

#[test]
fn pyiso8583_reads_and_writes_what_we_do() {
    let python = std::env::var("BIOPAY_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", "import iso8583"]).stderr(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("BIOPAY_REQUIRE_PEERS").is_none(), "{python} has no pyiso8583");
        return eprintln!("skipped: {python} has no pyiso8583, nothing was compared");
    }
    let mut rng = ChaCha8Rng::seed_from_u64(8583);
    let messages: Vec<Message> = (0..MESSAGES).map(|_| draw(&mut rng)).collect();
    let readings = read_with(&python, &messages);
    assert_eq!(readings.len(), MESSAGES);
    for (message, reading) in messages.iter().zip(readings) {
        assert_eq!(reading.r#type, format!("{:04}", message.mti().0));
        let ours = Field::ALL.into_iter().filter_map(|field| Some((field, message.field(field)?)));
        let ours: BTreeMap<String, String> =
            ours.map(|(field, content)| ((field as u8).to_string(), shown(field, content))).collect();
        assert_eq!(reading.fields, ours);
        assert_eq!(reading.again, hex(&message.encode()));
        assert_eq!(Message::decode(&unhex(&reading.again)).unwrap(), *message);
    }
}

fn read_with(python: &str, messages: &[Message]) -> Vec<Reading> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/iso8583_peer.py");
    let mut peer = Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines: String = messages.iter().map(|message| hex(&message.encode()) + "\n").collect();
    let mut input = peer.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = peer.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Draws a message of any type with about half of the data elements, each of any content that it allows.
fn draw(rng: &mut ChaCha8Rng) -> Message {
    let mti = Mti(TYPES[rng.next_u32() as usize % TYPES.len()]);
    let fields = Field::ALL.into_iter().filter(|_| rng.next_u32() & 1 == 0).collect::<Vec<_>>();
    fields.into_iter().fold(Message::new(mti), |message, field| message.with(field, draw_content(field, rng)))
}

fn draw_content(field: Field, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let length = match field.length() {
        Length::Fixed(length) => length,
        Length::Variable { max, .. } => rng.next_u32() as usize % (max + 1),
    };
    let mut byte = || match field.alphabet() {
        Alphabet::Digits => b'0' + (rng.next_u32() % 10) as u8,
        Alphabet::Alphanumeric => b"0123456789ABCXYZabcxyz"[rng.next_u32() as usize % 22],
        Alphabet::Printable => 0x20 + (rng.next_u32() % 95) as u8,
        Alphabet::Binary => rng.next_u32() as u8,
    };
    (0..length).map(|_| byte()).collect()
}

/// Shows a content as pyiso8583 does: text as it is, binary in capital hexadecimal digits.
fn shown(field: Field, content: &[u8]) -> String {
    match field.alphabet() {
        Alphabet::Binary => hex(content).to_uppercase(),
        _ => String::from_utf8(content.to_vec()).unwrap(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
