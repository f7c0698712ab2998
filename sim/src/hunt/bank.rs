//! The bank's process of a hunted run: the real ledger on a disk of its own, behind a road that can fail.

use super::disk::PowerCut;
use super::findings::Checker;
use super::journal::Who;
use super::process::Process;
use super::road::End;
use super::scene::Scene;
use biopay_server::issuer::accounts::NewAccount;
use biopay_server::issuer::faults::FaultyHost;
use biopay_server::issuer::host::Host;
use biopay_server::issuer::ledger::Ledger;
use biopay_server::issuer::listener::converse;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The bank's process.
pub(super) struct Bank {
    pub(super) process: Process,
    pub(super) number: u32,
    host: Arc<Mutex<Option<FaultyHost>>>,
    ended: Arc<Mutex<Option<String>>>,
}

impl Bank {
    /// Starts a process of this number.
    pub(super) fn start(scene: &Arc<Scene>, number: u32, accounts: Vec<NewAccount>) -> Self {
        let process = Process::start();
        scene.bank_disk.admit(number, process.alive());
        let (streams, arriving) = unbounded_channel();
        scene.road.open_bank(streams, process.alive());
        let (host, ended) = (Arc::<Mutex<Option<FaultyHost>>>::default(), Arc::<Mutex<Option<String>>>::default());
        let (scene, to_host, to_ended) = (scene.clone(), host.clone(), ended.clone());
        process.spawn(async move {
            let why = run(&scene, number, accounts, arriving, &to_host).await.err();
            let why = why.unwrap_or_else(|| "it ended by itself".into());
            scene.journal.note(Who::Bank, format!("ends: {why}"));
            *to_ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        });
        Self { process, number, host, ended }
    }

    /// Returns whether the process has ended by itself.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Lets it take the faults that are set now.
    pub(super) fn reload(&self, scene: &Scene) {
        let faults = scene.bank_faults.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(host) = &*self.host.lock().unwrap_or_else(PoisonError::into_inner) {
            host.set_faults(faults);
        }
    }

    /// Ends it where it stands.
    pub(super) fn kill(self, scene: &Scene, power: PowerCut) {
        scene.road.close_bank();
        if power == PowerCut::Lost {
            scene.road.silence_all();
        }
        scene.bank_disk.bury(self.number, power);
        self.process.kill();
    }
}

async fn run(
    scene: &Arc<Scene>,
    number: u32,
    accounts: Vec<NewAccount>,
    mut arriving: UnboundedReceiver<End>,
    to_host: &Mutex<Option<FaultyHost>>,
) -> Result<(), String> {
    let env = scene.env("hunt/bank", number);
    let ledger = Ledger::open(&scene.ledger(number), env.clone(), &scene.keys.pin).map_err(|e| e.to_string())?;
    ledger.open_accounts(accounts).await.map_err(|error| error.to_string())?;
    let audit = ledger.audit().await.map_err(|error| error.to_string())?;
    if !audit.is_clean() {
        scene.findings.add(Checker::Audit, scene.timeline.elapsed(), format!("at the bank's start: {audit:?}"));
    }
    let failed = ledger.failed();
    let faults = scene.bank_faults.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let host = FaultyHost::new(Host::new(ledger, scene.keys.pin()), faults, env);
    *to_host.lock().unwrap_or_else(PoisonError::into_inner) = Some(host.clone());
    scene.journal.note(Who::Bank, "is ready");
    let accepting = async {
        while let Some(stream) = arriving.recv().await {
            tokio::spawn(converse(stream, host.clone()));
        }
    };
    tokio::select! {
        biased;
        () = failed => Err("its disk has failed".into()),
        () = accepting => Ok(()),
    }
}
