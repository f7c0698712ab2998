//! The comparison engine: the kernels against pair by pair, shards against the whole, schemes against their own rules.

use biopay_biometrics::Template;
use biopay_biometrics::scheme::{CommitmentCode, CommitmentParameters, Permutation, SchemeId, SchemeParameters};
use biopay_datasets::stream::stream;
use biopay_sim::evaluation::counts_file::CountsFile;
use biopay_sim::evaluation::counts_file::SampleFigures;
use biopay_sim::evaluation::engine::{Engine, Outputs};
use biopay_sim::evaluation::exhaustive::Exhaustive;
use biopay_sim::evaluation::figures::HasScore;
use biopay_sim::evaluation::linkage::{self, Attacker};
use biopay_sim::evaluation::scorer::{SchemeScorer, Scorer, comparator};
use biopay_sim::evaluation::source::SampleSource;
use biopay_sim::evaluation::survey::{SurveyOptions, survey};
use biopay_sim::evaluation::symbol_cost::SymbolCosts;
use biopay_sim::evaluation::table::{self, TableFormat};
use biopay_sim::evaluation::{
    Comparator, ComparisonPlan, Figures, Protocol, SampleSet, SchemeChoice, TokenCondition, evaluate,
};
use biopay_sim::modality::ModalityId;
use biopay_sim::shard::Shard;
use clap::Parser;
use rand_distr::{Distribution, StandardNormal};

const DIMENSION: usize = 64;
const SAMPLES: u32 = 4;

/// Makes embeddings of subjects with noise; every 29th sample is not acquired.
fn samples(subjects: u32) -> SampleSet {
    let names: Vec<(String, String)> =
        (0..subjects).flat_map(|s| (0..SAMPLES).map(move |n| (format!("{s}_{n}"), s.to_string()))).collect();
    let one = |i: usize| {
        let (subject, sample) = (i as u64 / u64::from(SAMPLES), i as u64);
        if sample % 29 == 28 {
            return Err("blurred".to_owned());
        }
        let (mut own, mut noise) = (stream(1, "subject", subject), stream(1, "noise", sample));
        let normal = |rng: &mut _| -> f32 { StandardNormal.sample(rng) };
        let real = (0..DIMENSION).map(|_| normal(&mut own) + 0.9 * normal(&mut noise)).collect();
        Ok(Template::from_embedding(real, 256))
    };
    let templates = (0..names.len()).map(one).collect();
    SampleSet::of_templates(names.iter().map(|(n, s)| (n.clone(), s.as_str())), templates)
        .expect("two subjects with two samples")
}

fn whole(set: &SampleSet, plan: &ComparisonPlan, engine: &Engine<'_>) -> CountsFile {
    evaluate(set, plan, engine, "test", &Outputs::default()).expect("no files, so nothing that fails")
}

#[test]
fn the_kernels_count_what_pair_by_pair_counts() {
    let set = samples(150);
    let plan = ComparisonPlan::samples(&set, Protocol::All);
    for kind in [Comparator::FixedLength, Comparator::FixedLengthBinary] {
        let exhaustive = Exhaustive::new(&set, kind).unwrap();
        let by_kernel = whole(&set, &plan, &Engine::Exhaustive(Exhaustive::new(&set, kind).unwrap()));
        let pair_by_pair = whole(&set, &plan, &Engine::ByReference(&exhaustive));
        assert_eq!(by_kernel.counts.scores(), pair_by_pair.counts.scores(), "{kind:?}");
        let (a, b) =
            [by_kernel, pair_by_pair].map(|f| Figures::new(&f, SampleFigures::default(), None).unwrap()).into();
        let clustered = |f: &Figures| f.points.iter().map(|p| (p.fmr.clustered, p.fnmr.clustered)).collect::<Vec<_>>();
        assert_eq!(clustered(&a), clustered(&b), "{kind:?}");
        assert!(a.points.iter().all(|p| p.fmr.clustered.is_some()), "all false matches are known by their subjects");
        assert!(a.eer.unwrap() > 0.0 && a.eer.unwrap() < 0.2, "{:?}", a.eer);
    }
}

#[test]
fn shards_add_up_to_the_whole_and_an_interrupted_one_goes_on() {
    let set = samples(60);
    let plan = ComparisonPlan::samples(&set, Protocol::All);
    let folder = tempfile::tempdir().unwrap();
    let scorer = comparator(&set, Comparator::FixedLength).unwrap();
    let engines = [
        Engine::ByReference(scorer.as_ref()),
        Engine::Exhaustive(Exhaustive::new(&set, Comparator::FixedLength).unwrap()),
    ];
    for (number, engine) in engines.iter().enumerate() {
        let part = |index: u32| {
            let path = folder.path().join(format!("{number}-{index}.counts"));
            let shard = Shard::new(index, 3).unwrap();
            let outputs = Outputs { counts: Some(&path), shard, scores: None };
            evaluate(&set, &plan, engine, "test", &outputs).unwrap();
            let resumed = evaluate(&set, &plan, engine, "test", &outputs).unwrap();
            let foreign = evaluate(&set, &plan, engine, "another", &outputs).expect_err("it is refused");
            assert!(foreign.to_string().contains("another method"), "{foreign}");
            (path.display().to_string(), resumed)
        };
        let merged = CountsFile::merge((0..3).map(part).collect()).unwrap();
        assert_eq!(merged.counts.scores(), whole(&set, &plan, engine).counts.scores());
    }
}

#[test]
fn every_pair_is_written_with_the_score_that_is_counted() {
    let set = samples(20);
    let plan = ComparisonPlan::samples(&set, Protocol::Fvc);
    let file = tempfile::NamedTempFile::new().unwrap();
    let scorer = comparator(&set, Comparator::FixedLengthBinary).unwrap();
    let outputs = Outputs { scores: Some(file.path()), ..Outputs::default() };
    let counted = evaluate(&set, &plan, &Engine::ByReference(scorer.as_ref()), "test", &outputs).unwrap();
    let text = std::fs::read_to_string(file.path()).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|l| l.split(',').collect()).collect();
    // 6 mated pairs a subject, and each pair of subjects once.
    assert_eq!(rows.len(), 20 * 6 + 20 * 19 / 2);
    assert!(rows.iter().any(|r| r[2].is_empty()), "failures to acquire are rows too");
    let written = rows.iter().map(|r| f64::from(r[2].parse::<f32>().unwrap_or(0.0))).sum::<f64>();
    let scores = counted.counts.scores();
    let sums = scores.mated.iter().chain(scores.non_mated.iter()).map(|(s, n)| f64::from(s) * n as f64);
    assert!((written - sums.sum::<f64>()).abs() < 1e-6);
}

fn choice(id: SchemeId, token: TokenCondition) -> SchemeChoice {
    SchemeChoice { id, parameters: SchemeParameters::default(), token, seed: 5 }
}

#[test]
fn a_scheme_is_counted_as_it_decides_and_its_design_matches() {
    let set = samples(40);
    let plan = ComparisonPlan::enrolled(&set, 2).unwrap();
    let rates = |token| {
        let scorer = SchemeScorer::new(&set, &plan, &choice(SchemeId::BioHash, token)).unwrap();
        assert_eq!(scorer.failures_to_enrol(), 0);
        let file = whole(&set, &plan, &Engine::ByReference(&scorer));
        let figures = Figures::new(&file, SampleFigures::default(), Some(("biohash", HasScore::Yes))).unwrap();
        figures.scheme.unwrap()
    };
    let (stolen, own) = (rates(TokenCondition::Stolen), rates(TokenCondition::Own));
    // Probes are the third and fourth samples; the design counts those that were acquired.
    let probes = (0..40 * u64::from(SAMPLES)).filter(|i| i % 4 >= 2 && i % 29 != 28).count() as u64;
    assert_eq!((stolen.fmr.total, stolen.fnmr.total), (39 * probes, probes));
    assert_eq!(stolen.fnmr.count, own.fnmr.count, "a subject always has its own token");
    assert_eq!(own.fmr.count, 0, "without the token projections are unrelated");
    assert!(stolen.fmr.clustered.is_some());
}

#[test]
fn a_known_token_links_what_an_unknown_one_does_not() {
    let set = samples(60);
    let measured = |id, attacker| linkage::measure(&set, &choice(id, TokenCondition::Own), attacker).unwrap().unwrap();
    let all =
        |id| [Attacker::Naive, Attacker::General, Attacker::FullDisclosure].map(|attacker| measured(id, attacker));
    let [naive, unknown, stolen] = all(SchemeId::BioHash);
    assert!(stolen.d_sys > 0.8, "{stolen:?}");
    assert!(naive.d_sys < 1.5 * naive.null_upper95, "{naive:?}");
    assert!(unknown.d_sys < 1.5 * unknown.null_upper95, "{unknown:?}");
    // Polynomials of a unit vector are nearly linear, whatever a token's integers.
    let [naive, unknown, _] = all(SchemeId::PolyProtect);
    assert!(unknown.d_sys > naive.d_sys && unknown.d_sys > 0.5, "{naive:?} {unknown:?}");
}

#[test]
fn one_order_for_all_commitments_links_them_and_an_order_for_each_does_not() {
    let set = samples(40);
    let measured = |permutation| {
        // One bit in three differs between two samples: a short key leaves the attack room to correct that.
        let code = CommitmentCode::Polar { length: 1_023, key_bits: 32, list: 8 };
        let fuzzy_commitment = CommitmentParameters { code, permutation, ..Default::default() };
        let parameters = SchemeParameters { fuzzy_commitment, ..Default::default() };
        let choice = SchemeChoice { id: SchemeId::FuzzyCommitment, parameters, token: TokenCondition::Own, seed: 5 };
        linkage::measure(&set, &choice, Attacker::General).unwrap().unwrap()
    };
    let (systematic, per_record) = (measured(Permutation::Systematic), measured(Permutation::PerRecord));
    assert!(systematic.d_sys > 0.8, "{systematic:?}");
    assert!(per_record.d_sys < 1.5 * per_record.null_upper95, "{per_record:?}");
}

/// The options of a command line that say where samples come from.
#[derive(clap::Parser)]
struct Options {
    #[command(flatten)]
    source: SampleSource,
}

#[test]
fn the_table_has_a_row_for_each_scheme_and_set_of_samples_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("e.parquet");
    let made = std::process::Command::new(env!("CARGO_BIN_EXE_biopay"))
        .args(["dataset", "embedding", "--subjects", "12", "--impressions", "4", "--seed", "9", "--out"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let synthetic = Options::parse_from(["evaluate", "--subjects", "12", "--captures", "4"]).source;
    let real = synthetic.real(&format!("embedding={}", file.display()).parse().unwrap());
    let options = SurveyOptions { parameters: None, target_fmr: None, enrolled: 2, seed: 1 };
    let mut symbols = SymbolCosts::new(1, 1);
    let surveys: Vec<_> =
        [&synthetic, &real].map(|source| survey(ModalityId::Embedding, source, &options, &mut symbols).unwrap()).into();
    let text = table::write(&surveys, TableFormat::Csv).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
    // Embeddings have no minutiae, so that one scheme is left out, with the reason.
    let served: Vec<SchemeId> = SchemeId::ALL.into_iter().filter(|id| *id != SchemeId::MinutiaeVault).collect();
    assert_eq!(surveys[0].left_out, [("minutiae-vault", "these samples have no minutiae".to_owned())]);
    assert_eq!(rows.len(), 2 * served.len());
    let column = |name: &str| header.iter().position(|h| h == name).unwrap();
    for (pair, id) in rows.chunks_exact(2).zip(served) {
        assert_eq!([0, 1].map(|i| &pair[i][column("scheme")]), [id.name(); 2]);
        assert_eq!([0, 1].map(|i| &pair[i][column("samples")]), ["synthetic", "e.parquet"]);
        for row in pair {
            assert!(row.iter().all(|field| field != "NaN" && field != "inf"), "{row:?}");
            assert!(row[column("derivation_ms")].parse::<f64>().unwrap() > 0.0, "{row:?}");
        }
    }
    // 12 subjects cannot show a false match rate of 1 in 1,000 of a scheme with one operating point.
    let digest = rows.iter().find(|row| &row[column("scheme")] == "digest").unwrap();
    assert_eq!(&digest[column("fnmr_at_fmr_1e-3_percent")], "not measured");
}

/// Sets of which little is known: no figure of theirs is "NaN" or infinite, in text or as JSON.
#[test]
fn an_evaluation_that_shows_little_prints_no_number_that_is_none() {
    let same = || Template::new(vec![1.0, 0.0], vec![1.0; 256]);
    let apart = |i: u64| Template::from_embedding(vec![(i as f32).cos(), (i as f32).sin(), 0.1], 256);
    let nothing = || Template::new(vec![0.0; 3], vec![0.0; 256]);
    let refused = || Err("blurred".to_owned());
    type Make<'a> = &'a dyn Fn(u64) -> Result<Template, String>;
    let sets: [(&str, Make<'_>); 6] = [
        ("all equal", &|_| Ok(same())),
        ("zero vectors", &|_| Ok(nothing())),
        ("mated equal, others apart", &|i| Ok(apart(i / 2))),
        ("mated apart, others equal", &|i| Ok(apart(i % 2))),
        ("half not acquired", &|i| if i % 4 == 3 { refused() } else { Ok(apart(i)) }),
        ("none acquired", &|_| refused()),
    ];
    for subjects in [2, 6] {
        for (name, template) in &sets {
            let names: Vec<(String, String)> =
                (0..subjects * 2).map(|i| (format!("{}_{}", i / 2, i % 2), (i / 2).to_string())).collect();
            let templates = (0..subjects * 2).map(template).collect();
            let of = SampleSet::of_templates(names.iter().map(|(n, s)| (n.clone(), s.as_str())), templates);
            let Ok(set) = of else { continue };
            let plan = ComparisonPlan::samples(&set, Protocol::All);
            for kind in [Comparator::FixedLength, Comparator::FixedLengthBinary] {
                let Ok(scorer) = comparator(&set, kind) else { continue };
                let file = whole(&set, &plan, &Engine::ByReference(scorer.as_ref()));
                let Ok(figures) = Figures::new(&file, SampleFigures::of(&set, 0), None) else {
                    assert!(*name == "none acquired", "{name}: nothing was measured");
                    continue;
                };
                let (text, json) = (figures.to_text("a set"), serde_json::to_string(&figures).unwrap());
                for out in [&text, &json] {
                    let words = out.split(|c: char| !(c.is_alphanumeric() || c == '.' || c == '-'));
                    let is_none = |word: &&str| matches!(*word, "NaN" | "-NaN" | "inf" | "-inf" | "infinity");
                    let found: Vec<&str> = words.filter(is_none).collect();
                    assert!(found.is_empty() && !out.contains("e38"), "{name} {kind:?} {found:?}: {out}");
                }
            }
        }
    }
}
