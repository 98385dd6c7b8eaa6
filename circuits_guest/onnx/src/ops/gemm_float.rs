//! Gemm and MatMul in float32 and plain integers: sums are taken in order of the inner index, each
//! product rounded before it is added. Also the shapes of every matrix product.

use alloc::vec;
use alloc::vec::Vec;

use super::indexing::{broadcast, broadcast_strides, Offsets};
use super::Args;
use crate::error::{refuse, OpResult};
use crate::tensor::{checked_count, DType, Data, Element, Tensor};

/// A product of stacks of matrices by NumPy's rule: leading dims broadcast, vectors are promoted.
pub(super) struct Stack {
    pub m: usize,
    pub k: usize,
    pub n: usize,
    pub dims: Vec<usize>,
    /// Offsets of each pair of matrices, in elements.
    pub pairs: Vec<(usize, usize)>,
}

impl Stack {
    pub(super) fn of(a: &[usize], b: &[usize]) -> OpResult<Stack> {
        let (a_dims, b_dims): (Vec<usize>, Vec<usize>) = match (a, b) {
            ([], _) | (_, []) => refuse!("a scalar has no matrix product"),
            (&[k], &[l]) => (vec![1, k], vec![l, 1]),
            (&[k], b) => (vec![1, k], b.to_vec()),
            (a, &[l]) => (a.to_vec(), vec![l, 1]),
            (a, b) => (a.to_vec(), b.to_vec()),
        };
        let (a_lead, a_matrix) = a_dims.split_at(a_dims.len() - 2);
        let (b_lead, b_matrix) = b_dims.split_at(b_dims.len() - 2);
        let (m, k, n) = (a_matrix[0], a_matrix[1], b_matrix[1]);
        if k != b_matrix[0] {
            refuse!("matrices {:?} and {:?} do not multiply", a, b);
        }
        let mut dims = broadcast(a_lead, b_lead)?;
        let count = checked_count(&dims)?;
        let (a_steps, b_steps) = (broadcast_strides(a_lead, &dims), broadcast_strides(b_lead, &dims));
        let pairs = Offsets::new(&dims, &a_steps, count).zip(Offsets::new(&dims, &b_steps, count));
        let pairs = pairs.map(|(i, j)| (i * m * k, j * k * n)).collect();
        if a.len() > 1 {
            dims.push(m);
        }
        if b.len() > 1 {
            dims.push(n);
        }
        checked_count(&dims)?;
        Ok(Stack { m, k, n, dims, pairs })
    }

    /// Products of elements, as factors.
    pub(super) fn steps(&self) -> [usize; 4] {
        [self.pairs.len(), self.m, self.k, self.n]
    }
}

/// Integers are taken modulo a power of two.
pub(super) trait Ring: Element {
    fn plus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;

    /// `sum + a * b`, a float rounded after each.
    fn fma(sum: Self, a: Self, b: Self) -> Self {
        sum.plus(a.times(b))
    }
}

impl Ring for f32 {
    fn plus(self, other: f32) -> f32 {
        self + other
    }
    fn times(self, other: f32) -> f32 {
        self * other
    }
}

impl Ring for i32 {
    fn plus(self, other: i32) -> i32 {
        self.wrapping_add(other)
    }
    fn times(self, other: i32) -> i32 {
        self.wrapping_mul(other)
    }
}

impl Ring for i64 {
    fn plus(self, other: i64) -> i64 {
        self.wrapping_add(other)
    }
    fn times(self, other: i64) -> i64 {
        self.wrapping_mul(other)
    }
}

#[inline(never)]
pub(super) fn matmul(args: &Args<'_>) -> OpResult<Tensor> {
    match args.get(0)?.dtype() {
        DType::F32 => stacked::<f32>(args),
        DType::I32 => stacked::<i32>(args),
        _ => stacked::<i64>(args),
    }
}

fn stacked<T: Ring>(args: &Args<'_>) -> OpResult<Tensor> {
    let (a, b) = (args.slice::<T>(0)?, args.slice::<T>(1)?);
    let s = Stack::of(args.get(0)?.dims(), args.get(1)?.dims())?;
    args.spend(&s.steps())?;
    let mut out = Vec::with_capacity(checked_count(&s.dims)?);
    for &(i, j) in &s.pairs {
        multiply(&a[i..i + s.m * s.k], &b[j..j + s.k * s.n], (s.m, s.k, s.n), (false, false), &mut out);
    }
    Tensor::of(s.dims, T::wrap(out))
}

/// Appends the `m` x `n` product of two row-major matrices, either of them stored transposed.
fn multiply<T: Ring>(
    a: &[T],
    b: &[T],
    (m, k, n): (usize, usize, usize),
    (trans_a, trans_b): (bool, bool),
    out: &mut Vec<T>,
) {
    let (a_row, a_step) = if trans_a { (1, m) } else { (k, 1) };
    for r in 0..m {
        let left = |i: usize| a[r * a_row + i * a_step];
        if trans_b {
            let dot = |column: &[T]| {
                column.iter().enumerate().fold(T::default(), |sum, (i, &y)| T::fma(sum, left(i), y))
            };
            out.extend((0..n).map(|c| dot(&b[c * k..(c + 1) * k])));
        } else {
            // The same sums in the same order, a row of B at a time: its elements lie side by side.
            let start = out.len();
            out.resize(start + n, T::default());
            let row = &mut out[start..];
            for i in 0..k {
                let x = left(i);
                row.iter_mut().zip(&b[i * n..(i + 1) * n]).for_each(|(sum, &y)| *sum = T::fma(*sum, x, y));
            }
        }
    }
}

/// The sizes `(m, k, n)` of a product of two matrices that may be stored transposed.
pub(super) fn gemm_sizes(a: &[usize], b: &[usize], ta: bool, tb: bool) -> OpResult<(usize, usize, usize)> {
    match (a, b) {
        (&[r, c], &[s, t]) => {
            let (m, k) = if ta { (c, r) } else { (r, c) };
            let (l, n) = if tb { (t, s) } else { (s, t) };
            if k != l {
                refuse!("matrices {:?} and {:?} do not multiply", a, b);
            }
            checked_count(&[m, n])?;
            Ok((m, k, n))
        }
        _ => refuse!("{:?} and {:?} are not both matrices", a, b),
    }
}

/// Strides that read a bias of shape `dims` as an `m` x `n` matrix.
pub(crate) fn bias_strides(dims: &[usize], m: usize, n: usize) -> OpResult<(usize, usize)> {
    match broadcast(dims, &[m, n]) {
        Ok(full) if full == [m, n] => {
            let strides = broadcast_strides(dims, &full);
            Ok((strides[0], strides[1]))
        }
        _ => refuse!("bias {:?} does not broadcast to {} x {}", dims, m, n),
    }
}

/// `alpha * (A B) + beta * C`, a factor of exactly 1 left out.
#[inline(never)]
pub(super) fn gemm(args: &Args<'_>, alpha: f32, beta: f32, ta: bool, tb: bool) -> OpResult<Tensor> {
    let (a, b) = (args.slice::<f32>(0)?, args.slice::<f32>(1)?);
    let (m, k, n) = gemm_sizes(args.get(0)?.dims(), args.get(1)?.dims(), ta, tb)?;
    args.spend(&[m, k, n])?;
    let mut out = Vec::with_capacity(m * n);
    multiply(a, b, (m, k, n), (ta, tb), &mut out);
    if alpha != 1.0 {
        out.iter_mut().for_each(|v| *v *= alpha);
    }
    if let Some(c) = args.optional_slice::<f32>(2)? {
        let (row, column) = bias_strides(args.get(2)?.dims(), m, n)?;
        for (i, v) in out.iter_mut().enumerate() {
            let c = c[i / n * row + i % n * column];
            *v += if beta == 1.0 { c } else { beta * c };
        }
    }
    Tensor::of(vec![m, n], Data::F32(out))
}
