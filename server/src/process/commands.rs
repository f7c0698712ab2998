//! The commands of `biopay-server` that do one thing and stop.

use super::announce;
use super::keys::Keys;
use super::stores::open_existing_store;
use super::trails::note_rotation;
use crate::config::ServerConfig;
use crate::crypto::check_value::KeyName;
use crate::crypto::vault::Vault;
use crate::env::system;
use crate::error::Error;
use crate::service::{PasswordUse, Rotation, count_passwords, require_admitted, retire, rotate};
use crate::store::StoreError;
use std::collections::BTreeMap;

/// How often all records are gone through, at most.
const PASSES_MAX: u32 = 32;

/// Prints the ledger's sums.
pub(crate) async fn print_audit(config: &ServerConfig) -> Result<(), Error> {
    let audit = open_existing_store(config).await?.audit().await?;
    announce(&serde_json::to_value(&audit).expect("an audit has a form in JSON"))?;
    let wrong = StoreError::Sql("the ledger's sums are wrong".into());
    if audit.is_clean() { Ok(()) } else { Err(wrong.into()) }
}

/// Seals every record with the newest key, and says which keys the store does not need any more.
pub(crate) async fn rotate_keys(config: &ServerConfig) -> Result<(), Error> {
    let (keys, store) = (Keys::read(&config.keys)?, open_existing_store(config).await?);
    require_admitted(&*store, &keys.named()).await?;
    let vault = Vault::with_keys(system::env(1, 1), keys.vault()?);
    let (mut resealed, mut last) = (0, rotate(&*store, &vault).await?);
    // What somebody changed meanwhile, or a server sealed with the old key, is found by another pass.
    for _ in 1..PASSES_MAX {
        resealed += last.resealed;
        if is_settled(last) {
            break;
        }
        last = rotate(&*store, &vault).await?;
    }
    let PasswordUse { peppers, costs } = count_passwords(&*store).await?;
    let current = keys.peppers()?.current();
    let is_needed = |name| match name {
        KeyName::Vault(id) => !is_settled(last) || id == vault.current(),
        KeyName::Pepper(id) => id == current || peppers.contains_key(&id),
        KeyName::Opaque => true,
    };
    let is_cost_needed = |cost| cost == config.password.cost || costs.contains_key(&cost);
    let retired = retire(&*store, is_needed, is_cost_needed).await?;
    note_rotation(config)?;
    let passwords: BTreeMap<String, u64> =
        peppers.iter().map(|(&id, &count)| (KeyName::Pepper(id).to_string(), count)).collect();
    announce(&serde_json::json!({
        "resealed": resealed, "current": last.current, "changed": last.changed,
        "passwords": passwords, "retired": retired,
    }))
}

fn is_settled(Rotation { resealed, changed, .. }: Rotation) -> bool {
    resealed == 0 && changed == 0
}
