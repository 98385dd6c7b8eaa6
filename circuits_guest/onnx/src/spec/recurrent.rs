//! LSTM, GRU and RNN.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::attributes::Attributes;
use crate::build::Op;
use crate::error::OpResult;
use crate::infer::Inputs;
use crate::tensor::DType::{self, F32, I32};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell {
    Rnn,
    /// With `linear_before_reset` the reset gate scales the product with the state, else the state itself.
    Gru {
        linear_before_reset: bool,
    },
    Lstm,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Activation {
    Relu,
    Sigmoid,
    Tanh,
}

#[derive(Clone, Debug)]
pub(crate) struct Recurrent {
    pub cell: Cell,
    pub hidden: usize,
    /// Whether each direction runs from the last step to the first.
    pub backward: Vec<bool>,
    /// Of each direction, in the order of the standard: f, g and h.
    pub activations: Vec<Vec<Activation>>,
    /// Bound of what goes into an activation.
    pub clip: Option<f32>,
    /// Batch before steps, layout 1.
    pub batch_first: bool,
}

impl Cell {
    pub(crate) fn gates(self) -> usize {
        match self {
            Cell::Rnn => 1,
            Cell::Gru { .. } => 3,
            Cell::Lstm => 4,
        }
    }

    fn activations(self) -> &'static [Activation] {
        match self {
            Cell::Rnn => &[Activation::Tanh],
            Cell::Gru { .. } => &[Activation::Sigmoid, Activation::Tanh],
            Cell::Lstm => &[Activation::Sigmoid, Activation::Tanh, Activation::Tanh],
        }
    }
}

pub(crate) fn rnn(a: &mut Attributes<'_>) -> Option<Op> {
    recurrent(a, Cell::Rnn)
}

pub(crate) fn gru(a: &mut Attributes<'_>) -> Option<Op> {
    let linear_before_reset = a.flag("linear_before_reset", false);
    recurrent(a, Cell::Gru { linear_before_reset })
}

pub(crate) fn lstm(a: &mut Attributes<'_>) -> Option<Op> {
    a.only_int("input_forget", 0);
    recurrent(a, Cell::Lstm)
}

fn recurrent(a: &mut Attributes<'_>, cell: Cell) -> Option<Op> {
    let hidden = a.int("hidden_size", 0);
    let backward = match a.text("direction", "forward") {
        "forward" => vec![false],
        "reverse" => vec![true],
        "bidirectional" => vec![false, true],
        other => return a.problem(format!("attribute \"direction\" is {other:?}")),
    };
    let clip = a.float("clip", 0.0);
    let batch_first = a.flag("layout", false);
    let defaults = cell.activations();
    let mut names = Vec::new();
    for &name in a.texts("activations") {
        names.push(match name {
            b"Relu" => Activation::Relu,
            b"Sigmoid" => Activation::Sigmoid,
            b"Tanh" => Activation::Tanh,
            other => {
                let name = String::from_utf8_lossy(other);
                return a
                    .problem(format!("activation {name:?} is not supported, only Relu, Sigmoid and Tanh"));
            }
        });
    }
    if names.is_empty() {
        backward.iter().for_each(|_| names.extend_from_slice(defaults));
    }
    if names.len() != backward.len() * defaults.len() {
        return a.problem(format!("{} activations for {} directions", names.len(), backward.len()));
    }
    let Some(hidden) = usize::try_from(hidden).ok().filter(|h| (1..=1 << 20).contains(h)) else {
        return a.problem(format!("attribute \"hidden_size\" is {hidden}, out of range"));
    };
    if clip < 0.0 {
        return a.problem(format!("attribute \"clip\" is {clip}, below 0"));
    }
    let activations = names.chunks_exact(defaults.len()).map(<[Activation]>::to_vec).collect();
    let clip = (clip > 0.0).then_some(clip);
    Some(Op::Recurrent(Recurrent { cell, hidden, backward, activations, clip, batch_first }))
}

impl Recurrent {
    pub(crate) fn types(&self, ins: &Inputs<'_>) -> OpResult<Vec<DType>> {
        (0..3).try_for_each(|i| ins.required(i, &[F32]).map(drop))?;
        [3, 5, 6, 7].iter().try_for_each(|&i| ins.optional(i, F32))?;
        ins.optional(4, I32)?;
        Ok(vec![F32; if self.cell == Cell::Lstm { 3 } else { 2 }])
    }
}
