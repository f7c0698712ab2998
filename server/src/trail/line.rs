//! A line, its mac, the head, and the files that were put aside.

use ring::hmac;
use std::path::{Path, PathBuf};

/// What stands before a line's mac.
pub(super) const MAC: &str = ",\"mac\":\"";
/// The event of a file's first line that goes on where another file ended; its outcome is the mac before it.
pub(super) const CONTINUED: &str = "trail-continued";

pub(super) type Mac = [u8; 32];

/// Returns where the head of a trail stands.
pub(super) fn head_path(path: &Path) -> PathBuf {
    path.with_extension("head")
}

pub(super) fn head_of(key: &hmac::Key, lines: u64, last: &Mac) -> String {
    let text = format!("{lines} {}", hex(last));
    let mac = hmac::sign(key, format!("head {text}").as_bytes());
    format!("{text} {}\n", hex(mac.as_ref()))
}

pub(super) fn mac_of(key: &hmac::Key, before: &Mac, body: &str) -> Mac {
    let mut context = hmac::Context::with_key(key);
    context.update(before);
    context.update(body.as_bytes());
    context.sign().as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
}

/// Takes a line apart: what its mac covers, and the mac.
pub(super) fn split(line: &str) -> Option<(&str, Mac)> {
    let (body, mac) = line.trim_end().rsplit_once(MAC)?;
    Some((body, read_mac(mac.strip_suffix("\"}")?)?))
}

/// Returns a line's number.
pub(super) fn number(body: &str) -> Option<u64> {
    body.strip_prefix("{\"n\":")?.split(',').next()?.parse().ok()
}

/// Returns the mac before a line, where the line says it.
pub(super) fn mac_before(line: &str) -> Option<Mac> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    (value["event"] == CONTINUED).then(|| read_mac(value["outcome"].as_str()?))?
}

fn read_mac(digits: &str) -> Option<Mac> {
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    let mut read = Mac::default();
    for (byte, pair) in read.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(read)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns where a file is put aside whose last line has this number.
pub(super) fn aside(path: &Path, last: u64) -> PathBuf {
    path.with_extension(format!("{last:012}.{}", extension(path)))
}

/// Lists the files that were put aside, by the number of their last line.
pub(super) fn put_aside(path: &Path) -> std::io::Result<Vec<(u64, PathBuf)>> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let last =
            name.strip_prefix(&format!("{stem}.")).and_then(|rest| rest.strip_suffix(&format!(".{}", extension(path))));
        if let Some(Ok(last)) = last.filter(|last| last.len() == 12).map(str::parse) {
            found.push((last, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

fn extension(path: &Path) -> String {
    path.extension().map_or_else(|| "log".into(), |extension| extension.to_string_lossy().into_owned())
}
