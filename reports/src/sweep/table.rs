//! The table of a sweep: a row for each figure of each run, with the settings that the run was made with.

use crate::error::Error;
use crate::export::csv_field;
use crate::figures::metric::Metric;
use crate::judgement::threshold::Verdict;
use crate::records::parquet;
use crate::statistics::evidence::method::Method;
use polars::prelude::{Column, DataFrame, NamedFrom, Series};
use std::fmt::Write;
use std::path::Path;

/// A value that a sweep gives to a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// A number.
    Number(f64),
    /// Anything else, as TOML prints it.
    Text(String),
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// One run of a sweep.
#[derive(Clone, Debug)]
pub struct Point {
    /// The name of its run folder.
    pub name: String,
    /// The values of the swept keys, in the order of the keys.
    pub settings: Vec<Setting>,
    /// Its seed.
    pub seed: u64,
    /// What its thresholds came to.
    pub verdict: Option<Verdict>,
    /// Its figures.
    pub figures: Vec<Metric>,
}

/// Writes the table as CSV. Columns: run, seed, the keys, verdict, figure, value, lower95, upper95, count, total, method.
pub fn csv(keys: &[String], points: &[Point]) -> String {
    let mut out = String::from("run,seed,");
    keys.iter().for_each(|key| out.push_str(&(csv_field(key) + ",")));
    out.push_str("verdict,figure,value,lower95,upper95,count,total,method\n");
    let bound = |bound: Option<f64>| bound.map_or_else(String::new, |b| b.to_string());
    for (point, m) in rows(points) {
        let settings: String = point.settings.iter().map(|s| csv_field(&s.to_string()) + ",").collect();
        let verdict = point.verdict.map_or("", Verdict::words);
        let (lower, upper) = (bound(m.lower95), bound(m.upper95));
        let _ = writeln!(
            out,
            "{},{},{settings}{verdict},{},{},{lower},{upper},{},{},{}",
            csv_field(&point.name),
            point.seed,
            csv_field(&m.name),
            m.value,
            m.count,
            m.total,
            csv_field(m.method.map_or("", Method::words))
        );
    }
    out
}

/// Writes the table as Parquet. A key whose values are all numbers is a column of numbers.
pub fn write_parquet(path: &Path, keys: &[String], points: &[Point]) -> Result<(), Error> {
    let table_error = |source| Error::Table { table: "sweep", source };
    let mut frame = frame(keys, points).map_err(table_error)?;
    let bytes = parquet::write(&mut frame, &[]).map_err(table_error)?;
    std::fs::write(path, bytes).map_err(Error::file(path))
}

fn rows(points: &[Point]) -> impl Iterator<Item = (&Point, &Metric)> {
    points.iter().flat_map(|point| point.figures.iter().map(move |metric| (point, metric)))
}

fn frame(keys: &[String], points: &[Point]) -> Result<DataFrame, polars::error::PolarsError> {
    let texts = |name: &str, of: &dyn Fn(&Point, &Metric) -> String| -> Column {
        Series::new(name.into(), rows(points).map(|(p, m)| of(p, m)).collect::<Vec<_>>()).into()
    };
    let numbers = |name: &str, of: &dyn Fn(&Point, &Metric) -> Option<f64>| -> Column {
        Series::new(name.into(), rows(points).map(|(p, m)| of(p, m)).collect::<Vec<_>>()).into()
    };
    let counts = |name: &str, of: &dyn Fn(&Point, &Metric) -> u64| -> Column {
        Series::new(name.into(), rows(points).map(|(p, m)| of(p, m)).collect::<Vec<_>>()).into()
    };
    let mut columns = vec![texts("run", &|p, _| p.name.clone()), counts("seed", &|p, _| p.seed)];
    for (i, key) in keys.iter().enumerate() {
        let is_number = points.iter().all(|p| matches!(p.settings[i], Setting::Number(_)));
        let number = |p: &Point, _: &Metric| match p.settings[i] {
            Setting::Number(number) => Some(number),
            Setting::Text(_) => None,
        };
        columns.push(if is_number { numbers(key, &number) } else { texts(key, &|p, _| p.settings[i].to_string()) });
    }
    columns.push(texts("verdict", &|p, _| p.verdict.map_or("", Verdict::words).to_owned()));
    columns.push(texts("figure", &|_, m| m.name.clone()));
    columns.push(numbers("value", &|_, m| Some(m.value)));
    columns.push(numbers("lower95", &|_, m| m.lower95));
    columns.push(numbers("upper95", &|_, m| m.upper95));
    columns.push(counts("count", &|_, m| m.count));
    columns.push(counts("total", &|_, m| m.total));
    columns.push(texts("method", &|_, m| m.method.map_or("", Method::words).to_owned()));
    DataFrame::new(rows(points).count(), columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::metric::Unit;
    use polars::prelude::{ParquetReader, SerReader};

    fn point(quality: f64, device: &str) -> Point {
        let metric = Metric {
            name: "template.fmr".into(),
            value: quality / 10.0,
            unit: Unit::Fraction,
            lower95: None,
            upper95: Some(0.5),
            method: None,
            together95: None,
            sampled: true,
            count: 1,
            total: 10,
            rate: None,
        };
        let settings = vec![Setting::Number(quality), Setting::Text(device.into())];
        Point { name: "p".into(), settings, seed: 3, verdict: None, figures: vec![metric] }
    }

    #[test]
    fn both_tables_hold_every_figure_with_its_settings() {
        let keys = ["biometric.quality".to_owned(), "biometric.device".to_owned()];
        let points = [point(0.5, "optical"), point(0.75, "a,b")];
        let lines: Vec<String> = csv(&keys, &points).lines().map(str::to_owned).collect();
        assert_eq!(lines[1], "p,3,0.5,optical,,template.fmr,0.05,,0.5,1,10,");
        assert!(lines[2].contains("\"a,b\""));
        let file = tempfile::NamedTempFile::new().unwrap();
        write_parquet(file.path(), &keys, &points).unwrap();
        let frame = ParquetReader::new(std::fs::File::open(file.path()).unwrap()).finish().unwrap();
        assert_eq!(frame.shape(), (2, 12));
        assert_eq!(frame.column("biometric.quality").unwrap().f64().unwrap().get(1), Some(0.75));
        assert_eq!(frame.column("lower95").unwrap().null_count(), 2);
    }
}
