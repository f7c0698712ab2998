//! A face model of the user's own, in place of ours: found and aligned by our extractor, embedded by an ONNX network.
//!
//! The network gets the canonical crop of 112 by 112 pixels, the alignment that published face embedders are trained
//! on (Deng et al. 2019), grey in all three channels, as (grey - 127.5) / 127.5.

use super::extractor::{Extractor, prepared};
use super::frame::CANONICAL_SIDE;
use crate::{Error, Sample, Template};
use ndarray::Array2;
use std::sync::Arc;
use tract_onnx::prelude::*;

/// Side of the input. Units: pixels.
const SIDE: usize = CANONICAL_SIDE as usize;
/// Bits of the binary form.
const BITS: usize = 512;
/// Most numbers of an embedding.
const LENGTH_MAX: usize = 4_096;

/// A face model of the user's own: an ONNX network that makes templates.
#[derive(Clone)]
pub struct Embedder {
    network: Arc<TypedRunnableModel>,
    layout: Layout,
}

/// The layout of the image that a network takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// `[1, 3, 112, 112]`.
    ChannelsFirst,
    /// `[1, 112, 112, 3]`.
    ChannelsLast,
}

impl Layout {
    fn shape(self) -> [usize; 4] {
        match self {
            Self::ChannelsFirst => [1, 3, SIDE, SIDE],
            Self::ChannelsLast => [1, SIDE, SIDE, 3],
        }
    }
}

impl Embedder {
    /// Reads a network, the content of an ONNX file, with one image as its input and the embedding as its first output.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is no ONNX network that runs on an input of `[1, 3, 112, 112]` or
    /// `[1, 112, 112, 3]`, or does not answer with 2 to 4,096 finite numbers.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let flat = Array2::from_elem((SIDE, SIDE), 128.0);
        let usable = |layout| {
            let embedder = Self { network: network(bytes, layout).ok()?, layout };
            embedder.embed(&flat).is_ok().then_some(embedder)
        };
        [Layout::ChannelsFirst, Layout::ChannelsLast].into_iter().find_map(usable).ok_or(malformed(
            "it is no network from an image of [1, 3, 112, 112] or [1, 112, 112, 3] to 2 to 4,096 finite numbers",
        ))
    }

    /// Makes the template of one sample.
    ///
    /// Shape: the real-valued form is the network's output at unit length; the binary form has 512 bits
    /// ([`Template::from_embedding`]).
    ///
    /// # Errors
    /// [`Error::FailureToAcquire`] as the built-in extractor; [`Error::Malformed`] when the network fails on
    /// this image.
    pub fn template(&self, sample: &Sample) -> Result<Template, Error> {
        let image = prepared(sample)?;
        let frame = Extractor::builtin().parameters.locator.locate(&image)?;
        let embedding = self.embed(&frame.crop(&image, SIDE, 0))?;
        Ok(Template::from_embedding(embedding, BITS))
    }

    fn embed(&self, crop: &Array2<f32>) -> Result<Vec<f32>, Error> {
        let value = |row: usize, column: usize| (crop[[row, column]] - 127.5) / 127.5;
        let input = tract_ndarray::Array4::from_shape_fn(self.layout.shape(), |at| match self.layout {
            Layout::ChannelsFirst => value(at.2, at.3),
            Layout::ChannelsLast => value(at.1, at.2),
        });
        let failed = |_| malformed("it fails on an image");
        let outputs = self.network.run(tvec!(Tensor::from(input).into())).map_err(failed)?;
        let output = outputs.first().ok_or(malformed("it has no output"))?;
        let output = output.cast_to::<f32>().map_err(failed)?;
        let numbers: Vec<f32> = output.to_plain_array_view::<f32>().map_err(failed)?.iter().copied().collect();
        let is_usable = (2..=LENGTH_MAX).contains(&numbers.len()) && numbers.iter().all(|x| x.is_finite());
        if is_usable { Ok(numbers) } else { Err(malformed("its output is not 2 to 4,096 finite numbers")) }
    }
}

fn malformed(why: &'static str) -> Error {
    Error::Malformed { what: "face network", why }
}

fn network(mut bytes: &[u8], layout: Layout) -> TractResult<Arc<TypedRunnableModel>> {
    let model = onnx().model_for_read(&mut bytes)?;
    model.with_input_fact(0, f32::fact(layout.shape()).into())?.into_optimized()?.into_runnable()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes protobuf: a varint.
    fn varint(mut value: u64, out: &mut Vec<u8>) {
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }

    /// Writes a field of bytes: a string or a message.
    fn field(number: u64, content: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        varint(number << 3 | 2, &mut out);
        varint(content.len() as u64, &mut out);
        [out.as_slice(), content].concat()
    }

    /// Writes a field that is an integer.
    fn integer(number: u64, value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        varint(number << 3, &mut out);
        varint(value, &mut out);
        out
    }

    /// Names a tensor of floats and its shape (ValueInfoProto).
    fn value_info(name: &str, shape: &[usize]) -> Vec<u8> {
        let dimensions: Vec<u8> = shape.iter().flat_map(|&d| field(1, &integer(1, d as u64))).collect();
        let tensor = [integer(1, 1), field(2, &dimensions)].concat();
        [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
    }

    /// Names an attribute that is a list of integers (AttributeProto).
    fn integers(name: &str, values: &[u64]) -> Vec<u8> {
        let list: Vec<u8> = values.iter().flat_map(|&v| integer(8, v)).collect();
        [field(1, name.as_bytes()), list, integer(20, 7)].concat()
    }

    /// Writes a network of one node: averages over windows of 14 by 14 pixels, so 64 of them a channel.
    fn averages(input: &[usize; 4], output: &[usize; 4]) -> Vec<u8> {
        let attributes = [integers("kernel_shape", &[14, 14]), integers("strides", &[14, 14])];
        let attributes = attributes.iter().flat_map(|a| field(5, a)).collect();
        let node = [field(1, b"image"), field(2, b"embedding"), field(4, b"AveragePool"), attributes].concat();
        let graph = [
            field(1, &node),
            field(2, b"averages"),
            field(11, &value_info("image", input)),
            field(12, &value_info("embedding", output)),
        ];
        [integer(1, 7), field(7, &graph.concat()), field(8, &integer(2, 13))].concat()
    }

    #[test]
    fn a_network_of_averages_embeds_what_the_crop_shows() {
        let embedder = Embedder::from_bytes(&averages(&[1, 3, SIDE, SIDE], &[1, 3, 8, 8])).expect("a usable network");
        assert_eq!(embedder.layout, Layout::ChannelsFirst);
        let crop = Array2::from_shape_fn((SIDE, SIDE), |(row, column)| (row / 14 * 8 + column / 14) as f32 * 4.0);
        let embedding = embedder.embed(&crop).expect("an embedding");
        assert_eq!(embedding.len(), 3 * 64);
        for (i, value) in embedding.iter().enumerate() {
            let expected = ((i % 64) as f32 * 4.0 - 127.5) / 127.5;
            assert!((value - expected).abs() < 1e-4, "{value} for {expected} at {i}");
        }
    }

    #[test]
    fn what_is_no_usable_network_is_refused_by_name() {
        let good = averages(&[1, 3, SIDE, SIDE], &[1, 3, 8, 8]);
        for bytes in [&b"no network"[..], &good[..good.len() / 2], &[]] {
            let refused = Embedder::from_bytes(bytes).err();
            assert!(matches!(refused, Some(Error::Malformed { what: "face network", .. })), "{refused:?}");
        }
    }

    #[test]
    fn an_image_without_a_face_is_a_failure_to_acquire() {
        let embedder = Embedder::from_bytes(&averages(&[1, 3, SIDE, SIDE], &[1, 3, 8, 8])).expect("a usable network");
        let blank = Sample::face(Array2::from_elem((SIDE, SIDE), 90));
        assert!(matches!(embedder.template(&blank), Err(Error::FailureToAcquire(_))));
    }
}
