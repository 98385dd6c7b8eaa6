//! Convolutions of 8-bit operands with exact int32 accumulation.

use alloc::vec;
use alloc::vec::Vec;

use super::conv_float::Conv;
use super::gemm_integer::check_range;
use super::kernel::{lowest, product, widen, Weights, ROWS};
use super::quantize::{scalar_scale, scalar_zero, scales, zeros};
use super::requantize::{Quantized, Requantizer};
use super::Args;
use crate::build::ConvAttributes;
use crate::engine::Engine;
use crate::error::{refuse, OpResult};
use crate::packed::Packed;
use crate::tensor::{checked_count, DType, Data, Tensor};

/// Weights `[filters, ...]` as, for each group, a matrix with a column for each of its filters.
pub(crate) fn pack(weights: &Tensor, groups: usize) -> Option<Data> {
    fn by_group<T: Copy>(v: &[T], filters: usize, k: usize) -> Vec<T> {
        let mut out = Vec::with_capacity(v.len());
        for group in v.chunks(filters * k) {
            for i in 0..k {
                out.extend((0..filters).map(|f| group[f * k + i]));
            }
        }
        out
    }
    let (&filters, rest) = weights.dims().split_first()?;
    if groups == 0 || filters % groups != 0 || weights.data().is_empty() {
        return None;
    }
    let (filters, k) = (filters / groups, rest.iter().product());
    match weights.data() {
        Data::U8(v) => Some(Data::U8(by_group(v, filters, k))),
        Data::I8(v) => Some(Data::I8(by_group(v, filters, k))),
        _ => None,
    }
}

/// Which inputs of a node hold the operands.
struct Operands {
    x: usize,
    x_zero: usize,
    w: usize,
    w_zero: usize,
    bias: Option<usize>,
}

/// `emit(filters, position, sums)` takes the accumulators at one position of one image and group:
/// `filters` is the index of the group's first filter in the result's `[batch, filters]`.
fn accumulate(
    args: &Args<'_>,
    conv: &Conv,
    operands: &Operands,
    engine: &mut dyn Engine,
    emit: &mut dyn FnMut(usize, usize, &[i32]),
) -> OpResult<()> {
    let (x, w) = (args.get(operands.x)?, args.get(operands.w)?);
    conv.spend(|factors| args.spend(factors))?;
    let filters = conv.groups * conv.filters;
    let (x_zero, w_zeros) = (scalar_zero(args, operands.x_zero)?, zeros(args, operands.w_zero, filters)?);
    let bias = operands.bias.map_or(Ok(None), |i| args.optional_slice::<i32>(i))?;
    if bias.is_some_and(|b| b.len() != filters) {
        refuse!("a bias of {} does not fit {} filters", bias.map_or(0, <[i32]>::len), filters);
    }
    check_range(conv.k, (x.dtype(), &[x_zero]), (w.dtype(), &w_zeros), bias.unwrap_or(&[]))?;
    let packed_now = if args.packed.is_none() { pack(w, conv.groups).map(Packed::Plain) } else { None };
    let Some(packed) = args.packed.or(packed_now.as_ref()) else { refuse!("weights are not 8-bit") };
    let lowest = lowest(x.dtype(), x_zero);
    let (starts, taps, plane) = (conv.window.starts(), conv.taps(), conv.window.plane());
    let x = widen(x.data(), x_zero);
    let mut padded = vec![0i32; conv.channels * plane];
    let last = |offsets: &[usize]| offsets.iter().copied().max().unwrap_or(0);
    assert!(last(&starts) + last(&taps) < padded.len());
    let mut with_bias = vec![0i32; conv.filters];
    for image in 0..conv.batch * conv.groups {
        for c in 0..conv.channels {
            let at = (image * conv.channels + c) * conv.size;
            conv.window.pad(&x[at..at + conv.size], &mut padded[c * plane..(c + 1) * plane], |v| v);
        }
        let group = image % conv.groups;
        let own = group * conv.filters..(group + 1) * conv.filters;
        let group_zeros = if w_zeros.len() == 1 { &w_zeros[..] } else { &w_zeros[own.clone()] };
        let mut fill = |row: usize, rows: usize, panel: &mut [i32]| match rows {
            ROWS => gather::<ROWS>(&padded, &taps, &starts[row..row + ROWS], panel),
            _ => gather::<1>(&padded, &taps, &starts[row..row + 1], panel),
        };
        let sizes = (starts.len(), conv.k, conv.filters);
        let each = conv.k * conv.filters;
        let weights = match (packed.matrix(group), packed.plain()) {
            (Some(matrix), _) => Weights::Matrix(matrix, lowest),
            (None, Some(data)) => Weights::of(data, group * each, each)?,
            (None, None) => refuse!("group {} has no weights", group),
        };
        product(sizes, weights, group_zeros, engine, &mut fill, &mut |position, sums| {
            let sums = match bias {
                None => sums,
                Some(bias) => {
                    let biased = sums.iter().zip(&bias[own.clone()]).map(|(s, b)| s + b);
                    with_bias.iter_mut().zip(biased).for_each(|(to, from)| *to = from);
                    &with_bias
                }
            };
            emit(image * conv.filters, position, sums);
        });
    }
    Ok(())
}

/// Copies the elements of `M` windows into a panel, interleaved.
#[inline(never)]
fn gather<const M: usize>(padded: &[i32], taps: &[usize], starts: &[usize], panel: &mut [i32]) {
    assert!(starts.len() == M && panel.len() == taps.len() * M);
    let mut windows = [padded.as_ptr(); M];
    for (window, &start) in windows.iter_mut().zip(starts) {
        *window = padded[start..].as_ptr();
    }
    for (i, &tap) in taps.iter().enumerate() {
        for (j, window) in windows.iter().enumerate() {
            // SAFETY: the caller asserted that the largest start plus the largest tap is inside `padded`,
            // and i * M + j < taps.len() * M = panel.len(), asserted above.
            unsafe { *panel.get_unchecked_mut(i * M + j) = *window.add(tap) };
        }
    }
}

#[inline(never)]
pub(super) fn conv_integer(
    args: &Args<'_>,
    attributes: &ConvAttributes,
    engine: &mut dyn Engine,
) -> OpResult<Tensor> {
    let conv = Conv::of(attributes, args.get(0)?.dims(), args.get(1)?.dims())?;
    let operands = Operands { x: 0, x_zero: 2, w: 1, w_zero: 3, bias: None };
    let positions = conv.window.positions();
    let mut out = vec![0i32; checked_count(&conv.dims)?];
    accumulate(args, &conv, &operands, engine, &mut |filter, position, sums| {
        let column = out.iter_mut().skip(filter * positions + position).step_by(positions);
        column.zip(sums).for_each(|(to, &sum)| *to = sum);
    })?;
    Tensor::of(conv.dims, Data::I32(out))
}

#[inline(never)]
pub(super) fn qlinear_conv(
    args: &Args<'_>,
    attributes: &ConvAttributes,
    engine: &mut dyn Engine,
) -> OpResult<Tensor> {
    match args.get(7)?.dtype() {
        DType::I8 => typed_qlinear_conv::<i8>(args, attributes, engine),
        _ => typed_qlinear_conv::<u8>(args, attributes, engine),
    }
}

fn typed_qlinear_conv<T: Quantized>(
    args: &Args<'_>,
    attributes: &ConvAttributes,
    engine: &mut dyn Engine,
) -> OpResult<Tensor> {
    let conv = Conv::of(attributes, args.get(0)?.dims(), args.get(3)?.dims())?;
    let operands = Operands { x: 0, x_zero: 2, w: 3, w_zero: 5, bias: Some(8) };
    let (x_scale, y_scale) = (scalar_scale(args, 1)?, scalar_scale(args, 6)?);
    let w_scales = scales(args, 4, conv.groups * conv.filters)?;
    let combined: Vec<f32> = w_scales.iter().map(|&w| (x_scale * w) / y_scale).collect();
    let zero = scalar_zero(args, 7)?;
    // One requantiser a group, with the scales of the group's own filters.
    let per_group = if combined.len() == 1 { 1 } else { conv.filters };
    let requantizers: Vec<Requantizer> =
        combined.chunks(per_group).map(|s| Requantizer::new::<T>(s, zero)).collect::<OpResult<_>>()?;
    let positions = conv.window.positions();
    let mut out = vec![T::default(); checked_count(&conv.dims)?];
    accumulate(args, &conv, &operands, engine, &mut |filter, position, sums| {
        let requantizer = &requantizers[filter / conv.filters % requantizers.len()];
        let first = filter * positions + position;
        requantizer.row(sums, |c, value| out[first + c * positions] = T::truncate(value));
    })?;
    Tensor::of(conv.dims, T::wrap(out))
}
