//! The source of an evaluation's samples: a folder of images or records, a file of embeddings, or a seed.

use super::SampleSet;
use super::extraction::{
    Extracted, each_by_program, embedded_templates, extract, face_templates, read_records, write_records,
};
use super::intake::Intake;
use super::sample_set::ImageResult;
use super::sample_set::TemplateResult;
use super::scorer::{Comparator, Method};
use crate::modality::own_extractor::open_with;
use crate::modality::{ModalityId, Setting};
use crate::programs::OwnExtractor;
use crate::progress::Stage;
use crate::{Error, Scenario};
use biopay_biometrics::{Modality, Sample, Template};
use biopay_datasets::fingerprint::CaptureQuality;
use biopay_datasets::folder::{Listing, NamedFile, list_images, list_records};
use biopay_reports::embeddings::{EmbeddingRow, read_embeddings};
use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

/// What an evaluation compares: samples of one modality, or of all one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evaluated {
    /// Samples of one modality: images or minutiae records of fingers, images of faces, embeddings in a Parquet file.
    One(ModalityId),
    /// Samples of every modality.
    All,
}

impl Evaluated {
    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Self::One(modality) => modality.name(),
            Self::All => "all",
        }
    }

    /// Lists the modalities that are meant.
    pub fn each(self) -> Vec<ModalityId> {
        match self {
            Self::One(modality) => vec![modality],
            Self::All => ModalityId::ALL.to_vec(),
        }
    }

    /// Returns the one modality that is meant.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] where all are.
    pub fn one(self) -> Result<ModalityId, Error> {
        match self {
            Self::One(modality) => Ok(modality),
            Self::All => Err(Error::Usage("--modality all needs --scheme all".into())),
        }
    }
}

impl ValueEnum for Evaluated {
    fn value_variants<'a>() -> &'a [Self] {
        static VARIANTS: LazyLock<Vec<Evaluated>> =
            LazyLock::new(|| ModalityId::ALL.iter().map(|&id| Evaluated::One(id)).chain([Evaluated::All]).collect());
        &VARIANTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

/// Returns the comparator that is used where none is named.
pub fn usual_comparator(modality: ModalityId) -> Comparator {
    match modality {
        ModalityId::Fingerprint => Comparator::Minutiae,
        ModalityId::Face | ModalityId::Embedding | ModalityId::TwoFingers | ModalityId::FaceAndFinger => {
            Comparator::FixedLength
        }
    }
}

/// Real samples that are evaluated beside synthetic ones, as MODALITY=PATH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealSamples {
    /// The modality.
    pub modality: ModalityId,
    /// The folder of images, or the file of embeddings.
    pub path: PathBuf,
}

impl FromStr for RealSamples {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<&str> = ModalityId::ALL.iter().map(|id| id.name()).collect();
        let unknown = || format!("write MODALITY=PATH, with a modality of {}", names.join(", "));
        let (name, path) = text.split_once('=').ok_or_else(unknown)?;
        let modality = ModalityId::ALL.iter().copied().find(|id| id.name() == name).ok_or_else(unknown)?;
        Ok(Self { modality, path: path.into() })
    }
}

/// The options for the source of samples, and for the files written beside the rates.
#[derive(Args, Clone, Debug)]
pub struct SampleSource {
    /// The folder of images.
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// A folder of minutiae records SUBJECT_IMPRESSION (ISO/IEC 19794-2), whatever their ending, instead of images.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["images", "trace_stages", "write_templates"])]
    templates: Option<PathBuf>,
    /// The file of embeddings: columns subject, impression, e0, e1 and so on.
    #[arg(long, value_name = "FILE.parquet", conflicts_with_all = ["images", "templates"])]
    input: Option<PathBuf>,
    /// The number of synthetic subjects, if no samples are given.
    #[arg(long, value_name = "N", default_value_t = SYNTHETIC_SUBJECTS, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    subjects: u32,
    /// The number of samples of each synthetic subject.
    #[arg(long, value_name = "N", default_value_t = SYNTHETIC_SAMPLES, value_parser = clap::value_parser!(u32).range(2..=100))]
    captures: u32,
    /// The sensor or camera of synthetic samples [default: optical for fingers, handset for faces].
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// The quality of synthetic samples, from 0 (worst) to 1 (clean).
    #[arg(long, value_name = "Q", default_value_t = CaptureQuality::default().value())]
    quality: f32,
    /// Bits of the binary form of embeddings.
    #[arg(long, value_name = "BITS", default_value_t = EMBEDDING_BITS, value_parser = clap::value_parser!(u16).range(64..=1_024))]
    bits: u16,
    /// The images' resolution; default: that in each file, else 500. Units: pixels per inch.
    #[arg(long)]
    dpi: Option<u16>,
    /// Writes each image's minutiae as an ISO/IEC 19794-2 record STEM.fmr into this folder.
    #[arg(long, value_name = "DIR")]
    write_templates: Option<PathBuf>,
    /// Writes every extraction stage of every image as PNG into this folder.
    #[arg(long, value_name = "DIR")]
    trace_stages: Option<PathBuf>,
    /// An ONNX face model (in a biopay built with `--features onnx`) that embeds the detected and aligned faces, instead of the built-in features.
    #[arg(long, value_name = "MODEL.onnx", requires = "images", conflicts_with = "trace_stages")]
    embedder: Option<PathBuf>,
    /// An extractor of the user's own, which a scenario names.
    #[arg(skip)]
    pub extractor: Option<Arc<OwnExtractor>>,
}

/// The default number of synthetic subjects: it takes a minute or two on two cores.
const SYNTHETIC_SUBJECTS: u32 = 100;
/// Samples of each synthetic subject: three to enrol, three to probe.
const SYNTHETIC_SAMPLES: u32 = 6;
/// Bits of an embedding's binary form: as many as the kernels compare at a time.
const EMBEDDING_BITS: u16 = 1_024;

/// The number and the quality of synthetic samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Synthetic {
    /// The number of subjects.
    pub subjects: u32,
    /// The number of samples of each subject.
    pub samples: u32,
    /// The sensor or camera; `None` for the default.
    pub device: Option<String>,
    /// Quality in [0, 1].
    pub quality: f32,
    /// Bits of the binary form of embeddings.
    pub bits: usize,
    /// Seed.
    pub seed: u64,
}

impl SampleSource {
    /// Returns what to call the samples.
    pub fn title(&self, modality: ModalityId) -> String {
        let path = self.images.as_ref().or(self.templates.as_ref()).or(self.input.as_ref());
        path.map_or_else(|| format!("synthetic {} samples", modality.name()), |p| p.display().to_string())
    }

    /// Takes the extractor that a scenario's file names, where it names one.
    ///
    /// # Errors
    ///
    /// Those of loading the scenario and of starting the program.
    pub fn with_extractor_of(&self, scenario: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = scenario else { return Ok(self.clone()) };
        let named = Scenario::load(&path.to_string_lossy(), &[])?.biometric.extractor;
        Ok(Self { extractor: OwnExtractor::start(&named)?.map(Arc::new), ..self.clone() })
    }

    /// Returns whether samples are given.
    pub fn is_given(&self) -> bool {
        self.images.is_some() || self.templates.is_some() || self.input.is_some()
    }

    /// Returns the same options for real samples of a modality: its folder of images, or its file of embeddings.
    pub fn real(&self, real: &RealSamples) -> Self {
        let path = Some(real.path.clone());
        let (images, input) = match real.modality {
            ModalityId::Fingerprint | ModalityId::Face | ModalityId::TwoFingers | ModalityId::FaceAndFinger => {
                (path, None)
            }
            ModalityId::Embedding => (None, path),
        };
        Self { images, input, templates: None, write_templates: None, trace_stages: None, ..self.clone() }
    }

    /// Returns the synthetic samples that are made if none are given.
    pub fn synthetic(&self, seed: u64) -> Synthetic {
        Synthetic {
            subjects: self.subjects,
            samples: self.captures,
            device: self.device.clone(),
            quality: self.quality,
            bits: self.bits.into(),
            seed,
        }
    }

    /// Loads the samples as what the method compares.
    ///
    /// Errors: files; [`Error::Usage`] without a source.
    pub fn load(&self, modality: ModalityId, method: &Method) -> Result<SampleSet, Error> {
        if let Some(extractor) = &self.extractor {
            return self.by_program(extractor, modality, method);
        }
        match modality {
            ModalityId::Fingerprint => {
                let (files, features, intake) = self.fingerprints()?;
                let set = match method {
                    Method::Comparator(Comparator::Minutiae) => SampleSet::of_minutiae(&files, &features),
                    Method::Comparator(Comparator::FixedLength | Comparator::FixedLengthBinary) | Method::Scheme(_) => {
                        SampleSet::of_fingerprints(&files, &features)
                    }
                };
                Ok(set?.with_intake(intake))
            }
            ModalityId::Face => {
                let Some(folder) = &self.images else { return Err(Error::Usage("give --images".into())) };
                let listing = list_images(folder)?;
                let images = &listing.files;
                let stage = Stage::new("extracting", images.len() as u64);
                let Extracted { made, digests } = self.face_templates(images, &|| stage.add(1))?;
                stage.finish();
                let names = images.iter().map(|i| (i.stem.clone(), i.subject.as_str()));
                Ok(SampleSet::of_templates(names, made)?.with_intake(Intake::new(&listing, &digests)))
            }
            ModalityId::Embedding => {
                let Some(file) = &self.input else { return Err(Error::Usage("give --input".into())) };
                let has_bits = !matches!(method, Method::Comparator(Comparator::FixedLength));
                let rows = read_embeddings(file).map_err(|error| not_embeddings(file, error))?;
                embeddings(rows, if has_bits { self.bits.into() } else { 0 })
            }
            ModalityId::TwoFingers => {
                let (files, features, intake) = self.fingerprints()?;
                Ok(SampleSet::of_fingerprints(&files, &features)?.in_pairs()?.with_intake(intake))
            }
            ModalityId::FaceAndFinger => Err(Error::Usage(
                "one folder does not hold faces and fingers of the same people: leave --images out".into(),
            )),
        }
    }

    /// Makes templates of a folder's images with a program of the user's own.
    fn by_program(&self, extractor: &OwnExtractor, modality: ModalityId, method: &Method) -> Result<SampleSet, Error> {
        let as_is = match modality {
            ModalityId::Fingerprint => Modality::Fingerprint,
            ModalityId::Face => Modality::Face,
            ModalityId::Embedding | ModalityId::TwoFingers | ModalityId::FaceAndFinger => {
                return Err(Error::Usage("biometric.extractor takes images of one finger or face".into()));
            }
        };
        let Some(folder) = &self.images else { return Err(Error::Usage("give --images".into())) };
        let listing = list_images(folder)?;
        let images = &listing.files;
        let stage = Stage::new("extracting", images.len() as u64);
        let progress = || stage.add(1);
        let made = match method {
            Method::Comparator(Comparator::Minutiae) => {
                let features = |sample: &Sample| match extractor.extract(sample) {
                    Ok(made) => made.features(sample).map(Ok),
                    Err(reason) => Ok(Err(reason)),
                };
                let Extracted { made, digests } = each_by_program(images, self.dpi, as_is, &progress, &features)?;
                SampleSet::of_minutiae(images, &made).map(|set| (set, digests))
            }
            Method::Comparator(Comparator::FixedLength | Comparator::FixedLengthBinary) | Method::Scheme(_) => {
                let template = |sample: &Sample| extractor.template(sample);
                let Extracted { made, digests } = each_by_program(images, self.dpi, as_is, &progress, &template)?;
                let names = images.iter().map(|i| (i.stem.clone(), i.subject.as_str()));
                SampleSet::of_templates(names, made).map(|set| (set, digests))
            }
        };
        stage.finish();
        for (why, times) in extractor.faults() {
            eprintln!("warning: extractor: {times} answers are missing: {why}");
        }
        let (set, digests) = made?;
        Ok(set.with_intake(Intake::new(&listing, &digests)))
    }

    fn fingerprints(&self) -> Result<(Vec<NamedFile>, Vec<ImageResult>, Intake), Error> {
        let (listing, features, intake) = match (&self.images, &self.templates) {
            (Some(folder), _) => self.extracted(folder)?,
            (None, Some(folder)) => {
                let listing = list_records(folder)?;
                let features = read_records(&listing.files)?;
                let intake = Intake::new(&listing, &[]);
                (listing, features, intake)
            }
            (None, None) => return Err(Error::Usage("give --images or --templates".into())),
        };
        if let Some(folder) = &self.write_templates {
            let written = write_records(&listing.files, &features, folder)?;
            println!("{written} records in {}", folder.display());
        }
        Ok((listing.files, features, intake))
    }

    fn extracted(&self, folder: &Path) -> Result<(Listing, Vec<ImageResult>, Intake), Error> {
        let listing = list_images(folder)?;
        let stage = Stage::new("extracting", listing.files.len() as u64);
        let extracted = extract(&listing.files, self.dpi, self.trace_stages.as_deref(), &|| stage.add(1))?;
        stage.finish();
        let intake = Intake::new(&listing, &extracted.digests);
        Ok((listing, extracted.made, intake))
    }
}

/// Says that a file does not hold embeddings; an error of the file itself stays as it is.
fn not_embeddings(file: &Path, error: biopay_reports::Error) -> Error {
    let wrong = matches!(error, biopay_reports::Error::Table { .. } | biopay_reports::Error::Null { .. });
    let columns = "a Parquet file with the columns subject, impression, e0, e1 and so on";
    match wrong {
        true => Error::Usage(format!("{}: not {columns}: {error}", file.display())),
        false => error.into(),
    }
}

/// Makes samples of a modality, from a seed, and their fixed-length templates, with an extractor of the user's own where there
/// is one.
///
/// # Errors
///
/// [`Error::Usage`] for a device that does not exist, and for fewer subjects or samples than rates need.
pub fn synthesise(
    modality: ModalityId,
    make: &Synthetic,
    extractor: Option<Arc<OwnExtractor>>,
) -> Result<SampleSet, Error> {
    let definition = modality.definition();
    let device = make.device.as_deref().unwrap_or(definition.usual_device);
    definition.check_device("--device", device)?;
    let setting =
        Setting { seed: make.seed, subjects: make.subjects.into(), devices: vec![device.to_owned()], bits: make.bits };
    let people = open_with(definition, &setting, extractor)?;
    let stage = Stage::new(&format!("making {} samples", modality.name()), make.subjects.into());
    let of_subject = |subject: u32| -> Result<Vec<TemplateResult>, Error> {
        let captures = people.person(subject).captures(make.quality, make.samples)?;
        stage.add(1);
        Ok(captures.into_iter().map(|made| made.map_err(|why| why.to_string())).collect())
    };
    let made = (0..make.subjects).into_par_iter().map(of_subject).collect::<Result<Vec<_>, Error>>()?;
    stage.finish();
    let subjects: Vec<String> = (1..=make.subjects).map(|s| s.to_string()).collect();
    let names = subjects.iter().flat_map(|s| (1..=make.samples).map(move |n| (format!("{s}_{n}"), s.as_str())));
    SampleSet::of_templates(names, made.into_iter().flatten().collect())
}

impl SampleSource {
    fn face_templates(&self, images: &[NamedFile], progress: &(dyn Fn() + Sync)) -> Result<Extracted<Template>, Error> {
        if let Some(network) = &self.embedder {
            return embedded_templates(images, network, progress);
        }
        face_templates(images, self.trace_stages.as_deref(), progress)
    }
}

/// Builds a set of embeddings, sorted by subject and impression. Shape: `bits` of 0 leaves out the binary form.
fn embeddings(mut rows: Vec<EmbeddingRow>, bits: usize) -> Result<SampleSet, Error> {
    rows.sort_by_key(|row| (row.subject, row.impression));
    let subjects: Vec<String> = rows.iter().map(|row| row.subject.to_string()).collect();
    let names: Vec<String> = rows.iter().map(|row| format!("{}_{}", row.subject, row.impression)).collect();
    let template = |row: EmbeddingRow| {
        if row.vector.iter().any(|x| !x.is_finite()) {
            return Err("it contains a value that is not a finite number".to_owned());
        }
        Ok(if bits == 0 { Template::new(row.vector, Vec::new()) } else { Template::from_embedding(row.vector, bits) })
    };
    let templates = rows.into_par_iter().map(template).collect();
    SampleSet::of_templates(names.into_iter().zip(subjects.iter().map(String::as_str)), templates)
}
