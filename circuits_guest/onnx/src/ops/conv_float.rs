//! Conv in float32, and the shapes of every convolution.

use alloc::vec;
use alloc::vec::Vec;

use super::window::Window;
use super::Args;
use crate::build::ConvAttributes;
use crate::error::{refuse, OpResult};
use crate::tensor::{checked_count, Data, Tensor};

/// A grouped convolution, `x [batch, channels, ...]` with `w [filters, channels / groups, ...]`.
pub(crate) struct Conv {
    pub window: Window,
    pub batch: usize,
    pub groups: usize,
    /// Channels and filters of one group.
    pub channels: usize,
    pub filters: usize,
    /// Elements of one channel of the input.
    pub size: usize,
    /// Elements of one filter.
    pub k: usize,
    pub dims: Vec<usize>,
}

impl Conv {
    pub(crate) fn of(attributes: &ConvAttributes, x: &[usize], w: &[usize]) -> OpResult<Conv> {
        let ([batch, channels, spatial @ ..], [filters, depth, kernel @ ..]) = (x, w) else {
            refuse!("input {:?} and weights {:?} have no spatial dimension", x, w);
        };
        let groups = attributes.group;
        let divides = channels % groups == 0 && filters % groups == 0 && channels / groups == *depth;
        if spatial.is_empty() || !divides || w.contains(&0) {
            refuse!("input {:?} and weights {:?} do not fit {} groups", x, w, groups);
        }
        let window = Window::new(&attributes.window, spatial, kernel)?;
        let mut dims = vec![*batch, *filters];
        dims.extend_from_slice(&window.output);
        checked_count(&dims)?;
        checked_count(&[*depth, window.plane()])?;
        let (size, k) = (spatial.iter().product(), w[1..].iter().product());
        let (channels, filters) = (*depth, filters / groups);
        Ok(Conv { window, batch: *batch, groups, channels, filters, size, k, dims })
    }

    /// Takes the steps of the products, and of the copies into padded planes.
    pub(crate) fn spend(&self, spend: impl Fn(&[usize]) -> OpResult<()>) -> OpResult<()> {
        spend(&[self.batch, self.groups, self.filters, self.window.positions(), self.k])?;
        spend(&[self.batch, self.groups, self.channels, self.window.plane()])
    }

    /// Offsets of a filter's elements in the padded planes of a group, from a window's first element.
    pub(crate) fn taps(&self) -> Vec<usize> {
        let taps = self.window.taps();
        let planes = (0..self.channels).map(|c| c * self.window.plane());
        planes.flat_map(|plane| taps.iter().map(move |&tap| plane + tap)).collect()
    }
}

/// Each output is the sum in order of channel and kernel element, padding included as 0, and then the
/// bias.
#[inline(never)]
pub(super) fn conv(args: &Args<'_>, attributes: &ConvAttributes) -> OpResult<Tensor> {
    let (x, w) = (args.slice::<f32>(0)?, args.slice::<f32>(1)?);
    let conv = Conv::of(attributes, args.get(0)?.dims(), args.get(1)?.dims())?;
    conv.spend(|factors| args.spend(factors))?;
    let bias = args.optional_slice::<f32>(2)?;
    if bias.is_some_and(|b| b.len() != conv.groups * conv.filters) {
        refuse!("bias {:?} does not fit the filters", args.get(2)?.dims());
    }
    let (starts, taps, plane) = (conv.window.starts(), conv.taps(), conv.window.plane());
    let mut padded = vec![0f32; conv.channels * plane];
    let mut out = Vec::with_capacity(checked_count(&conv.dims)?);
    for image in 0..conv.batch * conv.groups {
        for c in 0..conv.channels {
            let at = (image * conv.channels + c) * conv.size;
            conv.window.pad(&x[at..at + conv.size], &mut padded[c * plane..(c + 1) * plane], |v| v);
        }
        for f in 0..conv.filters {
            let filter = image % conv.groups * conv.filters + f;
            let weights = &w[filter * conv.k..(filter + 1) * conv.k];
            out.extend(starts.iter().map(|&start| {
                let pairs = taps.iter().zip(weights);
                let sum = pairs.fold(0f32, |sum, (&tap, &weight)| sum + padded[start + tap] * weight);
                bias.map_or(sum, |b| sum + b[filter])
            }));
        }
    }
    Tensor::of(conv.dims, Data::F32(out))
}
