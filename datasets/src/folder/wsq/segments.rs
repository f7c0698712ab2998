//! The segments of a file: filters, quantisers, Huffman tables, the frame, and the three blocks of codes.

use std::collections::BTreeMap;

/// The number of bands.
pub(super) const BANDS: usize = 64;
/// The greatest number of a filter's taps.
const TAPS_MAX: usize = 32;

const START: u16 = 0xffa0;
const END: u16 = 0xffa1;
const FRAME: u16 = 0xffa2;
const BLOCK: u16 = 0xffa3;
const FILTERS: u16 = 0xffa4;
const QUANTISERS: u16 = 0xffa5;
const CODES: u16 = 0xffa6;
const RESTART: u16 = 0xffa7;
const COMMENT: u16 = 0xffa8;

/// What a file says.
pub(super) struct File<'a> {
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// A pixel is its value times the scale plus the shift.
    pub(super) scale: f32,
    pub(super) shift: f32,
    pub(super) filters: Filters,
    pub(super) quantisers: Quantisers,
    pub(super) blocks: Vec<Block<'a>>,
    pub(super) pixels_per_inch: Option<u16>,
}

/// The synthesis filters, each from its middle outwards: both are symmetric and have an odd number of taps.
pub(super) struct Filters {
    pub(super) low: Vec<f32>,
    pub(super) high: Vec<f32>,
}

/// The quantisers of the bands.
pub(super) struct Quantisers {
    /// Where within its step a value is restored.
    pub(super) centre: f32,
    /// Each band's step, 0 for one that is left out, and the width of its zero.
    pub(super) steps: Vec<(f32, f32)>,
}

/// The codes of some bands, with the table that reads them.
pub(super) struct Block<'a> {
    pub(super) table: Table,
    pub(super) codes: &'a [u8],
}

/// A Huffman table as JPEG's: how many codes of each length there are, and their values in order.
#[derive(Clone)]
pub(super) struct Table {
    pub(super) lengths: [u8; 16],
    pub(super) values: Vec<u8>,
}

/// Reads a file.
///
/// # Errors
/// Which segment is missing or wrong.
pub(super) fn read(bytes: &[u8]) -> Result<File<'_>, String> {
    let mut rest = Reader(bytes);
    if rest.u16() != Some(START) {
        return Err("it is no WSQ file".into());
    }
    let (mut frame, mut filters, mut quantisers, mut tables, mut blocks) =
        (None, None, None, BTreeMap::new(), Vec::new());
    let mut pixels_per_inch = None;
    loop {
        let marker = rest.u16().ok_or("the file ends before its end marker")?;
        if marker == END {
            break;
        }
        let length = rest.u16().ok_or("the file ends within a segment")?;
        let length = usize::from(length).checked_sub(2).ok_or("a segment has no length")?;
        let mut segment = Reader(rest.take(length).ok_or("the file ends within a segment")?);
        match marker {
            FRAME => frame = Some(Frame::read(&mut segment).ok_or("the frame is damaged")?),
            FILTERS => filters = Some(Filters::read(&mut segment).ok_or("the filters are damaged")?),
            QUANTISERS => quantisers = Some(Quantisers::read(&mut segment).ok_or("the quantisers are damaged")?),
            CODES => {
                while !segment.0.is_empty() {
                    let (number, table) = Table::read(&mut segment).ok_or("a Huffman table is damaged")?;
                    tables.insert(number, table);
                }
            }
            BLOCK => {
                let number = segment.u8().ok_or("a block names no table")?;
                let table = tables.get(&number).cloned().ok_or("a block names a table that is not there")?;
                blocks.push(Block { table, codes: rest.until_marker() });
            }
            COMMENT => pixels_per_inch = pixels_per_inch.or_else(|| resolution(segment.0)),
            RESTART => {}
            other => return Err(format!("the marker {other:04x} is unknown")),
        }
    }
    let Frame { columns, rows, scale, shift } = frame.ok_or("there is no frame")?;
    let filters = filters.ok_or("there are no filters")?;
    let quantisers = quantisers.ok_or("there are no quantisers")?;
    Ok(File { columns, rows, scale, shift, filters, quantisers, blocks, pixels_per_inch })
}

/// Finds the resolution in a comment of NIST's: lines of a name and a value.
fn resolution(comment: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(comment);
    let value = text.lines().find_map(|line| line.trim().strip_prefix("PPI "))?;
    value.trim().parse().ok().filter(|&resolution| resolution > 0)
}

struct Frame {
    columns: usize,
    rows: usize,
    scale: f32,
    shift: f32,
}

impl Frame {
    fn read(segment: &mut Reader<'_>) -> Option<Self> {
        // The values of black and white, which everybody has at 0 and 255.
        segment.take(2)?;
        let (rows, columns) = (segment.u16()?, segment.u16()?);
        let (shift, scale) = (segment.scaled_u16()?, segment.scaled_u16()?);
        (rows > 0 && columns > 0).then(|| Self { columns: columns.into(), rows: rows.into(), scale, shift })
    }
}

impl Filters {
    /// Reads the analysis filters, of which the right halves are given, and turns them into those of the synthesis: each
    /// is the other one with alternating signs (IAFIS-IC-0110, A.2).
    fn read(segment: &mut Reader<'_>) -> Option<Self> {
        let (low_taps, high_taps) = (usize::from(segment.u8()?), usize::from(segment.u8()?));
        let is_right = |taps: usize| taps % 2 == 1 && taps <= TAPS_MAX;
        if !is_right(low_taps) || !is_right(high_taps) {
            return None;
        }
        let mut half = |taps: usize| (0..taps.div_ceil(2)).map(|_| segment.scaled_u32()).collect::<Option<Vec<f32>>>();
        let (low, high) = (half(low_taps)?, half(high_taps)?);
        let alternating = |taps: Vec<f32>| {
            let sign = |(n, tap): (usize, f32)| if n % 2 == 0 { tap } else { -tap };
            taps.into_iter().enumerate().map(sign).collect()
        };
        Some(Self { low: alternating(high), high: alternating(low) })
    }
}

impl Quantisers {
    fn read(segment: &mut Reader<'_>) -> Option<Self> {
        let centre = segment.scaled_u16()?;
        let step = |_| Some((segment.scaled_u16()?, segment.scaled_u16()?));
        Some(Self { centre, steps: (0..BANDS).map(step).collect::<Option<_>>()? })
    }
}

impl Table {
    fn read(segment: &mut Reader<'_>) -> Option<(u8, Self)> {
        let number = segment.u8()?;
        let lengths: [u8; 16] = segment.take(16)?.try_into().ok()?;
        let values = segment.take(lengths.iter().map(|&count| usize::from(count)).sum())?.to_vec();
        Some((number, Self { lengths, values }))
    }
}

/// The bytes that are not read yet; numbers have their most significant byte first.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// Reads a number that is given as a whole one over a power of ten.
    fn scaled_u16(&mut self) -> Option<f32> {
        let power = self.u8()?;
        Some(scaled(self.u16()?.into(), power))
    }

    /// Reads a signed number that is given as a whole one over a power of ten.
    fn scaled_u32(&mut self) -> Option<f32> {
        let (sign, power) = (self.u8()?, self.u8()?);
        let value = scaled(u32::from_be_bytes(self.take(4)?.try_into().ok()?), power);
        Some(if sign == 0 { value } else { -value })
    }

    /// Takes everything before the next marker: 255 and another byte than 0.
    fn until_marker(&mut self) -> &'a [u8] {
        let end = self.0.windows(2).position(|pair| pair[0] == 0xff && pair[1] != 0).unwrap_or(self.0.len());
        let (codes, rest) = self.0.split_at(end);
        self.0 = rest;
        codes
    }
}

fn scaled(value: u32, power: u8) -> f32 {
    (f64::from(value) / libm::pow(10.0, f64::from(power))) as f32
}
