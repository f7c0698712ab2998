//! What became of a folder's files besides its samples.

use biopay_datasets::folder::{Copies, Listing, NamedFile, NotTaken, PixelDigest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Pairs that the terminal shows of each kind of copy.
const SHOWN: usize = 3;

/// The files of a folder that were not taken for samples, and the samples that are copies of others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intake {
    /// Files that were not taken, by reason.
    pub not_taken: BTreeMap<NotTaken, u64>,
    /// Pairs of samples of one subject with identical pixels: mated comparisons that cannot fail.
    pub copies_of_one_subject: Vec<(String, String)>,
    /// Pairs of samples of two subjects with identical pixels: false matches, whatever the comparator.
    pub copies_of_two_subjects: Vec<(String, String)>,
}

impl Intake {
    /// Describes a folder that was listed, and whose samples have these digests where they could be read.
    pub fn new(listing: &Listing, digests: &[Option<PixelDigest>]) -> Self {
        Self::of(&listing.files, listing.not_taken.clone(), digests)
    }

    fn of(files: &[NamedFile], not_taken: BTreeMap<NotTaken, u64>, digests: &[Option<PixelDigest>]) -> Self {
        let Copies { of_one_subject, of_two_subjects } = Copies::find(files, digests);
        Self { not_taken, copies_of_one_subject: of_one_subject, copies_of_two_subjects: of_two_subjects }
    }

    /// Writes a line for each reason and for each kind of copy.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        for (reason, count) in &self.not_taken {
            let _ = writeln!(out, "  not taken: {count} ({})", reason.name());
        }
        let copies = [
            (&self.copies_of_one_subject, "one subject: mated comparisons that cannot fail"),
            (&self.copies_of_two_subjects, "two subjects: false matches, whatever the comparator"),
        ];
        for (pairs, meaning) in copies.into_iter().filter(|(pairs, _)| !pairs.is_empty()) {
            let shown: Vec<String> = pairs.iter().take(SHOWN).map(|(a, b)| format!("{a} = {b}")).collect();
            let more = if pairs.len() > SHOWN { ", ..." } else { "" };
            let _ = writeln!(out, "  identical pixels: {} of {meaning} ({}{more})", pairs.len(), shown.join(", "));
        }
        out
    }
}
