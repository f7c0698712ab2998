//! Real processes: started, killed, started again at the same place.

use super::PIN;
use biopay_server::client::{ClientError, Connection};
use biopay_server::{socket, tls};
use rustix::process::{Pid, Signal, kill_process};
use rustls_pki_types::CertificateDer;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A bank and its servers in processes of their own, over one folder.
pub struct Processes {
    folder: PathBuf,
    bank_address: SocketAddr,
    bank: Option<Child>,
    servers: Vec<Server>,
    client: quinn::Endpoint,
    settings: Settings,
}

/// One server at an address that it keeps.
struct Server {
    address: SocketAddr,
    child: Option<Child>,
    client_config: Option<quinn::ClientConfig>,
    ready: serde_json::Value,
}

/// How the processes differ from the default.
#[derive(Clone)]
pub struct Settings {
    /// How many servers share the store.
    pub servers: usize,
    pub store: String,
    pub accounts: u64,
    pub balance_minor: u64,
    pub server_flags: &'static [&'static str],
    /// Variables of the servers' and the bank's environment.
    pub server_environment: Vec<(&'static str, OsString)>,
    pub bank_environment: Vec<(&'static str, OsString)>,
    /// How long the server waits for the bank.
    pub bank_timeout_ms: u32,
    /// What a password hash costs, as it stands in the server's configuration.
    pub hash_cost: &'static str,
    /// How much hashing gives way: by default as beside other work, which tests are.
    pub hash_priority: &'static str,
    /// What stands in the server's configuration besides the tests' own.
    pub server_toml: String,
    pub log: &'static str,
    pub pin: &'static str,
}

impl Default for Settings {
    fn default() -> Self {
        let store = "sqlite:server.db".into();
        Self {
            servers: 1,
            store,
            accounts: 8,
            balance_minor: 1_000,
            server_flags: &[],
            server_environment: vec![],
            bank_environment: vec![],
            bank_timeout_ms: 500,
            hash_cost: CHEAP_HASH,
            hash_priority: "low",
            server_toml: String::new(),
            log: "warn",
            pin: PIN,
        }
    }
}

impl Processes {
    /// Starts them all; the bank opens accounts 400000000000 and up.
    pub fn start(folder: &Path, settings: Settings) -> Self {
        let Settings { servers, accounts, balance_minor, pin, hash_cost, hash_priority, bank_timeout_ms, .. } =
            settings;
        let server_toml = format!(
            "[password]\npriority = \"{hash_priority}\"\n[password.cost]\n{hash_cost}\n[bank]\ntimeout-ms = \
             {bank_timeout_ms}\n{}",
            settings.server_toml
        );
        let lines = (0..accounts).map(|n| format!("{},{pin},{balance_minor}\n", 400_000_000_000 + n));
        std::fs::write(folder.join("accounts.csv"), lines.collect::<String>()).unwrap();
        std::fs::write(folder.join("server.toml"), server_toml).unwrap();
        let mut processes = Self {
            folder: folder.to_owned(),
            bank_address: free_address(),
            bank: None,
            servers: (0..servers)
                .map(|_| Server {
                    address: free_address(),
                    child: None,
                    client_config: None,
                    ready: serde_json::Value::Null,
                })
                .collect(),
            client: socket::endpoint("127.0.0.1:0".parse().unwrap()).unwrap(),
            settings,
        };
        processes.start_bank();
        for server in 0..servers {
            processes.start_server(server);
        }
        processes
    }

    pub fn start_bank(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_biopay-bank"));
        command.args(["--listen", &self.bank_address.to_string(), "--store", "sqlite:bank.db"]);
        command.args(["--accounts", "accounts.csv", "--development-certificate", "bank.pem"]);
        command.envs(self.settings.bank_environment.iter().cloned());
        self.bank = Some(launch(&mut command, &self.folder, self.settings.log).0);
    }

    pub fn start_server(&mut self, server: usize) {
        let server = &mut self.servers[server];
        let mut command = Command::new(env!("CARGO_BIN_EXE_biopay-server"));
        command.args(["--config", "server.toml", "--store", &self.settings.store]);
        command.args(["--listen", &server.address.to_string(), "--bank", &self.bank_address.to_string()]);
        command.args(["--bank-certificate", "bank.pem"]).args(self.settings.server_flags);
        command.envs(self.settings.server_environment.iter().cloned());
        let (child, ready) = launch(&mut command, &self.folder, self.settings.log);
        let hex = ready["certificate_hex"].as_str().unwrap();
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let certificate: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        server.client_config = Some(tls::client_config(&[certificate.into()], &tls::TlsSources::system()).unwrap());
        (server.child, server.ready) = (Some(child), ready);
    }

    /// Returns what a server said when it was ready.
    pub fn ready(&self, server: usize) -> &serde_json::Value {
        &self.servers[server].ready
    }

    /// Returns a server's process number.
    pub fn pid(&self, server: usize) -> u32 {
        self.servers[server].child.as_ref().unwrap().id()
    }

    /// Sends a signal to a server.
    pub fn signal(&self, server: usize, signal: Signal) {
        let pid = self.servers[server].child.as_ref().unwrap().id();
        kill_process(Pid::from_raw(pid as i32).unwrap(), signal).unwrap();
    }

    /// Waits until a server ends by itself.
    pub fn wait_for_server(&mut self, server: usize) -> std::process::ExitStatus {
        wait(self.servers[server].child.take().unwrap())
    }

    /// Waits until the bank ends by itself.
    pub fn wait_for_bank(&mut self) -> std::process::ExitStatus {
        wait(self.bank.take().unwrap())
    }

    /// Changes what the next start of a process finds in its environment.
    pub fn settings(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// Ends the bank as a power cut of the process would: SIGKILL.
    pub fn kill_bank(&mut self) {
        kill(&mut self.bank);
    }

    pub fn kill_server(&mut self, server: usize) {
        kill(&mut self.servers[server].child);
    }

    /// Trusts another certificate from now on.
    pub fn door_trusting(&self, server: usize, chain: &[CertificateDer<'static>]) -> Door {
        Door { config: tls::client_config(chain, &tls::TlsSources::system()).unwrap(), ..self.door(server) }
    }

    /// Returns what a client needs to connect to a server, as of its last start.
    pub fn door(&self, server: usize) -> Door {
        let Server { address, client_config, .. } = &self.servers[server];
        Door { endpoint: self.client.clone(), config: client_config.clone().unwrap(), address: *address }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.servers.iter_mut().for_each(|server| kill(&mut server.child));
        kill(&mut self.bank);
    }
}

#[derive(Clone)]
pub struct Door {
    endpoint: quinn::Endpoint,
    config: quinn::ClientConfig,
    address: SocketAddr,
}

impl Door {
    pub async fn connect(&self) -> Result<Connection, ClientError> {
        let connection = Connection::connect(&self.endpoint, self.config.clone(), self.address, "localhost").await?;
        Ok(connection.with_deadline(std::time::Duration::from_millis(800)))
    }
}

/// Passwords are hashed cheaply, and the bank is given up on early: most tests are about money.
const CHEAP_HASH: &str = "memory-kib = 64\npasses = 1";

fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Starts a process and waits for its ready line.
fn launch(command: &mut Command, folder: &Path, log_filter: &str) -> (Child, serde_json::Value) {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    let mut child = command
        .current_dir(folder)
        .env("RUST_LOG", log_filter)
        .arg("--exit-on-stdin-close")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    (child, serde_json::from_str(&line).unwrap_or_else(|_| panic!("no ready line: {}", log())))
}

/// Waits with standard input held open, whose end would be a reason to stop.
fn wait(mut child: Child) -> std::process::ExitStatus {
    let _input = child.stdin.take();
    child.wait().unwrap()
}

fn kill(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
