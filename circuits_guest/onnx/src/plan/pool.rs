//! The largest byte of each window.

use alloc::vec::Vec;

use super::dense::Scratch;
use super::{flip, Values};
use crate::build::WindowAttributes;
use crate::ops::steps::Steps;
use crate::ops::window::Window;

pub(super) struct Pool {
    window: Window,
    starts: Vec<usize>,
    taps: Vec<usize>,
    /// Elements of one channel of the input.
    size: usize,
    /// Whether a channel has to be copied between pads.
    padded: bool,
    signed: bool,
}

impl Pool {
    /// Windows over the last dims, or `None` where one of them lies on padding alone.
    pub(super) fn new(attributes: &WindowAttributes, spatial: &[usize], signed: bool) -> Option<Pool> {
        let window = Window::new(attributes, spatial, attributes.kernel.as_deref()?).ok()?;
        if window.counts(false).contains(&0) {
            return None;
        }
        let (starts, taps) = (window.starts(), window.taps());
        let padded = window.padded != spatial;
        Some(Pool { window, starts, taps, size: spatial.iter().product(), padded, signed })
    }

    /// Takes the steps of so many channels, as the operator does.
    pub(super) fn spend(&self, channels: usize, limit: &Steps) -> Option<()> {
        limit.spend(&[channels, self.starts.len(), self.taps.len()]).ok()?;
        limit.spend(&[channels, self.window.plane()]).ok()
    }

    pub(super) fn output(&self) -> &[usize] {
        &self.window.output
    }

    pub(super) fn run(&self, input: &[u8], scratch: &mut Scratch, out: &mut Values) {
        let Values::Bytes(out, _) = out else { return };
        let flip = flip(self.signed);
        if self.padded {
            scratch.padded.clear();
            // The smallest number.
            scratch.padded.resize(self.window.plane(), flip);
        }
        for (channel, out) in input.chunks_exact(self.size).zip(out.chunks_exact_mut(self.starts.len())) {
            let plane = if self.padded {
                self.window.pad(channel, &mut scratch.padded, |x| x);
                &scratch.padded
            } else {
                channel
            };
            for (to, &start) in out.iter_mut().zip(&self.starts) {
                let window = &plane[start..];
                let most = self.taps.iter().fold(0, |most: u8, &tap| most.max(window[tap] ^ flip));
                *to = most ^ flip;
            }
        }
    }
}
