//! Rows of a product with constant weights, and what is made of its sums.
//!
//! Rows of bytes go to the engine where that pays. What else is here is for the others: in the guest an
//! instruction is a cycle. Zeros are skipped: they are common in images and behind a Relu, so the elements of
//! a row that count are listed once, and every block of columns walks that list with its sums in registers.
//! As compiled, 12 columns take 41 instructions an element, 3.4 a multiply-accumulate.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::{flip, Part};
use crate::engine::{as_signed, Coding, Engine, Matrix, Row};
use crate::ops::requantize::Requantizer;

/// Row-major constant weights.
pub(super) enum Weights<'m> {
    I8(Cow<'m, [i8]>),
    U8(Cow<'m, [u8]>),
    I32(Cow<'m, [i32]>),
    /// For the engine, and what each byte of a row counts too much.
    Matrix(Matrix<'m>, i32),
}

impl<'m> Weights<'m> {
    /// Bytes for the processor.
    pub(super) fn plain(bytes: Cow<'m, [u8]>, coding: Coding) -> Weights<'m> {
        match (bytes, coding) {
            (bytes, Coding { flip: 0, offset: 0 }) => Weights::U8(bytes),
            (Cow::Borrowed(bytes), Coding { flip: 0x80, offset: 128 }) => {
                Weights::I8(as_signed(bytes).into())
            }
            (bytes, Coding { flip, offset: 128 }) => {
                Weights::I8(bytes.iter().map(|&b| (b ^ flip ^ 0x80) as i8).collect())
            }
            (bytes, Coding { flip, offset }) => {
                Weights::I32(bytes.iter().map(|&b| i32::from(b ^ flip) - offset).collect())
            }
        }
    }

    /// Bytes for the engine, where that pays.
    pub(super) fn of(
        bytes: Cow<'m, [u8]>,
        coding: Coding,
        shape: (usize, usize),
        engine: &mut dyn Engine,
    ) -> Weights<'m> {
        let matrix = match &bytes {
            Cow::Borrowed(bytes) => Matrix::of(bytes, coding, shape, engine),
            Cow::Owned(bytes) => Matrix::of(bytes, coding, shape, engine).map(Matrix::into_owned),
        };
        match matrix {
            Some(matrix) => Weights::Matrix(matrix, 0),
            None => Weights::plain(bytes, coding),
        }
    }
}

/// What becomes of a sum.
pub(super) enum Finish {
    Word { relu: bool },
    Byte(Requantizer),
}

pub(super) struct Dense<'m> {
    depth: usize,
    /// Whether bytes of a row are `i8`.
    signed: bool,
    /// Subtracted from each element of a row.
    zero: i32,
    weights: Weights<'m>,
    /// Added to the sums, one a column.
    constants: Vec<i32>,
    pub finish: Finish,
}

/// Memory that rows are computed in.
#[derive(Default)]
pub(super) struct Scratch {
    terms: Terms,
    lanes: Vec<u32>,
    sums: Vec<i32>,
    /// Channels between their pads, rows that are gathered from them, and results that are spread.
    pub padded: Vec<u8>,
    pub gathered: Vec<u8>,
    pub spread: Vec<u8>,
}

impl<'m> Dense<'m> {
    /// Weights of `depth` rows of `columns`, for rows whose elements are `zero` more than they count, and
    /// which are signed bytes or not.
    pub(super) fn new(
        weights: Weights<'m>,
        (depth, columns): (usize, usize),
        (zero, signed): (i32, bool),
        finish: Finish,
    ) -> Dense<'m> {
        let mut dense = Dense { depth, signed, zero, weights, constants: alloc::vec![0; columns], finish };
        if let Weights::Matrix(matrix, factor) = &mut dense.weights {
            let (of_matrix, constants) = matrix.affine(zero + i32::from(flip(signed)));
            *factor = of_matrix;
            dense.constants = constants.collect();
        }
        dense
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn columns(&self) -> usize {
        self.constants.len()
    }

    /// Adds a bias to every row, an element a column or groups of columns.
    pub(super) fn add(&mut self, bias: &[i32], each: usize) {
        let repeated = bias.iter().flat_map(|&b| core::iter::repeat_n(b, each));
        self.constants.iter_mut().zip(repeated).for_each(|(sum, b)| *sum = sum.wrapping_add(b));
    }

    /// One row of the result from a row of bytes.
    pub(super) fn row(&self, row: &[u8], engine: &mut dyn Engine, scratch: &mut Scratch, out: Part<'_>) {
        let columns = self.columns();
        if let Weights::Matrix(matrix, factor) = &self.weights {
            if scratch.lanes.len() < matrix.lanes() {
                scratch.lanes.resize(matrix.lanes(), 0);
            }
            let lanes = &mut scratch.lanes[..matrix.lanes()];
            let bytes = Row::Bytes { bytes: row, flip: flip(self.signed), zero: 0 };
            let less = factor.wrapping_mul(engine.multiply(bytes, matrix, lanes) as i32);
            let pairs = lanes.iter().zip(&self.constants);
            self.finish(pairs.map(|(&lane, &c)| (lane as i32).wrapping_sub(less).wrapping_add(c)), out);
            return;
        }
        if self.signed {
            scratch.terms.gather(row, columns, |x| i32::from(x as i8) - self.zero);
        } else {
            scratch.terms.gather(row, columns, |x| i32::from(x) - self.zero);
        }
        self.listed(scratch, out);
    }

    /// One row of the result, modulo 2^32, from a row of words, which no engine multiplies.
    pub(super) fn row_of_words(&self, row: &[i32], scratch: &mut Scratch, out: Part<'_>) {
        scratch.terms.gather(row, self.columns(), |x| x);
        self.listed(scratch, out);
    }

    fn listed(&self, scratch: &mut Scratch, out: Part<'_>) {
        let Scratch { terms, sums, .. } = scratch;
        sums.clear();
        sums.extend_from_slice(&self.constants);
        match &self.weights {
            Weights::I8(w) => columns(terms, w, sums),
            Weights::U8(w) => columns(terms, w, sums),
            Weights::I32(w) => columns(terms, w, sums),
            Weights::Matrix(..) => {}
        }
        self.finish(sums.iter().copied(), out);
    }

    fn finish(&self, sums: impl Iterator<Item = i32>, out: Part<'_>) {
        match (&self.finish, out) {
            (Finish::Word { relu }, Part::Words(out)) => {
                let floor = if *relu { 0 } else { i32::MIN };
                out.iter_mut().zip(sums).for_each(|(to, sum)| *to = sum.max(floor));
            }
            (Finish::Byte(requantizer), Part::Bytes(out)) => requantizer.bytes(sums, out),
            _ => {}
        }
    }
}

/// An element of a row that is not zero, and where its row of weights starts.
#[derive(Clone, Copy, Default)]
struct Term {
    value: i32,
    weights: usize,
}

/// The terms of one row. Private fields: every offset is a multiple of `columns` and at most
/// `(depth - 1) * columns`.
#[derive(Default)]
struct Terms {
    list: Vec<Term>,
    len: usize,
    depth: usize,
    columns: usize,
}

impl Terms {
    /// Lists the elements of `row` for weights with `columns` columns.
    fn gather<T: Copy>(&mut self, row: &[T], columns: usize, widen: impl Fn(T) -> i32) {
        if self.list.len() < row.len() {
            self.list.resize(row.len(), Term::default());
        }
        let list = &mut self.list[..row.len()];
        let (mut len, mut weights) = (0, 0);
        for &x in row {
            let value = widen(x);
            if value != 0 {
                list[len] = Term { value, weights };
                len += 1;
            }
            weights += columns;
        }
        (self.len, self.depth, self.columns) = (len, row.len(), columns);
    }
}

trait Weight: Copy {
    fn widen(self) -> i32;
}

macro_rules! weight {
    ($($t:ty),*) => {$(impl Weight for $t {
        fn widen(self) -> i32 { i32::from(self) }
    })*};
}
weight!(i8, u8, i32);

fn columns<W: Weight>(terms: &Terms, w: &[W], sums: &mut [i32]) {
    let mut column = 0;
    while column < sums.len() {
        column += match sums.len() - column {
            12.. => block::<W, 12>(terms, w, column, sums),
            10.. => block::<W, 10>(terms, w, column, sums),
            8.. => block::<W, 8>(terms, w, column, sums),
            4.. => block::<W, 4>(terms, w, column, sums),
            2.. => block::<W, 2>(terms, w, column, sums),
            _ => block::<W, 1>(terms, w, column, sums),
        };
    }
}

/// Adds the terms to `N` sums from `column` on. Returns `N`.
///
/// Not inlined: what is alive in the caller would push sums out of the registers.
#[inline(never)]
fn block<W: Weight, const N: usize>(terms: &Terms, w: &[W], column: usize, sums: &mut [i32]) -> usize {
    assert!(column + N <= terms.columns && w.len() >= terms.depth * terms.columns);
    let sums = &mut sums[column..column + N];
    let mut acc = [0i32; N];
    acc.copy_from_slice(sums);
    for term in &terms.list[..terms.len] {
        for (c, sum) in acc.iter_mut().enumerate() {
            // SAFETY: term.weights <= (depth - 1) * columns by the invariant of Terms and c < N, so with
            // column + N <= columns the index is below depth * columns <= w.len(), both asserted above.
            let weight = unsafe { w.get_unchecked(term.weights + column + c) };
            *sum = sum.wrapping_add(term.value.wrapping_mul(weight.widen()));
        }
    }
    sums.copy_from_slice(&acc);
    N
}
