//! Products of a row of bytes with a constant matrix of bytes, behind one seam.
//!
//! Natively they are computed. In the guest they are claimed by the host and checked by RISC Zero's
//! big-integer accelerator, sixteen multiply-accumulates a cycle ([`crate::accelerator`] says how and why
//! that is sound). Whoever multiplies does not know which: the sums are the same.

use alloc::borrow::Cow;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use crate::accelerator::{blocks, planes_of};
use crate::chunks::chunked;
pub(crate) use crate::chunks::{as_bytes, as_signed};
use crate::tensor::DType;

/// What the accelerator reads in one step: 16 bytes, the first in the low byte of the first word.
pub type Chunk = [u32; CHUNK / 4];
pub const CHUNK: usize = 16;

/// Largest depth of a product: sums of that many products of bytes stay below 2^30, half of the modulus
/// of the accelerator's field.
pub const MAX_DEPTH: usize = (1 << 30) / (255 * 255);

/// Most columns of a matrix: a program addresses the planes of a sum by 16 bits.
const MAX_COLUMNS: usize = CHUNK << 14;

/// A row of numbers that are all the same amount less than bytes.
#[derive(Clone, Copy)]
pub enum Row<'a> {
    /// Bytes as they lie: `flip` is 0, or 0x80 for signed ones, which then count 128 higher.
    Bytes { bytes: &'a [u8], flip: u8, zero: i32 },
    /// Numbers from `-zero` to `255 - zero`.
    Words { words: &'a [i32], zero: i32 },
}

impl<'a> Row<'a> {
    pub fn len(&self) -> usize {
        match self {
            Row::Bytes { bytes, .. } => bytes.len(),
            Row::Words { words, .. } => words.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was taken off the bytes.
    pub fn zero(&self) -> i32 {
        match *self {
            Row::Bytes { zero, .. } | Row::Words { zero, .. } => zero,
        }
    }

    pub fn part(self, range: Range<usize>) -> Row<'a> {
        match self {
            Row::Bytes { bytes, flip, zero } => Row::Bytes { bytes: &bytes[range], flip, zero },
            Row::Words { words, zero } => Row::Words { words: &words[range], zero },
        }
    }

    /// The bytes, in order.
    fn for_each(self, mut take: impl FnMut(u32)) {
        match self {
            Row::Bytes { bytes, flip, .. } => bytes.iter().for_each(|&x| take(u32::from(x ^ flip))),
            Row::Words { words, zero } => words.iter().for_each(|&x| take((x + zero) as u32)),
        }
    }
}

/// How stored bytes of weights count: `(byte ^ flip) - offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coding {
    pub flip: u8,
    pub offset: i32,
}

impl Coding {
    /// Of elements of a type with a zero point.
    pub fn of(dtype: DType, zero: i32) -> Coding {
        match dtype {
            DType::I8 => Coding { flip: 0x80, offset: zero + 128 },
            _ => Coding { flip: 0, offset: zero },
        }
    }
}

/// A constant matrix of bytes, each row padded with zeros to whole chunks.
///
/// Signed weights are stored 128 higher, so that every byte counts as it is read. Unsigned ones of whole
/// chunks that start at a word are used where they lie.
#[derive(Debug)]
pub struct Matrix<'m> {
    chunks: Cow<'m, [Chunk]>,
    depth: usize,
    columns: usize,
    /// What the bytes count too much.
    offset: i32,
    /// Sum of the bytes of each column, empty until it is known.
    sums: Vec<u32>,
}

impl<'m> Matrix<'m> {
    /// The first `depth` rows of `columns` weights, or `None` where the plain inner product would be cheaper.
    pub(crate) fn of(
        bytes: &'m [u8],
        coding: Coding,
        (depth, columns): (usize, usize),
        engine: &mut dyn Engine,
    ) -> Option<Matrix<'m>> {
        if !pays(depth, columns) {
            return None;
        }
        Matrix::new(bytes, coding, (depth, columns), engine)
    }

    /// As [`Matrix::of`], whether it pays or not.
    pub(crate) fn new(
        bytes: &'m [u8],
        coding: Coding,
        (depth, columns): (usize, usize),
        engine: &mut dyn Engine,
    ) -> Option<Matrix<'m>> {
        if !(1..=MAX_DEPTH).contains(&depth) || !(1..=MAX_COLUMNS).contains(&columns) {
            return None;
        }
        let chunks = chunked(bytes.get(..depth * columns)?, depth, columns, coding.flip);
        let mut matrix = Matrix { chunks, depth, columns, offset: coding.offset, sums: Vec::new() };
        let mut sums = vec![0; matrix.lanes()];
        engine.multiply(Row::Words { words: &vec![1; depth], zero: 0 }, &matrix, &mut sums);
        matrix.sums = sums;
        Some(matrix)
    }

    pub(crate) fn into_owned(self) -> Matrix<'static> {
        Matrix { chunks: Cow::Owned(self.chunks.into_owned()), ..self }
    }

    /// `Σ_i row[i] * (w[i][c] - zeros[c])`, modulo 2^32, for each column `c` in turn; `zeros` has one element
    /// or one a column. `lanes` is scratch memory.
    pub(crate) fn product(
        &self,
        engine: &mut dyn Engine,
        row: Row<'_>,
        zeros: &[i32],
        lanes: &mut Vec<u32>,
        sums: &mut [i32],
    ) {
        if lanes.len() < self.lanes() {
            lanes.resize(self.lanes(), 0);
        }
        let lanes = &mut lanes[..self.lanes()];
        let zero = row.zero();
        // With bytes b = w + offset and x + zero: Σ x w = Σ (x + zero) b - zero Σ b - offset Σ x.
        let total = engine.multiply(row, self, lanes) as i32;
        let total = total.wrapping_sub(zero.wrapping_mul(self.depth as i32));
        match zeros {
            &[z] => {
                let less = total.wrapping_mul(self.offset + z);
                for ((sum, &lane), &bytes) in sums.iter_mut().zip(lanes.iter()).zip(&self.sums) {
                    *sum = (lane as i32).wrapping_sub(less).wrapping_sub(zero.wrapping_mul(bytes as i32));
                }
            }
            _ => {
                let lanes = lanes.iter().zip(&self.sums).zip(zeros);
                for (sum, ((&lane, &bytes), z)) in sums.iter_mut().zip(lanes) {
                    let less = total.wrapping_mul(self.offset + z);
                    *sum = (lane as i32).wrapping_sub(less).wrapping_sub(zero.wrapping_mul(bytes as i32));
                }
            }
        }
    }

    /// What turns the lanes of a row of bytes into its product, for numbers that are `zero` less than the
    /// bytes: `Σ_i x[i] * w[i][c] = lane[c] - factor * Σ_i byte[i] + constant[c]`, modulo 2^32.
    pub(crate) fn affine(&self, zero: i32) -> (i32, impl Iterator<Item = i32> + '_) {
        let all = self.offset.wrapping_mul(self.depth as i32);
        (
            self.offset,
            self.sums[..self.columns]
                .iter()
                .map(move |&bytes| zero.wrapping_mul(all.wrapping_sub(bytes as i32))),
        )
    }

    pub fn depth(&self) -> usize {
        self.depth
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Chunks of one row.
    pub fn width(&self) -> usize {
        self.columns.div_ceil(CHUNK)
    }

    /// Row after row, [`Matrix::width`] chunks each.
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// Columns with their padding: what a row of sums has room for.
    pub fn lanes(&self) -> usize {
        self.width() * CHUNK
    }
}

/// Whether checking a product costs the guest less than computing it: a row of the matrix takes a step a
/// chunk and about four more instructions, a column about ten, a call about 300.
fn pays(depth: usize, columns: usize) -> bool {
    depth * (columns.div_ceil(CHUNK) + 5) + columns * 10 + 300 < depth * columns * 3
}

/// Something that multiplies.
pub trait Engine {
    /// `sums[j] = Σ_i x[i] * b[i][j]` for every lane of the matrix, of bytes `x` of the row and `b` of the
    /// matrix. Returns `Σ_i x[i]`.
    ///
    /// The row has the matrix's depth and `sums` its lanes.
    fn multiply(&mut self, row: Row<'_>, matrix: &Matrix<'_>, sums: &mut [u32]) -> u32;
}

/// Computes products with the processor.
#[derive(Default)]
pub struct Direct;

impl Engine for Direct {
    fn multiply(&mut self, row: Row<'_>, matrix: &Matrix<'_>, sums: &mut [u32]) -> u32 {
        sums.fill(0);
        accumulate(row, matrix, 0, sums)
    }
}

/// Computes products and writes down what the guest's check of each will claim.
#[derive(Default)]
pub struct Recorder {
    /// Words that the guest reads, in the order of its products.
    pub claims: Vec<u32>,
}

impl Engine for Recorder {
    fn multiply(&mut self, row: Row<'_>, matrix: &Matrix<'_>, sums: &mut [u32]) -> u32 {
        sums.fill(0);
        let mut total = 0;
        for block in blocks(matrix.depth, matrix.width()) {
            total += accumulate(row.part(block.clone()), matrix, block.start, sums);
            for plane in 0..planes_of(matrix.depth) {
                let word =
                    |four: &[u32]| four.iter().rev().fold(0, |w, s| w << 8 | (s >> (8 * plane)) & 0xff);
                self.claims.extend(sums.chunks_exact(4).map(word));
            }
        }
        total
    }
}

/// Adds the products of the matrix's rows from `first` on to the sums.
fn accumulate(row: Row<'_>, matrix: &Matrix<'_>, first: usize, sums: &mut [u32]) -> u32 {
    let mut rows = matrix.chunks[first * matrix.width()..].chunks_exact(matrix.width());
    let mut total = 0;
    row.for_each(|x| {
        debug_assert!(x < 256);
        total += x;
        let weights = rows.next().unwrap_or_default();
        for (four, word) in sums.chunks_exact_mut(4).zip(weights.as_flattened()) {
            four.iter_mut().zip(word.to_le_bytes()).for_each(|(sum, w)| *sum += x * u32::from(w));
        }
    });
    total
}
