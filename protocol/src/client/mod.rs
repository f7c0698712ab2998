//! The handset's session, as a state machine without I/O.
//!
//! The handset gives a [`Plan`], then does what each [`Step`] says and feeds the result back with
//! [`Session::advance`]: send a request and feed the response, make a QR and feed its payload, type in a code. The
//! session knows the patent's order of things; it knows nothing of sockets, sensors or time.

mod opaque;
mod plan;

pub use plan::{AccountBinding, Credentials, HelperSource, Input, LoginMethod, Order, Outcome, Plan, Prover, Step};

use crate::Error;
use crate::message::{Refusal, Request, Response};
use crate::proof::PresentationProof;
use crate::secret::Secret;
use crate::values::{ChannelBinding, HelperBytes, PayloadBytes, PaymentId};
use opaque::{Exchange, Phase};

/// Captures that a handset makes for one payment, including those that give no payload (patent paragraph 31).
pub const TRIES_MAX: u8 = 3;

/// One handset's session.
#[derive(Clone, Debug)]
pub struct Session {
    plan: Plan,
    channel: ChannelBinding,
    state: State,
    exchange: Option<Exchange>,
    helper: Option<HelperBytes>,
    payment: Option<PaymentId>,
    shown: Option<Secret>,
    attempt: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Registering,
    RegisteringCredentials,
    /// Half-way through an OPAQUE registration or login.
    Proving,
    LoggingIn,
    Binding,
    FetchingHelper,
    Opening,
    MakingQr,
    Presenting,
    EnteringCode,
    SubmittingCode,
    Done,
}

impl Session {
    /// Begins a session on a connection and says what to do first.
    pub fn start(plan: Plan, channel: ChannelBinding) -> (Self, Step) {
        let mut session = Self::new(plan, channel);
        let step = session.begin();
        (session, step)
    }

    /// Begins a session on a connection that is logged in with the plan's name already, and says what to do first: a
    /// payment goes on from there.
    pub fn resume(plan: Plan, channel: ChannelBinding) -> (Self, Step) {
        let mut session = Self::new(plan, channel);
        let step = match session.plan {
            Plan::Pay { .. } => session.logged_in(),
            Plan::Register { .. } | Plan::RegisterInTwoSteps { .. } => session.begin(),
        };
        (session, step)
    }

    fn new(plan: Plan, channel: ChannelBinding) -> Self {
        let (state, exchange) = (State::Done, None);
        Self { plan, channel, state, exchange, helper: None, payment: None, shown: None, attempt: 0 }
    }

    fn begin(&mut self) -> Step {
        match (&self.plan, self.credentials().method) {
            (Plan::Pay { .. }, _) => self.log_in(),
            (_, LoginMethod::Opaque { .. }) => self.prove(Phase::Registration),
            (Plan::Register { credentials, binding }, _) => {
                let request = register(credentials, binding);
                self.state = State::Registering;
                Step::Send(request)
            }
            (Plan::RegisterInTwoSteps { credentials, .. }, _) => {
                let Credentials { login, password, .. } = credentials.clone();
                self.state = State::RegisteringCredentials;
                Step::Send(Request::RegisterCredentials { login, password })
            }
        }
    }

    fn credentials(&self) -> &Credentials {
        let (Plan::Pay { credentials, .. }
        | Plan::Register { credentials, .. }
        | Plan::RegisterInTwoSteps { credentials, .. }) = &self.plan;
        credentials
    }

    /// Takes the result of the last step and says what to do next.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfOrder`] when the input is not what the last step asked for; the session is unchanged.
    pub fn advance(&mut self, input: Input) -> Result<Step, Error> {
        match (self.state, input) {
            (State::Done, _) => Err(Error::OutOfOrder { expected: "nothing: it is done" }),
            (State::MakingQr, Input::Qr(payload)) => Ok(self.present(payload)),
            (State::MakingQr, Input::NotDerived) => Ok(self.make_qr_or(Outcome::FailedToDerive)),
            (State::MakingQr, _) => Err(Error::OutOfOrder { expected: "a QR payload" }),
            (State::EnteringCode, Input::Code(code)) => Ok(self.submit(code)),
            (State::EnteringCode, _) => Err(Error::OutOfOrder { expected: "a code" }),
            (_, Input::Response(response)) => Ok(self.answered(response)),
            (_, Input::ConnectionLost) => {
                let payment = self.payment;
                Ok(self.finish(Outcome::ConnectionLost { payment }))
            }
            (_, _) => Err(Error::OutOfOrder { expected: "a response" }),
        }
    }

    /// Returns the payment page, once one is open.
    pub fn payment(&self) -> Option<PaymentId> {
        self.payment
    }

    fn answered(&mut self, response: Response) -> Step {
        match (self.state, response) {
            (State::Presenting, Response::Refused(refusal @ Refusal::QrMismatch { .. })) => {
                self.make_qr_or(Outcome::Refused(refusal))
            }
            (State::SubmittingCode, Response::Refused(Refusal::WrongCode { .. })) => self.enter_code(),
            (_, Response::Refused(refusal)) => self.finish(Outcome::Refused(refusal)),
            (State::Proving, response) => self.proved(response),
            (State::Registering, Response::Registered) => self.finish(Outcome::Registered),
            (State::RegisteringCredentials, Response::CredentialsRegistered) => self.log_in(),
            (State::LoggingIn, Response::LoggedIn { .. }) => self.logged_in(),
            (State::Binding, Response::AccountBound) => self.finish(Outcome::Registered),
            (State::FetchingHelper, Response::Helper { helper }) => {
                self.helper = helper;
                self.open_page()
            }
            (State::Opening, Response::PaymentOpened { payment, .. }) => {
                self.payment = Some(payment);
                self.make_qr_or(Outcome::FailedToDerive)
            }
            (State::Presenting, Response::CodeIssued { shown, .. }) => {
                self.shown = Some(shown);
                self.enter_code()
            }
            (State::Opening | State::Presenting | State::SubmittingCode, Response::Charged(receipt)) => {
                self.finish(Outcome::Charged(receipt))
            }
            (State::Opening, Response::Reversed { .. }) => self.finish(Outcome::Reversed),
            (_, _) => self.finish(Outcome::ProtocolViolation),
        }
    }

    fn log_in(&mut self) -> Step {
        if matches!(self.credentials().method, LoginMethod::Opaque { .. }) {
            return self.prove(Phase::Login);
        }
        self.state = State::LoggingIn;
        let Credentials { login, password, .. } = self.credentials().clone();
        Step::Send(Request::Login { login, password, channel: self.channel })
    }

    /// Begins an OPAQUE exchange.
    fn prove(&mut self, phase: Phase) -> Step {
        let Some((exchange, request)) = Exchange::start(phase, self.credentials(), self.channel) else {
            return self.finish(Outcome::ProtocolViolation);
        };
        self.exchange = Some(exchange);
        self.state = State::Proving;
        Step::Send(request)
    }

    /// Ends an OPAQUE exchange with the server's half of it.
    fn proved(&mut self, response: Response) -> Step {
        let exchange = self.exchange.take();
        let (phase, answer) = match exchange {
            Some(exchange) => (exchange.phase(), exchange.finish(self.credentials(), response)),
            None => return self.finish(Outcome::ProtocolViolation),
        };
        match answer {
            Ok(request) => {
                self.state = match phase {
                    Phase::Registration => State::RegisteringCredentials,
                    Phase::Login => State::LoggingIn,
                };
                Step::Send(request)
            }
            // The server's half fits no password of ours: the name is unknown, the password wrong, or the server not
            // the one that we registered with.
            Err(Error::WrongPassword) => self.finish(Outcome::Refused(Refusal::WrongCredentials)),
            Err(_) => self.finish(Outcome::ProtocolViolation),
        }
    }

    fn logged_in(&mut self) -> Step {
        match &self.plan {
            Plan::Register { binding, .. } | Plan::RegisterInTwoSteps { binding, .. } => {
                self.state = State::Binding;
                Step::Send(bind(binding))
            }
            Plan::Pay { helper: HelperSource::Server, .. } => {
                self.state = State::FetchingHelper;
                Step::Send(Request::FetchHelper)
            }
            Plan::Pay { helper: HelperSource::Handset, .. } => self.open_page(),
        }
    }

    fn open_page(&mut self) -> Step {
        let Plan::Pay { order, .. } = &self.plan else { return self.finish(Outcome::ProtocolViolation) };
        let request = begin(order);
        self.state = State::Opening;
        Step::Send(request)
    }

    fn make_qr_or(&mut self, exhausted: Outcome) -> Step {
        if self.attempt >= TRIES_MAX {
            return self.finish(exhausted);
        }
        self.state = State::MakingQr;
        self.attempt += 1;
        Step::MakeQr { attempt: self.attempt, helper: self.helper.clone() }
    }

    fn enter_code(&mut self) -> Step {
        let Some(shown) = self.shown.clone() else { return self.finish(Outcome::ProtocolViolation) };
        self.state = State::EnteringCode;
        Step::EnterCode { shown }
    }

    fn present(&mut self, payload: PayloadBytes) -> Step {
        let Some(payment) = self.payment else { return self.finish(Outcome::ProtocolViolation) };
        self.state = State::Presenting;
        let proof = match &self.plan {
            Plan::Pay { prover, .. } => proof(prover, payment, &payload),
            Plan::Register { .. } | Plan::RegisterInTwoSteps { .. } => PresentationProof::default(),
        };
        Step::Send(Request::PresentQr { payment, payload, proof })
    }

    fn submit(&mut self, code: Secret) -> Step {
        let Some(payment) = self.payment else { return self.finish(Outcome::ProtocolViolation) };
        self.state = State::SubmittingCode;
        Step::Send(Request::SubmitCode { payment, code })
    }

    fn finish(&mut self, outcome: Outcome) -> Step {
        self.state = State::Done;
        Step::Done(outcome)
    }
}

fn register(credentials: &Credentials, binding: &AccountBinding) -> Request {
    let Credentials { login, password, .. } = credentials.clone();
    let AccountBinding { enrolment, helper, bank_account, pin, devices } = binding.clone();
    Request::Register { login, password, enrolment, helper, bank_account, pin, devices }
}

fn bind(binding: &AccountBinding) -> Request {
    let AccountBinding { enrolment, helper, bank_account, pin, devices } = binding.clone();
    Request::BindAccount { enrolment, helper, bank_account, pin, devices }
}

fn begin(order: &Order) -> Request {
    let Order { merchant, amount, currency, idempotency_key, signed } = order.clone();
    Request::BeginPayment { merchant, amount, currency, idempotency_key, order: signed }
}

/// Returns what the server asks for with a payload.
fn proof(prover: &Prover, payment: PaymentId, payload: &PayloadBytes) -> PresentationProof {
    let nonce = prover.with_nonce.then_some(payment);
    let signature = prover.device.as_ref().map(|device| device.sign(payload, nonce));
    PresentationProof { nonce, signature }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{AccountState, ChargeReceipt};
    use crate::values::{Currency, IdempotencyKey, LoginName, Merchant, MinorUnits};

    const PAGE: PaymentId = PaymentId(7);
    const CHANNEL: ChannelBinding = ChannelBinding([5; 32]);

    fn pay(helper: HelperSource) -> Plan {
        let (login, password) = (LoginName::new("ada").unwrap(), Secret::new("password").unwrap());
        let credentials = Credentials { login, password, method: LoginMethod::Password };
        let order = Order {
            merchant: Merchant::new("shop").unwrap(),
            amount: MinorUnits::new(100).unwrap(),
            currency: Currency::new("EUR").unwrap(),
            idempotency_key: IdempotencyKey::new("k1").unwrap(),
            signed: None,
        };
        Plan::Pay { credentials, order, helper, prover: Prover::default() }
    }

    fn answer(session: &mut Session, response: Response) -> Step {
        session.advance(Input::Response(response)).unwrap()
    }

    fn on_page(helper: HelperSource) -> Session {
        let (mut session, first) = Session::start(pay(helper), CHANNEL);
        assert!(matches!(first, Step::Send(Request::Login { .. })));
        answer(&mut session, Response::LoggedIn { account: AccountState::Bound });
        if helper == HelperSource::Server {
            answer(&mut session, Response::Helper { helper: Some(HelperBytes::new([1]).unwrap()) });
        }
        let step = answer(&mut session, Response::PaymentOpened { payment: PAGE, qr_tries: 3 });
        let handed_out = (helper == HelperSource::Server).then(|| HelperBytes::new([1]).unwrap());
        assert_eq!(step, Step::MakeQr { attempt: 1, helper: handed_out });
        session
    }

    fn qr() -> Input {
        Input::Qr(PayloadBytes::new([9]).unwrap())
    }

    #[test]
    fn a_payment_with_a_code_runs_to_its_receipt() {
        let mut session = on_page(HelperSource::Server);
        assert!(matches!(session.advance(qr()), Ok(Step::Send(Request::PresentQr { payment: PAGE, .. }))));
        let shown = Secret::new("123456").unwrap();
        let step = answer(&mut session, Response::CodeIssued { payment: PAGE, shown: shown.clone(), valid_for_ms: 1 });
        assert_eq!(step, Step::EnterCode { shown: shown.clone() });
        session.advance(Input::Code(Secret::new("000000").unwrap())).unwrap();
        let again = answer(&mut session, Response::Refused(Refusal::WrongCode { tries_left: 2 }));
        assert_eq!(again, Step::EnterCode { shown: shown.clone() });
        assert!(matches!(session.advance(Input::Code(shown)), Ok(Step::Send(Request::SubmitCode { .. }))));
        let receipt = ChargeReceipt {
            payment: PAGE,
            reference: "r".into(),
            approval: "a".into(),
            amount: MinorUnits::new(100).unwrap(),
            currency: Currency::new("EUR").unwrap(),
        };
        let step = answer(&mut session, Response::Charged(receipt.clone()));
        assert_eq!(step, Step::Done(Outcome::Charged(receipt)));
    }

    #[test]
    fn a_mismatch_asks_again_and_the_third_leaves_the_page() {
        let mut session = on_page(HelperSource::Handset);
        for tries_left in [2, 1] {
            session.advance(qr()).unwrap();
            let step = answer(&mut session, Response::Refused(Refusal::QrMismatch { tries_left }));
            assert_eq!(step, Step::MakeQr { attempt: 4 - tries_left, helper: None });
        }
        session.advance(qr()).unwrap();
        let step = answer(&mut session, Response::Refused(Refusal::PaymentPageLeft));
        assert_eq!(step, Step::Done(Outcome::Refused(Refusal::PaymentPageLeft)));
    }

    #[test]
    fn a_payment_on_a_login_that_stands_begins_with_its_page() {
        let (_, step) = Session::resume(pay(HelperSource::Handset), CHANNEL);
        assert!(matches!(step, Step::Send(Request::BeginPayment { .. })));
        let (_, step) = Session::resume(pay(HelperSource::Server), CHANNEL);
        assert!(matches!(step, Step::Send(Request::FetchHelper)));
    }

    #[test]
    fn captures_without_a_payload_count_as_tries() {
        let mut session = on_page(HelperSource::Handset);
        for attempt in [2, 3] {
            assert_eq!(session.advance(Input::NotDerived), Ok(Step::MakeQr { attempt, helper: None }));
        }
        assert_eq!(session.advance(Input::NotDerived), Ok(Step::Done(Outcome::FailedToDerive)));
    }

    #[test]
    fn an_answer_to_another_question_is_a_violation() {
        let (mut session, _) = Session::start(pay(HelperSource::Handset), CHANNEL);
        assert_eq!(answer(&mut session, Response::Registered), Step::Done(Outcome::ProtocolViolation));
        assert!(session.advance(qr()).is_err());
    }

    #[test]
    fn input_out_of_order_changes_nothing() {
        let mut session = on_page(HelperSource::Handset);
        assert_eq!(session.advance(Input::ConnectionLost), Err(Error::OutOfOrder { expected: "a QR payload" }));
        assert!(matches!(session.advance(qr()), Ok(Step::Send(Request::PresentQr { .. }))));
    }
}
