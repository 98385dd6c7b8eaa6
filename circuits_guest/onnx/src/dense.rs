//! One dense integer layer of a plan.
//!
//! A product of the input's bytes goes to the engine where that pays. What follows is for the others: in the
//! guest an instruction is a cycle. Zeros are skipped: they are common in images and behind a Relu,
//! so the elements of a row that count are listed once, and every block of columns walks that list with its
//! sums in registers. As compiled, 12 columns take 41 instructions an element, 3.4 a multiply-accumulate.

use alloc::vec;
use alloc::vec::Vec;

use crate::engine::{Engine, Matrix, Row};

/// Row-major constant weights, borrowed from the model.
#[derive(Clone, Copy)]
pub(crate) enum Weights<'m> {
    I8(&'m [i8]),
    U8(&'m [u8]),
    I32(&'m [i32]),
}

pub(crate) struct Layer<'m> {
    /// The layer whose result this one reads, `None` for the input.
    pub source: Option<usize>,
    /// Subtracted from each element of the input.
    pub zero: i32,
    pub weights: Weights<'m>,
    /// The weights as the engine takes them, where it multiplies.
    pub matrix: Option<&'m Matrix>,
    pub rows: usize,
    /// One element a column.
    pub bias: Vec<i32>,
    pub relu: bool,
}

/// An element of a row that is not zero, and where its row of weights starts.
#[derive(Clone, Copy, Default)]
struct Term {
    value: i32,
    weights: usize,
}

/// The terms of one row. Private fields: every offset is a multiple of `columns` and at most
/// `(depth - 1) * columns`.
pub(crate) struct Terms {
    list: Vec<Term>,
    len: usize,
    depth: usize,
    columns: usize,
}

impl Terms {
    pub(crate) fn new(depth: usize) -> Terms {
        Terms { list: vec![Term::default(); depth], len: 0, depth: 0, columns: 0 }
    }

    /// Lists the elements of `row` for weights with `columns` columns.
    pub(crate) fn gather<T: Copy>(&mut self, row: &[T], columns: usize, widen: impl Fn(T) -> i32) {
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

impl Layer<'_> {
    pub(crate) fn columns(&self) -> usize {
        self.bias.len()
    }

    pub(crate) fn depth(&self) -> usize {
        let weights = match self.weights {
            Weights::I8(w) => w.len(),
            Weights::U8(w) => w.len(),
            Weights::I32(w) => w.len(),
        };
        weights / self.columns()
    }

    /// One row of the result from a row of bytes, by the engine.
    pub(crate) fn row_by(
        &self,
        engine: &mut dyn Engine,
        (bytes, flip): (&[u8], u8),
        matrix: &Matrix,
        lanes: &mut Vec<u32>,
        sums: &mut [i32],
    ) {
        let row = Row::Bytes { bytes, flip, zero: self.zero + i32::from(flip) };
        matrix.product(engine, row, &[0], lanes, sums);
        let floor = if self.relu { 0 } else { i32::MIN };
        sums.iter_mut().zip(&self.bias).for_each(|(x, &b)| *x = x.wrapping_add(b).max(floor));
    }

    /// One row of the result, modulo 2^32.
    pub(crate) fn row(&self, terms: &Terms, sums: &mut [i32]) {
        sums.copy_from_slice(&self.bias);
        match self.weights {
            Weights::I8(w) => columns(terms, w, sums),
            Weights::U8(w) => columns(terms, w, sums),
            Weights::I32(w) => columns(terms, w, sums),
        }
        if self.relu {
            sums.iter_mut().for_each(|x| *x = (*x).max(0));
        }
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
