//! A convolution with constant weights as products of rows.
//!
//! A row holds the bytes under the windows of `tile` neighbouring positions, each once, and its product gives
//! all filters at all of these positions: the matrix has a filter's weights once for each position, moved
//! along by the stride, and zeros elsewhere. Most of such a matrix is zeros, but a step of the engine takes
//! sixteen of them, while to gather a window's bytes, to ask the engine and to read its claims costs the guest
//! far more than a step. How many positions pay is estimated from what each of these costs.

use alloc::borrow::Cow;
use alloc::vec;
use alloc::vec::Vec;

use super::dense::{Dense, Finish, Scratch, Weights};
use super::{Part, Values};
use crate::accelerator::{blocks, planes_of};
use crate::engine::{Coding, Engine, Matrix, CHUNK, MAX_DEPTH};
use crate::ops::conv_float::Conv;

/// Most bytes of a group's matrix.
const MAX_MATRIX: usize = 1 << 20;

pub(super) struct Convolution<'m> {
    conv: Conv,
    /// One a group.
    groups: Vec<Dense<'m>>,
    /// The byte that counts as zero.
    border: u8,
    /// Positions of one product.
    tile: usize,
    /// Where the runs of `span` bytes of a row start, from its first window on.
    runs: Vec<usize>,
    span: usize,
    /// The first position of each product, and where its first window starts.
    tiles: Vec<(usize, usize)>,
}

/// How a convolution is cut into products: positions of one, and the bytes of each run in its row.
struct Cut {
    tile: usize,
    span: usize,
    depth: usize,
    columns: usize,
}

impl Cut {
    /// `None` where the matrix has too many bytes. What it is computed from may be large, and a `usize` of the
    /// guest has half the bits of the host's, which has to decide alike.
    fn of(conv: &Conv, tile: usize) -> Option<Cut> {
        let span = (tile - 1).checked_mul(conv.window.step())?.checked_add(conv.window.reach())?;
        let depth = (conv.k / conv.window.kernel.last()?).checked_mul(span)?;
        let columns = conv.filters.checked_mul(tile)?;
        let fits = depth.checked_mul(columns).is_some_and(|bytes| bytes <= MAX_MATRIX);
        fits.then_some(Cut { tile, span, depth, columns })
    }

    /// About how many cycles all runs take, with what making ready takes: gathering and spreading a row's
    /// bytes, a step a chunk and row, the call, and a sum's bytes.
    fn cost(&self, conv: &Conv, runs: usize) -> u64 {
        let width = self.columns.div_ceil(CHUNK);
        let count = blocks(self.depth, width).count();
        let claims = count * width * planes_of(self.depth) * 20;
        let product = self.depth * (width + 7) + 200 + count * 200 + claims + self.columns * 12;
        self.all(conv, runs).saturating_mul(product as u64) + (self.depth * self.columns * 4) as u64
    }

    /// The same for the processor.
    fn plain_cost(&self, conv: &Conv, runs: usize) -> u64 {
        self.all(conv, runs).saturating_mul((conv.k * (8 + 4 * conv.filters) + 60) as u64)
    }

    /// Products of all runs, in 64 bits: the guest has to decide as the host does.
    fn all(&self, conv: &Conv, runs: usize) -> u64 {
        let width = conv.window.output.last().copied().unwrap_or(1);
        let each = conv.batch * conv.groups * (conv.window.positions() / width) * width.div_ceil(self.tile);
        (runs as u64).saturating_mul(each as u64)
    }
}

impl<'m> Convolution<'m> {
    /// `finish` is made for a group, with the columns that each of its filters has.
    pub(super) fn new(
        conv: Conv,
        (weights, coding): (&[u8], Coding),
        (zero, signed): (i32, bool),
        runs: usize,
        engine: &mut dyn Engine,
        mut finish: impl FnMut(usize, usize) -> Option<Finish>,
    ) -> Option<Convolution<'m>> {
        let width = conv.window.output.last().copied()?;
        let plain = Cut::of(&conv, 1)?;
        let cuts = (1..=width).map_while(|tile| Cut::of(&conv, tile)).take_while(|c| c.depth <= MAX_DEPTH);
        let best = cuts.min_by_key(|cut| cut.cost(&conv, runs));
        let by_engine = best.filter(|cut| cut.cost(&conv, runs) < plain.plain_cost(&conv, runs));
        let (cut, engaged) = by_engine.map_or((plain, false), |cut| (cut, true));
        let mut groups = Vec::with_capacity(conv.groups);
        for group in 0..conv.groups {
            let shape = (cut.depth, cut.columns);
            let banded = band(&conv, &cut, (weights, coding), group)?;
            let weights = if engaged {
                Weights::Matrix(Matrix::new(&banded, coding, shape, engine)?.into_owned(), 0)
            } else {
                Weights::plain(Cow::Owned(banded), coding)
            };
            groups.push(Dense::new(weights, shape, (zero, signed), finish(group, cut.tile)?));
        }
        let starts = conv.window.starts();
        // The last product of a line of positions may compute some of the one before again.
        let first = |i: usize| (i * cut.tile).min(width - cut.tile);
        let lines = (0..starts.len()).step_by(width);
        let tiles = lines
            .flat_map(|line| (0..width.div_ceil(cut.tile)).map(move |i| line + first(i)))
            .map(|position| (position, starts[position]))
            .collect();
        let last = conv.window.kernel.last().copied()?;
        let runs = conv.taps().into_iter().step_by(last).collect();
        Some(Convolution { conv, groups, border: zero as u8, tile: cut.tile, runs, span: cut.span, tiles })
    }

    pub(super) fn groups(&mut self) -> &mut [Dense<'m>] {
        &mut self.groups
    }

    pub(super) fn tile(&self) -> usize {
        self.tile
    }

    pub(super) fn run(&self, input: &[u8], engine: &mut dyn Engine, scratch: &mut Scratch, out: &mut Values) {
        let Values::Bytes(out, _) = out else { return };
        let Conv { window, channels, filters, size, .. } = &self.conv;
        let (plane, positions) = (window.plane(), window.positions());
        let mut padded = core::mem::take(&mut scratch.padded);
        padded.clear();
        padded.resize(channels * plane, self.border);
        let mut row = core::mem::take(&mut scratch.gathered);
        let mut sums = core::mem::take(&mut scratch.spread);
        sums.resize(self.groups.iter().map(Dense::columns).max().unwrap_or(0), 0);
        for (image, input) in input.chunks_exact(channels * size).enumerate() {
            for (channel, plane) in input.chunks_exact(*size).zip(padded.chunks_exact_mut(plane)) {
                window.pad(channel, plane, |x| x);
            }
            let dense = &self.groups[image % self.groups.len()];
            for &(position, start) in &self.tiles {
                row.clear();
                for run in &self.runs {
                    row.extend_from_slice(&padded[start + run..start + run + self.span]);
                }
                let sums = &mut sums[..dense.columns()];
                dense.row(&row, engine, scratch, Part::Bytes(sums));
                spread(sums, &mut out[image * filters * positions + position..], self.tile, positions);
            }
        }
        (scratch.padded, scratch.gathered, scratch.spread) = (padded, row, sums);
    }
}

/// Copies `tile` elements of each filter.
fn spread(sums: &[u8], out: &mut [u8], tile: usize, positions: usize) {
    for (sums, out) in sums.chunks_exact(tile).zip(out.chunks_mut(positions)) {
        out[..tile].iter_mut().zip(sums).for_each(|(to, &from)| *to = from);
    }
}

/// The matrix of a group: a column for each filter and position, position fastest.
fn band(conv: &Conv, cut: &Cut, (weights, coding): (&[u8], Coding), group: usize) -> Option<Vec<u8>> {
    let last = conv.window.kernel.last().copied()?;
    let (step, gap) = (conv.window.step(), conv.window.gap());
    let mut matrix = vec![coding.offset as u8 ^ coding.flip; cut.depth * cut.columns];
    let own = weights.chunks_exact(conv.k).skip(group * conv.filters).take(conv.filters);
    for (filter, weights) in own.enumerate() {
        for (run, weights) in weights.chunks_exact(last).enumerate() {
            for (tap, &weight) in weights.iter().enumerate() {
                for position in 0..cut.tile {
                    let row = run * cut.span + position * step + tap * gap;
                    matrix[row * cut.columns + filter * cut.tile + position] = weight;
                }
            }
        }
    }
    Some(matrix)
}
