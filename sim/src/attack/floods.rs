//! Floods: the service that other clients get while an attacker opens connections, streams and logins without end, or
//! neither finishes sending requests nor reads the answers.

use super::act::{Act, Attack};
use super::definition::{DENIES, Description, Elsewhere, RESISTED, Requirement, one_defence, unchanged};
use super::findings::{Figure, Findings, Trial};
use super::system::{AMOUNT, Account, AttackedSystem, Dialler};
use crate::Error;
use biopay_protocol::{
    Currency, IdempotencyKey, LoginName, Merchant, MinorUnits, PresentationProof, Request, Response, Secret, codec,
};
use biopay_reports::latency::LatencyRecorder;
use std::time::Duration;
use tokio::task::JoinSet;

/// How long other clients are watched.
const WATCHED: Duration = Duration::from_secs(20);
/// The interval between a client's payments.
const EVERY: Duration = Duration::from_millis(1_500);
/// The time after which a client gives up a payment.
const PATIENCE: Duration = Duration::from_secs(5);
/// The number of other clients.
const CLIENTS: usize = 40;
/// Requests that a stream-flooding connection sends at once.
const STREAMS: usize = 64;

/// The attacker's behaviour.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// No attack: the baseline of the others.
    Quiet,
    /// Opens connections and holds them.
    Connections,
    /// Sends requests on as many streams as the server allows.
    Streams,
    /// Begins requests and never ends them.
    SlowSending,
    /// Asks and never reads.
    SlowReading,
    /// Logs in under invented names: each costs a password hash.
    Logins,
}

impl Form {
    const ALL: [Self; 6] =
        [Self::Quiet, Self::Connections, Self::Streams, Self::SlowSending, Self::SlowReading, Self::Logins];

    fn name(self) -> &'static str {
        match self {
            Self::Quiet => "nothing, for comparison",
            Self::Connections => "connections",
            Self::Streams => "streams",
            Self::SlowSending => "requests that never end",
            Self::SlowReading => "answers that nobody reads",
            Self::Logins => "logins under invented names",
        }
    }
}

/// Connections, streams and logins without end, while other clients pay.
pub(in crate::attack) const FLOOD: Attack = Attack {
    description: Description {
        knowledge: "the server's address, many addresses",
        targets: 40,
        budget: 2_000,
        needs: unchanged,
        weaken: |scenario| scenario.server.hash_threads = 1,
        defences: one_defence,
        requirement: Some(Requirement { source: "CWE-400: uncontrolled use of resources", max: RESISTED }),
        is_decided_by_scheme: false,
        elsewhere: Elsewhere::Refused(DENIES),
    },
    act: Act::Online(|system| Box::pin(flood(system))),
};

/// Runs each flood in turn while other clients log in and pay. A trial is one payment of theirs; the flood succeeds if
/// the payment takes more than five seconds.
async fn flood(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    for form in Form::ALL {
        let from = system.clock.elapsed();
        let mut attackers = JoinSet::new();
        begin_flood(system, form, &mut attackers);
        let mut clients = JoinSet::new();
        for (index, account) in system.accounts.iter().take(CLIENTS).enumerate() {
            let client = Client {
                dialler: system.dialler(),
                account: account.clone(),
                index,
                form,
                with_nonce: with_nonce(system),
            };
            clients.spawn(client.pay_for(from + WATCHED));
        }
        let mut payments: Vec<Payment> = clients.join_all().await.into_iter().flatten().collect();
        payments.sort_by_key(|payment| (payment.subject, payment.at));
        attackers.abort_all();
        while attackers.join_next().await.is_some() {}
        findings.extend(summarise(system, form, &payments));
        // What the flood left behind ends before the next one begins.
        system.clock.sleep(Duration::from_secs(120)).await;
    }
    Ok(findings)
}

fn with_nonce(system: &AttackedSystem<'_>) -> bool {
    system.scenario().server.presentation.asks_for_nonce()
}

fn summarise(system: &AttackedSystem<'_>, form: Form, payments: &[Payment]) -> Findings {
    let trial = |payment: &Payment| Trial {
        target: payment.subject,
        attacker: system.bot(0),
        tries: system.setup.budget,
        succeeded: payment.took.is_none_or(|took| took > PATIENCE),
        outcome: if payment.took.is_some() { "paid" } else { "not-paid" }.to_owned(),
        took: payment.took.unwrap_or(PATIENCE),
    };
    let mut findings = system.setup.trials(form.name(), "", payments.iter().map(trial));
    type Of = fn(&Payment) -> Option<Duration>;
    let figures: [(&str, Of); 2] =
        [("login p99 of other clients, ms", |p| p.login), ("charge p99 of other clients, ms", |p| p.charge)];
    for (measure, of) in figures {
        let mut recorder = LatencyRecorder::default();
        payments.iter().filter_map(of).for_each(|took| recorder.record(measure, took.as_micros() as u64));
        let Some(times) = recorder.operation(measure) else { continue };
        let figure = Figure {
            measure,
            value: times.value_at_quantile(0.99) as f64 / 1e3,
            interval: None,
            count: times.len(),
            expected: None,
        };
        findings.extend(system.setup.figure(form.name(), "", figure));
    }
    findings
}

/// Starts the attackers, who share the budget.
fn begin_flood(system: &AttackedSystem<'_>, form: Form, attackers: &mut JoinSet<()>) {
    let budget = system.setup.budget;
    let (tasks, gap) = match form {
        Form::Quiet => return,
        // Each task holds what it has opened; begun over the first half of the time.
        Form::Connections | Form::SlowSending | Form::SlowReading => (budget, WATCHED / 2 / budget.max(1) as u32),
        Form::Streams => (budget / STREAMS as u64, WATCHED / 2 / (budget / STREAMS as u64).max(1) as u32),
        Form::Logins => (budget, WATCHED / budget.max(1) as u32),
    };
    for task in 0..tasks {
        let (dialler, host) = (system.dialler(), system.bot(task as u32));
        let begin = gap * task as u32;
        attackers.spawn(async move {
            dialler.clock().sleep(begin).await;
            // An attacker who is refused has done what they could.
            let _refused = attack(&dialler, host, form, task).await;
        });
    }
}

/// Does what one attacker does, and then keeps the connection open.
async fn attack(dialler: &Dialler, host: u32, form: Form, task: u64) -> Option<()> {
    let connection = dialler.connect(host).await?;
    let health = codec::encode(&Request::Health).ok()?;
    let mut held = Vec::new();
    match form {
        Form::Quiet | Form::Connections => {}
        Form::Streams => {
            for _ in 0..STREAMS {
                let (mut send, receive) = connection.quic().open_bi().await.ok()?;
                send.write_all(&health).await.ok()?;
                send.finish().ok()?;
                held.push((send, receive));
            }
        }
        Form::SlowSending => {
            let (mut send, receive) = connection.quic().open_bi().await.ok()?;
            send.write_all(&health[..health.len() - 1]).await.ok()?;
            held.push((send, receive));
        }
        Form::SlowReading => {
            let (mut send, receive) = connection.quic().open_bi().await.ok()?;
            send.write_all(&health).await.ok()?;
            send.finish().ok()?;
            held.push((send, receive));
        }
        Form::Logins => {
            let login = LoginName::new(format!("invented-{task}")).ok()?;
            let password = Secret::new("x").ok()?;
            drop(connection.request(&Request::Login { login, password, channel: connection.channel() }).await);
        }
    }
    dialler.clock().sleep(WATCHED).await;
    drop(held);
    Some(())
}

/// One payment of another client.
struct Payment {
    subject: u32,
    at: Duration,
    took: Option<Duration>,
    login: Option<Duration>,
    charge: Option<Duration>,
}

/// Another client, who logs in and pays.
struct Client {
    dialler: Dialler,
    account: Account,
    index: usize,
    form: Form,
    with_nonce: bool,
}

impl Client {
    /// Pays again and again until the time is over.
    async fn pay_for(self, until: Duration) -> Vec<Payment> {
        let clock = self.dialler.clock();
        let mut payments = Vec::new();
        clock.sleep(EVERY / CLIENTS as u32 * self.index as u32).await;
        while clock.elapsed() < until {
            let at = clock.elapsed();
            let mut payment = Payment { subject: self.account.subject, at, took: None, login: None, charge: None };
            tokio::select! {
                biased;
                paid = self.pay(payments.len(), &mut payment) => {
                    payment.took = paid.map(|()| clock.elapsed() - at);
                }
                () = clock.sleep(PATIENCE) => {}
            }
            payments.push(payment);
            clock.sleep(EVERY.saturating_sub(clock.elapsed() - at)).await;
        }
        payments
    }

    async fn pay(&self, number: usize, payment: &mut Payment) -> Option<()> {
        let clock = self.dialler.clock();
        let connection = self.dialler.connect(self.account.subject).await?;
        let begun = clock.elapsed();
        let (login, password) = (self.account.login.clone(), self.account.password.clone());
        let channel = connection.channel();
        let answer = connection.request(&Request::Login { login, password, channel }).await.ok()?;
        let Response::LoggedIn { .. } = answer else { return None };
        payment.login = Some(clock.elapsed() - begun);
        let key = format!("{:?}-{}-{number}", self.form, self.index);
        let begin = Request::BeginPayment {
            merchant: Merchant::new("Corner Shop").ok()?,
            amount: MinorUnits::new(AMOUNT).ok()?,
            currency: Currency::new("EUR").ok()?,
            idempotency_key: IdempotencyKey::new(key).ok()?,
            order: None,
        };
        let Response::PaymentOpened { payment: page, .. } = connection.request(&begin).await.ok()? else { return None };
        let begun = clock.elapsed();
        let payload = self.account.payload.clone();
        let nonce = self.with_nonce.then_some(page);
        let signature = self.account.devices.handset.as_deref().map(|device| device.sign(&payload, nonce));
        let proof = PresentationProof { nonce, signature };
        let mut answer = connection.request(&Request::PresentQr { payment: page, payload, proof }).await.ok()?;
        if let Response::CodeIssued { shown, .. } = answer {
            answer = connection.request(&Request::SubmitCode { payment: page, code: shown }).await.ok()?;
        }
        connection.close();
        let Response::Charged(_) = answer else { return None };
        payment.charge = Some(clock.elapsed() - begun);
        Some(())
    }
}
