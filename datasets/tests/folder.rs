//! Image folders: written once, read back, and broken images refused by name.

use biopay_biometrics::Sample;
use biopay_datasets::Error;
use biopay_datasets::fingerprint::{CaptureQuality, Device, FolderSpec, TruthFiles, generate_folder};
use biopay_datasets::folder::{
    Copies, Manifest, NamedFile, NotTaken, PixelDigest, list_images, list_records, read_image, read_images, write_image,
};
use ndarray::Array2;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

fn spec(seed: u64) -> FolderSpec {
    FolderSpec {
        subjects: 2,
        impressions: 2,
        seed,
        device: Device::named("handset").expect("a profile of that name"),
        quality: CaptureQuality::default(),
        class: None,
        truth: TruthFiles::Write,
    }
}

fn generate(spec: &FolderSpec, out: &Path) -> (usize, usize) {
    let told = AtomicUsize::new(0);
    let progress = |images| {
        told.fetch_add(images, Ordering::Relaxed);
    };
    let summary = generate_folder(spec, out, &progress).expect("a folder");
    (summary.generated, told.into_inner())
}

#[test]
fn a_folder_is_generated_once_and_read_back() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    assert_eq!(generate(&spec(1), dir.path()), (4, 4));
    assert_eq!(generate(&spec(1), dir.path()), (0, 4));
    let first = Manifest::read(dir.path()).expect("a manifest");
    let images = read_images(dir.path(), None).expect("images");
    let names: Vec<&str> = images.iter().map(|image| image.stem.as_str()).collect();
    assert_eq!(names, ["1_1", "1_2", "2_1", "2_2"]);
    assert!(images.iter().all(|image| image.sample.pixels_per_inch == Some(508)));
    assert!(dir.path().join("2_2.truth.json").is_file());

    assert_eq!(generate(&spec(2), dir.path()), (4, 4));
    let second = Manifest::read(dir.path()).expect("a manifest");
    assert!(first.files.iter().zip(&second.files).all(|(a, b)| a.name == b.name && a.sha256 != b.sha256));
}

#[test]
fn a_damaged_folder_is_made_again() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    generate(&spec(1), dir.path());
    let before = Manifest::read(dir.path());
    std::fs::write(dir.path().join("1_1.png"), b"cut").expect("writable");
    assert_eq!(generate(&spec(1), dir.path()).0, 4);
    assert_eq!(Manifest::read(dir.path()), before);
}

#[test]
fn nothing_and_too_much_are_refused() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    for (subjects, impressions) in [(0, 8), (8, 0), (u32::MAX, u32::MAX)] {
        let wrong = FolderSpec { subjects, impressions, ..spec(1) };
        assert!(matches!(generate_folder(&wrong, dir.path(), &|_| ()), Err(Error::Parameter { .. })));
    }
}

#[test]
fn numbers_sort_by_value_and_words_after_them() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let sample = Sample::fingerprint(Array2::from_shape_fn((3, 5), |(y, x)| (50 * y + x) as u8), 500);
    for stem in ["10_1", "9_10", "9_2", "b_1", "a_1"] {
        write_image(&dir.path().join(format!("{stem}.png")), &sample).expect("written");
    }
    std::fs::write(dir.path().join("notes_1.txt"), "no image").expect("writable");
    let images = read_images(dir.path(), None).expect("images");
    let names: Vec<&str> = images.iter().map(|image| image.stem.as_str()).collect();
    assert_eq!(names, ["9_2", "9_10", "10_1", "a_1", "b_1"]);
    assert!(images.iter().all(|image| image.sample == sample));
    let overridden = read_images(dir.path(), Some(1000)).expect("images");
    assert!(overridden.iter().all(|image| image.sample.pixels_per_inch == Some(1000)));
}

#[test]
fn broken_and_oversized_images_are_named_errors() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let path = dir.path().join("1_1.png");
    let mut oversized = png_header(20_000, 20_000);
    for content in [b"".as_slice(), b"no image at all", &oversized.split_off(0)] {
        std::fs::write(&path, content).expect("writable");
        assert!(matches!(read_image(&path, None), Err(Error::Image { .. })));
        assert!(matches!(read_images(dir.path(), None), Err(Error::Image { .. })));
    }
    std::fs::remove_file(&path).expect("removable");
    assert!(matches!(read_images(dir.path(), None), Err(Error::NoSamples { .. })));
    assert!(matches!(read_images(&dir.path().join("absent"), None), Err(Error::Io { .. })));
}

/// Writes a PNG that promises many pixels and holds none.
fn png_header(columns: u32, rows: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, columns, rows);
    encoder.set_color(png::ColorType::Grayscale);
    drop(encoder.write_header().expect("a header"));
    bytes
}

fn picture(value: u8) -> Sample {
    Sample::fingerprint(Array2::from_shape_fn((3, 5), |(y, x)| value.wrapping_add((50 * y + x) as u8)), 500)
}

#[test]
#[cfg(unix)]
fn what_is_not_a_sample_is_counted_by_reason() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().expect("a scratch folder");
    let at = |name: &str| dir.path().join(name);
    write_image(&at("1_1.png"), &picture(1)).expect("written");
    write_image(&at("._1_2.png"), &picture(2)).expect("written");
    write_image(&at("noname.png"), &picture(3)).expect("written");
    for name in ["Thumbs.db", ".DS_Store", "manifest.json", "1_5.txt", "1_3.webp", "1_4.HEIC"] {
        std::fs::write(at(name), b"no image").expect("writable");
    }
    std::fs::create_dir(at("2_1.png")).expect("created");
    symlink(at("absent"), at("2_2.png")).expect("linked");
    let _socket = std::os::unix::net::UnixListener::bind(at("2_3.png")).expect("bound");
    symlink(at("1_1.png"), at("2_4.png")).expect("linked");
    let listing = list_images(dir.path()).expect("two samples");
    let names: Vec<&str> = listing.files.iter().map(|file| file.stem.as_str()).collect();
    assert_eq!(names, ["1_1", "2_4"]);
    let expected = [
        (NotTaken::Hidden, 3),
        (NotTaken::Folder, 1),
        (NotTaken::DanglingLink, 1),
        (NotTaken::NotAFile, 1),
        (NotTaken::Unnamed, 1),
        (NotTaken::UnreadFormat, 2),
        (NotTaken::Description, 1),
        (NotTaken::Other, 1),
    ];
    assert_eq!(listing.not_taken.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_folder_without_samples_says_what_is_in_it() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    std::fs::write(dir.path().join("1_1.webp"), b"RIFF").expect("writable");
    let refused = list_images(dir.path()).expect_err("no image").to_string();
    assert!(refused.contains("1 image of a format that is not read (HEIF"), "{refused}");
}

#[test]
fn two_files_of_one_sample_are_refused_by_name() {
    let same = [("1_1.png", "1_1.bmp"), ("Zo\u{eb}_1.png", "Zoe\u{308}_1.tif")];
    for (first, second) in same {
        let dir = tempfile::tempdir().expect("a scratch folder");
        for name in [first, second] {
            std::fs::write(dir.path().join(name), b"whatever is in it").expect("writable");
        }
        let refused = list_images(dir.path()).expect_err("the same sample twice");
        assert!(matches!(&refused, Error::SameName { .. }), "{refused}");
        assert!([first, second].iter().all(|name| refused.to_string().contains(name)), "{refused}");
    }
}

#[test]
fn copies_are_found_under_one_name_and_under_two() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    for (name, value) in [("1_1.png", 1), ("1_2.png", 1), ("1_3.png", 2), ("2_1.png", 1), ("2_2.png", 3)] {
        write_image(&dir.path().join(name), &picture(value)).expect("written");
    }
    let files = list_images(dir.path()).expect("samples").files;
    let digest = |file: &NamedFile| read_image(&file.path, None).ok().as_ref().map(PixelDigest::of);
    let digests: Vec<_> = files.iter().map(digest).collect();
    let copies = Copies::find(&files, &digests);
    let pair = |a: &str, b: &str| vec![(a.to_owned(), b.to_owned())];
    assert_eq!(copies, Copies { of_one_subject: pair("1_1", "1_2"), of_two_subjects: pair("1_1", "2_1") });
}

#[test]
fn records_are_known_by_their_content() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    for name in ["1_1.fmr", "1_2.iso", "2_1.ist", "2_2"] {
        std::fs::write(dir.path().join(name), b"FMR\0 20\0").expect("writable");
    }
    std::fs::write(dir.path().join("3_1.fmr"), b"no record").expect("writable");
    let listing = list_records(dir.path()).expect("records");
    let names: Vec<&str> = listing.files.iter().map(|file| file.stem.as_str()).collect();
    assert_eq!(names, ["1_1", "1_2", "2_1", "2_2"]);
    assert_eq!(listing.not_taken.into_iter().collect::<Vec<_>>(), [(NotTaken::Other, 1)]);
}
