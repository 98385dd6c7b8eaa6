//! ConvTranspose in float32.

use alloc::vec;
use alloc::vec::Vec;

use super::indexing::{strides, Offsets};
use super::Args;
use crate::build::AutoPad;
use crate::error::{refuse, OpResult};
use crate::spec::norm::ConvTranspose;
use crate::tensor::{checked_count, Data, Tensor};

/// Spatial sizes: every element of the input writes a window of the `full` plane, of which the result is
/// the part from `begin` on.
struct Sizes {
    full: Vec<usize>,
    begin: Vec<usize>,
    output: Vec<usize>,
    strides: Vec<usize>,
    dilations: Vec<usize>,
}

impl Sizes {
    fn of(attributes: &ConvTranspose, input: &[usize], kernel: &[usize]) -> OpResult<Sizes> {
        let (rank, window) = (input.len(), &attributes.window);
        let list = |given: &Option<Vec<usize>>, n: usize, default: usize| match given {
            None => Ok(vec![default; n]),
            Some(v) if v.len() == n => Ok(v.clone()),
            Some(v) => refuse!("{:?} does not fit {} spatial dimensions", v, rank),
        };
        if window.kernel.as_ref().is_some_and(|k| k != kernel) || kernel.contains(&0) || input.contains(&0) {
            refuse!("kernel {:?} does not fit input {:?}", kernel, input);
        }
        let (steps, dilations) = (list(&window.strides, rank, 1)?, list(&window.dilations, rank, 1)?);
        let (pads, extra) = (list(&window.pads, 2 * rank, 0)?, list(&attributes.output_padding, rank, 0)?);
        let wanted = match (&attributes.output_shape, window.auto_pad) {
            // Some exporters give the dims of batch and channels too.
            (Some(shape), _) if shape.len() == rank + 2 => Some(shape[2..].to_vec()),
            (Some(shape), _) => Some(list(&Some(shape.clone()), rank, 0)?),
            (None, AutoPad::SameUpper | AutoPad::SameLower) => {
                let sizes = input.iter().zip(&steps).map(|(&n, &step)| n.checked_mul(step));
                Some(sizes.map(|n| n.unwrap_or(usize::MAX)).collect())
            }
            (None, AutoPad::NotSet | AutoPad::Valid) => None,
        };
        let (mut full, mut begin, mut output) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..rank {
            // Below 2^50: each factor is at most 2^24.
            let reach = (kernel[i] as u64 - 1) * dilations[i] as u64 + 1;
            let span = (input[i] as u64 - 1) * steps[i] as u64 + reach;
            let whole = span + extra[i] as u64;
            let (first, size) = match &wanted {
                Some(sizes) => {
                    let total = whole.saturating_sub(sizes[i] as u64);
                    let upper = window.auto_pad == AutoPad::SameUpper;
                    (if upper { total / 2 } else { total - total / 2 }, sizes[i] as u64)
                }
                None => match whole.checked_sub(pads[i] as u64 + pads[rank + i] as u64) {
                    Some(size) if size > 0 => (pads[i] as u64, size),
                    _ => refuse!("pads {:?} leave nothing", pads),
                },
            };
            let checked = |n: u64| checked_count(&[usize::try_from(n).unwrap_or(usize::MAX)]);
            full.push(checked(whole.max(first + size))?);
            begin.push(checked(first)?);
            output.push(checked(size)?);
        }
        checked_count(&full)?;
        Ok(Sizes { full, begin, output, strides: steps, dilations })
    }
}

/// Each output is the sum in order of the channels of its group, and then of the elements of the input
/// whose window holds it, in row-major order; and then the bias.
#[inline(never)]
pub(super) fn conv_transpose(args: &Args<'_>, attributes: &ConvTranspose) -> OpResult<Tensor> {
    let (x, w) = (args.slice::<f32>(0)?, args.slice::<f32>(1)?);
    let (x_dims, w_dims) = (args.get(0)?.dims(), args.get(1)?.dims());
    let ([batch, channels, spatial @ ..], [depth, filters, kernel @ ..]) = (x_dims, w_dims) else {
        refuse!("input {:?} and weights {:?} have no spatial dimension", x_dims, w_dims);
    };
    let groups = attributes.group;
    if spatial.is_empty() || spatial.len() != kernel.len() || channels != depth || channels % groups != 0 {
        refuse!("input {:?} and weights {:?} do not fit {} groups", x_dims, w_dims, groups);
    }
    let sizes = Sizes::of(attributes, spatial, kernel)?;
    let all = match filters.checked_mul(groups) {
        Some(all) if *channels > 0 => all,
        _ => refuse!("{} filters in {} groups", filters, groups),
    };
    let dims = [&[*batch, all], &sizes.output[..]].concat();
    let count = checked_count(&dims)?;
    let bias = args.optional_slice::<f32>(2)?;
    if bias.is_some_and(|b| b.len() != all) {
        refuse!("bias {:?} does not fit {} filters", args.get(2)?.dims(), all);
    }
    let own = strides(&sizes.full);
    let by = |factors: &[usize]| own.iter().zip(factors).map(|(s, f)| s * f).collect::<Vec<usize>>();
    let (size, k) = (spatial.iter().product::<usize>(), kernel.iter().product::<usize>());
    let starts: Vec<usize> = Offsets::new(spatial, &by(&sizes.strides), size).collect();
    let taps: Vec<usize> = Offsets::new(kernel, &by(&sizes.dilations), k).collect();
    let first: usize = sizes.begin.iter().zip(&own).map(|(b, s)| b * s).sum();
    let kept: Vec<usize> = Offsets::new(&sizes.output, &own, sizes.output.iter().product()).collect();
    let each = channels / groups;
    args.spend(&[*batch, all, each, size, k])?;
    args.spend(&[*batch, all, sizes.full.iter().product()])?;
    let mut out = Vec::with_capacity(count);
    let mut plane = vec![0f32; sizes.full.iter().product()];
    for image in 0..batch * groups {
        for f in 0..*filters {
            plane.fill(0.0);
            for c in 0..each {
                let values = &x[(image * each + c) * size..][..size];
                let weights = &w[((image % groups * each + c) * filters + f) * k..][..k];
                for (&value, &start) in values.iter().zip(&starts) {
                    taps.iter().zip(weights).for_each(|(&tap, &weight)| plane[start + tap] += value * weight);
                }
            }
            let bias = bias.map_or(0.0, |b| b[image % groups * filters + f]);
            out.extend(kept.iter().map(|&at| plane[first + at] + bias));
        }
    }
    Tensor::of(dims, Data::F32(out))
}
