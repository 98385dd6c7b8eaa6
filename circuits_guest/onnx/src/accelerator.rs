//! Programs for RISC Zero's big-integer accelerator that check a product of bytes.
//!
//! The accelerator evaluates polynomials whose coefficients are bytes of memory, sixteen a step, at one
//! point `z` of an extension field of 2^124 elements, drawn after everything the run did is fixed. It keeps
//! three values: `poly`, which a chunk is added to and which a shift multiplies by `z^16`, `term`, and
//! `total`, which `term * poly` is added to with a small factor. A program must end with `total` zero.
//!
//! To check `y_j = Σ_i x_i w_ij`, row `i` of the matrix is the polynomial `W_i(z) = Σ_j w_ij z^j`, and
//!
//! ```text
//! Σ_i x_i W_i(z) - Y(z) = 0,   Y(z) = Σ_j y_j z^j
//! ```
//!
//! at that `z` only if the coefficients agree (Schwartz-Zippel: another `Y` of the same degree passes with
//! probability at most its degree over 2^124). `Y` is what the host claims. A sum is larger than a byte, so
//! it is claimed in planes: all lowest bytes, then all second bytes, and so on, weighed in the program by
//! 1, 2^8, 2^16 and 2^24. Coefficients are compared modulo the prime 15 * 2^27 + 1; sums and claims are kept
//! below 2^30, so that each has one value.
//!
//! A program has a step a chunk, so a deep matrix is checked in blocks by one program: each block adds the
//! sums claimed behind the block before it. `docs/decisions/0010-claimed-products.md` has the measurements.
//!
//! Instruction format and steps: `BigIntStep` and `BigIntAccum` in `inst_bigint.zir` of zirgen's rv32im v2.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use crate::engine::{Chunk, CHUNK, MAX_DEPTH};

/// Most instructions of the rows of one program. Each lies in memory that is paged in and out, about ten
/// cycles, and each further block costs some two hundred cycles a product.
const MAX_STEPS: usize = 1024;

/// Rows of the matrix that one program checks at most.
fn rows_of(depth: usize, width: usize) -> usize {
    (MAX_STEPS / (width + 1)).clamp(1, depth)
}

/// The blocks of rows of a matrix, in order. All but the first have the program's number of rows.
pub fn blocks(depth: usize, width: usize) -> impl Iterator<Item = Range<usize>> {
    let rows = rows_of(depth, width);
    let first = (depth - 1) % rows + 1;
    (0..=(depth - first) / rows).map(move |i| (i * rows + first).saturating_sub(rows)..i * rows + first)
}

/// Bytes that a claimed sum of `depth` products takes.
pub fn planes_of(depth: usize) -> usize {
    if depth * 255 * 255 < 1 << 24 {
        3
    } else {
        4
    }
}

/// Whether a plane's word keeps its four sums below 2^30.
pub fn top_plane_fits(word: u32) -> bool {
    word & 0xc0c0_c0c0 == 0
}

/// What the program's constant register points to.
pub const CONSTANTS: [Chunk; 4] = [
    [0; 4],
    [128, 0, 0, 0],
    // For the first carry, which takes 128 off every byte: 127 and 4 in the first, nothing elsewhere.
    [0x8080_80ff, 0x8080_8080, 0x8080_8080, 0x8080_8080],
    [0x8080_8084, 0x8080_8080, 0x8080_8080, 0x8080_8080],
];
const ZERO: usize = 0;
const BYTE_128: usize = 1;
const CARRY_127: usize = 2;
const CARRY_4: usize = 3;

/// Registers that hold the addresses a program reads from: `a1` to `a5`.
#[derive(Clone, Copy)]
enum Base {
    /// One chunk for each element of the row: the element, then zeros.
    Row = 11,
    Matrix = 12,
    /// Planes claimed for the block before.
    Before = 13,
    /// Planes claimed for this block.
    After = 14,
    Constants = 15,
}

#[derive(Clone, Copy)]
enum Step {
    /// Ends the program.
    Reset = 0,
    /// `poly = (poly + chunk) * z^16`
    Shift = 1,
    /// `term = poly + chunk; poly = 0`
    SetTerm = 2,
    /// `total += factor * term * (poly + chunk); poly = 0; term = 1`
    AddTotal = 3,
    /// `poly += (chunk - 128 in every byte) * 2^14`
    Carry1 = 4,
    /// `poly += chunk * 2^8`
    Carry2 = 5,
    /// Insists on `total + (poly + chunk) * (z - 256) = 0`.
    EqualZero = 6,
}

/// Checks a matrix of `depth` rows of `width` chunks, up to `rows` rows at a time.
#[derive(Debug, PartialEq)]
pub struct Program {
    words: Vec<u32>,
    /// What the host reads before the first block, and before each other.
    touches: [Vec<u32>; 2],
    depth: usize,
    width: usize,
    rows: usize,
    planes: usize,
}

/// Bytecode for the host that reads chunks, each given by its base, first chunk and number of chunks.
///
/// Format: `bibc.rs` of RISC Zero's rv32im circuit. A header (magic, version, numbers of inputs, types,
/// constants and operations), types (bytes and three bounds that nothing reads), operations (a load is 3, its
/// type from bit 4, its offset in chunks from bit 16, its register from bit 32).
fn touch(reads: &[(Base, (usize, usize))]) -> Vec<u32> {
    let count = reads.len() as u32;
    let mut words = vec![u32::from_le_bytes(*b"bibc"), 1, 0, count, 0, count];
    for (_, (_, chunks)) in reads {
        words.extend([(chunks * CHUNK) as u32, 0, 0, 0, 0, 0, 0, 0]);
    }
    for (i, (base, (start, _))) in reads.iter().enumerate() {
        words.extend([3 | (i as u32) << 4 | (*start as u32) << 16, *base as u32]);
    }
    words
}

impl Program {
    /// # Panics
    /// Where a matrix of that shape has no chunks or is too deep or too wide for 16-bit offsets.
    pub fn new(depth: usize, width: usize) -> Program {
        assert!(width > 0 && (1..=MAX_DEPTH).contains(&depth));
        let (rows, planes) = (rows_of(depth, width), planes_of(depth));
        assert!((rows * width).max(planes * width) <= 1 << 16, "a row of {width} chunks is too wide");
        let first = (depth - 1) % rows + 1;
        let sums = (0, planes * width);
        let (constants, skipped) = ((0, CONSTANTS.len()), rows - first);
        let touches = [
            touch(&[
                (Base::Row, (skipped, first)),
                (Base::Matrix, (skipped * width, first * width)),
                (Base::After, sums),
                (Base::Constants, constants),
            ]),
            touch(&[
                (Base::Row, (0, rows)),
                (Base::Matrix, (0, rows * width)),
                (Base::Before, sums),
                (Base::After, sums),
                (Base::Constants, constants),
            ]),
        ];
        let mut program = Program { words: Vec::new(), touches, depth, width, rows, planes };
        program.push_planes(Base::Before, 1);
        for row in 0..rows {
            program.push(Step::SetTerm, 0, Base::Row, row);
            program.push_sum(1, Base::Matrix, row);
        }
        program.push_planes(Base::After, -1);
        // Reads zeros, so that nothing of the carry that this step allows for is left.
        program.push(Step::EqualZero, 0, Base::Constants, ZERO);
        program.push(Step::Reset, 0, Base::Constants, ZERO);
        program
    }

    /// Whether this is the program for a matrix.
    pub fn fits(&self, depth: usize, width: usize) -> bool {
        self.depth == depth && self.width == width
    }

    /// The instructions that check a block of that many rows, and how many rows before the block's own the
    /// addresses of row and matrix have to point. The first block may be shorter and adds to nothing: it
    /// starts behind what the others begin with.
    pub fn block(&self, rows: usize, first: bool) -> (&[u32], usize) {
        let skipped = self.rows - rows;
        let start = if first {
            self.planes_len() + skipped * (self.width + 1)
        } else {
            assert!(skipped == 0, "only the first block is shorter");
            0
        };
        (&self.words[start..], skipped)
    }

    /// The program for the host that goes with a block. It fills no memory; it reads what the check will read,
    /// since the host pages in what its own program reads, and a check may be the first to read it in a segment.
    pub fn touch(&self, first: bool) -> &[u32] {
        &self.touches[usize::from(!first)]
    }

    /// Bytes that a claimed sum takes.
    pub fn planes(&self) -> usize {
        self.planes
    }

    fn planes_len(&self) -> usize {
        // A plane's chunks, and what sets its weight.
        self.planes * self.width + [0, 1, 2, 6][..self.planes].iter().sum::<usize>()
    }

    fn push_planes(&mut self, base: Base, sign: i32) {
        self.push_sum(sign, base, 0);
        self.push(Step::SetTerm, 0, Base::Constants, BYTE_128);
        self.push_sum(2 * sign, base, 1);
        // 128 * 2^8, twice.
        self.push(Step::Carry2, 0, Base::Constants, BYTE_128);
        self.push(Step::SetTerm, 0, Base::Constants, ZERO);
        self.push_sum(2 * sign, base, 2);
        if self.planes == 4 {
            // (4 * 127 + 4) * 2^14, twice.
            (0..4).for_each(|_| self.push(Step::Carry1, 0, Base::Constants, CARRY_127));
            self.push(Step::Carry1, 0, Base::Constants, CARRY_4);
            self.push(Step::SetTerm, 0, Base::Constants, ZERO);
            self.push_sum(2 * sign, base, 3);
        }
    }

    /// Adds `factor * term` times a polynomial of `width` chunks to the total, its highest chunk first.
    fn push_sum(&mut self, factor: i32, base: Base, row: usize) {
        for chunk in (1..self.width).rev() {
            self.push(Step::Shift, 0, base, row * self.width + chunk);
        }
        self.push(Step::AddTotal, factor, base, row * self.width);
    }

    fn push(&mut self, step: Step, factor: i32, base: Base, offset: usize) {
        let factor = (factor + 4) as u32;
        // The memory operation, in the top four bits, is a read: 0.
        self.words.push((step as u32) << 24 | factor << 21 | (base as u32) << 16 | offset as u32);
    }
}

#[cfg(test)]
mod tests;
