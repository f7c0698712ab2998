//! What a run records, a struct a row and a Parquet table a struct.
//!
//! Times are microseconds since the run's start. Ground truth (mated or not) is recorded here and never crosses the
//! wire.

use super::words::FAILURE_TO_ACQUIRE;
use crate::records::tables::table;

table! {
    /// One comparison of a probe with a reference through a scheme, made off line over all subjects of the run.
    pub struct Comparison in "comparisons" {
        /// Derivation scheme.
        scheme: String,
        /// Subject behind the reference.
        reference_subject: u32,
        /// Subject behind the probe; equal to the reference's where the comparison is mated.
        probe_subject: u32,
        /// Device that captured the reference.
        reference_device: String,
        /// Device that captured the probe.
        probe_device: String,
        /// Comparison score in [0, 1], larger is more similar; null for an equality scheme or a failure.
        score: Option<f32>,
        /// Whether the scheme accepted at its operating threshold.
        accepted: bool,
        /// Why there was nothing to compare: a failure to acquire or to derive; null otherwise.
        failure: Option<String>,
        /// Number of the probe's capture on its device, the same number being the same sample; null in runs of schema 2. The
        /// reference is the enrolment, of the captures from 0 on.
        probe_capture: Option<u32>,
    }
}

table! {
    /// One registration or one payment attempt of a handset, from the intended start to its outcome.
    pub struct Transaction in "transactions" {
        /// The handset.
        handset: u32,
        /// Subject who enrolled the account.
        account_subject: u32,
        /// Subject who presents a finger.
        presenter_subject: u32,
        /// `registration` or `payment`.
        kind: String,
        /// `stored`, `recapture`, `second-device` or `impostor`.
        journey: String,
        /// Derivation scheme.
        scheme: String,
        /// When the scenario wanted it to start.
        intended_start_us: u64,
        /// When it started.
        start_us: u64,
        /// When its outcome was known.
        end_us: u64,
        /// QR presentations that the server answered, one to three.
        tries: u32,
        /// Captures that gave no features.
        failures_to_acquire: u32,
        /// Probes that gave no payload.
        failures_to_derive: u32,
        /// Whether the server found a presented QR consistent with the enrolled one.
        qr_accepted: bool,
        /// How it ended: `registered`, `reused`, `charged`, or the named refusal.
        outcome: String,
        /// When the login was answered; null where there was none.
        login_end_us: Option<u64>,
        /// The amount asked for, in minor units; 0 for a registration.
        amount_minor: i64,
        /// The bank's reference of the posting; null where nothing was charged.
        bank_reference: Option<String>,
    }
}

table! {
    /// One attack on one target.
    pub struct Attack in "attacks" {
        /// The attack's name.
        attack: String,
        /// Which form of it.
        variant: String,
        /// How the system was defended: `patent-literal`, `hardened`, `control`, `scenario`, or `as-configured` where the attack came
        /// between the run's own handsets.
        configuration: String,
        /// Derivation scheme; empty where it makes no difference.
        scheme: String,
        /// What the attacker knows.
        knowledge: String,
        /// The attacked subject.
        target_subject: u32,
        /// The attacker.
        attacker_subject: u32,
        /// Presentations or queries made.
        tries: u64,
        /// Presentations or queries that the attacker would have made at most.
        budget: u64,
        /// Whether the attacker was let through.
        succeeded: bool,
        /// How it ended.
        outcome: String,
        /// How long it took on the clock of the attacked system; 0 off line.
        took_us: u64,
    }
}

table! {
    /// One figure of an attack, other than its share of successes.
    pub struct AttackFigure in "attack_figures" {
        /// The attack's name.
        attack: String,
        /// Which form of it.
        variant: String,
        /// How the system was defended, as in [`Attack`].
        configuration: String,
        /// Derivation scheme; empty where it makes no difference.
        scheme: String,
        /// What is measured, units last.
        measure: String,
        /// Its value.
        value: f64,
        /// Lower end of its 95 % interval; null where the figure is exact.
        lower: Option<f64>,
        /// Upper end.
        upper: Option<f64>,
        /// Observations behind it.
        count: u64,
        /// What theory or a publication says it is; null where they say nothing.
        expected: Option<f64>,
        /// Which theory or publication.
        source: String,
    }
}

table! {
    /// What one handset's connection did on the network.
    pub struct Network in "network" {
        /// The handset.
        handset: u32,
        /// The link's profile.
        profile: String,
        /// Time from the first packet to the established connection.
        handshake_us: u64,
        /// Last smoothed round-trip time.
        round_trip_us: u64,
        /// UDP datagrams sent.
        datagrams_sent: u64,
        /// UDP datagrams received.
        datagrams_received: u64,
        /// Bytes sent in them.
        bytes_sent: u64,
        /// Bytes received in them.
        bytes_received: u64,
        /// Packets declared lost by QUIC's loss recovery.
        packets_lost: u64,
    }
}

table! {
    /// One figure that the server or the bank reported of itself.
    pub struct ServerFigure in "server" {
        /// `server` or `bank`.
        component: String,
        /// The figure's name, units last.
        name: String,
        /// Its value.
        value: f64,
    }
}

table! {
    /// How often one latency of an operation was seen in one block of time: the same latencies as in `latency.hdr`, which
    /// has no times.
    pub struct LatencyBlock in "latency_blocks" {
        /// The operation.
        operation: String,
        /// How long a block is.
        width_us: u64,
        /// The block that the latency was known in: the instant divided by the width.
        block: u64,
        /// The latency, cut to its first seven binary digits.
        latency_us: u64,
        /// How often it was seen.
        count: u64,
    }
}

impl Comparison {
    /// Returns whether reference and probe come from the same subject.
    pub fn is_mated(&self) -> bool {
        self.reference_subject == self.probe_subject
    }

    /// Returns whether there were two samples to compare. A failure to derive is a decision of the scheme, a failure to
    /// acquire is none.
    pub fn is_completed(&self) -> bool {
        !self.failure.as_deref().is_some_and(|failure| failure.starts_with(FAILURE_TO_ACQUIRE))
    }
}
