//! Scratch
use biopay_datasets::fingerprint::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let spec = FolderSpec {
        subjects: a[2].parse().unwrap(),
        impressions: a[3].parse().unwrap(),
        seed: a[4].parse().unwrap(),
        device: Device::named(&a[5]).unwrap(),
        quality: CaptureQuality::new(a.get(6).map_or(0.5, |q| q.parse().unwrap())).unwrap(),
        class: a.get(7).and_then(|c| PatternClass::named(c)),
        truth: TruthFiles::Omit,
    };
    let s = generate_folder(&spec, std::path::Path::new(&a[1]), &|_| ()).unwrap();
    println!("{s:?}");
}
