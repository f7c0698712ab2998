//! Scores that were made elsewhere: pair lists as this program, Bob and others write them, and two lists of bare scores as
//! PyEER reads them.

use super::Counts;
use super::counts_file::{CountsFile, SampleFigures};
use super::scorer::Compared;
use crate::Error;
use crate::csv_file::{Row, read_rows};
use crate::shard::Shard;
use biopay_reports::cluster::Design;
use clap::ValueEnum;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a larger score says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ScoreSense {
    /// More similar.
    #[default]
    Similarity,
    /// Less similar: signs are changed, so that thresholds are negative distances.
    Distance,
}

/// Scores that were read.
pub struct Imported {
    /// The counts, as an evaluation makes them.
    pub file: CountsFile,
    /// What a reader of the figures needs to know of them.
    pub notes: Vec<String>,
}

/// Reads pair lists with a score, from one or several files.
///
/// # Errors
///
/// [`Error::File`]; [`Error::Usage`] naming file and line, with the layouts that are known.
pub fn import_pairs(paths: &[PathBuf], sense: ScoreSense) -> Result<Imported, Error> {
    let mut gathered = Gathered::default();
    for path in paths {
        let layout = Layout::of(path)?;
        for row in layout.rows {
            let wrong = |why: String| Error::Usage(format!("{}: line {}: {why}", path.display(), row.line));
            let pair = layout.columns.read(&row).map_err(wrong)?;
            gathered.add(pair, sense);
        }
    }
    gathered.finish()
}

/// Reads a list of mated and one of non-mated scores, one on each line.
///
/// # Errors
///
/// [`Error::File`]; [`Error::Usage`] naming file and line.
pub fn import_lists(mated: &Path, non_mated: &Path, sense: ScoreSense) -> Result<Imported, Error> {
    let mut gathered = Gathered::default();
    for (path, is_mated) in [(mated, true), (non_mated, false)] {
        for row in read_fields(path)? {
            let wrong = |why: String| Error::Usage(format!("{}: line {}: {why}", path.display(), row.line));
            if row.fields.len() != 1 {
                return Err(wrong("expected one score alone; a list with names is for --import-scores".into()));
            }
            let score = score_of(row.fields.get(0).unwrap_or_default()).map_err(wrong)?;
            gathered.add(Pair { who: Who::Labelled(is_mated), score }, sense);
        }
    }
    gathered.finish()
}

/// One comparison of a list.
struct Pair {
    who: Who,
    /// `None` where no comparison took place.
    score: Option<f32>,
}

/// Who was compared.
enum Who {
    /// Two subjects by their names, which are equal where the comparison is mated.
    Subjects(String, String),
    /// Nobody knows, but whether the comparison is mated.
    Labelled(bool),
}

/// The counts so far.
#[derive(Default)]
struct Gathered {
    counts: Counts,
    subjects: BTreeMap<String, u32>,
    pairs: BTreeMap<(u32, u32), u64>,
    anonymous: u64,
    without_score: u64,
}

impl Gathered {
    fn add(&mut self, pair: Pair, sense: ScoreSense) {
        let (a, b) = match pair.who {
            Who::Subjects(a, b) => (self.subject(a), self.subject(b)),
            Who::Labelled(is_mated) => self.strangers(is_mated),
        };
        let Some(score) = pair.score else {
            self.without_score += 1;
            return;
        };
        let score = if sense == ScoreSense::Distance { -score } else { score };
        self.counts.add(a, b, Compared { score, accepted: None });
        if a != b {
            *self.pairs.entry((a.min(b), a.max(b))).or_default() += 1;
        }
    }

    fn subject(&mut self, name: String) -> u32 {
        let next = self.subjects.len() as u32;
        *self.subjects.entry(name).or_insert(next)
    }

    /// Subjects that nothing else is of.
    fn strangers(&mut self, is_mated: bool) -> (u32, u32) {
        self.anonymous += 1;
        let number = self.anonymous;
        // No name of a file has this character.
        let a = self.subject(format!("{number}\n"));
        let b = if is_mated { a } else { self.subject(format!("{number}\n'")) };
        (a, b)
    }

    fn finish(self) -> Result<Imported, Error> {
        let design = Design::Listed(self.pairs.into_iter().collect());
        let mut file = CountsFile::open(None, "imported", Shard::default(), design)?;
        let named = self.subjects.keys().filter(|name| !name.contains('\n')).count();
        file.samples = SampleFigures { subjects: named, ..SampleFigures::default() };
        file.counts = self.counts;
        let mut notes = Vec::new();
        if self.anonymous > 0 {
            notes.push(format!(
                "{} comparisons name no subjects: their intervals are those of independent comparisons, and too short \
                 where subjects were compared more than once",
                self.anonymous
            ));
        }
        if self.without_score > 0 {
            notes.push(format!(
                "{} comparisons have no score: they did not take place, and count in no rate",
                self.without_score
            ));
        }
        Ok(Imported { file, notes })
    }
}

/// A file's rows, and where what stands in them.
struct Layout {
    columns: Columns,
    rows: Vec<Row>,
}

/// The columns of a pair list.
enum Columns {
    /// Names `SUBJECT_IMPRESSION` of two samples, and the score.
    Samples { a: usize, b: usize, score: usize },
    /// Names of two subjects, and the score.
    Subjects { a: usize, b: usize, score: usize },
    /// Whether the comparison is mated, and the score.
    Labels { label: usize, score: usize },
}

const KNOWN: &str = "known are CSV with a header: a,b,score (names SUBJECT_IMPRESSION), reference_subject,probe_subject,score, \
     bio_ref_subject_id,probe_subject_id,score (Bob) or label,score (1 or genuine, 0 or impostor); and Bob's lists of 4 or 5 \
     words a line. Two lists of scores alone are for --mated-scores and --non-mated-scores";

impl Layout {
    fn of(path: &Path) -> Result<Self, Error> {
        let unknown = |why: &str| Error::Usage(format!("{}: {why}; {KNOWN}", path.display()));
        let mut rows = read_fields(path)?;
        let first = rows.first().ok_or_else(|| unknown("it has no line"))?;
        let has_header = first.fields.iter().all(|field| score_of(field).ok().flatten().is_none());
        if !has_header {
            // Bob: claimed subject, (model,) real subject, (path of the) probe, score.
            let columns = match first.fields.len() {
                4 => Columns::Subjects { a: 0, b: 1, score: 3 },
                5 => Columns::Subjects { a: 0, b: 2, score: 4 },
                _ => return Err(unknown("its columns have no names")),
            };
            return Ok(Self { columns, rows });
        }
        let columns = named(&rows.remove(0)).ok_or_else(|| unknown("its header is unknown"))?;
        Ok(Self { columns, rows })
    }
}

fn named(header: &Row) -> Option<Columns> {
    let names: Vec<String> = header.fields.iter().map(str::to_lowercase).collect();
    let at = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
    let score = at(&["score", "similarity", "distance"])?;
    let both = |a: &[&str], b: &[&str]| Some((at(a)?, at(b)?));
    let subjects = both(
        &["reference_subject", "bio_ref_subject_id", "claimed_id", "subject_a"],
        &["probe_subject", "probe_subject_id", "real_id", "subject_b"],
    );
    if let Some((a, b)) = subjects {
        return Some(Columns::Subjects { a, b, score });
    }
    if let Some((a, b)) = both(&["a", "reference", "enroll", "enrol"], &["b", "probe", "verif", "verify"]) {
        return Some(Columns::Samples { a, b, score });
    }
    Some(Columns::Labels { label: at(&["label", "mated", "genuine", "is_mated", "is_genuine"])?, score })
}

impl Columns {
    fn read(&self, row: &Row) -> Result<Pair, String> {
        let field = |at: usize| row.fields.get(at).ok_or_else(|| format!("column {} is missing", at + 1));
        let (who, score) = match *self {
            Self::Samples { a, b, score } => (Who::Subjects(subject_of(field(a)?)?, subject_of(field(b)?)?), score),
            Self::Subjects { a, b, score } => (Who::Subjects(field(a)?.into(), field(b)?.into()), score),
            Self::Labels { label, score } => (Who::Labelled(is_mated(field(label)?)?), score),
        };
        Ok(Pair { who, score: score_of(field(score)?)? })
    }
}

/// Takes the subject out of `SUBJECT_IMPRESSION`, with or without folders and the ending of a file.
fn subject_of(sample: &str) -> Result<String, String> {
    let name = Path::new(sample).with_extension("");
    let name = name.file_name().unwrap_or_default().to_string_lossy();
    let subject = name.rsplit_once('_').map(|(subject, _)| subject.to_owned());
    subject.filter(|subject| !subject.is_empty()).ok_or_else(|| format!("{sample:?} is not SUBJECT_IMPRESSION"))
}

fn is_mated(label: &str) -> Result<bool, String> {
    match label.to_lowercase().as_str() {
        "1" | "true" | "mated" | "genuine" | "target" => Ok(true),
        "0" | "-1" | "false" | "non-mated" | "impostor" | "imposter" | "nontarget" => Ok(false),
        _ => Err(format!("the label {label:?} is neither 1 (mated) nor 0 (non-mated)")),
    }
}

/// Reads a score; `None` where it says that there is none.
fn score_of(text: &str) -> Result<Option<f32>, String> {
    if text.is_empty() || text.eq_ignore_ascii_case("nan") || text.eq_ignore_ascii_case("-inf") {
        return Ok(None);
    }
    let number: f32 = text.parse().map_err(|_| format!("the score {text:?} is not a number"))?;
    if number.is_finite() { Ok(Some(number)) } else { Err(format!("the score {text:?} is too large")) }
}

/// Reads the fields of every line, between commas or between spaces.
fn read_fields(path: &Path) -> Result<Vec<Row>, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
    let lines = || text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    if lines().next().is_some_and(|line| line.contains(',')) {
        return read_rows(path);
    }
    let row = |(at, line): (usize, &str)| Row { line: at as u64 + 1, fields: line.split_whitespace().collect() };
    let is_row = |(_, line): &(usize, &str)| !line.trim().is_empty() && !line.starts_with('#');
    Ok(text.lines().enumerate().filter(is_row).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::Figures;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn pairs(text: &str) -> Result<Imported, Error> {
        import_pairs(&[file(text).path().to_owned()], ScoreSense::Similarity)
    }

    /// The same comparisons of three people, in every layout.
    #[test]
    fn every_layout_gives_the_same_rates() {
        let people =
            [("1", "1", 0.9), ("2", "2", 0.8), ("3", "3", 0.2), ("1", "2", 0.1), ("1", "3", 0.3), ("2", "3", 0.0)];
        let csv = |header: &str, line: &dyn Fn(&str, &str, f32) -> String| {
            let lines: Vec<String> = people.iter().map(|&(a, b, score)| line(a, b, score)).collect();
            format!("{header}{}\n", lines.join("\n"))
        };
        for text in [
            csv("a,b,score\n", &|a, b, s| format!("{a}_1,{b}_2,{s}")),
            csv("\u{feff}a,b,score\r\n", &|a, b, s| format!("\"img/{a}_1.png\",img/{b}_2.png,{s}\r")),
            csv("score,probe_subject,reference_subject\n", &|a, b, s| format!("{s},{b},{a}")),
            csv("bio_ref_subject_id,probe_subject_id,probe_reference_id,score\n", &|a, b, s| format!("{a},{b},x,{s}")),
            csv("", &|a, b, s| format!("{a} {b} path/probe {s}")),
            csv("", &|a, b, s| format!("{a} model-{a} {b} path/probe {s}")),
            csv("# scores\nlabel,score\n", &|a, b, s| format!("{},{s}", u8::from(a == b))).replace("# scores\n", ""),
        ] {
            let Imported { file, notes } = pairs(&text).unwrap();
            let figures = Figures::new(&file, file.samples.clone(), None).unwrap();
            assert_eq!((figures.mated, figures.non_mated), (3, 3), "{text}");
            assert!((figures.eer.unwrap() - 1.0 / 3.0).abs() < 1e-9, "{text}: {:?}", figures.eer);
            assert_eq!(notes.is_empty(), !text.starts_with("label"), "{notes:?}");
        }
    }

    #[test]
    fn two_lists_and_distances_are_read() {
        let (mated, non_mated) = (file("0.1\n0.2\n\n0.9\n"), file("0.8\n0.7\nnan\n0.15\n"));
        let Imported { file, notes } = import_lists(mated.path(), non_mated.path(), ScoreSense::Distance).unwrap();
        let figures = Figures::new(&file, file.samples.clone(), None).unwrap();
        assert_eq!((figures.mated, figures.non_mated), (3, 3));
        assert!((figures.eer.unwrap() - 1.0 / 3.0).abs() < 1e-9);
        assert!(notes.len() == 2 && notes[1].starts_with("1 comparisons have no score"), "{notes:?}");
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        for (text, expected) in [
            ("", "it has no line"),
            ("x,y\n1,2\n", "its header is unknown"),
            ("1 2 3\n", "its columns have no names"),
            ("a,b,score\n1_1,1_2,0.5\n1_1,nobody,0.5\n", "line 3: \"nobody\" is not SUBJECT_IMPRESSION"),
            ("a,b,score\n1_1,1_2,high\n", "line 2: the score \"high\" is not a number"),
            ("a,b,score\n1_1\n", "line 2: column 2 is missing"),
            ("label,score\nmaybe,0.5\n", "line 2: the label \"maybe\""),
        ] {
            let said = pairs(text).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains(expected), "{text:?}: {said}");
        }
    }
}
