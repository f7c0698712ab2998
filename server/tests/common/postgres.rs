//! A PostgreSQL for tests: one that is there, or one of our own in a scratch folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub struct Postgres {
    url: String,
    own: Option<(PathBuf, tempfile::TempDir)>,
}

impl Postgres {
    /// Finds or starts one; `None`, with a word on standard error, where there is none.
    pub fn find() -> Option<Self> {
        if let Ok(url) = std::env::var("BIOPAY_TEST_POSTGRES") {
            return Some(Self { url, own: None });
        }
        let found = installed().map(start);
        if found.is_none() {
            assert!(std::env::var_os("BIOPAY_REQUIRE_PEERS").is_none(), "PostgreSQL is not installed");
            eprintln!("skipped: no BIOPAY_TEST_POSTGRES and no PostgreSQL installed, nothing was checked");
        }
        found
    }

    /// Starts one of our own that speaks TLS; returns the certificate to trust beside it. `None` where none is installed.
    pub fn with_tls() -> Option<(Self, PathBuf)> {
        let postgres = installed().map(start)?;
        let (programs, folder) = postgres.own.as_ref()?;
        let data = folder.path().join("data");
        let key = rcgen::KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let trusted = folder.path().join("database.pem");
        std::fs::write(&trusted, certificate.pem()).unwrap();
        for (name, text) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())] {
            std::fs::write(data.join(name), text).unwrap();
            run(Command::new("chmod").arg("600").arg(data.join(name)));
            if is_root() {
                run(Command::new("chown").arg("postgres").arg(data.join(name)));
            }
        }
        std::fs::write(data.join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 trust\n").unwrap();
        std::fs::write(data.join("postgresql.auto.conf"), "ssl = on\n").unwrap();
        run(unprivileged(&programs.join("pg_ctl")).args(["-w", "-m", "fast", "-D"]).arg(&data).arg("reload"));
        Some((postgres, trusted))
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some((programs, folder)) = &self.own {
            let data = folder.path().join("data");
            let mut stop = unprivileged(&programs.join("pg_ctl"));
            drop(stop.args(["-m", "immediate", "-D"]).arg(data).arg("stop").stdout(Stdio::null()).status());
        }
    }
}

/// Finds the newest installed version's programs.
fn installed() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let programs = versions.filter_map(Result::ok).map(|version| version.path().join("bin"));
    programs.filter(|programs| programs.join("initdb").exists()).max()
}

fn start(programs: PathBuf) -> Postgres {
    let folder = tempfile::tempdir().unwrap();
    // PostgreSQL refuses to run as root: its own user gets the folder.
    if is_root() {
        run(Command::new("chown").arg("postgres").arg(folder.path()));
    }
    let data = folder.path().join("data");
    run(unprivileged(&programs.join("initdb")).args(["-U", "biopay", "-A", "trust", "-D"]).arg(&data));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = format!("-p {port} -h 127.0.0.1 -k {}", folder.path().display());
    let log = folder.path().join("log");
    run(unprivileged(&programs.join("pg_ctl"))
        .args(["-w", "-o", &options, "-D"])
        .arg(&data)
        .arg("-l")
        .arg(&log)
        .arg("start"));
    Postgres { url: format!("postgres://biopay@127.0.0.1:{port}/postgres"), own: Some((programs, folder)) }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|status| std::os::unix::fs::MetadataExt::uid(&status) == 0)
}

fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).status().unwrap();
    assert!(output.success(), "{command:?}");
}
