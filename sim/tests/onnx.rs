//! A face model of the user's own through the command line; only where the feature `onnx` is on.
#![cfg(feature = "onnx")]

use std::path::Path;
use std::process::{Command, Output};

/// An ONNX network of one node, as the unit tests of `biopay_biometrics::face::onnx` write it: averages over windows of
/// 14 by 14 pixels of an image of `[1, 3, 112, 112]`, so 64 numbers a channel.
const AVERAGES: &[u8] = b"\x08\x07:\x9a\x01\nH\n\x05image\x12\tembedding\"\x0bAveragePool\
    *\x15\n\x0ckernel_shape@\x0e@\x0e\xa0\x01\x07*\x10\n\x07strides@\x0e@\x0e\xa0\x01\x07\x12\x08averages\
    Z\x1f\n\x05image\x12\x16\n\x14\x08\x01\x12\x10\n\x02\x08\x01\n\x02\x08\x03\n\x02\x08p\n\x02\x08p\
    b#\n\tembedding\x12\x16\n\x14\x08\x01\x12\x10\n\x02\x08\x01\n\x02\x08\x03\n\x02\x08\x08\n\x02\x08\x08B\x02\x10\r";

fn biopay(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_biopay"));
    command.current_dir(folder).args(arguments).output().expect("the executable was built with the test")
}

#[test]
fn faces_are_embedded_by_the_users_network() {
    let folder = tempfile::tempdir().unwrap();
    let made = biopay(
        folder.path(),
        &["dataset", "face", "--subjects", "4", "--impressions", "2", "--seed", "1", "--out", "f"],
    );
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::write(folder.path().join("averages.onnx"), AVERAGES).unwrap();
    std::fs::write(folder.path().join("broken.onnx"), &AVERAGES[..100]).unwrap();
    let evaluate = |scores: &str, more: &[&str]| {
        let arguments = [&["evaluate", "--modality", "face", "--images", "f", "--scores", scores], more].concat();
        biopay(folder.path(), &arguments)
    };
    let ours = evaluate("ours.csv", &[]);
    let theirs = evaluate("theirs.csv", &["--embedder", "averages.onnx"]);
    for output in [&ours, &theirs] {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let lines = |name: &str| -> Vec<String> {
        std::fs::read_to_string(folder.path().join(name)).unwrap().lines().map(str::to_owned).collect()
    };
    let (ours, theirs) = (lines("ours.csv"), lines("theirs.csv"));
    assert_eq!((ours.len(), theirs.len()), (29, 29));
    // Averages of brightness look much alike from face to face: their cosines are not those of our features.
    assert_ne!(ours, theirs);

    let broken = evaluate("none.csv", &["--embedder", "broken.onnx"]);
    assert!(!broken.status.success());
    let said = String::from_utf8_lossy(&broken.stderr);
    assert!(said.contains("face network"), "{said}");
}
