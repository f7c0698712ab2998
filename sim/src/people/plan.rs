//! The plan of every handset, drawn from the seed before the run.

use crate::Error;
use crate::people::arrival::{Warp, read_trace};
use crate::scenario::{Arrivals, Payments, Scenario, Schemes, Users};
use crate::shard::Shard;
use crate::time::SimTime;
use biopay_biometrics::scheme::SchemeId;
use biopay_datasets::stream::stream;
pub use biopay_reports::records::Journey;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, Exp};
use std::time::Duration;

/// The greatest amount of a payment. Units: minor units.
pub const AMOUNT_MAX: u64 = 20_000;
const AMOUNT_MIN: u64 = 100;

/// The ways to open an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Everything in one message (paragraph 22).
    OneMessage,
    /// Name and password first (paragraph 24).
    TwoSteps,
}

/// The task of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Opens the account.
    Register(Registration),
    /// Pays.
    Pay {
        /// The way in which the QR is made.
        journey: Journey,
        /// Minor units.
        amount: u64,
    },
}

/// The user's mistake in a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slip {
    /// Nothing.
    None,
    /// The password.
    WrongPassword,
    /// The first code.
    WrongCode,
    /// No code: the user abandons the payment at the code.
    Abandons,
}

/// One transaction that a handset will try.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannedTransaction {
    /// The intended start.
    pub at: SimTime,
    /// Its number among the handset's transactions.
    pub number: u32,
    /// What it is.
    pub task: Task,
    /// The user's mistake.
    pub slip: Slip,
    /// The time that the user looks at the payment page before the QR is made.
    pub think: Duration,
    /// Whether the user tries once more after a failure that another try could avoid.
    pub tries_again: bool,
    /// The number of earlier tries.
    pub round: u8,
    /// The presenter's age of enrolment. Units: whole months.
    pub age_months: u16,
}

/// Everything that one handset will try.
#[derive(Clone, Debug, PartialEq)]
pub struct HandsetPlan {
    /// The handset: owners' from 0, impostors' after them.
    pub handset: u32,
    /// The subject who presents samples: the owner, or an impostor, who has a handset for each victim.
    pub presenter: u32,
    /// The handset whose account is used: its own, or an impostor's victim.
    pub account: u32,
    /// The account's scheme.
    pub scheme: SchemeId,
    /// Whether the account holds less than a payment.
    pub is_poor: bool,
    /// The transactions, in the order of their intended starts.
    pub transactions: Vec<PlannedTransaction>,
}

impl HandsetPlan {
    /// Returns whether the presenter is not the account's owner.
    pub fn is_impostor(&self) -> bool {
        self.handset != self.account
    }
}

/// Draws the plans of all owners of a shard, then of all impostors who attack them.
///
/// # Errors
///
/// [`Error::File`] and [`Error::Usage`] for a trace that cannot be read.
pub fn draw(scenario: &Scenario, shard: Shard) -> Result<Vec<HandsetPlan>, Error> {
    let registrations = registration_times(&scenario.arrivals, scenario.handsets, scenario.seed);
    let trace = scenario.arrivals.trace.as_deref().map(read_trace).transpose()?;
    let drawing = Drawing { scenario, registrations, warp: Warp::new(scenario.arrivals.pattern), trace };
    let owners = (0..scenario.handsets).filter(|&h| shard.holds(h)).map(|h| drawing.owner(h));
    let impostors = (0..scenario.impostor_handsets()).filter(|i| shard.holds(i % scenario.handsets));
    Ok(owners.chain(impostors.map(|i| drawing.impostor(i))).collect())
}

fn registration_times(arrivals: &Arrivals, handsets: u32, seed: u64) -> Vec<SimTime> {
    let gap = exponential(1.0 / arrivals.registrations_per_s);
    let mut rng = stream(seed, "sim/registrations", 0);
    let mut seconds = 0.0;
    let mut next = || {
        seconds += gap.sample(&mut rng);
        SimTime::from_seconds(seconds)
    };
    (0..handsets).map(|_| next()).collect()
}

/// The inputs that all plans are drawn from.
struct Drawing<'a> {
    scenario: &'a Scenario,
    registrations: Vec<SimTime>,
    warp: Warp,
    /// The starts of a trace, which replace the drawn gaps and go to the handsets in turn.
    trace: Option<Vec<SimTime>>,
}

/// The length of a month, a twelfth of 365.25 days. Units: seconds.
const MONTH_S: f64 = 365.25 * 86_400.0 / 12.0;

impl Drawing<'_> {
    fn owner(&self, handset: u32) -> HandsetPlan {
        let scenario = self.scenario;
        let mut rng = stream(scenario.seed, "sim/owner", u64::from(handset));
        let registered = self.registrations[handset as usize];
        let is_poor = rng.random_bool(scenario.users.too_little_money);
        let steps = if rng.random_bool(scenario.users.two_step_registration) {
            Registration::TwoSteps
        } else {
            Registration::OneMessage
        };
        let mut transactions = vec![self.transaction(registered, 0, Task::Register(steps), Slip::None, handset)];
        for (index, at) in self.payment_times(handset, registered, &mut rng).into_iter().enumerate() {
            let task = Task::Pay { journey: journey(&scenario.payments, &mut rng), amount: amount(&mut rng) };
            let slip = slip(&scenario.users, &mut rng);
            let mut planned = self.transaction(at, index as u32 + 1, task, slip, handset);
            planned.think = think(&scenario.users, &mut rng);
            planned.tries_again = rng.random_bool(scenario.users.retry);
            transactions.push(planned);
        }
        HandsetPlan {
            handset,
            presenter: handset,
            account: handset,
            scheme: scheme_of(&scenario.schemes, handset),
            is_poor,
            transactions,
        }
    }

    fn payment_times(&self, handset: u32, registered: SimTime, rng: &mut impl Rng) -> Vec<SimTime> {
        if let Some(trace) = &self.trace {
            return trace.iter().skip(handset as usize).step_by(self.scenario.handsets as usize).copied().collect();
        }
        let gap = exponential(self.scenario.arrivals.payment_gap_s);
        let from = registered.seconds().max(self.scenario.arrivals.payments_from_s);
        let mut steady = self.warp.to_steady(from);
        let mut next = || {
            steady += gap.sample(rng);
            SimTime::from_seconds(self.warp.to_real(steady))
        };
        (0..self.scenario.payments.per_handset).map(|_| next()).collect()
    }

    fn impostor(&self, index: u32) -> HandsetPlan {
        let scenario = self.scenario;
        let mut rng = stream(scenario.seed, "sim/impostor", u64::from(index));
        // Victims in turn rather than at random, so that no account is attacked twice before all are attacked once.
        let account = index % scenario.handsets;
        let wait = exponential(scenario.arrivals.payment_gap_s).sample(&mut rng);
        let from = self.registrations[account as usize].seconds().max(scenario.arrivals.payments_from_s);
        let at = SimTime::from_seconds(from + wait);
        let task = Task::Pay { journey: Journey::Impostor, amount: amount(&mut rng) };
        HandsetPlan {
            handset: scenario.handsets + index,
            presenter: scenario.handsets + index / scenario.victims(),
            account,
            scheme: scheme_of(&scenario.schemes, account),
            is_poor: false,
            transactions: vec![self.transaction(at, 1, task, Slip::None, account)],
        }
    }

    fn transaction(&self, at: SimTime, number: u32, task: Task, slip: Slip, account: u32) -> PlannedTransaction {
        let age_s = at.since(self.registrations[account as usize]).as_secs_f64();
        let age_months = if self.scenario.biometric.ageing_per_year > 0.0 { (age_s / MONTH_S) as u16 } else { 0 };
        PlannedTransaction { at, number, task, slip, think: Duration::ZERO, tries_again: false, round: 0, age_months }
    }
}

fn think(users: &Users, rng: &mut impl Rng) -> Duration {
    match users.think_ms {
        0 => Duration::ZERO,
        mean_ms => Duration::from_micros((exponential(mean_ms as f64 * 1e3).sample(rng)) as u64),
    }
}

fn scheme_of(schemes: &Schemes, account: u32) -> SchemeId {
    let schemes = &schemes.r#use;
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

fn slip(users: &Users, rng: &mut impl Rng) -> Slip {
    let [password, code, abandons] =
        [users.wrong_password, users.wrong_code, users.abandon].map(|share| rng.random_bool(share));
    match (password, abandons, code) {
        (true, _, _) => Slip::WrongPassword,
        (false, true, _) => Slip::Abandons,
        (false, false, true) => Slip::WrongCode,
        (false, false, false) => Slip::None,
    }
}

fn exponential(mean: f64) -> Exp<f64> {
    Exp::new(1.0 / mean).expect("the scenario's check has made the mean positive and finite")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario() -> Scenario {
        Scenario::load("quickstart", &["handsets=400", "impostors.share=0.2", "impostors.victims=1"].map(String::from))
            .unwrap()
    }

    fn draw(scenario: &Scenario) -> Vec<HandsetPlan> {
        super::draw(scenario, Shard::WHOLE).unwrap()
    }

    #[test]
    fn shards_share_the_whole_out() {
        let mut together: Vec<_> =
            (0..3).flat_map(|i| super::draw(&scenario(), Shard::new(i, 3).unwrap()).unwrap()).collect();
        together.sort_by_key(|plan| plan.handset);
        assert_eq!(together, draw(&scenario()));
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
    fn an_impostor_presents_one_finger_to_several_accounts() {
        let one = draw(&scenario());
        let settings = ["handsets=400".into(), "impostors.share=0.05".into(), "impostors.victims=4".into()];
        let several = draw(&Scenario::load("quickstart", &settings).unwrap());
        let pairs = |plans: &[HandsetPlan]| {
            plans.iter().filter(|p| p.is_impostor()).map(|p| (p.presenter, p.account)).collect::<Vec<_>>()
        };
        assert_eq!(pairs(&several).len(), 80);
        assert_eq!(pairs(&several)[..5], [(400, 0), (400, 1), (400, 2), (400, 3), (401, 4)]);
        let accounts = |plans| pairs(plans).into_iter().map(|(_, account)| account).collect::<Vec<_>>();
        assert_eq!(accounts(&several), accounts(&one)[..80]);
    }

    #[test]
    fn impostors_use_a_login_that_is_not_theirs() {
        let plans = draw(&scenario());
        let impostors: Vec<_> = plans.iter().filter(|p| p.is_impostor()).collect();
        assert_eq!(impostors.len(), 80);
        assert!(impostors.iter().all(|p| p.account < 400 && p.handset >= 400));
    }
}
