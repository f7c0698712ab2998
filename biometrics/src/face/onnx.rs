//! A face model of the user's own, in place of ours: found and aligned by our extractor, embedded by an ONNX network.
//!
//! The network gets the canonical crop, the alignment that published face embedders are trained on (Deng et al. 2019), at
//! the size, with the channels and in the layout that its input declares; a declared input of another kind is refused by
//! name. Pixels are grey, in every channel, as (grey - 127.5) / 127.5. Of an input that is not square the longer side covers
//! the canonical frame, and the other one its middle, as the networks for 112 by 96 pixels have it (Wen et al. 2016).

use super::extractor::{Extractor, prepared};
use super::frame::CANONICAL_SIDE;
use crate::{Error, Sample, Template};
use ndarray::Array2;
use std::sync::Arc;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::DimLike;
use tract_onnx::tract_hir::infer::Factoid;

/// Side of an input whose sides are not declared. Units: pixels.
const SIDE: usize = CANONICAL_SIDE as usize;
/// Sides that an input may declare. Units: pixels.
const SIDES: std::ops::RangeInclusive<usize> = 32..=512;
/// Bits of the binary form.
const BITS: usize = 512;
/// Most numbers of an embedding.
const LENGTH_MAX: usize = 4_096;

/// A face model of the user's own: an ONNX network that makes templates.
#[derive(Clone)]
pub struct Embedder {
    network: Arc<TypedRunnableModel>,
    input: Input,
}

/// The order of the axes of the image that a network takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// `[1, channels, rows, columns]`.
    ChannelsFirst,
    /// `[1, rows, columns, channels]`.
    ChannelsLast,
}

/// The image that a network takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Input {
    layout: Layout,
    /// 1 for grey, 3 for colour.
    channels: usize,
    rows: usize,
    columns: usize,
}

impl Input {
    /// Reads the input that a network declares; what it leaves open becomes a colour image of 112 by 112 pixels with its
    /// channels first.
    fn declared(model: &InferenceModel) -> Result<Self, Error> {
        let unusable = |_| malformed("its input cannot be determined");
        if model.input_outlets().map_err(unusable)?.len() != 1 {
            return Err(malformed("it has not one input but several: give a network of one image"));
        }
        let fact = model.input_fact(0).map_err(unusable)?;
        if fact.datum_type.concretize().is_some_and(|declared| declared != f32::datum_type()) {
            return Err(malformed("its input is not of 32-bit floats: export it with a float input"));
        }
        if fact.shape.is_open() {
            return Self::of([None; 4]);
        }
        let declared: Vec<Option<usize>> =
            fact.shape.dims().map(|side| side.concretize().and_then(|side| side.to_usize().ok())).collect();
        let axes = declared.try_into().map_err(|_| malformed("its input is not an image of four axes"))?;
        Self::of(axes)
    }

    /// Takes the axes that are declared.
    fn of(axes: [Option<usize>; 4]) -> Result<Self, Error> {
        if axes[0].is_some_and(|batch| batch != 1) {
            return Err(malformed("it declares a batch of several images: export it with a batch of one"));
        }
        let is_channels = |axis: Option<usize>| matches!(axis, Some(1 | 3));
        let (layout, channels, rows, columns) = match axes {
            [_, channels, rows, columns] if is_channels(channels) => (Layout::ChannelsFirst, channels, rows, columns),
            [_, rows, columns, channels] if is_channels(channels) => (Layout::ChannelsLast, channels, rows, columns),
            [_, None, rows, columns] => (Layout::ChannelsFirst, None, rows, columns),
            _ => return Err(malformed("its input has neither one channel nor three")),
        };
        let (rows, columns) = (rows.or(columns).unwrap_or(SIDE), columns.or(rows).unwrap_or(SIDE));
        if !SIDES.contains(&rows) || !SIDES.contains(&columns) {
            return Err(malformed("its input has a side outside 32 to 512 pixels"));
        }
        Ok(Self { layout, channels: channels.unwrap_or(3), rows, columns })
    }

    fn shape(self) -> [usize; 4] {
        match self.layout {
            Layout::ChannelsFirst => [1, self.channels, self.rows, self.columns],
            Layout::ChannelsLast => [1, self.rows, self.columns, self.channels],
        }
    }

    /// The side of the square crop that the input is the middle of.
    fn side(self) -> usize {
        self.rows.max(self.columns)
    }
}

impl Embedder {
    /// Reads a network, the content of an ONNX file, with one image as its input and the embedding as its first output.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is not an ONNX network, when its declared input is not one image of one or three
    /// channels of 32-bit floats, or when it does not answer with 2 to 4,096 finite numbers.
    pub fn from_bytes(mut bytes: &[u8]) -> Result<Self, Error> {
        let model = onnx().model_for_read(&mut bytes).map_err(|_| malformed("it is not an ONNX network"))?;
        let input = Input::declared(&model)?;
        let network =
            runnable(model, input).map_err(|_| malformed("it cannot be run on the input that it declares"))?;
        let embedder = Self { network, input };
        embedder.embed(&Array2::from_elem((input.side(), input.side()), 128.0))?;
        Ok(embedder)
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
        let embedding = self.embed(&frame.crop(&image, self.input.side(), 0))?;
        Ok(Template::from_embedding(embedding, BITS))
    }

    /// Embeds a square crop, of which the network gets the middle.
    fn embed(&self, crop: &Array2<f32>) -> Result<Vec<f32>, Error> {
        let Input { layout, rows, columns, .. } = self.input;
        let (top, left) = ((crop.nrows() - rows) / 2, (crop.ncols() - columns) / 2);
        let value = |row: usize, column: usize| (crop[[top + row, left + column]] - 127.5) / 127.5;
        let input = tract_ndarray::Array4::from_shape_fn(self.input.shape(), |at| match layout {
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

fn runnable(model: InferenceModel, input: Input) -> TractResult<Arc<TypedRunnableModel>> {
    model.with_input_fact(0, f32::fact(input.shape()).into())?.into_optimized()?.into_runnable()
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
        assert_eq!(embedder.input.shape(), [1, 3, SIDE, SIDE]);
        let crop = Array2::from_shape_fn((SIDE, SIDE), |(row, column)| (row / 14 * 8 + column / 14) as f32 * 4.0);
        let embedding = embedder.embed(&crop).expect("an embedding");
        assert_eq!(embedding.len(), 3 * 64);
        for (i, value) in embedding.iter().enumerate() {
            let expected = ((i % 64) as f32 * 4.0 - 127.5) / 127.5;
            assert!((value - expected).abs() < 1e-4, "{value} for {expected} at {i}");
        }
    }

    #[test]
    fn a_network_is_fed_with_the_input_that_it_declares() {
        for (shape, output) in
            [([1, 3, 168, 168], [1, 3, 12, 12]), ([1, 3, 112, 98], [1, 3, 8, 7]), ([1, 1, 112, 112], [1, 1, 8, 8])]
        {
            let embedder = Embedder::from_bytes(&averages(&shape, &output)).expect("a usable network");
            assert_eq!(embedder.input.shape(), shape);
            let side = embedder.input.side();
            let crop = Array2::from_shape_fn((side, side), |(_, column)| column as f32);
            let embedding = embedder.embed(&crop).expect("an embedding");
            assert_eq!(embedding.len(), output.iter().product::<usize>());
            // The middle of the crop: columns count from the margin that is left out.
            let first = ((side - shape[3]) / 2) as f32 + 6.5;
            assert!((embedding[0] - (first - 127.5) / 127.5).abs() < 1e-4, "{shape:?}");
        }
    }

    #[test]
    fn an_input_of_another_kind_is_refused_by_name() {
        for (shape, why) in [
            ([1, 4, 112, 112], "neither one channel nor three"),
            ([8, 3, 112, 112], "a batch"),
            ([1, 3, 1_120, 1_120], "a side outside"),
        ] {
            let refused = Embedder::from_bytes(&averages(&shape, &[1, 3, 8, 8])).err().expect("no usable input");
            assert!(refused.to_string().contains(why), "{refused}");
        }
    }

    #[test]
    fn channels_may_stand_last_and_sides_may_be_left_open() {
        let input = |axes| Input::of(axes).map(Input::shape);
        assert_eq!(input([Some(1), Some(160), Some(160), Some(3)]), Ok([1, 160, 160, 3]));
        assert_eq!(input([None, Some(3), None, None]), Ok([1, 3, SIDE, SIDE]));
        assert_eq!(input([None; 4]), Ok([1, 3, SIDE, SIDE]));
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
