//! `biopay hunt`.

use crate::hunt::{
    Campaign, Case, FaultKind, Guide, Hunted, Until, corpus, reproduce, timeline, to_html, to_json, write_case,
};
use crate::stop::Stop;
use crate::{Error, Scenario, provenance};
use biopay_reports::threshold::Verdict;
use biopay_server::planted::PlantedBug;
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Duration;

const EXAMPLES: &str = "Examples:
  biopay hunt --seeds 100                     a hundred runs of ten virtual minutes, each with faults of its own
  biopay hunt --minutes 30 --out hunt         as many as half an hour of processor time takes; figures and cases in hunt/
  biopay hunt --seed 116 --timeline           one seed again, with everything that happened in it
  biopay hunt --seed 116 --until 900          the same up to its 900th event
  biopay hunt --case hunt/seed-116/case.json  a case that was made smaller
  biopay hunt --corpus                        the seeds that are kept because each reached something first
  biopay hunt --seeds 50 --faults server-power,sync-fails
  biopay hunt --seeds 50 --faults none        a control: nothing goes wrong, and nothing may be found
  biopay hunt --seeds 4 --faults write-misdirected,server-power   a control: no store survives that: it has to be found

With the feature planted-bugs:
  biopay hunt --planted skipped-sync --seeds 400
  biopay hunt --prove --seeds 400             plants each bug in turn, and prints what found it

Thresholds of the scenario that begin with hunt are judged: hunt.violations, hunt.seeds.count, hunt.charges.count,
hunt.states.count. Exit codes: 0 nothing found, 2 usage, 3 a promise was broken, or a threshold failed.";

/// Hunts for faults of the server, deterministically: real server and bank on simulated disks and networks, in virtual
/// time, with everything going wrong that a seed draws.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct HuntArgs {
    /// A scenario file, or the name of a built-in scenario.
    #[arg(default_value = "hunt")]
    scenario: String,
    /// Sets a key of the scenario, as in `--set handsets=8`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// The number of seeds.
    #[arg(long, value_name = "N", default_value_t = 20)]
    seeds: u64,
    /// The processor time to spend, instead of a number of seeds. Units: minutes.
    #[arg(long, value_name = "M", conflicts_with = "seeds")]
    minutes: Option<f64>,
    /// The first seed.
    #[arg(long, value_name = "S", default_value_t = 1)]
    from: u64,
    /// Plays this seed alone.
    #[arg(long, value_name = "S", conflicts_with_all = ["minutes", "from", "case", "corpus", "prove"])]
    seed: Option<u64>,
    /// Plays the case in this file alone.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["minutes", "from", "corpus", "prove"])]
    case: Option<PathBuf>,
    /// Plays the seeds that are kept in the tree.
    #[arg(long, conflicts_with_all = ["minutes", "from", "prove"])]
    corpus: bool,
    /// Draws these kinds of faults alone, by name; `none` for a control without faults.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    faults: Option<Vec<String>>,
    /// The commit that a seed was found with: another program plays another run.
    #[arg(long, value_name = "COMMIT")]
    commit: Option<String>,
    /// Stops a single run at this event, and prints what happened until then.
    #[arg(long, value_name = "EVENT")]
    until: Option<usize>,
    /// Prints everything that happened in a single run.
    #[arg(long)]
    timeline: bool,
    /// The folder for the hunt's figures and for failing cases.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Plants this bug in the server, which the hunt has to find.
    #[arg(long, value_name = "BUG")]
    planted: Option<String>,
    /// Plants each bug in turn and hunts for it, with `--seeds` seeds at most, then without faults.
    #[arg(long)]
    prove: bool,
}

pub(super) fn execute(args: &HuntArgs) -> Result<(), Error> {
    let built = provenance::build().commit;
    if let Some(commit) = args.commit.as_ref().filter(|commit| !built.starts_with(commit.as_str())) {
        return Err(Error::Usage(format!("this program is of commit {built}: build {commit} to play its seeds")));
    }
    let stop = Stop::on_interrupt()?;
    let scenario = Scenario::load(&args.scenario, &args.settings)?;
    let campaign = Campaign::new(scenario, kinds(args.faults.as_deref())?, bug(args.planted.as_deref())?, &stop)?;
    if args.prove {
        return prove(args, &campaign, &stop);
    }
    if let Some(path) = &args.case {
        let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
        let case = serde_json::from_str(&text).map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?;
        return play_one(args, &campaign, &case);
    }
    if let Some(seed) = args.seed {
        return play_one(args, &campaign, &campaign.case(seed));
    }
    let hunted = if args.corpus {
        campaign.replay(&corpus(), &stop)?
    } else {
        let until = args
            .minutes
            .map_or(Until::Seeds(args.seeds), |minutes| Until::Cpu(Duration::from_secs_f64(minutes.max(0.0) * 60.0)));
        campaign.hunt(args.from, until, Guide::ByNews, usize::MAX, &stop)?
    };
    conclude(args, &campaign, hunted)?;
    stop.check()
}

/// Plays one case and says what it broke.
fn play_one(args: &HuntArgs, campaign: &Campaign, case: &Case) -> Result<(), Error> {
    let played = campaign.play(case, args.until)?;
    if args.timeline || args.until.is_some() {
        print!("{}", timeline(case, &played));
    }
    for finding in &played.findings {
        println!("{:?}: {}", finding.checker, finding.what);
    }
    println!(
        "seed {}: digest {}, {} events, {} charges",
        case.seed,
        played.digest,
        played.lines.len(),
        played.acknowledged
    );
    let Some(first) = played.findings.first() else { return Ok(()) };
    if let Some(out) = &args.out {
        let least = campaign.shrink(case, first.checker)?;
        let folder = write_case(out, &least.case, &campaign.play(&least.case, None)?)?;
        println!("{}: the least case, after {} plays", folder.display(), least.plays);
    }
    Err(Error::Violations(1))
}

/// Shrinks what failed, writes the figures, and says what was found.
fn conclude(args: &HuntArgs, campaign: &Campaign, mut hunted: Hunted) -> Result<(), Error> {
    let planted = args.planted.as_deref();
    let verdicts = campaign.judge(&hunted)?;
    if let Some(out) = &args.out {
        std::fs::create_dir_all(out).map_err(Error::file(out))?;
        for failure in &mut hunted.failures {
            let least = campaign.shrink(&failure.case, failure.findings[0].checker)?;
            write_case(out, &least.case, &campaign.play(&least.case, None)?)?;
            failure.least = Some(least);
        }
        let figures = to_json(&hunted, &verdicts, planted);
        write(out, "hunt.json", &format!("{figures:#}\n"))?;
        write(out, "hunt.html", &to_html(&figures))?;
        let corpus = hunted.corpus();
        let lines: String = corpus.iter().map(|(seed, first)| format!("{seed}  # the first of {first}\n")).collect();
        write(out, "corpus.txt", &lines)?;
    }
    for failure in &hunted.failures {
        println!("{}", reproduce(failure.case.seed, planted));
        println!("    {:?}: {}", failure.findings[0].checker, failure.findings[0].what);
    }
    for (seed, lines) in &hunted.differing {
        println!("{}\n    two runs of this seed differ: {lines}", reproduce(*seed, planted));
    }
    let (hours, cpu) = (hunted.lasted.as_secs_f64() / 3_600.0, hunted.cpu.as_secs_f64());
    let faults: u64 = hunted.injected.values().sum();
    println!(
        "{} seeds, {hours:.1} virtual hours in {cpu:.0} s of processor time, {faults} faults of {} kinds, {} charges, {} \
         states and pairs reached, {} played twice: {} violations",
        hunted.seeds.len(),
        hunted.injected.len(),
        hunted.acknowledged,
        hunted.reached.len(),
        hunted.twice,
        hunted.violations()
    );
    for judged in &verdicts.0 {
        println!("{}: {}", judged.threshold, judged.verdict.words());
    }
    match (hunted.violations(), verdicts.count(Verdict::Failed), verdicts.overall()) {
        (0, 0, None | Some(Verdict::Passed)) => Ok(()),
        (0, 0, _) => Err(Error::NotEnoughEvidence("a threshold names a figure that no hunt has".into())),
        (0, failed, _) => Err(Error::ThresholdFailed(failed)),
        (violations, ..) => Err(Error::Violations(violations)),
    }
}

/// Plants each bug, hunts for it with and without faults, and prints a row of a table for each.
fn prove(args: &HuntArgs, campaign: &Campaign, stop: &Stop) -> Result<(), Error> {
    println!("| planted bug | seed | CPU s | promise | faults of the least case | handsets | control |");
    println!("|---|---|---|---|---|---|---|");
    let control = Campaign::new(Scenario::load(&args.scenario, &args.settings)?, Vec::new(), None, stop)?;
    let mut missed = 0;
    for &bug in PlantedBug::ALL {
        stop.check()?;
        let (planted, quiet) = (campaign.with_bug(bug), control.with_bug(bug));
        let hunted = planted.hunt(args.from, Until::Seeds(args.seeds), Guide::InOrder, 1, stop)?;
        let silent = quiet.hunt(args.from, Until::Seeds(4), Guide::InOrder, 1, stop)?;
        let said = if silent.violations() == 0 { "finds nothing" } else { "FINDS IT" };
        let Some(failure) = hunted.failures.first() else {
            missed += 1;
            println!(
                "| {} | not found in {} | {:.0} | | | | {said} |",
                bug.name(),
                hunted.seeds.len(),
                hunted.cpu.as_secs_f64()
            );
            continue;
        };
        let checker = failure.findings[0].checker;
        let least = planted.shrink(&failure.case, checker)?;
        if let Some(out) = &args.out {
            write_case(&out.join(bug.name()), &least.case, &planted.play(&least.case, None)?)?;
        }
        let faults: Vec<&str> = least.case.faults.iter().map(|entry| entry.kind.name()).collect();
        let (seed, cpu, handsets) = (failure.case.seed, hunted.cpu.as_secs_f64(), least.case.handsets.len());
        println!("| {} | {seed} | {cpu:.1} | {checker:?} | {} | {handsets} | {said} |", bug.name(), faults.join(", "));
    }
    if missed == 0 { Ok(()) } else { Err(Error::Violations(missed)) }
}

fn kinds(names: Option<&[String]>) -> Result<Vec<FaultKind>, Error> {
    let Some(names) = names else {
        return Ok(FaultKind::ALL.iter().copied().filter(|kind| kind.is_bearable()).collect());
    };
    let named = names.iter().filter(|name| *name != "none").map(|name| {
        let all = || FaultKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        FaultKind::named(name).ok_or_else(|| Error::Usage(format!("--faults: {name} is none of {}", all())))
    });
    named.collect()
}

fn bug(name: Option<&str>) -> Result<Option<PlantedBug>, Error> {
    let Some(name) = name else { return Ok(None) };
    let found = PlantedBug::ALL.iter().find(|bug| bug.name() == name);
    let all = || PlantedBug::ALL.iter().map(|bug| bug.name()).collect::<Vec<_>>().join(", ");
    found.map(|bug| Some(*bug)).ok_or_else(|| Error::Usage(format!("--planted: {name} is none of {}", all())))
}

fn write(out: &Path, name: &str, text: &str) -> Result<(), Error> {
    let path = out.join(name);
    std::fs::write(&path, text).map_err(Error::file(&path))
}
