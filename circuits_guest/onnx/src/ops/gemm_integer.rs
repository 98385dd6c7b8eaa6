//! Matrix products of 8-bit operands with exact int32 accumulation.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::gemm_float::{bias_strides, gemm_sizes, Stack};
use super::kernel::{product, widen, Weights};
use super::quantize::{scalar_scale, scalar_zero, scales, zeros};
use super::requantize::{Quantized, Requantizer};
use super::Args;
use crate::engine::{as_bytes, Engine, Row};
use crate::error::{refuse, OpResult};
use crate::packed::Packed;
use crate::tensor::{checked_count, DType, Data, Element, Tensor};

/// Refuses a product of `k` terms whose sum, with a bias, could leave the range of int32.
pub(crate) fn check_range(k: usize, a: (DType, &[i32]), w: (DType, &[i32]), bias: &[i32]) -> OpResult<()> {
    let reach = |(dtype, zeros): (DType, &[i32])| {
        let (low, high) = if dtype == DType::U8 { (0i64, 255i64) } else { (-128, 127) };
        zeros.iter().map(|&z| (high - i64::from(z)).max(i64::from(z) - low)).max().unwrap_or(0)
    };
    let bias = bias.iter().map(|&b| i64::from(b).abs()).max().unwrap_or(0);
    if k as i64 * reach(a) * reach(w) + bias > i64::from(i32::MAX) {
        refuse!("a sum of {} products may leave the range of int32", k);
    }
    Ok(())
}

/// Accumulators of one stack of products, handed out row by row with the index of the row.
fn accumulate(
    stack: &Stack,
    (a, zero): (&Data, i32),
    (packed, weights, zeros): (Option<&Packed>, &Data, &[i32]),
    engine: &mut dyn Engine,
    emit: &mut dyn FnMut(usize, &[i32]),
) -> OpResult<()> {
    let &Stack { m, k, n, .. } = stack;
    if let Some(matrix) = packed.and_then(|packed| packed.matrix(0)) {
        let (mut lanes, mut sums) = (Vec::new(), vec![0i32; n]);
        for (stacked, &(start, _)) in stack.pairs.iter().enumerate() {
            for row in 0..m {
                let at = start + row * k..start + (row + 1) * k;
                let Some(bytes) = bytes_of(a, at, zero) else { refuse!("the operand is not 8-bit") };
                matrix.product(engine, bytes, zeros, &mut lanes, &mut sums);
                emit(stacked * m + row, &sums);
            }
        }
        return Ok(());
    }
    let a = widen(a, zero);
    for (stacked, &(i, j)) in stack.pairs.iter().enumerate() {
        let a = &a[i..i + m * k];
        let weights = Weights::of(packed.and_then(Packed::plain).unwrap_or(weights), j, k * n)?;
        let mut fill = |row: usize, rows: usize, panel: &mut [i32]| {
            for r in 0..rows {
                let source = &a[(row + r) * k..(row + r + 1) * k];
                panel.iter_mut().skip(r).step_by(rows).zip(source).for_each(|(p, &v)| *p = v);
            }
        };
        product((m, k, n), weights, zeros, engine, &mut fill, &mut |row, sums| emit(stacked * m + row, sums));
    }
    Ok(())
}

/// A row of quantised values as the engine takes it.
fn bytes_of(data: &Data, at: Range<usize>, zero: i32) -> Option<Row<'_>> {
    match data {
        Data::U8(v) => Some(Row::Bytes { bytes: &v[at], flip: 0, zero }),
        Data::I8(v) => Some(Row::Bytes { bytes: as_bytes(&v[at]), flip: 0x80, zero: zero + 128 }),
        _ => None,
    }
}

#[inline(never)]
pub(super) fn matmul_integer(args: &Args<'_>, engine: &mut dyn Engine) -> OpResult<Tensor> {
    let (a, b) = (args.get(0)?, args.get(1)?);
    let stack = Stack::of(a.dims(), b.dims())?;
    args.spend(&stack.steps())?;
    let (a_zero, b_zeros) = (scalar_zero(args, 2)?, zeros(args, 3, stack.n)?);
    check_range(stack.k, (a.dtype(), &[a_zero]), (b.dtype(), &b_zeros), &[])?;
    let mut out = Vec::with_capacity(checked_count(&stack.dims)?);
    let weights = (args.packed, b.data(), b_zeros.as_slice());
    accumulate(&stack, (a.data(), a_zero), weights, engine, &mut |_, sums| out.extend_from_slice(sums))?;
    Tensor::of(stack.dims, Data::I32(out))
}

#[inline(never)]
pub(super) fn qlinear_matmul(args: &Args<'_>, engine: &mut dyn Engine) -> OpResult<Tensor> {
    match args.get(7)?.dtype() {
        DType::I8 => typed_qlinear_matmul::<i8>(args, engine),
        _ => typed_qlinear_matmul::<u8>(args, engine),
    }
}

fn typed_qlinear_matmul<T: Quantized>(args: &Args<'_>, engine: &mut dyn Engine) -> OpResult<Tensor> {
    let (a, b) = (args.get(0)?, args.get(3)?);
    let stack = Stack::of(a.dims(), b.dims())?;
    args.spend(&stack.steps())?;
    let (a_zero, b_zeros) = (scalar_zero(args, 2)?, zeros(args, 5, stack.n)?);
    check_range(stack.k, (a.dtype(), &[a_zero]), (b.dtype(), &b_zeros), &[])?;
    let (a_scale, y_scale) = (scalar_scale(args, 1)?, scalar_scale(args, 6)?);
    let combined: Vec<f32> = scales(args, 4, stack.n)?.iter().map(|&b| (a_scale * b) / y_scale).collect();
    let requantizer = Requantizer::new::<T>(&combined, scalar_zero(args, 7)?)?;
    let mut out: Vec<T> = Vec::with_capacity(checked_count(&stack.dims)?);
    let weights = (args.packed, b.data(), b_zeros.as_slice());
    accumulate(&stack, (a.data(), a_zero), weights, engine, &mut |_, sums| {
        requantizer.row(sums, |_, value| out.push(T::truncate(value)));
    })?;
    Tensor::of(stack.dims, T::wrap(out))
}

/// Columns as rows.
pub(crate) fn transposed<T: Copy>(v: &[T], rows: usize, columns: usize) -> Vec<T> {
    (0..columns).flat_map(|c| (0..rows).map(move |r| v[r * columns + c])).collect()
}

/// A matrix of 8-bit weights transposed, so that the inner product reads it in rows.
pub(crate) fn pack_transposed(b: &Tensor) -> Option<Data> {
    match (b.dims(), b.data()) {
        (&[r, c], Data::U8(v)) => Some(Data::U8(transposed(v, r, c))),
        (&[r, c], Data::I8(v)) => Some(Data::I8(transposed(v, r, c))),
        _ => None,
    }
}

/// `com.microsoft.QGemm`: the bias is int32 at scale `alpha * a_scale * b_scale`, and without an
/// output scale the result is float32 at that scale.
#[inline(never)]
pub(super) fn qgemm(
    args: &Args<'_>,
    alpha: f32,
    (ta, tb): (bool, bool),
    engine: &mut dyn Engine,
) -> OpResult<Tensor> {
    let (a, b) = (args.get(0)?, args.get(3)?);
    let (m, k, n) = gemm_sizes(a.dims(), b.dims(), ta, tb)?;
    args.spend(&[m, k, n])?;
    let (a_zero, b_zeros) = (scalar_zero(args, 2)?, zeros(args, 5, n)?);
    let bias = args.optional_slice::<i32>(6)?;
    check_range(k, (a.dtype(), &[a_zero]), (b.dtype(), &b_zeros), bias.unwrap_or(&[]))?;
    let (row_step, column_step) = match args.optional(6) {
        Some(c) => bias_strides(c.dims(), m, n)?,
        None => (0, 0),
    };
    let turned = if ta { pack_transposed(a) } else { None };
    let a = turned.as_ref().unwrap_or(a.data());
    let turned_b = if tb && args.packed.is_none() { pack_transposed(b) } else { None };
    let weights = (args.packed, turned_b.as_ref().unwrap_or(b.data()), b_zeros.as_slice());
    let stack = Stack { m, k, n, dims: vec![m, n], pairs: vec![(0, 0)] };
    let mut sums = Vec::with_capacity(m * n);
    accumulate(&stack, (a, a_zero), weights, engine, &mut |row, acc| match bias {
        None => sums.extend_from_slice(acc),
        Some(bias) => {
            let at = |c: usize| bias[row * row_step + c * column_step];
            sums.extend(acc.iter().enumerate().map(|(c, &acc)| acc + at(c)));
        }
    })?;
    let a_scale = scalar_scale(args, 1)?;
    let mut combined: Vec<f32> = scales(args, 4, n)?.iter().map(|&b| alpha * a_scale * b).collect();
    if args.optional(7).is_none() {
        let scale = |c: usize| if combined.len() == 1 { combined[0] } else { combined[c] };
        let out = sums.iter().enumerate().map(|(i, &acc)| acc as f32 * scale(i % n)).collect();
        return Tensor::of(stack.dims, Data::F32(out));
    }
    let y_scale = scalar_scale(args, 7)?;
    combined.iter_mut().for_each(|s| *s /= y_scale);
    let zero = scalar_zero(args, 8)?;
    let data = match args.get(8)?.dtype() {
        DType::I8 => i8::wrap(requantized(&Requantizer::new::<i8>(&combined, zero)?, &sums, n)),
        _ => u8::wrap(requantized(&Requantizer::new::<u8>(&combined, zero)?, &sums, n)),
    };
    Tensor::of(stack.dims, data)
}

fn requantized<T: Quantized>(requantizer: &Requantizer, sums: &[i32], n: usize) -> Vec<T> {
    let mut out = Vec::with_capacity(sums.len());
    for row in sums.chunks(n.max(1)) {
        requantizer.row(row, |_, value| out.push(T::truncate(value)));
    }
    out
}
