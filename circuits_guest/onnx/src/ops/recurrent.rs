//! LSTM, GRU and RNN, step after step. A gate is `((dot(W, x) + dot(R, h)) + Wb) + Rb`, each dot product
//! from 0 with rising index; what follows is in the order in which it is written.

use alloc::vec;
use alloc::vec::Vec;

use super::unary::sigmoid;
use super::Args;
use crate::error::{refuse, OpResult};
use crate::spec::recurrent::{Activation, Cell, Recurrent};
use crate::tensor::{checked_count, Data, Tensor};

/// Sizes of the sequences and of the network.
struct Sizes {
    steps: usize,
    batch: usize,
    input: usize,
    hidden: usize,
}

/// Weights of one direction, row-major; biases and peepholes are zeros where they are left out.
struct Weights<'a> {
    w: &'a [f32],
    r: &'a [f32],
    w_bias: Vec<f32>,
    r_bias: Vec<f32>,
    peepholes: Option<&'a [f32]>,
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0f32, |sum, (&x, &y)| sum + x * y)
}

fn sized<'a>(args: &'a Args<'_>, i: usize, dims: &[usize]) -> OpResult<Option<&'a [f32]>> {
    match args.optional(i) {
        Some(tensor) if tensor.dims() != dims => {
            refuse!("input {} has dims {:?}, expected {:?}", i, tensor.dims(), dims)
        }
        _ => args.optional_slice::<f32>(i),
    }
}

/// Results Y, Y_h and, of an LSTM, Y_c.
#[inline(never)]
pub(super) fn recurrent(op: &Recurrent, args: &Args<'_>) -> OpResult<Vec<Tensor>> {
    let x = args.slice::<f32>(0)?;
    let &[first, second, input] = args.get(0)?.dims() else {
        refuse!("X has dims {:?}, expected three", args.get(0)?.dims())
    };
    if x.is_empty() {
        refuse!("X has no elements");
    }
    let (steps, batch) = if op.batch_first { (second, first) } else { (first, second) };
    let (hidden, directions) = (op.hidden, op.backward.len());
    let sizes = Sizes { steps, batch, input, hidden };
    let rows = op.cell.gates() * hidden;
    // Before the products of sizes below: none of them can wrap where these fit.
    checked_count(&[directions, rows, input])?;
    checked_count(&[directions, rows, hidden])?;
    args.spend(&[steps, batch, directions * rows, input + hidden])?;
    let state_dims = match op.batch_first {
        false => vec![directions, batch, hidden],
        true => vec![batch, directions, hidden],
    };
    let y_dims = match op.batch_first {
        false => vec![steps, directions, batch, hidden],
        true => vec![batch, steps, directions, hidden],
    };
    let w = sized(args, 1, &[directions, rows, input])?.unwrap_or(&[]);
    let r = sized(args, 2, &[directions, rows, hidden])?.unwrap_or(&[]);
    let bias = sized(args, 3, &[directions, 2 * rows])?;
    let lengths = lengths(args, &sizes)?;
    let (first_h, first_c) = (sized(args, 5, &state_dims)?, sized(args, 6, &state_dims)?);
    let peepholes = sized(args, 7, &[directions, 3 * hidden])?;
    let mut y = vec![0f32; checked_count(&y_dims)?];
    let mut last_h = vec![0f32; checked_count(&state_dims)?];
    let mut last_c = last_h.clone();
    for d in 0..directions {
        let part = |all: &[f32], from: usize| all[from..from + rows].to_vec();
        let weights = Weights {
            w: &w[d * rows * input..(d + 1) * rows * input],
            r: &r[d * rows * hidden..(d + 1) * rows * hidden],
            w_bias: bias.map_or_else(|| vec![0.0; rows], |b| part(b, 2 * d * rows)),
            r_bias: bias.map_or_else(|| vec![0.0; rows], |b| part(b, (2 * d + 1) * rows)),
            peepholes: peepholes.map(|p| &p[d * 3 * hidden..(d + 1) * 3 * hidden]),
        };
        let runner = Runner { op, activations: &op.activations[d], weights, sizes: &sizes };
        for (b, &length) in lengths.iter().enumerate() {
            let state = match op.batch_first {
                false => (d * batch + b) * hidden,
                true => (b * directions + d) * hidden,
            };
            let mut h = first_h.map_or_else(|| vec![0.0; hidden], |v| v[state..state + hidden].to_vec());
            let mut c = first_c.map_or_else(|| vec![0.0; hidden], |v| v[state..state + hidden].to_vec());
            for step in 0..length {
                let t = if op.backward[d] { length - 1 - step } else { step };
                let (from, to) = match op.batch_first {
                    false => ((t * batch + b) * input, ((t * directions + d) * batch + b) * hidden),
                    true => ((b * steps + t) * input, ((b * steps + t) * directions + d) * hidden),
                };
                h = runner.step(&x[from..from + input], &h, &mut c);
                y[to..to + hidden].copy_from_slice(&h);
            }
            last_h[state..state + hidden].copy_from_slice(&h);
            last_c[state..state + hidden].copy_from_slice(&c);
        }
    }
    let mut out = vec![Tensor::of(y_dims, Data::F32(y))?, Tensor::of(state_dims.clone(), Data::F32(last_h))?];
    if op.cell == Cell::Lstm {
        out.push(Tensor::of(state_dims, Data::F32(last_c))?);
    }
    Ok(out)
}

/// Steps of each sequence; those after its end give zeros.
fn lengths(args: &Args<'_>, sizes: &Sizes) -> OpResult<Vec<usize>> {
    let Some(given) = args.optional_slice::<i32>(4)? else { return Ok(vec![sizes.steps; sizes.batch]) };
    if given.len() != sizes.batch {
        refuse!("{} sequence_lens for a batch of {}", given.len(), sizes.batch);
    }
    let length = |&n: &i32| match usize::try_from(n) {
        Ok(n) if (1..=sizes.steps).contains(&n) => Ok(n),
        _ => refuse!("a sequence has {} steps, not 1 to {}", n, sizes.steps),
    };
    given.iter().map(length).collect()
}

struct Runner<'a> {
    op: &'a Recurrent,
    activations: &'a [Activation],
    weights: Weights<'a>,
    sizes: &'a Sizes,
}

impl Runner<'_> {
    fn activate(&self, i: usize, x: f32) -> f32 {
        let x = match self.op.clip {
            Some(clip) if x > clip => clip,
            Some(clip) if x < -clip => -clip,
            _ => x,
        };
        match self.activations[i] {
            Activation::Relu if x < 0.0 => 0.0,
            Activation::Relu => x,
            Activation::Sigmoid => sigmoid(x),
            Activation::Tanh => libm::tanhf(x),
        }
    }

    fn of_input(&self, row: usize, x: &[f32]) -> f32 {
        dot(&self.weights.w[row * self.sizes.input..(row + 1) * self.sizes.input], x)
    }

    fn of_state(&self, row: usize, h: &[f32]) -> f32 {
        dot(&self.weights.r[row * self.sizes.hidden..(row + 1) * self.sizes.hidden], h)
    }

    /// What goes into the activation of unit `i` of a gate.
    fn gate(&self, gate: usize, i: usize, x: &[f32], h: &[f32]) -> f32 {
        let row = gate * self.sizes.hidden + i;
        self.of_input(row, x) + self.of_state(row, h) + self.weights.w_bias[row] + self.weights.r_bias[row]
    }

    fn step(&self, x: &[f32], h: &[f32], c: &mut [f32]) -> Vec<f32> {
        match self.op.cell {
            Cell::Rnn => (0..h.len()).map(|i| self.activate(0, self.gate(0, i, x, h))).collect(),
            Cell::Gru { linear_before_reset } => self.gru(x, h, linear_before_reset),
            Cell::Lstm => self.lstm(x, h, c),
        }
    }

    /// Gates update, reset, hidden.
    fn gru(&self, x: &[f32], h: &[f32], linear_before_reset: bool) -> Vec<f32> {
        let n = h.len();
        let reset: Vec<f32> = (0..n).map(|i| self.activate(0, self.gate(1, i, x, h))).collect();
        let scaled: Vec<f32> = reset.iter().zip(h).map(|(r, h)| r * h).collect();
        let unit = |i: usize| {
            let (row, update) = (2 * n + i, self.activate(0, self.gate(0, i, x, h)));
            let (w_bias, r_bias) = (self.weights.w_bias[row], self.weights.r_bias[row]);
            let candidate = if linear_before_reset {
                self.of_input(row, x) + reset[i] * (self.of_state(row, h) + r_bias) + w_bias
            } else {
                self.of_input(row, x) + self.of_state(row, &scaled) + w_bias + r_bias
            };
            (1.0 - update) * self.activate(1, candidate) + update * h[i]
        };
        (0..n).map(unit).collect()
    }

    /// Gates input, output, forget, cell.
    fn lstm(&self, x: &[f32], h: &[f32], c: &mut [f32]) -> Vec<f32> {
        let n = h.len();
        let peep = |gate: usize, i: usize, c: f32| self.weights.peepholes.map(|p| p[gate * n + i] * c);
        let unit = |i: usize| {
            let gated = |gate: usize, peep: Option<f32>| {
                let sum = self.gate(gate, i, x, h);
                self.activate(0, peep.map_or(sum, |p| sum + p))
            };
            let (input, forget) = (gated(0, peep(0, i, c[i])), gated(2, peep(2, i, c[i])));
            let new = self.activate(1, self.gate(3, i, x, h));
            c[i] = forget * c[i] + input * new;
            gated(1, peep(1, i, c[i])) * self.activate(2, c[i])
        };
        (0..n).map(unit).collect()
    }
}
