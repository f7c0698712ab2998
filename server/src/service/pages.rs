//! The payment page: the QR in three tries, then the verification code where the rules ask for one.

use super::code::Typed;
use super::page::{Page, Phase};
use super::session::{Login, Session};
use super::state::{OrRefuse, Service};
use crate::config::CodeRule;
use crate::env::CostClass;
use crate::images::Unread;
use crate::store::Binding;
use biopay_protocol::message::AccountState;
use biopay_protocol::{ImageBytes, PayloadBytes, PaymentId, PresentationProof, Refusal, Response, Secret};

impl Service {
    pub(super) async fn begin_payment(&self, session: &Session, page: Page) -> Result<Response, Refusal> {
        let login = session.login()?;
        if login.binding != AccountState::Bound {
            return Err(Refusal::NotBound);
        }
        let key = page.purchase.key.clone();
        if let Some(existing) = self.store.find_payment_by_key(login.account, key).await.or_refuse()? {
            return page.purchase.answer_again(&existing);
        }
        let (payment, qr_tries) = (self.env.draw_payment(), page.qr_tries_left);
        session.open_page(payment, page)?;
        Ok(Response::PaymentOpened { payment, qr_tries })
    }

    pub(super) async fn present_qr(
        &self,
        session: &Session,
        payment: PaymentId,
        payload: PayloadBytes,
        proof: PresentationProof,
    ) -> Result<Response, Refusal> {
        let login = session.login()?;
        match session.with_page(payment, |page| page.begin_verification(payment)) {
            None => return self.payment_status(session, payment).await,
            Some(begun) => begun?,
        }
        self.decide_presentation(session, login, payment, payload, proof).await
    }

    /// Reads the payload from an image, and presents it. An image that cannot be read counts as a try: it costs more
    /// than a wrong payload.
    pub(super) async fn present_image(
        &self,
        session: &Session,
        payment: PaymentId,
        image: ImageBytes,
    ) -> Result<Response, Refusal> {
        let login = session.login()?;
        match session.with_page(payment, |page| page.begin_verification(payment)) {
            None => return self.payment_status(session, payment).await,
            Some(begun) => begun?,
        }
        match self.read_image(session, &login, &image).await {
            // An image carries no proof: where one is asked for it is a wrong presentation.
            Ok(Some(payload)) => {
                self.decide_presentation(session, login, payment, payload, PresentationProof::default()).await
            }
            Ok(None) => Err(self.qr_rejected(session, payment, |tries_left| Refusal::UnreadableImage { tries_left })),
            Err(refusal) => Err(self.not_looked_at(session, payment, refusal)),
        }
    }

    /// Reads an image; `None` when it shows no symbol within the limits.
    async fn read_image(
        &self,
        session: &Session,
        login: &Login,
        image: &ImageBytes,
    ) -> Result<Option<PayloadBytes>, Refusal> {
        self.throttle.begin_qr(&login.name, session.source())?;
        let read = self.images.read(image).await;
        if read != Err(Unread::Unreadable) {
            self.throttle.forgive_qr(&login.name, session.source());
        }
        match read {
            Ok(payload) => Ok(Some(payload)),
            Err(Unread::Unreadable) => Ok(None),
            Err(Unread::Overloaded) => Err(Refusal::Overloaded),
        }
    }

    async fn decide_presentation(
        &self,
        session: &Session,
        login: Login,
        payment: PaymentId,
        payload: PayloadBytes,
        proof: PresentationProof,
    ) -> Result<Response, Refusal> {
        match self.verify(session, &login, payment, payload, proof).await {
            Ok(Some(binding)) => self.qr_accepted(session, login, payment, binding).await,
            Ok(None) => Err(self.qr_rejected(session, payment, |tries_left| Refusal::QrMismatch { tries_left })),
            Err(refusal) => Err(self.not_looked_at(session, payment, refusal)),
        }
    }

    /// Gives a try back that was not looked at.
    fn not_looked_at(&self, session: &Session, payment: PaymentId, refusal: Refusal) -> Refusal {
        session.with_page(payment, |page| page.phase = Phase::AwaitQr);
        refusal
    }

    /// Compares a payload with the account's record; returns what the account pays with when it is right.
    async fn verify(
        &self,
        session: &Session,
        login: &Login,
        payment: PaymentId,
        payload: PayloadBytes,
        proof: PresentationProof,
    ) -> Result<Option<Binding>, Refusal> {
        let binding = self.standing(login).await?.binding.ok_or(Refusal::NotBound)?;
        let sealed = binding.record.as_ref().ok_or(Refusal::NotBound)?;
        // The place in the queue is taken first; the comparison itself is microseconds and needs no thread.
        self.env.run(CostClass::PayloadVerification, || ()).await.or_refuse()?;
        // From here to the end nothing waits, so that parallel tries count and right ones are not in each other's way.
        self.throttle.begin_qr(&login.name, session.source())?;
        let verified = self.verify_presentation(&login.name, sealed, payment, &payload, &proof);
        if verified != Ok(false) {
            self.throttle.forgive_qr(&login.name, session.source());
        }
        Ok(verified?.then_some(binding))
    }

    async fn qr_accepted(
        &self,
        session: &Session,
        login: Login,
        payment: PaymentId,
        binding: Binding,
    ) -> Result<Response, Refusal> {
        match self.rules.code {
            CodeRule::Off => self.charge_page(session, login, payment, binding).await,
            CodeRule::On => match self.issue_code(session, &login, payment) {
                Err(throttled) => Err(self.not_looked_at(session, payment, throttled)),
                issued => issued,
            },
        }
    }

    fn qr_rejected(&self, session: &Session, payment: PaymentId, name: impl FnOnce(u8) -> Refusal) -> Refusal {
        let counted = session.with_page(payment, |page| page.count_wrong(name));
        let refusal = counted.unwrap_or(Refusal::NoSuchPayment);
        if refusal == Refusal::PaymentPageLeft {
            session.leave_page(payment);
        }
        refusal
    }

    fn issue_code(&self, session: &Session, login: &Login, payment: PaymentId) -> Result<Response, Refusal> {
        self.throttle.begin_code_message(&login.name)?;
        let (issued, shown) = self.draw_code(payment);
        let put = |page: &mut Page| {
            page.codes_issued += 1;
            page.phase = Phase::AwaitCode(issued);
        };
        session.with_page(payment, put).ok_or(Refusal::NoSuchPayment)?;
        Ok(Response::CodeIssued { payment, shown, valid_for_ms: self.rules.code_valid_ms })
    }

    pub(super) fn resend_code(&self, session: &Session, payment: PaymentId) -> Result<Response, Refusal> {
        let login = session.login()?;
        let allowed = session.with_page(payment, |page| match page.phase {
            Phase::AwaitCode(_) if page.codes_issued > self.rules.code_resends => Err(Refusal::ResendLimit),
            Phase::AwaitCode(_) => Ok(()),
            Phase::AwaitQr => Err(Refusal::WrongStep),
            Phase::Busy => Err(Refusal::InProgress { payment }),
        });
        allowed.ok_or(Refusal::NoSuchPayment)??;
        self.issue_code(session, &login, payment)
    }

    pub(super) async fn submit_code(
        &self,
        session: &Session,
        payment: PaymentId,
        code: Secret,
    ) -> Result<Response, Refusal> {
        let login = session.login()?;
        let typed = session.with_page(payment, |page| self.type_code_throttled(page, &login, payment, &code));
        match typed {
            None => self.payment_status(session, payment).await,
            Some(Ok(())) => {
                // Read again: minutes may have passed, and with them what the account pays with.
                match self.binding_with_qr(&login).await {
                    Ok(binding) => self.charge_page(session, login, payment, binding).await,
                    Err(refusal) => {
                        session.leave_page(payment);
                        Err(refusal)
                    }
                }
            }
            Some(Err(refusal)) => {
                if refusal == Refusal::CodeExhausted {
                    session.leave_page(payment);
                }
                Err(refusal)
            }
        }
    }

    /// Reads what an account pays with, as long as its QR is not revoked.
    async fn binding_with_qr(&self, login: &Login) -> Result<Binding, Refusal> {
        let binding = self.standing(login).await?.binding.ok_or(Refusal::NotBound)?;
        let has_qr = self.has_qr(&login.name, binding.record.as_deref())?;
        if has_qr { Ok(binding) } else { Err(Refusal::NotBound) }
    }

    /// Checks a code unless too many were wrong: then the page's tries are not touched.
    fn type_code_throttled(
        &self,
        page: &mut Page,
        login: &Login,
        payment: PaymentId,
        code: &Secret,
    ) -> Result<(), Refusal> {
        self.throttle.begin_code(&login.name)?;
        let typed = self.type_code(page, payment, code);
        if !matches!(typed, Err(Refusal::WrongCode { .. } | Refusal::CodeExhausted)) {
            self.throttle.forgive_code(&login.name);
        }
        if typed.is_ok() {
            (0..page.codes_issued).for_each(|_| self.throttle.forgive_code_message(&login.name));
        }
        typed
    }

    /// Checks a code under the session's lock; a right one is used up, and the page busy.
    fn type_code(&self, page: &mut Page, payment: PaymentId, code: &Secret) -> Result<(), Refusal> {
        let issued = match &mut page.phase {
            Phase::AwaitCode(issued) => issued,
            Phase::AwaitQr => return Err(Refusal::WrongStep),
            Phase::Busy => return Err(Refusal::InProgress { payment }),
        };
        match self.check_code(issued, payment, code) {
            Typed::Right => page.phase = Phase::Busy,
            Typed::Wrong { tries_left } => return Err(Refusal::WrongCode { tries_left }),
            Typed::Exhausted => return Err(Refusal::CodeExhausted),
            Typed::Expired => return Err(Refusal::CodeExpired),
        }
        Ok(())
    }

    /// Charges what the page is for, and leaves it: from here on the store knows the payment.
    async fn charge_page(
        &self,
        session: &Session,
        login: Login,
        payment: PaymentId,
        binding: Binding,
    ) -> Result<Response, Refusal> {
        let purchase = session.with_page(payment, |page| page.purchase.clone()).ok_or(Refusal::NoSuchPayment)?;
        let response = self.charge(&login, payment, purchase, &binding).await;
        session.leave_page(payment);
        response
    }
}
