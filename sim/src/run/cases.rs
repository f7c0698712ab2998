//! The false accepts of a run, stored for inspection: the capture, its payload, and the comparison.

use crate::Error;
use crate::people::plan::{HandsetPlan, Journey, PlannedTransaction, Task};
use crate::people::population::{Owner, Population, probe_key};
use crate::people::sensors::{CaptureKey, Sensor};
use biopay_biometrics::QrPayload;
use biopay_biometrics::scheme::{HelperData, Scheme, SchemeId, ServerRecord};
use biopay_datasets::folder::write_image;
use biopay_protocol::client::TRIES_MAX;
use biopay_protocol::qr::Symbol;
use biopay_reports::cases::{self, Case, CaseTry, picture_path};
use biopay_reports::records::Transaction;
use biopay_reports::run_folder::Records;
use std::path::Path;

/// The number of accounts whose cases are stored, so that shards together store the same cases as the whole run.
const ACCOUNTS: u32 = 200;
const MODULE_PIXELS: u8 = 4;

/// Returns the impostors' plans on the accounts whose cases are stored.
pub(super) fn inspected(plans: &[HandsetPlan]) -> Vec<HandsetPlan> {
    plans.iter().filter(|plan| plan.is_impostor() && plan.account < ACCOUNTS).cloned().collect()
}

/// Writes every false accept on the first accounts to `folder`, which is created if there is one.
pub(super) fn write(
    impostors: &[HandsetPlan],
    population: &Population,
    records: &Records,
    folder: &Path,
) -> Result<(), Error> {
    let is_case = |t: &&Transaction| t.journey == Journey::Impostor && t.qr_accepted && t.account_subject < ACCOUNTS;
    let accepted: Vec<&Transaction> = records.transactions.iter().filter(is_case).collect();
    if accepted.is_empty() {
        return Ok(());
    }
    std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    for transaction in accepted {
        let Some((plan, planned)) = find(impostors, transaction) else { continue };
        let Some(owner) = population.owners.get(&plan.account) else { continue };
        write_one(population, plan.scheme, owner, planned, transaction, folder)?;
    }
    Ok(())
}

fn find<'a>(plans: &'a [HandsetPlan], t: &Transaction) -> Option<(&'a HandsetPlan, &'a PlannedTransaction)> {
    let plan = plans.iter().find(|plan| plan.handset == t.handset)?;
    let is_it = |p: &&PlannedTransaction| {
        matches!(p.task, Task::Pay { journey: Journey::Impostor, .. }) && p.at.micros() == t.intended_start_us
    };
    Some((plan, plan.transactions.iter().find(is_it)?))
}

fn write_one(
    population: &Population,
    scheme: SchemeId,
    owner: &Owner,
    planned: &PlannedTransaction,
    transaction: &Transaction,
    folder: &Path,
) -> Result<(), Error> {
    let Some(enrolment) = owner.enrolments.get(&scheme) else { return Ok(()) };
    let scheme = population.registry.scheme(scheme);
    let record = scheme.record(&enrolment.payload)?;
    let name = format!("{:06}-{:06}-{:03}", owner.subject, transaction.handset, planned.number);
    let mut tries = Vec::new();
    for attempt in 1..=TRIES_MAX {
        let key = probe_key(transaction.presenter_subject, Sensor::Handset, planned, attempt);
        let (payload, tried) = compare(population, scheme, &record, &enrolment.helper, key)?;
        let is_accepted = tried.accepted;
        tries.push(tried);
        if is_accepted {
            write_sample(population, key, &picture_path(folder, &name, "presented"))?;
            payload.map_or(Ok(()), |payload| write_symbol(&payload, &picture_path(folder, &name, "presented-qr")))?;
            break;
        }
    }
    let enrolled = CaptureKey { subject: owner.subject, sensor: Sensor::Handset, number: 0, age_months: 0 };
    write_sample(population, enrolled, &picture_path(folder, &name, "enrolled"))?;
    write_symbol(&enrolment.payload, &picture_path(folder, &name, "enrolled-qr"))?;
    let case = Case {
        account_subject: owner.subject,
        presenter_subject: transaction.presenter_subject,
        handset: transaction.handset,
        intended_start_us: transaction.intended_start_us,
        scheme: scheme.id().name().to_owned(),
        tries,
    };
    Ok(cases::write(folder, &name, &case)?)
}

/// Derives and compares a try's payload again: the same capture gives the same payload.
fn compare(
    population: &Population,
    scheme: &dyn Scheme,
    record: &ServerRecord,
    helper: &HelperData,
    key: CaptureKey,
) -> Result<(Option<QrPayload>, CaseTry), Error> {
    let outcome = match population.sensors.capture(key)?.template {
        Err(reason) => Err(format!("failure to acquire: {reason}")),
        Ok(template) => scheme.derive(&template, helper, None).map_err(|e| e.to_string()),
    };
    Ok(match outcome {
        Err(failure) => (None, CaseTry { score: None, accepted: false, failure: Some(failure) }),
        Ok(payload) => {
            let verdict = scheme.verify(record, &payload);
            (Some(payload), CaseTry { score: verdict.score, accepted: verdict.accepted, failure: None })
        }
    })
}

fn write_sample(population: &Population, key: CaptureKey, path: &Path) -> Result<(), Error> {
    match population.sensors.sample(key)? {
        Some(sample) => Ok(write_image(path, &sample)?),
        None => Ok(()),
    }
}

fn write_symbol(payload: &QrPayload, path: &Path) -> Result<(), Error> {
    let Ok(symbol) = Symbol::fitted(&payload.to_bytes()) else { return Ok(()) };
    symbol.render(MODULE_PIXELS).save(path).map_err(Error::picture(path))
}
