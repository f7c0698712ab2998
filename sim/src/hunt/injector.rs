//! What each fault does to a run, when it begins and when it ends.

use super::crowd::Step;
use super::disk::{DiskFault, PowerCut};
use super::fault::{Entry, FaultKind};
use super::journal::Who;
use super::play::{Action, Run};
use super::scene::ONE_WAY;
use super::server::{Role, Server, configure_second_key, start_rotation};
use biopay_server::issuer::faults::Faults;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long the operator waits between the new configuration and the rotation.
const BEFORE_ROTATION: Duration = Duration::from_secs(2);
/// The least time for which a dead handset is away.
const AWAY_MIN: Duration = Duration::from_secs(5);

impl Run {
    pub(super) fn begin_fault(&mut self, entry: Entry) {
        *self.injected.entry(entry.kind).or_default() += 1;
        let Entry { kind, handset, for_ms, level, .. } = entry;
        let lasts = Duration::from_millis(for_ms);
        self.scene.journal.note(Who::Fault, format!("{} (handset {handset}, {for_ms} ms, level {level})", kind.name()));
        match kind {
            FaultKind::ServerKilled => self.end_server(PowerCut::Kept, lasts, level),
            FaultKind::ServerPower => self.end_server(PowerCut::Lost, lasts, level),
            FaultKind::BankKilled => self.end_bank(PowerCut::Kept, lasts, level),
            FaultKind::BankPower => self.end_bank(PowerCut::Lost, lasts, level),
            FaultKind::ReadFails => self.scene.server_disk.arm(DiskFault::Read, level),
            FaultKind::WriteFails => self.scene.server_disk.arm(DiskFault::Write, level),
            FaultKind::SyncFails => self.scene.server_disk.arm(DiskFault::Sync, level),
            FaultKind::SyncLies => self.scene.server_disk.arm(DiskFault::Lie, level),
            FaultKind::WriteMisdirected => self.scene.server_disk.arm(DiskFault::Misdirect, level),
            FaultKind::DiskFull => self.scene.server_disk.set_full(true),
            FaultKind::BankLinkBreaks => self.scene.road.break_all(),
            FaultKind::BankLinkSilent => self.scene.road.silence_all(),
            FaultKind::BankRoadCut => self.scene.road.set_cut(true),
            FaultKind::FrontCut => self.scene.road.set_front_cut(true),
            FaultKind::BankSlow => self.scene.road.set_delay(Duration::from_millis(u64::from(level))),
            FaultKind::BankLoses
            | FaultKind::BankDuplicates
            | FaultKind::BankReorders
            | FaultKind::BankLate
            | FaultKind::BankForeign
            | FaultKind::BankDeclines => self.set_bank(kind, f64::from(level.min(100)) / 100.0),
            FaultKind::LinkCut
            | FaultKind::LinkMute
            | FaultKind::LinkDeaf
            | FaultKind::LinkDuplicates
            | FaultKind::LinkReorders
            | FaultKind::LinkCorrupts
            | FaultKind::LinkNarrow
            | FaultKind::NatRebinds => self.set_weather(entry, true),
            FaultKind::ClockJumps => {
                let ahead = i64::from(level) - 2_000_000;
                self.scene.skew.ahead_ms.fetch_add(ahead, Ordering::Relaxed);
            }
            FaultKind::ClockDrifts => {
                self.scene.skew.faster_ppm.store(i64::from(level % 5_000), Ordering::Relaxed);
            }
            FaultKind::HandsetDies => {
                self.set_weather(Entry { kind: FaultKind::LinkCut, ..entry }, true);
                self.crowd.kill(&self.scene, handset);
            }
            FaultKind::UserSlow => {
                let step = if level % 2 == 0 { Step::Qr } else { Step::Code };
                self.crowd.slow_down(handset, step, lasts);
            }
            FaultKind::WrongQr => self.crowd.present_wrong(handset),
            FaultKind::UserCancels => self.crowd.let_cancel(handset),
            FaultKind::SecondDevice => self.crowd.pay_twice(&self.scene, handset),
            FaultKind::EntropyRepeats => self.scene.repeats_entropy.store(true, Ordering::Relaxed),
            FaultKind::KeysRotate => self.configure_keys(),
            FaultKind::Standby => self.start_standby(),
            FaultKind::DatabaseLoses => self.scene.set_database(Some(level), None),
            FaultKind::DatabaseHangs => self.scene.set_database(None, Some(level)),
        }
        let lasts = if kind == FaultKind::HandsetDies { lasts.clamp(AWAY_MIN, 4 * AWAY_MIN) } else { lasts };
        self.after(lasts, Action::End(entry));
    }

    pub(super) fn end_fault(&mut self, entry: Entry) {
        match entry.kind {
            FaultKind::DiskFull => self.scene.server_disk.set_full(false),
            FaultKind::BankRoadCut => self.scene.road.set_cut(false),
            FaultKind::FrontCut => self.scene.road.set_front_cut(false),
            FaultKind::BankSlow => self.scene.road.set_delay(ONE_WAY),
            FaultKind::BankLoses
            | FaultKind::BankDuplicates
            | FaultKind::BankReorders
            | FaultKind::BankLate
            | FaultKind::BankForeign
            | FaultKind::BankDeclines => self.set_bank(entry.kind, 0.0),
            FaultKind::LinkCut
            | FaultKind::LinkMute
            | FaultKind::LinkDeaf
            | FaultKind::LinkDuplicates
            | FaultKind::LinkReorders
            | FaultKind::LinkCorrupts
            | FaultKind::LinkNarrow => self.set_weather(entry, false),
            FaultKind::HandsetDies => self.set_weather(Entry { kind: FaultKind::LinkCut, ..entry }, false),
            FaultKind::EntropyRepeats => {
                self.scene.repeats_entropy.store(false, Ordering::Relaxed);
                // A process that began with repeated randomness goes on with it.
                self.kill_server(PowerCut::Kept, Duration::from_secs(1));
            }
            FaultKind::Standby => {
                let standby = self.standby.take();
                standby.into_iter().for_each(|standby| standby.kill(&self.scene, PowerCut::Kept));
            }
            FaultKind::DatabaseLoses => self.scene.set_database(Some(0), None),
            FaultKind::DatabaseHangs => self.scene.set_database(None, Some(0)),
            FaultKind::ServerKilled
            | FaultKind::ServerPower
            | FaultKind::BankKilled
            | FaultKind::BankPower
            | FaultKind::ReadFails
            | FaultKind::WriteFails
            | FaultKind::SyncFails
            | FaultKind::SyncLies
            | FaultKind::WriteMisdirected
            | FaultKind::BankLinkBreaks
            | FaultKind::BankLinkSilent
            | FaultKind::NatRebinds
            | FaultKind::ClockJumps
            | FaultKind::ClockDrifts
            | FaultKind::UserSlow
            | FaultKind::WrongQr
            | FaultKind::UserCancels
            | FaultKind::SecondDevice
            | FaultKind::KeysRotate => {}
        }
    }

    /// Ends every fault that could still come.
    pub(super) fn heal(&mut self) {
        self.scene.journal.note(Who::Fault, "from here on all is well");
        self.scene.server_disk.heal();
        self.scene.bank_disk.heal();
        self.scene.road.set_cut(false);
        self.scene.road.set_front_cut(false);
        self.scene.road.set_delay(ONE_WAY);
        *self.scene.bank_faults.lock().unwrap_or_else(PoisonError::into_inner) =
            Faults { seed: self.scene.seed, ..Faults::default() };
        self.bank.iter().for_each(|bank| bank.reload(&self.scene));
        self.scene.set_database(Some(0), Some(0));
        self.scene.repeats_entropy.store(false, Ordering::Relaxed);
        self.crowd.heal(&self.scene);
    }

    /// Ends the server at once, or before one of its next changes of the disk.
    fn end_server(&mut self, power: PowerCut, down: Duration, changes: u32) {
        self.server_dies = (power, down);
        match &self.server {
            Some(server) if changes > 0 => self.scene.server_disk.doom(server.number, changes),
            Some(_) | None => self.kill_server(power, down),
        }
    }

    fn end_bank(&mut self, power: PowerCut, down: Duration, changes: u32) {
        self.bank_dies = (power, down);
        match &self.bank {
            Some(bank) if changes > 0 => self.scene.bank_disk.doom(bank.number, changes),
            Some(_) | None => self.kill_bank(power, down),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller has picked the bank's kinds")]
    fn set_bank(&mut self, kind: FaultKind, share: f64) {
        {
            let mut faults = self.scene.bank_faults.lock().unwrap_or_else(PoisonError::into_inner);
            match kind {
                FaultKind::BankLoses => (faults.drop_request, faults.drop_reply) = (share / 2.0, share / 2.0),
                FaultKind::BankDuplicates => faults.duplicate = share,
                FaultKind::BankReorders => (faults.reorder, faults.reorder_ms) = (share, 4_000),
                FaultKind::BankLate => (faults.late, faults.late_ms) = (share, 20_000),
                FaultKind::BankForeign => faults.foreign = share,
                _ => faults.decline = share,
            }
        }
        self.bank.iter().for_each(|bank| bank.reload(&self.scene));
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller has picked the links' kinds")]
    fn set_weather(&self, entry: Entry, begins: bool) {
        let share = if begins { f64::from(entry.level.min(100)) / 100.0 } else { 0.0 };
        self.scene.timeline.with_fabric(|fabric| {
            let Some(weather) = fabric.weather(entry.handset) else { return };
            match entry.kind {
                FaultKind::LinkMute => weather.cut_up = begins,
                FaultKind::LinkDeaf => weather.cut_down = begins,
                FaultKind::LinkDuplicates => weather.duplicated = share,
                FaultKind::LinkReorders => weather.overtaken = share,
                FaultKind::LinkCorrupts => weather.corrupted = share,
                FaultKind::LinkNarrow => weather.mtu = if begins { 1_000 } else { 0 },
                FaultKind::NatRebinds => weather.rebound = (weather.rebound + 1) % 1_000,
                _ => (weather.cut_up, weather.cut_down) = (begins, begins),
            }
        });
    }

    /// Configures the second key and lets the running server take it, once a run.
    fn configure_keys(&mut self) {
        if !configure_second_key(&self.scene) {
            return;
        }
        self.server.iter().chain(&self.standby).for_each(|server| server.reload(&self.scene));
        self.after(BEFORE_ROTATION, Action::RotateKeys);
    }

    pub(super) fn rotate_keys(&mut self) {
        let number = self.number();
        self.operators.push(start_rotation(&self.scene, number));
    }

    fn start_standby(&mut self) {
        if self.standby.is_none() {
            let number = self.number();
            self.standby = Some(Server::start(&self.scene, Role::Standby, number));
        }
    }
}
