//! The merchants' keys: who may ask to be paid, and who may give back.

use crate::config::MerchantConfig;
use crate::config::parse_key;
use crate::error::Error;
use biopay_protocol::merchant::{OrderTerms, RefundRequest, SignedOrder, is_order_signed_by, is_refund_signed_by};
use biopay_protocol::{DeviceKey, Merchant};
use std::collections::BTreeMap;

/// Each merchant's public key.
#[derive(Clone, Debug, Default)]
pub struct MerchantKeys(BTreeMap<Merchant, DeviceKey>);

impl MerchantKeys {
    /// Reads the keys from the configuration.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a wrong name or key, and for a merchant that is there twice.
    pub fn read(configured: &[MerchantConfig]) -> Result<Self, Error> {
        let mut keys = BTreeMap::new();
        for MerchantConfig { name, key } in configured {
            let merchant = Merchant::new(name.as_str()).map_err(|error| Error::Config(error.to_string()))?;
            if keys.insert(merchant, DeviceKey(parse_key("merchants.key", key)?)).is_some() {
                return Err(Error::Config(format!("merchants has {name:?} twice")));
            }
        }
        Ok(Self(keys))
    }

    /// Returns whether a merchant that we know has signed an order.
    pub(crate) fn have_signed_order(&self, terms: &OrderTerms<'_>, order: &SignedOrder) -> bool {
        self.0.get(terms.merchant).is_some_and(|&key| is_order_signed_by(key, terms, &order.signature))
    }

    /// Returns whether a merchant that we know has signed a refund.
    pub(crate) fn have_signed_refund(&self, request: &RefundRequest) -> bool {
        self.0.get(&request.merchant).is_some_and(|&key| is_refund_signed_by(key, request))
    }
}
