//! The coefficients of the bands: Huffman codes to whole numbers, and these to values in their places.

use super::bands::Band;
use super::segments::{BANDS, Block, File, Quantisers, Table};
use ndarray::{Array2, s};

/// The bands that are coded; the last four, of the finest diagonal details, never are.
const CODED: usize = 60;
/// A code's value stands for that many zeros up to this one.
const ZEROS_MAX: u8 = 100;
/// What is added to a small coefficient in its code.
const BIAS: i32 = 180;

/// Reads every coded band, and puts its values into their places in the plane.
///
/// # Errors
/// Where the codes do not give what the bands need.
pub(super) fn plane(file: &File<'_>, bands: &[Band; BANDS]) -> Result<Array2<f32>, String> {
    let mut plane = Array2::zeros((file.rows, file.columns));
    let is_coded = |number: &usize| file.quantisers.steps[*number].0 > 0.0;
    let size: usize = (0..CODED).filter(is_coded).map(|number| bands[number].area()).sum();
    let mut whole = Vec::new();
    for block in &file.blocks {
        read_block(block, size, &mut whole)?;
    }
    if whole.len() < size {
        return Err(format!("there are {} coefficients of {size}", whole.len()));
    }
    let mut rest = whole.into_iter();
    for number in (0..CODED).filter(is_coded) {
        let band = &bands[number];
        let mut place = plane.slice_mut(s![band.y..band.y + band.rows, band.x..band.x + band.columns]);
        place.iter_mut().zip(&mut rest).for_each(|(value, whole)| *value = restored(whole, &file.quantisers, number));
    }
    Ok(plane)
}

/// Returns the value in whose step a whole number lies (IAFIS-IC-0110, 7.3).
fn restored(whole: i32, quantisers: &Quantisers, band: usize) -> f32 {
    let (step, zero) = quantisers.steps[band];
    match whole {
        0 => 0.0,
        1.. => step * (whole as f32 - quantisers.centre) + zero / 2.0,
        ..0 => step * (whole as f32 + quantisers.centre) - zero / 2.0,
    }
}

/// Reads the codes of a block: runs of zeros, small coefficients, and large ones or long runs with their bits after them.
fn read_block(block: &Block<'_>, size: usize, out: &mut Vec<i32>) -> Result<(), String> {
    let decoder = Decoder::new(&block.table).ok_or("a Huffman table has too many codes")?;
    let mut bits = Bits { bytes: block.codes, byte: 0, left: 0 };
    while out.len() < size {
        // A block ends with bits of 1 that are no code.
        let Some(value) = decoder.next(&mut bits) else { break };
        let mut number = |count: u32| bits.take(count).ok_or("a block ends within a number");
        let zeros = match value {
            1..=ZEROS_MAX => usize::from(value),
            105 => number(8)? as usize,
            106 => number(16)? as usize,
            _ => 0,
        };
        match value {
            0 | 255 => return Err("a code has no meaning".into()),
            1..=ZEROS_MAX | 105 | 106 if out.len() + zeros > size => return Err("a run of zeros is too long".into()),
            1..=ZEROS_MAX | 105 | 106 => out.extend(std::iter::repeat_n(0, zeros)),
            101 => out.push(number(8)? as i32),
            102 => out.push(-(number(8)? as i32)),
            103 => out.push(number(16)? as i32),
            104 => out.push(-(number(16)? as i32)),
            107..=254 => out.push(i32::from(value) - BIAS),
        }
    }
    Ok(())
}

/// A canonical Huffman decoder (as in ISO/IEC 10918-1, annex F.2.2.3).
struct Decoder<'a> {
    /// For each length: the first code, how many there are, and the place of the first one's value.
    lengths: [(u32, u32, usize); 16],
    values: &'a [u8],
}

impl<'a> Decoder<'a> {
    fn new(table: &'a Table) -> Option<Self> {
        let (mut code, mut place, mut lengths) = (0_u32, 0, [(0, 0, 0); 16]);
        for (bits, &count) in table.lengths.iter().enumerate() {
            let count = u32::from(count);
            lengths[bits] = (code, count, place);
            code += count;
            if code > 1 << (bits + 1) {
                return None;
            }
            code <<= 1;
            place += count as usize;
        }
        Some(Self { lengths, values: &table.values })
    }

    /// Reads a code and returns its value; `None` at the end of the codes.
    fn next(&self, bits: &mut Bits<'_>) -> Option<u8> {
        let mut code = 0;
        for (first, count, place) in self.lengths {
            code = code << 1 | bits.take(1)?;
            if code >= first && code - first < count {
                return self.values.get(place + (code - first) as usize).copied();
            }
        }
        None
    }
}

/// The bits of a block, the most significant first; a 0 after each 255 is left out.
struct Bits<'a> {
    bytes: &'a [u8],
    byte: u8,
    left: u32,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut number = 0;
        for _ in 0..count {
            if self.left == 0 {
                let (&byte, rest) = self.bytes.split_first()?;
                self.bytes = if byte == 0xff { rest.strip_prefix(&[0]).unwrap_or(rest) } else { rest };
                (self.byte, self.left) = (byte, 8);
            }
            self.left -= 1;
            number = number << 1 | u32::from(self.byte >> self.left & 1);
        }
        Some(number)
    }
}
