//! A symbol that was seen at an earlier payment, shown again: as it was, or made anew around the payload in it.

use super::arena::{Account, Arena, is_accepted};
use super::findings::{Findings, Trial};
use crate::Error;
use biopay_protocol::{PaymentId, PresentationProof};

/// Says what the attacker shows.
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

/// Watches each owner pay once, then pays with what was seen, from another address. What stands against it is a nonce
/// (only the copy is stopped), a device's signature (both pass: it is static), or a signature over the nonce.
pub async fn replay(arena: &Arena<'_>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    for (index, account) in arena.accounts.iter().enumerate() {
        let seen = watch(arena, account, index).await?;
        for form in [Form::Copy, Form::Rewrapped] {
            let begun = arena.clock.elapsed();
            let connection = arena.enter(arena.bot(index as u32), account).await?;
            let payment = arena.page(&connection, &format!("replay-{index}-{}", form as u8)).await?;
            let nonce = arena.scenario().server.presentation.asks_for_nonce().then_some(payment);
            let proof = match form {
                Form::Copy => seen,
                Form::Rewrapped => PresentationProof { nonce, ..seen },
            };
            let response = arena.present(&connection, payment, &account.payload, proof).await?;
            connection.close();
            let trial = Trial {
                target: account.subject,
                attacker: arena.attacker(index as u32),
                tries: 1,
                succeeded: is_accepted(&response),
                outcome: response.name().to_owned(),
                took: arena.clock.elapsed() - begun,
            };
            findings.extend(arena.setup.trials(form.name(), account.scheme.name(), [trial]));
        }
    }
    Ok(findings)
}

/// Lets an owner present their QR once, and returns what went with it.
///
/// Errors: where the owner's own presentation is not accepted; then nothing could be learnt from the replay.
async fn watch(arena: &Arena<'_>, account: &Account, index: usize) -> Result<PresentationProof, Error> {
    let connection = arena.enter(account.subject, account).await?;
    let payment: PaymentId = arena.page(&connection, &format!("owner-{index}")).await?;
    let proof = arena.proof(account.devices.handset.as_deref(), payment, &account.payload);
    let response = arena.present(&connection, payment, &account.payload, proof).await?;
    connection.close();
    match is_accepted(&response) {
        true => Ok(proof),
        false => Err(arena.broke(format!("the owner's own QR was answered with {}", response.name()))),
    }
}
