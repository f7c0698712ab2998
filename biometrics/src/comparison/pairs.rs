//! Which pairs are compared, in what tiles, and on how many cores.

use super::hamming::LANES;
use crate::Error;
use rayon::prelude::*;
use std::ops::Range;

/// References (and probes) on one side of a tile: at 512 bits they fill 128 KiB, so that they stay in the second cache.
const TILE: usize = 2_048;
const TILE_BLOCKS: usize = TILE / LANES;

/// A set of pairs as tiles: all pairs of one set, or every row of one with every column of another.
///
/// A shard takes every n-th tile, a pure function of the span, so that the counts of all shards add up to the whole.
#[derive(Clone, Debug)]
pub struct Span {
    rows: usize,
    columns: usize,
    shape: Shape,
    shard: Range<usize>,
    shards: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Triangle,
    Rectangle,
}

/// The result of comparing a span's pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Pairs by score.
    pub counts: Vec<u64>,
    /// The pairs that were asked for by their scores: row, column, score.
    pub tail: Vec<(u32, u32, u32)>,
}

impl Counted {
    fn and(mut self, mut other: Self) -> Self {
        self.counts.iter_mut().zip(other.counts).for_each(|(a, b)| *a += b);
        self.tail.append(&mut other.tail);
        self
    }
}

/// The rows and columns of one tile.
struct Tile {
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Span {
    /// Takes every pair (a, b) with a < b of one set.
    pub fn triangle(len: usize) -> Self {
        Self { rows: len, columns: len, shape: Shape::Triangle, shard: 0..1, shards: 1 }
    }

    /// Takes every row with every column of another set.
    pub fn rectangle(rows: usize, columns: usize) -> Self {
        Self { rows, columns, shape: Shape::Rectangle, shard: 0..1, shards: 1 }
    }

    /// Keeps shard `index` (from 0) of `count`.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no such shard.
    pub fn shard(self, index: usize, count: usize) -> Result<Self, Error> {
        if index >= count {
            return Err(Error::Parameter {
                name: "shard",
                why: "its index must be from 0 to one less than the number of shards",
            });
        }
        Ok(Self { shard: index..index + 1, shards: count, ..self })
    }

    /// Returns the number of pairs in this shard.
    pub fn pairs(&self) -> u64 {
        self.tiles().map(|tile| self.tile_pairs(&tile)).sum()
    }

    /// Returns whether both sides are the same set.
    pub(super) fn is_triangle(&self) -> bool {
        self.shape == Shape::Triangle
    }

    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// Counts every pair on all cores, and collects those whose score is in `keep`, in the order of tile, row and
    /// column. Integer sums: the order of the tiles does not show.
    pub(super) fn count(&self, pairs: &impl Compare, keep: Range<usize>, progress: &(dyn Fn(u64) + Sync)) -> Counted {
        let tiles: Vec<Tile> = self.tiles().collect();
        let one = |tile: &Tile| {
            let mut counted = Counted { counts: vec![0; pairs.bins()], tail: Vec::new() };
            self.count_tile(pairs, tile, &keep, &mut counted);
            progress(self.tile_pairs(tile));
            counted
        };
        tiles.par_iter().map(one).reduce(|| Counted { counts: vec![0; pairs.bins()], tail: Vec::new() }, Counted::and)
    }

    fn count_tile(&self, pairs: &impl Compare, tile: &Tile, keep: &Range<usize>, counted: &mut Counted) {
        let mut tally = pairs.tally();
        let Counted { counts, tail } = counted;
        self.visit_tile(tile, &mut |part| match part {
            Part::Blocks(rows, blocks) => pairs.count_blocks(rows, blocks, keep, &mut tally, tail),
            Part::Pair(a, b) => {
                let bin = pairs.bin(a, b);
                counts[bin] += 1;
                if keep.contains(&bin) {
                    tail.push((a as u32, b as u32, bin as u32));
                }
            }
        });
        pairs.add(&tally, counts);
    }

    /// Cuts a tile into whole blocks for the kernel, and single pairs where a block is cut by the diagonal or the end.
    fn visit_tile(&self, tile: &Tile, visit: &mut impl FnMut(Part)) {
        if self.shape == Shape::Rectangle || tile.rows.end <= tile.columns.start {
            return visit_rectangle(tile.rows.clone(), tile.columns.clone(), visit);
        }
        for start in tile.rows.clone().step_by(LANES) {
            let rows = start..(start + LANES).min(tile.rows.end);
            rows.clone().for_each(|a| (a + 1..rows.end).for_each(|b| visit(Part::Pair(a, b))));
            visit_rectangle(rows.clone(), rows.end..tile.columns.end, visit);
        }
    }

    fn tiles(&self) -> impl Iterator<Item = Tile> + '_ {
        let (rows, columns) = (self.rows.div_ceil(TILE), self.columns.div_ceil(TILE));
        let first_column = move |r: usize| if self.shape == Shape::Triangle { r } else { 0 };
        let all = (0..rows).flat_map(move |r| (first_column(r)..columns).map(move |c| (r, c)));
        let mine = all.skip(self.shard.start).step_by(self.shards);
        mine.map(|(r, c)| Tile { rows: part(r, self.rows), columns: part(c, self.columns) })
    }

    fn tile_pairs(&self, tile: &Tile) -> u64 {
        let (rows, columns) = (tile.rows.len() as u64, tile.columns.len() as u64);
        if self.shape == Shape::Triangle && tile.rows == tile.columns {
            return rows * rows.saturating_sub(1) / 2;
        }
        rows * columns
    }
}

fn part(index: usize, len: usize) -> Range<usize> {
    index * TILE..((index + 1) * TILE).min(len)
}

fn visit_rectangle(rows: Range<usize>, columns: Range<usize>, visit: &mut impl FnMut(Part)) {
    let full = columns.start.div_ceil(LANES)..columns.end / LANES;
    if full.is_empty() {
        return single_pairs(rows, columns, visit);
    }
    single_pairs(rows.clone(), columns.start..full.start * LANES, visit);
    single_pairs(rows.clone(), full.end * LANES..columns.end, visit);
    visit(Part::Blocks(rows, full));
}

fn single_pairs(rows: Range<usize>, columns: Range<usize>, visit: &mut impl FnMut(Part)) {
    for a in rows {
        columns.clone().for_each(|b| visit(Part::Pair(a, b)));
    }
}

enum Part {
    /// Rows, and blocks of eight columns, none of them cut.
    Blocks(Range<usize>, Range<usize>),
    /// One row and one column.
    Pair(usize, usize),
}

/// A comparison of pairs, eight columns at a time where possible.
pub(super) trait Compare: Sync {
    /// What counts a tile's blocks.
    type Tally;

    /// Returns the number of different scores.
    fn bins(&self) -> usize;

    /// Compares one pair.
    fn bin(&self, a: usize, b: usize) -> usize;

    /// Makes an empty count.
    fn tally(&self) -> Self::Tally;

    /// Counts rows against whole blocks, and collects the pairs whose score is in `keep`.
    fn count_blocks(
        &self,
        rows: Range<usize>,
        blocks: Range<usize>,
        keep: &Range<usize>,
        tally: &mut Self::Tally,
        tail: &mut Vec<(u32, u32, u32)>,
    );

    /// Adds a count to the sum.
    fn add(&self, tally: &Self::Tally, counts: &mut [u64]);
}

const _: () = assert!(TILE_BLOCKS * LANES == TILE, "tiles hold whole blocks");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_share_out_every_pair() {
        for span in [Span::triangle(9_001), Span::rectangle(5_000, 4_100)] {
            let parts = (0..3).map(|i| span.clone().shard(i, 3).unwrap().pairs()).sum::<u64>();
            assert_eq!(parts, span.pairs());
        }
        assert_eq!(Span::triangle(9_001).pairs(), 9_001 * 9_000 / 2);
        assert_eq!(Span::rectangle(5_000, 4_100).pairs(), 20_500_000);
        assert!(Span::triangle(10).shard(3, 3).is_err());
    }
}
