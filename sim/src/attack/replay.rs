//! A symbol that was seen at an earlier payment, shown again: as it was, or made anew around the payload in it.

use super::act::{Act, Attack};
use super::definition::{
    ABSENT, Defence, Description, Elsewhere, Requirement, one_defence, unchanged, with_static_symbols,
};
use super::findings::{Findings, Trial};
use super::system::{Account, AttackedSystem, is_accepted};
use crate::Error;
use crate::scenario::Configuration;
use biopay_protocol::{PaymentId, PresentationProof};
use biopay_server::config::Presentation;

/// The symbol that the attacker shows.
#[derive(Clone, Copy)]
enum Form {
    /// The copied symbol with everything in it.
    Copy,
    /// A new symbol: the payload read from the copied one, the payment's own nonce, the copied signature.
    Rewrapped,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Copy => "symbol copied",
            Self::Rewrapped => "payload extracted",
        }
    }
}

/// Lists the defences: each half of the hardened defence is also measured alone, added to the patent's design.
fn replay_defences(configuration: Configuration) -> Vec<Defence> {
    let presenting = |name, rule| Defence { name, presentation: Some(rule) };
    match configuration {
        Configuration::PatentLiteral => vec![
            presenting("", Presentation::Static),
            presenting("a nonce alone", Presentation::Nonce),
            presenting("a device alone", Presentation::Device),
        ],
        Configuration::Hardened | Configuration::Control | Configuration::Scenario => one_defence(configuration),
    }
}

/// The replay of a symbol that was seen at an earlier payment.
pub(in crate::attack) const REPLAY: Attack = Attack {
    description: Description {
        knowledge: "login name and password, a symbol seen at an earlier payment",
        targets: 80,
        budget: 3,
        needs: unchanged,
        weaken: with_static_symbols,
        defences: replay_defences,
        requirement: Some(Requirement { source: "NIST SP 800-63B-3, 5.2.8: replay resistance", max: ABSENT }),
        is_decided_by_scheme: false,
        elsewhere: Elsewhere::Allowed,
    },
    act: Act::Online(|system| Box::pin(replay(system))),
};

/// Watches each owner pay once, then pays with what was seen, from another address. The counter-measures are a nonce
/// (stops only the copy), a device's signature (stops neither, because it is static), and a signature over the nonce.
async fn replay(system: &AttackedSystem<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    for (index, account) in system.targets().enumerate() {
        let seen = watch(system, account, index).await?;
        for form in [Form::Copy, Form::Rewrapped] {
            let begun = system.clock.elapsed();
            let connection = system.enter(system.bot(index as u32), account).await?;
            let payment = system.page(&connection, &format!("replay-{index}-{}", form as u8)).await?;
            let nonce = system.scenario().server.presentation.asks_for_nonce().then_some(payment);
            let proof = match form {
                Form::Copy => seen,
                Form::Rewrapped => PresentationProof { nonce, ..seen },
            };
            let response = system.present(&connection, payment, &account.payload, proof).await?;
            connection.close();
            let trial = Trial {
                target: account.subject,
                attacker: system.attacker(index as u32),
                tries: 1,
                succeeded: is_accepted(&response),
                outcome: response.name().to_owned(),
                took: system.clock.elapsed() - begun,
            };
            findings.extend(system.setup.trials(form.name(), account.scheme.name(), [trial]));
        }
    }
    Ok(findings)
}

/// Makes an owner present their QR once, and returns the proof that went with it.
///
/// # Errors
///
/// [`Error::InvalidRun`] if the owner's own presentation is refused, because the replay would then show nothing.
async fn watch(system: &AttackedSystem<'_>, account: &Account, index: usize) -> Result<PresentationProof, Error> {
    let connection = system.enter(account.subject, account).await?;
    let payment: PaymentId = system.page(&connection, &format!("owner-{index}")).await?;
    let proof = system.proof(account.devices.handset.as_deref(), payment, &account.payload);
    let response = system.present(&connection, payment, &account.payload, proof).await?;
    connection.close();
    match is_accepted(&response) {
        true => Ok(proof),
        false => Err(system.broke(format!("the owner's own QR was answered with {}", response.name()))),
    }
}
