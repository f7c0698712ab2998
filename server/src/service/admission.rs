//! The check of the configured keys against the store, before a server uses them: a wrong key stops the start with its
//! name, instead of a payment later.

use super::rotation::account_context;
use crate::crypto::check_value::{KeyName, NamedKey};
use crate::crypto::password::HashCost;
use crate::crypto::vault::Vault;
use crate::env::Env;
use crate::error::Error;
use crate::store::{AccountId, Store};
use std::collections::BTreeMap;

/// Names of hash costs that are in use begin with this.
const COST: &str = "cost/";

/// The check values of a store.
struct CheckValues {
    keys: BTreeMap<KeyName, Vec<u8>>,
    costs: Vec<HashCost>,
}

impl CheckValues {
    async fn read(store: &dyn Store) -> Result<Self, Error> {
        let (mut keys, mut costs) = (BTreeMap::new(), Vec::new());
        for (name, value) in store.check_values().await? {
            match name.strip_prefix(COST) {
                Some(cost) => costs.extend(parse_cost(cost)),
                None => keys.extend(name.parse().ok().map(|name: KeyName| (name, value))),
            }
        }
        Ok(Self { keys, costs })
    }

    /// Refuses a configured key that is another than the one under its name, and a missing one.
    fn compare(&self, configured: &[NamedKey]) -> Result<(), Error> {
        for key in configured {
            if self.keys.get(&key.name).is_some_and(|value| !key.matches(value)) {
                return Err(Error::Key(format!("{} is not the key that this store was used with", key.name)));
            }
        }
        match self.keys.keys().find(|name| configured.iter().all(|key| key.name != **name)) {
            Some(missing) => Err(Error::Key(format!(
                "{missing} is missing, and the store may still need it: configure it, and run --rotate-keys before you \
                 remove it"
            ))),
            None => Ok(()),
        }
    }
}

/// Checks the configured keys against the store and enters those that are new to it; the store may depend on them from
/// now on. Returns the hash costs that are in use.
///
/// # Errors
///
/// [`Error::Key`] for a key that is wrong or missing; [`Error::Store`].
pub async fn admit(store: &dyn Store, env: &Env, keys: &[NamedKey], cost: HashCost) -> Result<Vec<HashCost>, Error> {
    let known = CheckValues::read(store).await?;
    known.compare(keys)?;
    for key in keys.iter().filter(|key| !known.keys.contains_key(&key.name)) {
        store.add_check_value(key.name.to_string(), key.check_value(env)).await?;
    }
    if !known.costs.contains(&cost) {
        store.add_check_value(format!("{COST}{}", write_cost(cost)), vec![1]).await?;
    }
    // Another server may have entered its own at the same moment.
    let known = CheckValues::read(store).await?;
    known.compare(keys)?;
    Ok(known.costs)
}

/// Checks keys that a command is going to use: servers must have entered all of them, so that what is sealed with the
/// newest can be opened by every server.
///
/// # Errors
///
/// [`Error::Key`]; [`Error::Store`].
pub async fn require_admitted(store: &dyn Store, keys: &[NamedKey]) -> Result<(), Error> {
    let known = CheckValues::read(store).await?;
    known.compare(keys)?;
    match keys.iter().find(|key| !known.keys.contains_key(&key.name)) {
        Some(new) => Err(Error::Key(format!(
            "no server has opened this store with {} yet: configure it at every server and send them SIGHUP first",
            new.name
        ))),
        None => Ok(()),
    }
}

/// Opens one record of a store from before there were check values.
///
/// # Errors
///
/// [`Error::Key`] when the keys do not open it; [`Error::Store`].
pub async fn probe(store: &dyn Store, vault: &Vault) -> Result<(), Error> {
    let is_new = store.check_values().await?.is_empty();
    let page = if is_new { store.bindings_above(AccountId(i64::MIN)).await? } else { Vec::new() };
    match page.first() {
        Some(bound) if vault.open(&account_context(&bound.login), &bound.binding.bank_account).is_err() => {
            Err(Error::Key("keys.vault does not open the records of this store".into()))
        }
        Some(_) | None => Ok(()),
    }
}

fn write_cost(cost: HashCost) -> String {
    format!("{}-{}-{}", cost.memory_kib, cost.passes, cost.lanes)
}

fn parse_cost(text: &str) -> Option<HashCost> {
    let mut numbers = text.split('-').map(|number| number.parse().ok());
    let mut next = || numbers.next().flatten();
    let cost = HashCost { memory_kib: next()?, passes: next()?, lanes: next()? };
    cost.is_valid().then_some(cost)
}

/// Removes the check values of what nothing in the store depends on any more, but for what is configured as current;
/// returns their names.
///
/// # Errors
///
/// [`Error::Store`].
pub async fn retire(
    store: &dyn Store,
    is_needed: impl Fn(KeyName) -> bool,
    is_cost_needed: impl Fn(HashCost) -> bool,
) -> Result<Vec<String>, Error> {
    let known = CheckValues::read(store).await?;
    let keys = known.keys.keys().filter(|&&name| !is_needed(name)).map(KeyName::to_string);
    let costs = known.costs.iter().filter(|&&cost| !is_cost_needed(cost));
    let unused: Vec<String> = keys.chain(costs.map(|&cost| format!("{COST}{}", write_cost(cost)))).collect();
    for name in &unused {
        store.remove_check_value(name.clone()).await?;
    }
    Ok(unused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::system;
    use crate::sqlite::Location;
    use crate::store::SqliteStore;
    use zeroize::Zeroizing;

    fn keys(named: &[(KeyName, u8)]) -> Vec<NamedKey> {
        named.iter().map(|&(name, byte)| NamedKey { name, key: Zeroizing::new(vec![byte; 32]) }).collect()
    }

    #[tokio::test]
    async fn a_wrong_key_and_a_missing_one_are_refused_by_name() {
        let (store, env) = (SqliteStore::open(&Location::Memory).unwrap(), system::env(1, 1));
        let (cost, other) = (HashCost::default(), HashCost { memory_kib: 64, passes: 1, lanes: 1 });
        let (one, two) = (KeyName::Vault(1), KeyName::Vault(2));
        assert!(require_admitted(&store, &keys(&[(one, 1)])).await.is_err(), "no server was there yet");
        assert_eq!(admit(&store, &env, &keys(&[(one, 1)]), cost).await.unwrap(), [cost]);
        let refused = admit(&store, &env, &keys(&[(one, 9)]), cost).await.unwrap_err().to_string();
        assert!(refused.contains("vault/1 is not"), "{refused}");
        assert_eq!(admit(&store, &env, &keys(&[(one, 1), (two, 2)]), other).await.unwrap().len(), 2);
        let refused = admit(&store, &env, &keys(&[(two, 2)]), cost).await.unwrap_err().to_string();
        assert!(refused.contains("vault/1 is missing"), "{refused}");
        let retired = retire(&store, |name| name == two, |used| used == other).await.unwrap();
        assert_eq!(retired, ["vault/1".to_owned(), format!("cost/{}", write_cost(cost))]);
        assert_eq!(admit(&store, &env, &keys(&[(two, 2)]), other).await.unwrap(), [other]);
    }
}
