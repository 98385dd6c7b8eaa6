//! A chain of integer layers, worked out once and run many times.
//!
//! Small models spend more cycles on shapes, names and copies than on arithmetic. Where the input has a
//! fixed shape and every node is part of a dense integer layer (a product with constant weights, constant
//! biases, Relu) or the ArgMax of one, all of that is known before the first run: what is left of a run is
//! the layers, between a fixed header of the input and fixed headers of the outputs.
//!
//! A plan takes a subset of what [`Model::run`] takes, with the same bits; it holds no errors of its own.

use alloc::borrow::ToOwned;
use alloc::vec;
use alloc::vec::Vec;

use crate::build::Op;
use crate::dense::{Layer, Terms, Weights};
use crate::encoding::{push_header, MAX_NAME, MAX_RANK};
use crate::engine::Engine;
use crate::exec::{shape_fits, MAX_RUN_ELEMENTS};
use crate::model::{Dim, Model, Node};
use crate::ops::gemm_integer::check_range;
use crate::tensor::{element_count, DType, Data, Tensor};

/// Most elements that the results of one plan may have: larger ones gain nothing from it.
const MAX_ELEMENTS: usize = 1 << 20;

/// Where a value of the graph is found during a run.
#[derive(Clone, Copy)]
enum Place {
    Input,
    /// The result of a layer.
    Layer(usize),
    /// Index of the largest element of each row of a layer's result.
    Best {
        layer: usize,
        last: bool,
    },
}

#[derive(Clone)]
struct Value {
    place: Place,
    dtype: DType,
    dims: Vec<usize>,
}

/// One output tensor: where its elements start in the answer, and what they are.
struct Output {
    start: usize,
    place: Place,
}

pub(crate) struct Plan<'m> {
    header: Vec<u8>,
    input_len: usize,
    signed: bool,
    layers: Vec<Layer<'m>>,
    results: Vec<Vec<i32>>,
    terms: Terms,
    lanes: Vec<u32>,
    answer: Vec<u8>,
    outputs: Vec<Output>,
}

impl<'m> Plan<'m> {
    /// The plan of a model, or `None` where it is no such chain.
    pub(crate) fn of(model: &'m Model) -> Option<Plan<'m>> {
        let ([info], [input]) = (model.inputs.as_slice(), model.input_values.as_slice()) else { return None };
        let fixed = |dim: &Dim| if let Dim::Fixed(n) = dim { Some(*n) } else { None };
        let dims: Vec<usize> = info.shape.as_ref()?.iter().map(fixed).collect::<Option<_>>()?;
        let decodes = info.name.len() <= MAX_NAME && dims.len() <= MAX_RANK;
        let input_len = element_count(&dims).filter(|n| decodes && (1..=MAX_ELEMENTS).contains(n))?;
        let mut header = 1u32.to_le_bytes().to_vec();
        push_header(&mut header, &info.name, info.dtype, &dims);
        let (uses, values) = (model.uses(), vec![None; model.constants.len()]);
        let mut planner = Planner { model, uses, values, layers: Vec::new(), budget: MAX_RUN_ELEMENTS };
        planner.values[*input] = Some(Value { place: Place::Input, dtype: info.dtype, dims });
        model.nodes.iter().try_for_each(|node| planner.node(node))?;
        let (answer, outputs) = planner.outputs()?;
        let layers = planner.layers;
        let results: Vec<Vec<i32>> = layers.iter().map(|l| vec![0; l.rows * l.columns()]).collect();
        let terms = Terms::new(layers.iter().map(Layer::depth).max()?);
        let signed = info.dtype == DType::I8;
        let lanes = Vec::new();
        Some(Plan { header, input_len, signed, layers, results, terms, lanes, answer, outputs })
    }

    /// Runs the plan; `false` where the input is not the one that it was made for.
    pub(crate) fn run(&mut self, tensors: &[u8], engine: &mut dyn Engine) -> bool {
        let Some(input) = after_header(tensors, &self.header) else { return false };
        if input.len() != self.input_len {
            return false;
        }
        for (i, layer) in self.layers.iter().enumerate() {
            let (before, after) = self.results.split_at_mut(i);
            let (k, n) = (layer.depth(), layer.columns());
            for (row, sums) in after[0].chunks_exact_mut(n).enumerate() {
                if let Some(matrix) = layer.matrix {
                    let bytes = (&input[row * k..(row + 1) * k], flip(self.signed));
                    layer.row_by(engine, bytes, matrix, &mut self.lanes, sums);
                    continue;
                }
                match layer.source {
                    None if self.signed => {
                        let row = &input[row * k..(row + 1) * k];
                        self.terms.gather(row, n, |x| i32::from(x as i8) - layer.zero);
                    }
                    None => {
                        self.terms.gather(&input[row * k..(row + 1) * k], n, |x| i32::from(x) - layer.zero)
                    }
                    Some(source) => self.terms.gather(&before[source][row * k..(row + 1) * k], n, |x| x),
                }
                layer.row(&self.terms, sums);
            }
        }
        for output in &self.outputs {
            let bytes = &mut self.answer[output.start..];
            match output.place {
                Place::Layer(layer) => {
                    let pairs = bytes.chunks_exact_mut(4).zip(&self.results[layer]);
                    pairs.for_each(|(b, x)| b.copy_from_slice(&x.to_le_bytes()));
                }
                Place::Best { layer, last } => {
                    let rows = self.results[layer].chunks_exact(self.layers[layer].columns());
                    let pairs = bytes.chunks_exact_mut(8).zip(rows);
                    pairs.for_each(|(b, row)| b.copy_from_slice(&(best(row, last) as u64).to_le_bytes()));
                }
                Place::Input => return false,
            }
        }
        true
    }

    /// Outputs of the last run, in the canonical encoding.
    pub(crate) fn answer(&self) -> &[u8] {
        &self.answer
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

/// What follows `header`, compared in place: a call for each byte would cost more.
fn after_header<'a>(tensors: &'a [u8], header: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = tensors.split_at_checked(header.len())?;
    let differences = start.iter().zip(header).fold(0, |bits, (a, b)| bits | (a ^ b));
    (differences == 0).then_some(rest)
}

/// Index of the largest element, the first or the last of equals.
fn best(row: &[i32], last: bool) -> usize {
    let (mut found, mut most) = (0, i32::MIN);
    for (i, &x) in row.iter().enumerate() {
        if x > most || (last && x == most) {
            (found, most) = (i, x);
        }
    }
    found
}

struct Planner<'m> {
    model: &'m Model,
    uses: Vec<usize>,
    values: Vec<Option<Value>>,
    layers: Vec<Layer<'m>>,
    /// Elements that the nodes to come may produce.
    budget: usize,
}

impl<'m> Planner<'m> {
    fn value(&self, node: &Node, i: usize) -> Option<&Value> {
        self.values[(*node.inputs.get(i)?)?].as_ref()
    }

    fn constant(&self, node: &Node, i: usize) -> Option<&'m Tensor> {
        self.model.constants[(*node.inputs.get(i)?)?].as_ref()
    }

    fn node(&mut self, node: &'m Node) -> Option<()> {
        let value = match &node.op {
            Op::MatMulInteger => self.product_integer(node)?,
            Op::MatMul => self.product(node, None, 0)?,
            Op::Add => self.bias(node)?,
            Op::Relu => {
                let (value, layer) = self.only_use(node, 0)?;
                self.layers[layer].relu = true;
                value
            }
            Op::ArgMax { axis, keepdims, last } => self.arg_max(node, *axis, *keepdims, *last)?,
            // Only where the old name has no other reader: what is folded in behind the new one changes both.
            Op::Identity => self.only_use(node, 0)?.0,
            _ => return None,
        };
        self.budget = self.budget.checked_sub(element_count(&value.dims)?)?;
        self.values[node.outputs[0]] = Some(value);
        Some(())
    }

    /// A product of bytes. Zero points of the weights are left to the general path.
    fn product_integer(&mut self, node: &'m Node) -> Option<Value> {
        let zero = match self.constant(node, 2).map(Tensor::data) {
            Some(Data::U8(v)) if v.len() == 1 => i32::from(v[0]),
            Some(Data::I8(v)) if v.len() == 1 => i32::from(v[0]),
            None if node.inputs.get(2).copied().flatten().is_none() => 0,
            _ => return None,
        };
        match self.constant(node, 3).map(Tensor::data) {
            Some(Data::U8(v)) if v.iter().all(|&z| z == 0) => {}
            Some(Data::I8(v)) if v.iter().all(|&z| z == 0) => {}
            None if node.inputs.get(3).copied().flatten().is_none() => {}
            _ => return None,
        }
        let columns = self.constant(node, 1)?.dims().get(1..);
        if self.constant(node, 3).is_some_and(|z| z.data().len() != 1 && Some(z.dims()) != columns) {
            return None;
        }
        self.product(node, Some(self.value(node, 0)?.dtype), zero)
    }

    /// A product with constant weights: of the input's bytes, or of 32-bit results modulo 2^32.
    fn product(&mut self, node: &'m Node, bytes: Option<DType>, zero: i32) -> Option<Value> {
        let (a, b) = (self.value(node, 0)?, self.constant(node, 1)?);
        let (&[k, n], [lead @ .., depth]) = (b.dims(), a.dims.as_slice()) else { return None };
        if *depth != k || k * n == 0 || lead.is_empty() {
            return None;
        }
        let source = match (a.place, bytes) {
            (Place::Input, Some(_)) => None,
            (Place::Layer(layer), None) => Some(layer),
            _ => return None,
        };
        let weights = match b.data() {
            Data::I8(v) => Weights::I8(v),
            Data::U8(v) => Weights::U8(v),
            Data::I32(v) => Weights::I32(v),
            _ => return None,
        };
        if let Some(dtype) = bytes {
            check_range(k, (dtype, &[zero]), (b.dtype(), &[0]), &[]).ok()?;
        }
        let matrix = node.packed.as_ref().and_then(|packed| packed.matrix(0)).filter(|_| bytes.is_some());
        let mut dims = lead.to_owned();
        let rows = element_count(&dims)?;
        dims.push(n);
        element_count(&dims).filter(|&n| n <= MAX_ELEMENTS)?;
        self.layers.push(Layer { source, zero, weights, matrix, rows, bias: vec![0; n], relu: false });
        Some(Value { place: Place::Layer(self.layers.len() - 1), dtype: DType::I32, dims })
    }

    /// A constant added to each row; it wraps, so that several add up.
    fn bias(&mut self, node: &Node) -> Option<Value> {
        let at = if self.constant(node, 1).is_some() { 0 } else { 1 };
        let bias = self.constant(node, 1 - at)?;
        let (value, layer) = self.only_use(node, at)?;
        let layer = &mut self.layers[layer];
        let Data::I32(added) = bias.data() else { return None };
        let n = layer.columns();
        if layer.relu
            || added.len() != n
            || bias.dims().last() != Some(&n)
            || bias.dims().len() > value.dims.len()
        {
            return None;
        }
        layer.bias.iter_mut().zip(added).for_each(|(sum, &x)| *sum = sum.wrapping_add(x));
        Some(value)
    }

    /// The result of a layer that nothing but this node reads, so that the node may become part of it.
    fn only_use(&self, node: &Node, i: usize) -> Option<(Value, usize)> {
        let index = (*node.inputs.get(i)?)?;
        match self.values[index].as_ref()? {
            value @ Value { place: Place::Layer(layer), .. } if self.uses[index] == 1 => {
                Some((value.clone(), *layer))
            }
            _ => None,
        }
    }

    fn arg_max(&self, node: &Node, axis: i64, keepdims: bool, last: bool) -> Option<Value> {
        let Value { place: Place::Layer(layer), dims, .. } = self.value(node, 0)? else { return None };
        let mut dims = dims.clone();
        if axis != -1 && axis != dims.len() as i64 - 1 {
            return None;
        }
        dims.pop();
        if keepdims {
            dims.push(1);
        }
        Some(Value { place: Place::Best { layer: *layer, last }, dtype: DType::I64, dims })
    }

    /// The answer with everything but its elements, and where those go.
    fn outputs(&self) -> Option<(Vec<u8>, Vec<Output>)> {
        let mut answer = (self.model.outputs.len() as u32).to_le_bytes().to_vec();
        let mut outputs = Vec::with_capacity(self.model.outputs.len());
        for (info, &index) in self.model.outputs.iter().zip(&self.model.output_values) {
            let Value { place, dtype, dims } = self.values[index].as_ref()?;
            if matches!(place, Place::Input) || !shape_fits(info, dims) {
                return None;
            }
            push_header(&mut answer, &info.name, *dtype, dims);
            outputs.push(Output { start: answer.len(), place: *place });
            answer.resize(answer.len() + element_count(dims)? * dtype.item_size(), 0);
        }
        Some((answer, outputs))
    }
}
