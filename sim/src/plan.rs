//! What every handset will try, drawn from the seed before anything happens.

use crate::scenario::{Payments, Scenario};
use crate::time::SimTime;
use biopay_biometrics::scheme::SchemeId;
use biopay_datasets::stream::stream;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, Exp};

/// The most that one payment asks for. Units: minor units.
pub const AMOUNT_MAX: u64 = 20_000;
const AMOUNT_MIN: u64 = 100;

/// Says how a payment's QR comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Journey {
    /// The QR kept since enrolment (patent paragraph 20).
    Stored,
    /// A new capture on the enrolled handset (paragraph 29).
    Recapture,
    /// A new capture on another device, its symbol scanned at the till (claim 4).
    SecondDevice,
    /// Somebody else's finger under a known login.
    Impostor,
}

impl Journey {
    /// Returns the name used in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Recapture => "recapture",
            Self::SecondDevice => "second-device",
            Self::Impostor => biopay_reports::summary::IMPOSTOR,
        }
    }
}

/// Says how an account is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Everything in one message (paragraph 22).
    OneMessage,
    /// Name and password first (paragraph 24).
    TwoSteps,
}

/// Says what a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Opens the account.
    Register(Registration),
    /// Pays.
    Pay {
        /// How the QR comes about.
        journey: Journey,
        /// Minor units.
        amount: u64,
    },
}

/// Says what the user gets wrong in a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slip {
    /// Nothing.
    None,
    /// The password.
    WrongPassword,
    /// The first code.
    WrongCode,
}

/// Is one transaction that a handset will try.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannedTransaction {
    /// When it is meant to start.
    pub at: SimTime,
    /// Its number among the handset's transactions.
    pub number: u32,
    /// What it is.
    pub task: Task,
    /// What goes wrong.
    pub slip: Slip,
}

/// Is everything that one handset will try.
#[derive(Clone, Debug, PartialEq)]
pub struct HandsetPlan {
    /// The handset: owners from 0, impostors after them. It is also the subject who presents a finger.
    pub handset: u32,
    /// The handset whose account is used: its own, or an impostor's victim.
    pub account: u32,
    /// The account's scheme.
    pub scheme: SchemeId,
    /// Whether the account holds less than a payment.
    pub is_poor: bool,
    /// In the order in which they are meant to start.
    pub transactions: Vec<PlannedTransaction>,
}

impl HandsetPlan {
    /// Says whether the presenter is not the account's owner.
    pub fn is_impostor(&self) -> bool {
        self.handset != self.account
    }
}

/// Draws the plans of all owners, then of all impostors.
pub fn draw(scenario: &Scenario) -> Vec<HandsetPlan> {
    let registrations = registration_times(scenario);
    let owners = (0..scenario.handsets).map(|h| owner(scenario, h, registrations[h as usize]));
    let mut plans: Vec<HandsetPlan> = owners.collect();
    for i in 0..scenario.impostor_count() {
        plans.push(impostor(scenario, i, &registrations));
    }
    plans
}

fn registration_times(scenario: &Scenario) -> Vec<SimTime> {
    let gap = exponential(1.0 / scenario.arrivals.registrations_per_s);
    let mut rng = stream(scenario.seed, "sim/registrations", 0);
    let mut seconds = 0.0;
    let mut next = || {
        seconds += gap.sample(&mut rng);
        SimTime::from_seconds(seconds)
    };
    (0..scenario.handsets).map(|_| next()).collect()
}

fn owner(scenario: &Scenario, handset: u32, registration: SimTime) -> HandsetPlan {
    let mut rng = stream(scenario.seed, "sim/owner", u64::from(handset));
    let is_poor = rng.random_bool(scenario.users.too_little_money);
    let steps = if rng.random_bool(scenario.users.two_step_registration) {
        Registration::TwoSteps
    } else {
        Registration::OneMessage
    };
    let mut transactions =
        vec![PlannedTransaction { at: registration, number: 0, task: Task::Register(steps), slip: Slip::None }];
    let gap = exponential(scenario.arrivals.payment_gap_s);
    let mut at = registration;
    for number in 1..=scenario.payments.per_handset {
        at = SimTime::from_seconds(at.micros() as f64 / 1e6 + gap.sample(&mut rng));
        let task = Task::Pay { journey: journey(&scenario.payments, &mut rng), amount: amount(&mut rng) };
        transactions.push(PlannedTransaction { at, number, task, slip: slip(scenario, &mut rng) });
    }
    HandsetPlan { handset, account: handset, scheme: scheme_of(scenario, handset), is_poor, transactions }
}

fn impostor(scenario: &Scenario, index: u32, registrations: &[SimTime]) -> HandsetPlan {
    let mut rng = stream(scenario.seed, "sim/impostor", u64::from(index));
    // Victims in turn rather than at random, so that no account is attacked twice before all are attacked once.
    let account = index % scenario.handsets;
    let wait = exponential(scenario.arrivals.payment_gap_s).sample(&mut rng);
    let at = SimTime::from_seconds(registrations[account as usize].micros() as f64 / 1e6 + wait);
    let task = Task::Pay { journey: Journey::Impostor, amount: amount(&mut rng) };
    HandsetPlan {
        handset: scenario.handsets + index,
        account,
        scheme: scheme_of(scenario, account),
        is_poor: false,
        transactions: vec![PlannedTransaction { at, number: 1, task, slip: Slip::None }],
    }
}

fn scheme_of(scenario: &Scenario, account: u32) -> SchemeId {
    let schemes = &scenario.schemes.r#use;
    schemes[account as usize % schemes.len()]
}

fn journey(payments: &Payments, rng: &mut impl Rng) -> Journey {
    let weights = [
        (Journey::Stored, payments.stored),
        (Journey::Recapture, payments.recapture),
        (Journey::SecondDevice, payments.second_device),
    ];
    let total: f64 = weights.iter().map(|(_, w)| w.max(0.0)).sum();
    let mut left = rng.random::<f64>() * total;
    for (journey, weight) in weights {
        left -= weight.max(0.0);
        if left < 0.0 {
            return journey;
        }
    }
    Journey::SecondDevice
}

fn amount(rng: &mut impl Rng) -> u64 {
    rng.random_range(AMOUNT_MIN..=AMOUNT_MAX)
}

fn slip(scenario: &Scenario, rng: &mut impl Rng) -> Slip {
    let (password, code) = (rng.random_bool(scenario.users.wrong_password), rng.random_bool(scenario.users.wrong_code));
    match (password, code) {
        (true, _) => Slip::WrongPassword,
        (false, true) => Slip::WrongCode,
        (false, false) => Slip::None,
    }
}

fn exponential(mean: f64) -> Exp<f64> {
    Exp::new(1.0 / mean).expect("the scenario's check has made the mean positive and finite")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario() -> Scenario {
        Scenario::load("quickstart", &["handsets=400".into()]).unwrap()
    }

    #[test]
    fn one_seed_gives_one_plan() {
        assert_eq!(draw(&scenario()), draw(&scenario()));
        let other = Scenario { seed: 2, ..scenario() };
        assert_ne!(draw(&scenario()), draw(&other));
    }

    #[test]
    fn more_handsets_do_not_change_the_first_ones() {
        let larger = Scenario { handsets: 500, ..scenario() };
        assert_eq!(draw(&scenario())[..400], draw(&larger)[..400]);
    }

    /// Three weights of one third over 800 payments: a share leaves 1/3 ± 4.5 sd (±.075) once in 50,000 seeds.
    #[test]
    fn journeys_follow_their_weights() {
        let plans = draw(&scenario());
        let journeys: Vec<Journey> = plans
            .iter()
            .flat_map(|p| &p.transactions)
            .filter_map(|t| if let Task::Pay { journey, .. } = t.task { Some(journey) } else { None })
            .filter(|&j| j != Journey::Impostor)
            .collect();
        assert_eq!(journeys.len(), 800);
        for journey in [Journey::Stored, Journey::Recapture, Journey::SecondDevice] {
            let share = journeys.iter().filter(|&&j| j == journey).count() as f64 / 800.0;
            assert!((share - 1.0 / 3.0).abs() < 0.075, "{journey:?}: {share}");
        }
    }

    #[test]
    fn impostors_use_a_login_that_is_not_theirs() {
        let plans = draw(&scenario());
        let impostors: Vec<_> = plans.iter().filter(|p| p.is_impostor()).collect();
        assert_eq!(impostors.len(), 80);
        assert!(impostors.iter().all(|p| p.account < 400 && p.handset >= 400));
    }
}
