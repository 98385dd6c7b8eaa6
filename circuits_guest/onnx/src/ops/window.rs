//! Sliding windows over the spatial dimensions of a convolution or pooling, of any rank.
//!
//! An input is copied once into a padded buffer; after that a window is a list of offsets from its
//! first element, so that inner loops test no borders.

use alloc::vec;
use alloc::vec::Vec;

use super::indexing::{strides, Offsets};
use crate::build::{AutoPad, WindowAttributes};
use crate::error::{refuse, OpResult};
use crate::tensor::checked_count;

pub(crate) struct Window {
    pub kernel: Vec<usize>,
    /// Spatial dims of the result.
    pub output: Vec<usize>,
    /// Spatial dims of the padded buffer: holds every window, also those that rounding up adds.
    pub padded: Vec<usize>,
    input: Vec<usize>,
    strides: Vec<usize>,
    dilations: Vec<usize>,
    begin: Vec<usize>,
    end: Vec<usize>,
}

impl Window {
    /// `input` and `kernel` are the spatial dims, all at least 1.
    pub(crate) fn new(attributes: &WindowAttributes, input: &[usize], kernel: &[usize]) -> OpResult<Window> {
        let rank = input.len();
        let list = |given: &Option<Vec<usize>>, n: usize, default: usize| match given {
            None => Ok(vec![default; n]),
            Some(v) if v.len() == n => Ok(v.clone()),
            Some(v) => refuse!("{:?} does not fit {} spatial dimensions", v, rank),
        };
        if list(&attributes.kernel, rank, 0)?.iter().zip(kernel).any(|(&a, &k)| a != 0 && a != k)
            || kernel.len() != rank
            || kernel.contains(&0)
            || input.contains(&0)
        {
            refuse!("kernel {:?} does not fit input {:?}", kernel, input);
        }
        let (steps, dilations) = (list(&attributes.strides, rank, 1)?, list(&attributes.dilations, rank, 1)?);
        let mut pads = list(&attributes.pads, 2 * rank, 0)?;
        if attributes.auto_pad != AutoPad::NotSet && pads.iter().any(|&p| p != 0) {
            refuse!("pads {:?} are given together with auto_pad", pads);
        }
        let (mut output, mut padded) = (Vec::with_capacity(rank), Vec::with_capacity(rank));
        for i in 0..rank {
            let reach = match (kernel[i] - 1).checked_mul(dilations[i]) {
                Some(r) if r < 1 << 24 => r + 1,
                _ => refuse!("a kernel of {} with dilation {} is too wide", kernel[i], dilations[i]),
            };
            let size = match attributes.auto_pad {
                AutoPad::SameUpper | AutoPad::SameLower => {
                    let size = input[i].div_ceil(steps[i]);
                    let total = ((size - 1) * steps[i] + reach).saturating_sub(input[i]);
                    let (small, large) = (total / 2, total - total / 2);
                    let upper = attributes.auto_pad == AutoPad::SameUpper;
                    (pads[i], pads[rank + i]) = if upper { (small, large) } else { (large, small) };
                    size
                }
                AutoPad::NotSet | AutoPad::Valid => {
                    let Some(free) = (input[i] + pads[i] + pads[rank + i]).checked_sub(reach) else {
                        refuse!("a kernel reaching {} is wider than input {:?} with its pads", reach, input);
                    };
                    let size = free / steps[i] + 1;
                    // Rounding up adds a window, unless it would start in the padding after the input.
                    let more = attributes.ceil_mode && free % steps[i] != 0;
                    size + usize::from(more && size * steps[i] < input[i] + pads[i])
                }
            };
            output.push(size);
            padded.push((input[i] + pads[i] + pads[rank + i]).max((size - 1) * steps[i] + reach));
        }
        checked_count(&output)?;
        checked_count(&padded)?;
        let (begin, end) = (pads[..rank].to_vec(), pads[rank..].to_vec());
        let (kernel, input) = (kernel.to_vec(), input.to_vec());
        Ok(Window { kernel, output, padded, input, strides: steps, dilations, begin, end })
    }

    /// Along the last dimension: elements from one window to the next, from one of its taps to the next, and
    /// from its first tap to behind its last.
    pub(crate) fn step(&self) -> usize {
        self.strides.last().copied().unwrap_or(1)
    }

    pub(crate) fn gap(&self) -> usize {
        self.dilations.last().copied().unwrap_or(1)
    }

    pub(crate) fn reach(&self) -> usize {
        (self.kernel.last().copied().unwrap_or(1) - 1) * self.gap() + 1
    }

    pub(crate) fn positions(&self) -> usize {
        self.output.iter().product()
    }

    /// Elements of one padded channel.
    pub(crate) fn plane(&self) -> usize {
        self.padded.iter().product()
    }

    /// Copies one channel into its padded plane, whose border is already filled.
    pub(crate) fn pad<S: Copy, D>(&self, channel: &[S], plane: &mut [D], convert: impl Fn(S) -> D) {
        let width = self.input.last().copied().unwrap_or(1);
        let steps = strides(&self.padded);
        let start: usize = self.begin.iter().zip(&steps).map(|(b, s)| b * s).sum();
        let lead = self.input.len().saturating_sub(1);
        let rows: usize = self.input[..lead].iter().product();
        let targets = Offsets::new(&self.input[..lead], &steps[..lead], rows);
        for (row, target) in channel.chunks(width).zip(targets) {
            let target = &mut plane[start + target..start + target + width];
            target.iter_mut().zip(row).for_each(|(d, &s)| *d = convert(s));
        }
    }

    /// Offset in a padded plane of the first element of each window, in order of the result.
    pub(crate) fn starts(&self) -> Vec<usize> {
        let steps: Vec<usize> = strides(&self.padded).iter().zip(&self.strides).map(|(s, k)| s * k).collect();
        Offsets::new(&self.output, &steps, self.positions()).collect()
    }

    /// Offsets of a window's elements from its first one.
    pub(crate) fn taps(&self) -> Vec<usize> {
        let steps: Vec<usize> =
            strides(&self.padded).iter().zip(&self.dilations).map(|(s, d)| s * d).collect();
        Offsets::new(&self.kernel, &steps, self.kernel.iter().product()).collect()
    }

    /// How many elements of each window lie on the input, or on the input and its pads.
    pub(crate) fn counts(&self, with_pads: bool) -> Vec<usize> {
        let mut counts = vec![1];
        for i in 0..self.input.len() {
            let first = if with_pads { 0 } else { self.begin[i] };
            let last = self.begin[i] + self.input[i] + if with_pads { self.end[i] } else { 0 };
            let axis = (0..self.output[i]).map(|o| {
                let taps = (0..self.kernel[i]).map(|t| o * self.strides[i] + t * self.dilations[i]);
                taps.filter(|p| (first..last).contains(p)).count()
            });
            let axis: Vec<usize> = axis.collect();
            counts = counts.iter().flat_map(|&c| axis.iter().map(move |&n| c * n)).collect();
        }
        counts
    }
}
