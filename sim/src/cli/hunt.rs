//! `biopay hunt`.

use crate::hunt::{FaultKind, Setting, draw, play};
use crate::people::plan;
use crate::{Error, Scenario};
use clap::Args;
use std::sync::Arc;

#[derive(Args)]
pub(super) struct HuntArgs {
    /// seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// number
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    #[arg(long)]
    lines: bool,
    #[arg(long, value_delimiter = ',')]
    faults: Option<Vec<String>>,
}

pub(super) fn execute(args: &HuntArgs) -> Result<(), Error> {
    let scenario = Arc::new(Scenario::load("hunt", &[])?);
    let plans = plan::draw(&scenario, crate::shard::Shard::WHOLE)?;
    let needed = crate::people::population::captures_needed(&scenario.biometric, &plans);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let population = Arc::new(crate::people::Population::make(&scenario, &plans, &needed, &stop, &|_| {})?);
    let kinds: Vec<FaultKind> = match &args.faults {
        None => FaultKind::ALL.iter().copied().filter(|kind| kind.is_bearable()).collect(),
        Some(names) => names.iter().filter_map(|n| FaultKind::named(n)).collect(),
    };
    let setting = Setting { handsets: scenario.handsets, payments: scenario.payments.per_handset, kinds };
    for seed in args.seed..args.seed + args.seeds {
        let case = draw(&setting, seed, &[]);
        let watch = crate::calibration::timing::Watch::start();
        let played = play(&scenario, &population, &case, None, None)?;
        println!(
            "seed {seed}: {} findings, {} acks, {} lines, {} in {:.2} s, {:?}",
            played.findings.len(),
            played.acknowledged,
            played.lines.len(),
            played.digest,
            watch.us() / 1e6,
            played.lasted
        );
        for finding in &played.findings {
            println!("   {:?} {}", finding.checker, finding.what);
        }
        if args.lines {
            for line in &played.lines {
                println!("{line}");
            }
            println!("{:?}", played.reached);
        }
    }
    Ok(())
}
