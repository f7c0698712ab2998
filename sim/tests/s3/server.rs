//! A small object store over plain TCP: one bucket in memory, the part of S3's REST interface that a run needs, and a
//! log of what was asked of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub const BUCKET: &str = "biopay-runs";
pub const KEY_ID: &str = "TESTKEYID";
pub const SECRET: &str = "zXsecretThatMustNotShow9";

type Objects = BTreeMap<String, Vec<u8>>;

#[derive(Default)]
struct Held {
    objects: Objects,
    parts: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    log: Vec<String>,
    refuse_after: Option<usize>,
}

/// The running store.
#[derive(Clone)]
pub struct Server {
    pub endpoint: String,
    held: Arc<Mutex<Held>>,
}

struct Request {
    method: String,
    key: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("the listener has an address");
        let server = Self { endpoint: format!("http://{address}"), held: Arc::default() };
        let accepting = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = accepting.clone();
                std::thread::spawn(move || server.serve(stream));
            }
        });
        server
    }

    /// Returns the keys that are there.
    pub fn keys(&self) -> Vec<String> {
        self.with(|held| held.objects.keys().cloned().collect())
    }

    pub fn with_objects<T>(&self, f: impl FnOnce(&mut Objects) -> T) -> T {
        self.with(|held| f(&mut held.objects))
    }

    /// Returns what was asked since the last call, as `METHOD key`.
    pub fn take_log(&self) -> Vec<String> {
        self.with(|held| std::mem::take(&mut held.log))
    }

    /// Refuses every upload after so many; `None` takes all.
    pub fn refuse_after(&self, uploads: Option<usize>) {
        self.with(|held| held.refuse_after = uploads);
    }

    fn with<T>(&self, f: impl FnOnce(&mut Held) -> T) -> T {
        f(&mut self.held.lock().expect("no connection panics while it holds the objects"))
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().expect("a socket can be shared"));
        let mut writer = stream;
        while let Some(request) = read(&mut reader) {
            let is_head = request.method == "HEAD";
            let (status, headers, body) = self.answer(request);
            let mut head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
            if is_head {
                head = head.replace("Content-Length: 0\r\n", "");
            }
            if writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(&body)).is_err() {
                return;
            }
        }
    }

    fn answer(&self, request: Request) -> (&'static str, String, Vec<u8>) {
        let signed = request.headers.get("authorization").map(String::as_str).unwrap_or_default();
        if !signed.starts_with(&format!("AWS4-HMAC-SHA256 Credential={KEY_ID}/")) {
            return failure("403 Forbidden", "InvalidAccessKeyId");
        }
        let (bucket, key) = request.key.split_once('/').unwrap_or((&request.key, ""));
        if bucket != BUCKET {
            return failure("404 Not Found", "NoSuchBucket");
        }
        self.with(|held| {
            held.log.push(format!(
                "{} {key}{}",
                request.method,
                if request.query == "delete" { "?delete" } else { "" }
            ));
            match request.method.as_str() {
                "GET" | "HEAD" => read_object(held, key, &request),
                "PUT" | "POST" => change(held, key, &request),
                _ => failure("405 Method Not Allowed", "MethodNotAllowed"),
            }
        })
    }
}

fn read_object(held: &Held, key: &str, request: &Request) -> (&'static str, String, Vec<u8>) {
    let Some(object) = held.objects.get(key) else { return failure("404 Not Found", "NoSuchKey") };
    let headers = format!("ETag: \"{}\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n", object.len());
    if request.method == "HEAD" {
        return ("200 OK", format!("Content-Length: {}\r\n{headers}", object.len()), Vec::new());
    }
    match request.headers.get("range").and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) {
        None => ("200 OK", headers, object.clone()),
        Some((from, to)) => {
            let [from, to] = [from, to].map(|n| n.parse::<usize>().expect("a range has two numbers"));
            let range = format!("Content-Range: bytes {from}-{to}/{}\r\n{headers}", object.len());
            ("206 Partial Content", range, object[from..=to].to_vec())
        }
    }
}

fn change(held: &mut Held, key: &str, request: &Request) -> (&'static str, String, Vec<u8>) {
    let body = request.body.clone();
    let xml = |text: String| ("200 OK", "Content-Type: application/xml\r\n".to_owned(), text.into_bytes());
    let parameter = |name: &str| request.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    if request.query == "delete" {
        let text = String::from_utf8(body).expect("the list of keys is text");
        let mut deleted = String::new();
        for key in text.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next()) {
            held.objects.remove(key);
            let _ = write!(deleted, "<Deleted><Key>{key}</Key></Deleted>");
        }
        return xml(format!("<DeleteResult>{deleted}</DeleteResult>"));
    }
    if held.refuse_after.is_some_and(|left| left == 0) {
        return failure("507 Insufficient Storage", "QuotaExceeded");
    }
    held.refuse_after = held.refuse_after.map(|left| left - 1);
    if request.query == "uploads" || request.query == "uploads=" {
        held.parts.insert(key.to_owned(), BTreeMap::new());
        return xml(format!(
            "<InitiateMultipartUploadResult><UploadId>{}</UploadId></InitiateMultipartUploadResult>",
            key.len()
        ));
    }
    match (parameter("partNumber"), parameter("uploadId")) {
        (Some(number), Some(_)) => {
            let parts = held.parts.get_mut(key).expect("the upload was begun");
            parts.insert(number.parse().expect("a part has a number"), body);
        }
        (None, Some(_)) => {
            let whole = held.parts.remove(key).expect("the upload was begun").into_values().flatten().collect();
            held.objects.insert(key.to_owned(), whole);
            let result = "<CompleteMultipartUploadResult><ETag>whole</ETag></CompleteMultipartUploadResult>";
            return xml(result.to_owned());
        }
        _ => drop(held.objects.insert(key.to_owned(), body)),
    }
    ("200 OK", "ETag: \"one\"\r\n".to_owned(), Vec::new())
}

fn failure(status: &'static str, code: &str) -> (&'static str, String, Vec<u8>) {
    let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    (status, "Content-Type: application/xml\r\n".to_owned(), body.into_bytes())
}

/// Reads a request with a body of a stated length; nothing at the connection's end.
fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&n| n > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some(Request { method, key: decoded(path.trim_start_matches('/')), query: query.to_owned(), headers, body })
}

/// Decodes what a URL's path has as `%2C` and the like.
fn decoded(path: &str) -> String {
    let mut parts = path.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at_checked(2).expect("two digits follow a percent sign");
        bytes.push(u8::from_str_radix(code, 16).expect("the digits are hexadecimal"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).expect("a key is text")
}
