//! What a merchant signs: an order, so that amount and payee do not come from the payer's handset, and a refund.
//!
//! A signature covers its purpose, a zero byte, and the fields as they are encoded on the wire.

use crate::Error;
use crate::proof::{DeviceKey, DeviceSecret, DeviceSignature, is_message_signed_by};
use crate::values::{Currency, IdempotencyKey, Merchant, MinorUnits, OrderId, Reference};
use serde::{Deserialize, Serialize};

const ORDER: &[u8] = b"biopay order 1\0";
const REFUND: &[u8] = b"biopay refund 1\0";

/// What a merchant asks to be paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderTerms<'a> {
    /// Who is paid.
    pub merchant: &'a Merchant,
    /// How much.
    pub amount: MinorUnits,
    /// In which currency.
    pub currency: &'a Currency,
    /// The merchant's own name for it; it is paid once.
    pub order: &'a OrderId,
    /// Until when it can be paid, in milliseconds since 1970.
    pub expires_ms: u64,
}

/// The part of an order that a payer's handset passes on beside merchant, amount and currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOrder {
    /// The merchant's own name for it.
    pub order: OrderId,
    /// Until when it can be paid, in milliseconds since 1970.
    pub expires_ms: u64,
    /// The merchant's signature.
    pub signature: DeviceSignature,
}

/// What a merchant gives back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundRequest {
    /// Who gives it back.
    pub merchant: Merchant,
    /// The reference on the charge's receipt.
    pub reference: Reference,
    /// How much.
    pub amount: MinorUnits,
    /// In which currency.
    pub currency: Currency,
    /// The key that makes a retry recognisable.
    pub idempotency_key: IdempotencyKey,
    /// The merchant's signature.
    pub signature: DeviceSignature,
}

/// Signs an order.
///
/// # Errors
///
/// [`Error::Malformed`] when it has no form on the wire, which does not happen.
pub fn sign_order(key: &DeviceSecret, terms: &OrderTerms<'_>) -> Result<SignedOrder, Error> {
    let signature = key.sign_message(&message(ORDER, terms)?);
    Ok(SignedOrder { order: terms.order.clone(), expires_ms: terms.expires_ms, signature })
}

/// Returns whether a merchant's key signed an order.
pub fn is_order_signed_by(key: DeviceKey, terms: &OrderTerms<'_>, signature: &DeviceSignature) -> bool {
    message(ORDER, terms).is_ok_and(|message| is_message_signed_by(&[key], &message, signature))
}

/// Signs a refund.
///
/// # Errors
///
/// Those of [`sign_order`].
pub fn sign_refund(
    key: &DeviceSecret,
    merchant: Merchant,
    reference: Reference,
    (amount, currency): (MinorUnits, Currency),
    idempotency_key: IdempotencyKey,
) -> Result<RefundRequest, Error> {
    let fields = (&merchant, &reference, amount, &currency, &idempotency_key);
    let signature = key.sign_message(&message(REFUND, &fields)?);
    Ok(RefundRequest { merchant, reference, amount, currency, idempotency_key, signature })
}

/// Returns whether a merchant's key signed a refund.
pub fn is_refund_signed_by(key: DeviceKey, request: &RefundRequest) -> bool {
    let RefundRequest { merchant, reference, amount, currency, idempotency_key, signature } = request;
    let fields = (merchant, reference, *amount, currency, idempotency_key);
    message(REFUND, &fields).is_ok_and(|message| is_message_signed_by(&[key], &message, signature))
}

fn message(purpose: &[u8], fields: &impl Serialize) -> Result<Vec<u8>, Error> {
    postcard::to_extend(fields, purpose.to_vec()).map_err(|_| Error::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_for_one_order_of_one_merchant() {
        let (key, other) = (DeviceSecret::from_seed(&[1; 32]), DeviceSecret::from_seed(&[2; 32]));
        let (shop, stall) = (Merchant::new("shop").unwrap(), Merchant::new("stall").unwrap());
        let (euro, order) = (Currency::new("EUR").unwrap(), OrderId::new("A-1").unwrap());
        let amount = MinorUnits::new(100).unwrap();
        let terms = OrderTerms { merchant: &shop, amount, currency: &euro, order: &order, expires_ms: 5 };
        let signed = sign_order(&key, &terms).unwrap();
        assert!(is_order_signed_by(key.key(), &terms, &signed.signature));
        assert!(!is_order_signed_by(other.key(), &terms, &signed.signature));
        let less = OrderTerms { amount: MinorUnits::new(1).unwrap(), ..terms.clone() };
        let elsewhere = OrderTerms { merchant: &stall, ..terms.clone() };
        let later = OrderTerms { expires_ms: 6, ..terms.clone() };
        for changed in [less, elsewhere, later] {
            assert!(!is_order_signed_by(key.key(), &changed, &signed.signature));
        }
    }

    #[test]
    fn a_refund_is_signed_whole() {
        let key = DeviceSecret::from_seed(&[1; 32]);
        let money = (MinorUnits::new(100).unwrap(), Currency::new("EUR").unwrap());
        let (shop, reference) = (Merchant::new("shop").unwrap(), Reference::new("ABCDEF123456").unwrap());
        let refund = sign_refund(&key, shop, reference, money, IdempotencyKey::new("r1").unwrap()).unwrap();
        assert!(is_refund_signed_by(key.key(), &refund));
        let more = RefundRequest { amount: MinorUnits::new(101).unwrap(), ..refund.clone() };
        let again = RefundRequest { idempotency_key: IdempotencyKey::new("r2").unwrap(), ..refund };
        assert!(!is_refund_signed_by(key.key(), &more) && !is_refund_signed_by(key.key(), &again));
    }
}
