//! The inner product of 8-bit weights with widened activations: where a proof spends its cycles.
//!
//! Constant weights go to the engine where that pays; the rest is for the others. In the guest an instruction is a cycle, there is no SIMD, and a sign-extending byte load costs no
//! more than a word load, so unpacking words would lose. What is left to save is loads: a block of
//! outputs is kept in registers, each activation is loaded once for all of its columns and each weight
//! once for all of its rows. As compiled, one row by 12 columns takes 41 instructions a step, 3.4 a
//! multiply-accumulate, and four rows by three columns 37, 3.1. Larger blocks would spill accumulators
//! from the 31 registers.

use alloc::vec;
use alloc::vec::Vec;

use crate::engine::{Engine, Matrix, Row};
use crate::error::{refuse, OpResult};
use crate::tensor::{DType, Data};

/// A row-major matrix of 8-bit weights, borrowed from where it lies.
#[derive(Clone, Copy)]
pub(super) enum Weights<'a> {
    U8(&'a [u8]),
    I8(&'a [i8]),
    /// Left to the engine, for activations that are at least minus the number.
    Matrix(&'a Matrix<'a>, i32),
}

impl<'a> Weights<'a> {
    /// `len` weights from `start` on.
    pub(super) fn of(data: &'a Data, start: usize, len: usize) -> OpResult<Weights<'a>> {
        match data {
            Data::U8(v) => Ok(Weights::U8(&v[start..start + len])),
            Data::I8(v) => Ok(Weights::I8(&v[start..start + len])),
            _ => refuse!("weights are not 8-bit"),
        }
    }
}

/// An 8-bit weight, widened as it is loaded.
trait Weight: Copy {
    fn widen(self) -> i32;
}

impl Weight for u8 {
    fn widen(self) -> i32 {
        i32::from(self)
    }
}

impl Weight for i8 {
    fn widen(self) -> i32 {
        i32::from(self)
    }
}

/// Rows computed together where there are that many.
pub(super) const ROWS: usize = 4;

/// `rows` x `k` activations times `k` x `n` weights (row-major `u8` or `i8`), modulo 2^32.
///
/// `fill(row, m, panel)` writes `m` rows from `row` on, interleaved: element `i` of the `j`-th row at
/// `panel[i * m + j]`, with zero points already subtracted. `emit(row, sums)` takes the `n` results of
/// one row, `sums[c] = Σ_i a[row][i] * (w[i][c] - zeros[c])`; `zeros` has one element or `n`.
pub(super) fn product(
    (rows, k, n): (usize, usize, usize),
    weights: Weights<'_>,
    zeros: &[i32],
    engine: &mut dyn Engine,
    fill: &mut dyn FnMut(usize, usize, &mut [i32]),
    emit: &mut dyn FnMut(usize, &[i32]),
) {
    if let Weights::Matrix(matrix, zero) = weights {
        assert!((matrix.depth(), matrix.columns()) == (k, n));
        let (mut words, mut lanes, mut sums) = (vec![0i32; k], Vec::new(), vec![0i32; n]);
        for row in 0..rows {
            fill(row, 1, &mut words);
            matrix.product(engine, Row::Words { words: &words, zero }, zeros, &mut lanes, &mut sums);
            emit(row, &sums);
        }
        return;
    }
    let most = if rows >= ROWS { ROWS } else { 1 };
    let mut panel = vec![0i32; k * most];
    let mut sums = vec![0i32; n * most];
    let mut row = 0;
    while row < rows {
        let m = if rows - row >= ROWS { ROWS } else { 1 };
        let panel = &mut panel[..k * m];
        fill(row, m, panel);
        match weights {
            Weights::I8(w) => columns(m, panel, w, k, n, &mut sums),
            Weights::U8(w) => columns(m, panel, w, k, n, &mut sums),
            Weights::Matrix(..) => {}
        }
        subtract_zeros(m, panel, zeros, n, &mut sums);
        for j in 0..m {
            emit(row + j, &sums[j * n..(j + 1) * n]);
        }
        row += m;
    }
}

/// Σ a (w - z) = Σ a w - z Σ a: one pass over the activations instead of one over the weights.
fn subtract_zeros(m: usize, panel: &[i32], zeros: &[i32], n: usize, sums: &mut [i32]) {
    if zeros.iter().all(|&z| z == 0) {
        return;
    }
    for j in 0..m {
        let total = panel.iter().skip(j).step_by(m).fold(0i32, |s, &a| s.wrapping_add(a));
        let row = &mut sums[j * n..(j + 1) * n];
        match zeros {
            [zero] => row.iter_mut().for_each(|s| *s = s.wrapping_sub(zero.wrapping_mul(total))),
            _ => {
                let pairs = row.iter_mut().zip(zeros);
                pairs.for_each(|(s, z)| *s = s.wrapping_sub(z.wrapping_mul(total)));
            }
        }
    }
}

fn columns<W: Weight>(m: usize, panel: &[i32], w: &[W], k: usize, n: usize, sums: &mut [i32]) {
    let mut column = 0;
    while column < n {
        let left = n - column;
        column += match m {
            ROWS if left >= 3 => block::<W, ROWS, 3>(panel, w, k, n, column, sums),
            ROWS if left >= 2 => block::<W, ROWS, 2>(panel, w, k, n, column, sums),
            ROWS => block::<W, ROWS, 1>(panel, w, k, n, column, sums),
            _ if left >= 12 => block::<W, 1, 12>(panel, w, k, n, column, sums),
            _ if left >= 8 => block::<W, 1, 8>(panel, w, k, n, column, sums),
            _ if left >= 4 => block::<W, 1, 4>(panel, w, k, n, column, sums),
            _ if left >= 2 => block::<W, 1, 2>(panel, w, k, n, column, sums),
            _ => block::<W, 1, 1>(panel, w, k, n, column, sums),
        };
    }
}

/// `M` rows by `N` columns of the product, from `column` on. Returns `N`.
///
/// Not inlined: what is alive in the caller would push accumulators out of the registers.
#[inline(never)]
fn block<W: Weight, const M: usize, const N: usize>(
    panel: &[i32],
    w: &[W],
    k: usize,
    n: usize,
    column: usize,
    sums: &mut [i32],
) -> usize {
    assert!(panel.len() == k * M && column + N <= n && w.len() >= k * n && sums.len() >= M * n);
    let mut acc = [[0i32; N]; M];
    for i in 0..k {
        // SAFETY: i < k, so a's last index is i * M + M - 1 < k * M = panel.len(), and w's last index is
        // i * n + column + N - 1 < i * n + n <= k * n <= w.len(), both asserted above.
        unsafe {
            let a = panel.as_ptr().add(i * M);
            let w = w.as_ptr().add(i * n + column);
            for c in 0..N {
                let weight = (*w.add(c)).widen();
                for (r, row) in acc.iter_mut().enumerate() {
                    row[c] = row[c].wrapping_add((*a.add(r)).wrapping_mul(weight));
                }
            }
        }
    }
    for (r, row) in acc.iter().enumerate() {
        sums[r * n + column..r * n + column + N].copy_from_slice(row);
    }
    N
}

/// How much quantised values less their zero point may lie below zero.
pub(super) fn lowest(dtype: DType, zero: i32) -> i32 {
    match dtype {
        DType::I8 => zero + 128,
        _ => zero,
    }
}

/// Quantised values as integers less their zero point.
pub(super) fn widen(data: &Data, zero: i32) -> Vec<i32> {
    match data {
        Data::U8(v) => v.iter().map(|&x| i32::from(x) - zero).collect(),
        Data::I8(v) => v.iter().map(|&x| i32::from(x) - zero).collect(),
        _ => Vec::new(),
    }
}
