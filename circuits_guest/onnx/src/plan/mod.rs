//! A chain of integer layers, worked out once and run many times.
//!
//! Small models spend more cycles on shapes, names and copies than on arithmetic. Where the input has a
//! fixed shape and every node is part of a layer of bytes or 32-bit integers (a product or convolution with
//! constant weights and what follows it, a maximum of windows, another shape, an ArgMax), all of that is
//! known before the first run: what is left of a run is the layers, between a fixed header of the input and
//! fixed headers of the outputs.
//!
//! A plan takes a subset of what [`Model::run`] takes, with the same bits; it holds no errors of its own.

mod convolution;
mod dense;
mod planner;
mod pool;
mod quantised;

use alloc::vec::Vec;

use self::convolution::Convolution;
use self::dense::{Dense, Scratch};
use self::pool::Pool;
use crate::engine::Engine;
use crate::model::Model;

/// Where a value of the graph is found during a run.
#[derive(Clone, Copy)]
enum Place {
    Input,
    /// The result of a layer.
    Layer(usize),
    /// Index of the largest element of each row of that many elements of a layer's result.
    Best {
        layer: usize,
        row: usize,
        last: bool,
    },
}

/// The elements of a layer's result.
enum Values {
    /// Of `u8`, or of `i8` where the flag is set.
    Bytes(Vec<u8>, bool),
    /// Of `i32`.
    Words(Vec<i32>),
}

/// Where a part of a layer's result is written to.
enum Part<'a> {
    Bytes(&'a mut [u8]),
    Words(&'a mut [i32]),
}

impl Values {
    fn part(&mut self, start: usize, len: usize) -> Part<'_> {
        match self {
            Values::Bytes(bytes, _) => Part::Bytes(&mut bytes[start..start + len]),
            Values::Words(words) => Part::Words(&mut words[start..start + len]),
        }
    }
}

enum Layer<'m> {
    /// A product of each row.
    Rows(Dense<'m>),
    Convolution(Convolution<'m>),
    Pool(Pool),
}

struct Step<'m> {
    /// The layer whose result this one reads, `None` for the input.
    source: Option<usize>,
    layer: Layer<'m>,
}

/// One output tensor: where its elements start in the answer, and what they are.
struct Output {
    start: usize,
    place: Place,
}

pub(crate) struct Plan<'m> {
    header: Vec<u8>,
    input_len: usize,
    steps: Vec<Step<'m>>,
    /// One a step.
    results: Vec<Values>,
    scratch: Scratch,
    answer: Vec<u8>,
    outputs: Vec<Output>,
}

impl<'m> Plan<'m> {
    /// The plan of a model for about that many runs, or `None` where it is no such chain.
    pub(crate) fn of(model: &'m Model<'m>, runs: usize, engine: &mut dyn Engine) -> Option<Plan<'m>> {
        planner::plan(model, runs, engine)
    }

    /// Runs the plan; `false` where the input is not the one that it was made for.
    pub(crate) fn run(&mut self, tensors: &[u8], engine: &mut dyn Engine) -> bool {
        let Some(input) = after_header(tensors, &self.header) else { return false };
        if input.len() != self.input_len {
            return false;
        }
        for (i, step) in self.steps.iter().enumerate() {
            let (before, after) = self.results.split_at_mut(i);
            let source = step.source.map(|source| &before[source]);
            step.layer.run(source, input, engine, &mut self.scratch, &mut after[0]);
        }
        for output in &self.outputs {
            let bytes = &mut self.answer[output.start..];
            match output.place {
                Place::Input => return false,
                Place::Layer(layer) => match &self.results[layer] {
                    Values::Bytes(values, _) => bytes[..values.len()].copy_from_slice(values),
                    Values::Words(values) => {
                        let pairs = bytes.chunks_exact_mut(4).zip(values);
                        pairs.for_each(|(b, x)| b.copy_from_slice(&x.to_le_bytes()));
                    }
                },
                Place::Best { layer, row, last } => {
                    let write =
                        |(b, found): (&mut [u8], usize)| b.copy_from_slice(&(found as u64).to_le_bytes());
                    let to = bytes.chunks_exact_mut(8);
                    match &self.results[layer] {
                        Values::Words(values) => {
                            to.zip(values.chunks_exact(row).map(|row| best(row.iter().copied(), last)))
                                .for_each(write);
                        }
                        Values::Bytes(values, signed) => {
                            let flip = flip(*signed);
                            let number = |&x: &u8| i32::from(x ^ flip);
                            let rows = values.chunks_exact(row);
                            to.zip(rows.map(|row| best(row.iter().map(number), last))).for_each(write);
                        }
                    }
                }
            }
        }
        true
    }

    /// Outputs of the last run, in the canonical encoding.
    pub(crate) fn answer(&self) -> &[u8] {
        &self.answer
    }
}

impl Layer<'_> {
    fn run(
        &self,
        source: Option<&Values>,
        input: &[u8],
        engine: &mut dyn Engine,
        scratch: &mut Scratch,
        out: &mut Values,
    ) {
        let bytes = match source {
            None => input,
            Some(Values::Bytes(bytes, _)) => bytes,
            Some(Values::Words(words)) => {
                if let Layer::Rows(dense) = self {
                    let (k, n) = (dense.depth(), dense.columns());
                    for (i, row) in words.chunks_exact(k).enumerate() {
                        dense.row_of_words(row, scratch, out.part(i * n, n));
                    }
                }
                return;
            }
        };
        match self {
            Layer::Rows(dense) => {
                let (k, n) = (dense.depth(), dense.columns());
                for (i, row) in bytes.chunks_exact(k).enumerate() {
                    dense.row(row, engine, scratch, out.part(i * n, n));
                }
            }
            Layer::Convolution(convolution) => convolution.run(bytes, engine, scratch, out),
            Layer::Pool(pool) => pool.run(bytes, scratch, out),
        }
    }
}

/// What makes a byte count from zero on.
fn flip(signed: bool) -> u8 {
    if signed {
        0x80
    } else {
        0
    }
}

/// What follows `header`, compared in place and by words where both lie on words.
fn after_header<'a>(tensors: &'a [u8], header: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = tensors.split_at_checked(header.len())?;
    // SAFETY: any four bytes are a valid u32.
    let ((a, words, b), (c, expected, d)) = unsafe { (start.align_to::<u32>(), header.align_to::<u32>()) };
    let same = if a.is_empty() && c.is_empty() {
        let differences = words.iter().zip(expected).fold(0, |bits, (a, b)| bits | (a ^ b));
        differences == 0 && b.iter().zip(d).all(|(a, b)| a == b)
    } else {
        start == header
    };
    same.then_some(rest)
}

/// Index of the largest element, the first or the last of equals.
fn best(row: impl Iterator<Item = i32>, last: bool) -> usize {
    let (mut found, mut most) = (0, i32::MIN);
    for (i, x) in row.enumerate() {
        if x > most || (last && x == most) {
            (found, most) = (i, x);
        }
    }
    found
}
