//! Kernels for x86-64, each behind its run-time check.
#![allow(unsafe_code)] // vector instructions exist only behind a feature check, which the callers below make

use super::distances::{Distances, LANES, Visitor, packed};
use std::arch::x86_64::*;

pub(super) fn visit_popcnt<const W: usize>(
    probes: &[[u64; W]],
    references: &[[[u64; LANES]; W]],
    visitor: &mut impl Visitor,
) {
    assert!(is_x86_feature_detected!("popcnt"));
    // SAFETY: the feature was checked on the line above.
    unsafe { popcnt(probes, references, visitor) }
}

pub(super) fn visit_avx2<const W: usize>(
    probes: &[[u64; W]],
    references: &[[[u64; LANES]; W]],
    visitor: &mut impl Visitor,
) {
    assert!(is_x86_feature_detected!("avx2"));
    // SAFETY: the feature was checked on the line above.
    unsafe { avx2(probes, references, visitor) }
}

pub(super) fn visit_avx512<const W: usize>(
    probes: &[[u64; W]],
    references: &[[[u64; LANES]; W]],
    visitor: &mut impl Visitor,
) {
    assert!(is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vpopcntdq"));
    // SAFETY: the features were checked on the line above.
    unsafe { avx512(probes, references, visitor) }
}

#[target_feature(enable = "popcnt")]
fn popcnt<const W: usize>(probes: &[[u64; W]], references: &[[[u64; LANES]; W]], visitor: &mut impl Visitor) {
    for (block, reference) in references.iter().enumerate() {
        for (row, probe) in probes.iter().enumerate() {
            let mut distances = [0u16; LANES];
            for (lane, distance) in distances.iter_mut().enumerate() {
                *distance = (0..W).map(|w| (probe[w] ^ reference[w][lane]).count_ones()).sum::<u32>() as u16;
            }
            visitor.visit(row, block, &packed(distances));
        }
    }
}

#[target_feature(enable = "avx2")]
fn avx2<const W: usize>(probes: &[[u64; W]], references: &[[[u64; LANES]; W]], visitor: &mut impl Visitor) {
    for (block, reference) in references.iter().enumerate() {
        for (row, probe) in probes.iter().enumerate() {
            let halves = [0, 4].map(|lane| {
                let mut bytes = _mm256_setzero_si256();
                for w in 0..W {
                    let words = &reference[w][lane..lane + 4];
                    // SAFETY: the slice has four words; the load needs no alignment.
                    let words = unsafe { _mm256_loadu_si256(words.as_ptr().cast()) };
                    let different = _mm256_xor_si256(words, _mm256_set1_epi64x(probe[w] as i64));
                    bytes = _mm256_add_epi8(bytes, ones_in_bytes(different));
                }
                _mm256_sad_epu8(bytes, _mm256_setzero_si256())
            });
            let mut distances = [0u64; LANES];
            // SAFETY: the array has room for both halves; the stores need no alignment.
            unsafe {
                _mm256_storeu_si256(distances.as_mut_ptr().cast(), halves[0]);
                _mm256_storeu_si256(distances[4..].as_mut_ptr().cast(), halves[1]);
            }
            visitor.visit(row, block, &packed(distances.map(|d| d as u16)));
        }
    }
}

/// Counts the ones of every byte by a table of nibbles.
#[target_feature(enable = "avx2")]
fn ones_in_bytes(x: __m256i) -> __m256i {
    let table = _mm256_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
    );
    let nibble = _mm256_set1_epi8(0x0f);
    let low = _mm256_shuffle_epi8(table, _mm256_and_si256(x, nibble));
    let high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));
    _mm256_add_epi8(low, high)
}

/// As many probes stay in registers against a stream of blocks as sixteen of them hold, so that a block's word is
/// loaded once for all.
#[target_feature(enable = "avx512f,avx512vpopcntdq")]
fn avx512<const W: usize>(probes: &[[u64; W]], references: &[[[u64; LANES]; W]], visitor: &mut impl Visitor) {
    let group = if W <= 4 { 4 } else { 2 };
    let (groups, rest) = probes.split_at(probes.len() - probes.len() % group);
    for (i, probes) in groups.chunks_exact(group).enumerate() {
        if let Ok(four) = <&[[u64; W]; 4]>::try_from(probes) {
            avx512_rows(4 * i, four, references, visitor);
        } else if let Ok(two) = <&[[u64; W]; 2]>::try_from(probes) {
            avx512_rows(2 * i, two, references, visitor);
        }
    }
    for (i, probe) in rest.iter().enumerate() {
        avx512_rows(groups.len() + i, std::array::from_ref(probe), references, visitor);
    }
}

#[target_feature(enable = "avx512f,avx512vpopcntdq")]
#[inline]
fn avx512_rows<const P: usize, const W: usize>(
    first: usize,
    probes: &[[u64; W]; P],
    references: &[[[u64; LANES]; W]],
    visitor: &mut impl Visitor,
) {
    let probes = probes.map(|probe| probe.map(|word| _mm512_set1_epi64(word as i64)));
    let mut distances = [[Distances::default(); P]; BATCH];
    for (batch, references) in references.chunks(BATCH).enumerate() {
        for (reference, distances) in references.iter().zip(&mut distances) {
            let sums = sums(&probes, reference);
            for (sum, distances) in sums.into_iter().zip(distances) {
                // SAFETY: the array has room for eight u16, 16 bytes; the store needs no alignment.
                unsafe { _mm_storeu_si128(distances.as_mut_ptr().cast(), _mm512_cvtepi64_epi16(sum)) };
            }
        }
        for (i, distances) in distances[..references.len()].iter().enumerate() {
            for (row, distances) in distances.iter().enumerate() {
                visitor.visit(first + row, batch * BATCH + i, distances);
            }
        }
    }
}

/// Blocks whose distances are stored before they are looked at: taken out of vector registers one by one they would
/// keep the vector units busy.
const BATCH: usize = 8;

#[target_feature(enable = "avx512f,avx512vpopcntdq")]
#[inline]
fn sums<const P: usize, const W: usize>(probes: &[[__m512i; W]; P], reference: &[[u64; LANES]; W]) -> [__m512i; P] {
    let mut sums = [_mm512_setzero_si512(); P];
    for (w, word) in reference.iter().enumerate() {
        // SAFETY: a block's word is eight u64, 64 bytes; the load needs no alignment.
        let word = unsafe { _mm512_loadu_si512(word.as_ptr().cast()) };
        for (sum, probe) in sums.iter_mut().zip(probes) {
            *sum = _mm512_add_epi64(*sum, _mm512_popcnt_epi64(_mm512_xor_si512(word, probe[w])));
        }
    }
    sums
}
