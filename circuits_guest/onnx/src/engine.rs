//! Products of a row of bytes with a constant matrix of bytes, behind one seam.
//!
//! Natively they are computed. In the guest they are claimed by the host and checked by RISC Zero's
//! big-integer accelerator, sixteen multiply-accumulates a cycle ([`crate::accelerator`] says how and why
//! that is sound). Whoever multiplies does not know which: the sums are the same.

use alloc::vec;
use alloc::vec::Vec;

use crate::accelerator::{blocks, planes_of};
use crate::tensor::Data;

/// What the accelerator reads in one step: 16 bytes, the first in the low byte of the first word.
pub type Chunk = [u32; CHUNK / 4];
pub const CHUNK: usize = 16;

/// Largest depth of a product: sums of that many products of bytes stay below 2^30, half of the modulus
/// of the accelerator's field.
pub const MAX_DEPTH: usize = (1 << 30) / (255 * 255);

/// Most columns of a matrix: a program addresses the planes of a sum by 16 bits.
const MAX_COLUMNS: usize = CHUNK << 14;

/// A constant matrix of bytes, each row padded with zeros to whole chunks.
///
/// Signed weights are stored 128 higher, so that every byte counts as it is read; `offset` says by how much.
#[derive(Debug)]
pub struct Matrix {
    chunks: Vec<Chunk>,
    depth: usize,
    columns: usize,
    offset: u32,
}

impl Matrix {
    /// `depth` rows of `columns` weights of `data`, from `start` on. `None` where the data is not 8-bit or
    /// the plain inner product would be cheaper.
    pub(crate) fn of(data: &Data, start: usize, (depth, columns): (usize, usize)) -> Option<Matrix> {
        if depth > MAX_DEPTH || columns > MAX_COLUMNS || !pays(depth, columns) {
            return None;
        }
        let (chunks, offset) = match data {
            Data::U8(v) => (chunked(v.get(start..)?, depth, columns, |w| w)?, 0),
            Data::I8(v) => (chunked(v.get(start..)?, depth, columns, |w| w as u8 ^ 0x80)?, 128),
            _ => return None,
        };
        Some(Matrix { chunks, depth, columns, offset })
    }

    pub fn depth(&self) -> usize {
        self.depth
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// How much higher than the weights the bytes are.
    pub fn offset(&self) -> u32 {
        self.offset
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

fn chunked<T: Copy>(
    weights: &[T],
    depth: usize,
    columns: usize,
    byte: impl Fn(T) -> u8,
) -> Option<Vec<Chunk>> {
    let weights = weights.get(..depth * columns)?;
    let width = columns.div_ceil(CHUNK);
    let mut chunks = vec![Chunk::default(); depth * width];
    for (row, out) in weights.chunks_exact(columns).zip(chunks.chunks_exact_mut(width)) {
        let mut words = out.as_flattened_mut().iter_mut();
        let mut fours = row.chunks_exact(4);
        for (four, word) in (&mut fours).zip(&mut words) {
            *word = u32::from_le_bytes([byte(four[0]), byte(four[1]), byte(four[2]), byte(four[3])]);
        }
        if let Some(word) = words.next() {
            let rest = fours.remainder().iter().enumerate();
            *word = rest.fold(0, |word, (i, &w)| word | u32::from(byte(w)) << (8 * i));
        }
    }
    Some(chunks)
}

/// Something that multiplies.
pub trait Engine {
    /// `sums[j] = Σ_i (row[i] ^ flip) * bytes[i][j]` for every lane of the matrix. Returns `Σ_i (row[i] ^ flip)`.
    ///
    /// `row` has the matrix's depth and `sums` its lanes; `flip` is 0, or 0x80 for signed bytes, which then
    /// count 128 higher.
    fn multiply(&mut self, row: &[u8], flip: u8, matrix: &Matrix, sums: &mut [u32]) -> u32;
}

/// Computes products with the processor.
#[derive(Default)]
pub struct Direct;

impl Engine for Direct {
    fn multiply(&mut self, row: &[u8], flip: u8, matrix: &Matrix, sums: &mut [u32]) -> u32 {
        sums.fill(0);
        accumulate(row, flip, matrix, 0, sums)
    }
}

/// Computes products and writes down what the guest's check of each will claim.
#[derive(Default)]
pub struct Recorder {
    /// Words that the guest reads, in the order of its products.
    pub claims: Vec<u32>,
}

impl Engine for Recorder {
    fn multiply(&mut self, row: &[u8], flip: u8, matrix: &Matrix, sums: &mut [u32]) -> u32 {
        sums.fill(0);
        let mut total = 0;
        for block in blocks(matrix.depth, matrix.width()) {
            total += accumulate(&row[block.clone()], flip, matrix, block.start, sums);
            for plane in 0..planes_of(matrix.depth) {
                let bytes = |four: &[u32]| four.iter().rev().fold(0, |w, s| w << 8 | (s >> (8 * plane)) & 0xff);
                self.claims.extend(sums.chunks_exact(4).map(bytes));
            }
        }
        total
    }
}

/// Adds the products of the matrix's rows from `first` on to the sums.
fn accumulate(row: &[u8], flip: u8, matrix: &Matrix, first: usize, sums: &mut [u32]) -> u32 {
    let rows = matrix.chunks[first * matrix.width()..].chunks_exact(matrix.width());
    let mut total = 0;
    for (&x, weights) in row.iter().zip(rows) {
        let x = u32::from(x ^ flip);
        total += x;
        for (four, word) in sums.chunks_exact_mut(4).zip(weights.as_flattened()) {
            four.iter_mut().zip(word.to_le_bytes()).for_each(|(sum, w)| *sum += x * u32::from(w));
        }
    }
    total
}
