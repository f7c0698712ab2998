//! The kernel that needs nothing of the processor: sums within words, eight codes side by side.

use super::distances::{LANES, Visitor, packed};

const PAIRS: u64 = 0x5555_5555_5555_5555;
const NIBBLES: u64 = 0x3333_3333_3333_3333;
const BYTES: u64 = 0x0f0f_0f0f_0f0f_0f0f;
const SHORTS: u64 = 0x00ff_00ff_00ff_00ff;

pub(super) fn visit<const W: usize>(probes: &[[u64; W]], references: &[[[u64; LANES]; W]], visitor: &mut impl Visitor) {
    for (block, reference) in references.iter().enumerate() {
        for (row, probe) in probes.iter().enumerate() {
            visitor.visit(row, block, &packed(distances(probe, reference)));
        }
    }
}

/// Returns the distance to each of a block's codes.
#[inline(always)]
fn distances<const W: usize>(probe: &[u64; W], reference: &[[u64; LANES]; W]) -> [u16; LANES] {
    let mut bytes = [0u64; LANES];
    for (probe, reference) in probe.chunks(4).zip(reference.chunks(4)) {
        // Counts of two bits add up to at most 8 in four words, so that nibbles hold three of them, not four.
        let mut nibbles = [[0u64; LANES]; 2];
        for (i, (&p, r)) in probe.iter().zip(reference).enumerate() {
            for lane in 0..LANES {
                let x = p ^ r[lane];
                let pairs = x - (x >> 1 & PAIRS);
                nibbles[i % 2][lane] += (pairs & NIBBLES) + (pairs >> 2 & NIBBLES);
            }
        }
        for lane in 0..LANES {
            for n in &nibbles {
                bytes[lane] += (n[lane] & BYTES) + (n[lane] >> 4 & BYTES);
            }
        }
    }
    bytes.map(|b| {
        let shorts = (b & SHORTS) + (b >> 8 & SHORTS);
        let longs = shorts + (shorts >> 32);
        (longs + (longs >> 16)) as u16
    })
}
