//! Folders as people have them, through `biopay evaluate`: names of every kind, copies, transparent paper, files that are
//! not samples.

use biopay_biometrics::Sample;
use biopay_datasets::fingerprint::{CaptureQuality, Device, Finger};
use biopay_datasets::folder::write_image;
use image::{GrayAlphaImage, LumaA};
use std::path::Path;
use std::process::{Command, Output};

fn print(subject: u64, number: u64) -> Sample {
    let device = Device::named("optical").expect("a profile of that name");
    Finger::generate(5, subject, None).capture(&device, CaptureQuality::default(), number).sample
}

fn evaluate(folder: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_biopay"));
    command.args(["evaluate", "--modality", "fingerprint", "--images"]).arg(folder.join("images")).args(more);
    command.current_dir(folder).output().expect("biopay runs")
}

fn folder_of(names: &[(&str, Sample)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a scratch folder");
    std::fs::create_dir(folder.path().join("images")).expect("created");
    for (name, sample) in names {
        write_image(&folder.path().join("images").join(name), sample).expect("written");
    }
    folder
}

fn rates(folder: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(folder.join("rates.json")).expect("rates");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_list_of_scores_is_a_list_of_pairs_whatever_the_names() {
    let names = ["O,Brien_1.png", "O,Brien_2.png", "a\"b_1.png", "a\"b_2.png", "Zoë Ærø_1.png", "张三_1.png"];
    let samples: Vec<_> =
        names.iter().enumerate().map(|(i, name)| (*name, print(i as u64 / 2, i as u64 % 2))).collect();
    let folder = folder_of(&samples);
    assert!(evaluate(folder.path(), &["--scores", "s.csv", "--json", "rates.json"]).status.success());
    let all = rates(folder.path());
    assert_eq!((&all["mated"], &all["non_mated"]), (&2.into(), &13.into()));
    let mut reader = csv::Reader::from_path(folder.path().join("s.csv")).expect("a list");
    assert!(reader.records().all(|row| row.is_ok_and(|row| row.len() == 3)), "three fields a row");
    let text = std::fs::read_to_string(folder.path().join("s.csv")).expect("a list");
    std::fs::write(folder.path().join("p.csv"), format!("\u{feff}{text}")).expect("written");
    let again = evaluate(folder.path(), &["--pairs", "p.csv", "--json", "rates.json"]);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!((&rates(folder.path())["mated"], &rates(folder.path())["eer"]), (&all["mated"], &all["eer"]));
}

#[test]
fn copies_and_files_that_are_no_samples_are_counted() {
    let images = [("1_1.png", 1, 1), ("1_2.png", 1, 1), ("2_1.png", 2, 1), ("2_2.png", 2, 2), ("3_1.png", 1, 1)];
    let folder = folder_of(&images.map(|(name, subject, number)| (name, print(subject, number))));
    for name in ["._1_1.png", ".DS_Store", "1_9.webp", "thumb.png", "notes.txt"] {
        std::fs::write(folder.path().join("images").join(name), b"no image").expect("written");
    }
    let output = evaluate(folder.path(), &["--json", "rates.json"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let intake = &rates(folder.path())["intake"];
    let not_taken: u64 = intake["not_taken"].as_object().expect("counts").values().filter_map(|n| n.as_u64()).sum();
    assert_eq!(not_taken, 5, "{intake}");
    assert_eq!(intake["copies_of_one_subject"], serde_json::json!([["1_1", "1_2"]]));
    assert_eq!(intake["copies_of_two_subjects"], serde_json::json!([["1_1", "3_1"]]));
    for line in ["not taken: 2 (hidden", "not taken: 1 (image whose name is not", "identical pixels: 1 of two subjects"]
    {
        assert!(text.contains(line), "{line} in {text}");
    }
    std::fs::copy(folder.path().join("images/1_1.png"), folder.path().join("images/1_1.bmp")).expect("copied");
    let refused = evaluate(folder.path(), &[]);
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && text.contains("1_1.bmp") && text.contains("1_1.png"), "{text}");
}

/// Black ridges on paper that is not there score as they do on white paper.
#[test]
fn transparent_paper_is_white() {
    let names = ["1_1.png", "1_2.png", "2_1.png", "2_2.png"];
    let samples: Vec<_> = names.iter().enumerate().map(|(i, n)| (*n, print(i as u64 / 2, i as u64 % 2))).collect();
    let opaque = folder_of(&samples);
    let transparent = folder_of(&[]);
    for (name, sample) in &samples {
        let ink = |x: u32, y: u32| LumaA([0, 255 - sample.pixels[[y as usize, x as usize]]]);
        let image = GrayAlphaImage::from_fn(sample.columns() as u32, sample.rows() as u32, ink);
        image.save(transparent.path().join("images").join(name)).expect("written");
    }
    for folder in [&opaque, &transparent] {
        assert!(evaluate(folder.path(), &["--dpi", "500", "--scores", "s.csv"]).status.success());
    }
    let [a, b] = [&opaque, &transparent].map(|f| std::fs::read_to_string(f.path().join("s.csv")).expect("scores"));
    assert_eq!(a, b);
}

#[test]
#[cfg(not(feature = "onnx"))]
fn an_embedder_that_cannot_run_says_how_to_build_one_that_can() {
    let folder = folder_of(&[("1_1.png", print(1, 1)), ("1_2.png", print(1, 2)), ("2_1.png", print(2, 1))]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_biopay"));
    command.args(["evaluate", "--modality", "face", "--images", "images", "--embedder", "model.onnx"]);
    let refused = command.current_dir(folder.path()).output().expect("biopay runs");
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && text.contains("--features onnx"), "{text}");
}
