//! Key rotation: opens every sealed record and seals it again with the newest key, while servers run.

use crate::crypto::password::{HashCost, PepperId};
use crate::crypto::vault::{CannotOpen, Vault};
use crate::error::Error;
use crate::store::{AccountId, Binding, BoundAccount, Change, Store};
use biopay_protocol::LoginName;
use serde::Serialize;
use std::collections::BTreeMap;

/// Returns the context that an account's QR record is sealed for.
pub(crate) fn record_context(login: &LoginName) -> String {
    format!("record/{login}")
}

/// Returns the context that an account's bank account number is sealed for.
pub(crate) fn account_context(login: &LoginName) -> String {
    format!("bank account/{login}")
}

/// Returns the context that an account's PIN or mandate is sealed for.
pub(crate) fn authority_context(login: &LoginName) -> String {
    format!("authority/{login}")
}

/// The counts of a rotation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rotation {
    /// Accounts whose records were sealed again.
    pub resealed: u64,
    /// Accounts whose records had the newest key already.
    pub current: u64,
    /// Accounts that changed meanwhile; the server that changed them may use an old key: run the rotation again.
    pub changed: u64,
}

/// Seals every record again that is not sealed with the newest key.
///
/// # Errors
///
/// When the store fails, or a record cannot be opened; what was done until then stays done.
pub async fn rotate(store: &dyn Store, vault: &Vault) -> Result<Rotation, Error> {
    let (mut rotation, mut above) = (Rotation::default(), AccountId(i64::MIN));
    loop {
        let page = store.bindings_above(above).await?;
        let Some(last) = page.last() else { return Ok(rotation) };
        above = last.id;
        for BoundAccount { id, login, binding } in page {
            if is_current(vault, &binding) {
                rotation.current += 1;
                continue;
            }
            let resealed = reseal(vault, &login, &binding)?;
            match store.replace_binding(id, binding, resealed).await? {
                Change::Done => rotation.resealed += 1,
                Change::Refused => rotation.changed += 1,
            }
        }
    }
}

/// The peppers and costs that passwords are hashed with, each with the number of accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PasswordUse {
    /// By the number of the pepper.
    pub peppers: BTreeMap<PepperId, u64>,
    /// By cost.
    pub costs: BTreeMap<HashCost, u64>,
}

/// Counts what the store's passwords are hashed with.
///
/// # Errors
///
/// When the store fails.
pub async fn count_passwords(store: &dyn Store) -> Result<PasswordUse, Error> {
    let (mut counted, mut above) = (PasswordUse::default(), AccountId(i64::MIN));
    loop {
        let page = store.credentials_above(above).await?;
        let Some(last) = page.last() else { return Ok(counted) };
        above = last.id;
        for password in page.into_iter().filter_map(|account| account.credential.into_password()) {
            *counted.peppers.entry(password.pepper()).or_default() += 1;
            *counted.costs.entry(password.cost()).or_default() += 1;
        }
    }
}

fn is_current(vault: &Vault, binding: &Binding) -> bool {
    let sealed = binding.record.iter().chain([&binding.bank_account, &binding.authority]);
    sealed.into_iter().all(|sealed| Vault::key_id(sealed) == Some(vault.current()))
}

fn reseal(vault: &Vault, login: &LoginName, binding: &Binding) -> Result<Binding, CannotOpen> {
    let again = |context: &str, sealed: &[u8]| Ok(vault.seal(context, &vault.open(context, sealed)?));
    Ok(Binding {
        record: binding.record.as_ref().map(|record| again(&record_context(login), record)).transpose()?,
        helper: binding.helper.clone(),
        bank_account: again(&account_context(login), &binding.bank_account)?,
        authority: again(&authority_context(login), &binding.authority)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::credential::Credential;
    use crate::crypto::password::Passwords;
    use crate::env::system;
    use crate::sqlite::Location;
    use crate::store::SqliteStore;
    use biopay_protocol::Secret;
    use zeroize::Zeroizing;

    fn vault(keys: &[u32]) -> Vault {
        let keys = keys.iter().map(|&id| (id, Zeroizing::new([id as u8; 32]))).collect();
        Vault::new(system::env(1, 1), keys).unwrap()
    }

    #[tokio::test]
    async fn after_a_rotation_the_old_key_is_not_needed() {
        let (store, old) = (SqliteStore::open(&Location::Memory).unwrap(), vault(&[1]));
        let cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
        let password = Passwords::new(system::env(1, 1), cost, vec![]).hash(Secret::new("x").unwrap()).await.unwrap();
        // More than a page, every other one without a QR.
        for n in 0..300 {
            let login = LoginName::new(format!("user{n}")).unwrap();
            let record = (n % 2 == 0).then(|| old.seal(&record_context(&login), b"record"));
            let bank_account = old.seal(&account_context(&login), b"account");
            let authority = old.seal(&authority_context(&login), b"pin:1234");
            let binding = Binding { record, helper: Some(vec![1]), bank_account, authority };
            store.create_account(login, Credential::Password(password.clone()), Some(binding)).await.unwrap();
        }
        let both = vault(&[1, 2]);
        let first = rotate(&store, &both).await.unwrap();
        assert_eq!(first, Rotation { resealed: 300, ..Rotation::default() });
        let second = rotate(&store, &both).await.unwrap();
        assert_eq!(second, Rotation { current: 300, ..Rotation::default() });
        let new = vault(&[2]);
        for BoundAccount { login, binding, .. } in store.bindings_above(AccountId(0)).await.unwrap() {
            assert_eq!(&**new.open(&authority_context(&login), &binding.authority).unwrap(), b"pin:1234");
            assert_eq!(binding.helper, Some(vec![1]));
        }
        assert!(rotate(&store, &vault(&[3])).await.is_err());
    }
}
