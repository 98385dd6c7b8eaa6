//! From a model's nodes to the layers of a plan.

use alloc::borrow::Cow;
use alloc::vec;
use alloc::vec::Vec;

use super::dense::{Dense, Finish, Scratch, Weights};
use super::pool::Pool;
use super::{Layer, Output, Place, Plan, Step, Values};
use crate::build::{Op, WindowAttributes};
use crate::constant::Constant;
use crate::encoding::{push_header, MAX_NAME, MAX_RANK};
use crate::engine::{Coding, Direct, Engine};
use crate::exec::{shape_fits, MAX_RUN_ELEMENTS};
use crate::model::{Dim, Model, Node};
use crate::ops::gemm_integer::check_range;
use crate::ops::quantize::{scalar_zero, zeros};
use crate::ops::steps::Steps;
use crate::ops::{self, Args};
use crate::tensor::{element_count, DType, Data, Tensor};

/// Most elements that a result of a plan may have: larger ones gain nothing from it.
pub(super) const MAX_ELEMENTS: usize = 1 << 20;

#[derive(Clone)]
pub(super) struct Value {
    place: Place,
    pub dtype: DType,
    pub dims: Vec<usize>,
}

pub(super) fn plan<'m>(model: &'m Model<'m>, runs: usize, engine: &mut dyn Engine) -> Option<Plan<'m>> {
    let ([info], [input]) = (model.inputs.as_slice(), model.input_values.as_slice()) else { return None };
    let fixed = |dim: &Dim| if let Dim::Fixed(n) = dim { Some(*n) } else { None };
    let dims: Vec<usize> = info.shape.as_ref()?.iter().map(fixed).collect::<Option<_>>()?;
    let decodes = info.name.len() <= MAX_NAME && dims.len() <= MAX_RANK;
    let input_len = element_count(&dims).filter(|n| decodes && (1..=MAX_ELEMENTS).contains(n))?;
    let mut header = 1u32.to_le_bytes().to_vec();
    push_header(&mut header, &info.name, info.dtype, &dims);
    let (uses, values) = (model.uses(), vec![None; model.constants.len()]);
    let (steps, results) = (Vec::new(), Vec::new());
    let (budget, limit) = (MAX_RUN_ELEMENTS, Steps::of_a_run());
    let mut planner = Planner { model, runs, engine, uses, values, steps, results, budget, limit };
    planner.values[*input] = Some(Value { place: Place::Input, dtype: info.dtype, dims });
    model.nodes.iter().try_for_each(|node| planner.node(node))?;
    let (answer, outputs) = planner.outputs()?;
    let Planner { steps, results, .. } = planner;
    Some(Plan { header, input_len, steps, results, scratch: Scratch::default(), answer, outputs })
}

pub(super) struct Planner<'m, 'e> {
    model: &'m Model<'m>,
    pub runs: usize,
    pub engine: &'e mut dyn Engine,
    uses: Vec<usize>,
    values: Vec<Option<Value>>,
    steps: Vec<Step<'m>>,
    results: Vec<Values>,
    /// Elements that the nodes to come may produce, and steps that they may take.
    budget: usize,
    pub limit: Steps,
}

impl<'m> Planner<'m, '_> {
    fn value(&self, node: &Node, i: usize) -> Option<&Value> {
        self.values[(*node.inputs.get(i)?)?].as_ref()
    }

    /// Elements of a value or constant, each at most `MAX_ELEMENTS` of a tensor.
    fn elements(&self, index: usize) -> usize {
        let dims = self.values[index].as_ref().map(|value| value.dims.as_slice());
        let dims = dims.or(self.model.constants[index].as_ref().map(Constant::dims));
        dims.and_then(element_count).unwrap_or(0)
    }

    pub(super) fn constant(&self, node: &Node, i: usize) -> Option<&'m Constant<'m>> {
        self.model.constants[(*node.inputs.get(i)?)?].as_ref()
    }

    /// The inputs of a node: those behind the first one have to be constants. Weights are left out, since they
    /// need not become a tensor.
    pub(super) fn arguments(&self, node: &Node, first: Option<Tensor>, weights: usize) -> Option<Args<'m>> {
        let own = |(i, &input): (usize, &Option<usize>)| match input {
            Some(value) => {
                let constant = self.model.constants[value].as_ref()?;
                Some((i != weights).then(|| Cow::Borrowed(constant.tensor())))
            }
            None => Some(None),
        };
        let inputs = node.inputs.iter().enumerate().skip(1).map(own);
        let all = core::iter::once(Some(first.map(Cow::Owned))).chain(inputs);
        Some(Args::new(all.collect::<Option<_>>()?, None))
    }

    /// Bytes that a node reads first, and the step that makes them.
    pub(super) fn bytes(&self, node: &Node) -> Option<(Option<usize>, Value)> {
        let value = self.value(node, 0)?;
        let source = match value.place {
            Place::Input => None,
            Place::Layer(layer) => Some(layer),
            Place::Best { .. } => return None,
        };
        matches!(value.dtype, DType::U8 | DType::I8).then(|| (source, value.clone()))
    }

    /// Adds a layer, whose result has these dims.
    pub(super) fn layer(
        &mut self,
        source: Option<usize>,
        layer: Layer<'m>,
        dtype: DType,
        dims: Vec<usize>,
    ) -> Option<Value> {
        let count = element_count(&dims).filter(|&n| n <= MAX_ELEMENTS)?;
        self.results.push(match dtype {
            DType::I32 => Values::Words(vec![0; count]),
            _ => Values::Bytes(vec![0; count], dtype == DType::I8),
        });
        self.steps.push(Step { source, layer });
        Some(Value { place: Place::Layer(self.steps.len() - 1), dtype, dims })
    }

    fn node(&mut self, node: &'m Node) -> Option<()> {
        let read = node.inputs.iter().flatten().map(|&i| self.elements(i)).sum();
        self.limit.spend(&[read]).ok()?;
        let value = match &node.op {
            Op::MatMulInteger => self.product_integer(node)?,
            Op::MatMul => self.product(node, None, 0)?,
            Op::QGemm { .. } | Op::QLinearMatMul => self.quantised_product(node)?,
            Op::QLinearConv(attributes) => self.convolution(node, attributes)?,
            Op::MaxPool(attributes) => self.pool(node, attributes)?,
            Op::Reshape { .. } | Op::Flatten { .. } | Op::Squeeze | Op::Unsqueeze => self.reshaped(node)?,
            Op::Add => self.bias(node)?,
            Op::Relu => {
                let (value, layer) = self.only_use(node, 0)?;
                let Finish::Word { relu } = &mut self.rows(layer)?.finish else { return None };
                *relu = true;
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

    /// A product of bytes.
    fn product_integer(&mut self, node: &'m Node) -> Option<Value> {
        let x = self.value(node, 0)?.dtype;
        let args = self.arguments(node, None, 1)?;
        let weights = self.constant(node, 1)?;
        let zero = scalar_zero(&args, 2).ok()?;
        let zeros = zeros(&args, 3, *weights.dims().get(1)?).ok()?;
        if zeros.iter().any(|&z| z != zeros[0]) {
            return None;
        }
        let coding = Coding::of(weights.dtype(), *zeros.first()?);
        check_range(*weights.dims().first()?, (x, &[zero]), (weights.dtype(), &zeros), &[]).ok()?;
        self.product(node, Some((x, coding)), zero)
    }

    /// A product with constant weights: of the input's bytes, or of 32-bit results modulo 2^32.
    fn product(&mut self, node: &'m Node, bytes: Option<(DType, Coding)>, zero: i32) -> Option<Value> {
        let (a, b) = (self.value(node, 0)?, self.constant(node, 1)?);
        let (&[k, n], [lead @ .., depth]) = (b.dims(), a.dims.as_slice()) else { return None };
        if *depth != k || k * n == 0 || lead.is_empty() {
            return None;
        }
        let source = match (a.place, a.dtype, bytes) {
            (Place::Input, _, Some(_)) => None,
            (Place::Layer(layer), DType::U8 | DType::I8, Some(_)) => Some(layer),
            (Place::Layer(layer), DType::I32, None) => Some(layer),
            _ => return None,
        };
        let lead = lead.to_vec();
        self.limit.spend(&[element_count(&lead)?, k, n]).ok()?;
        let weights = match (bytes, b.dtype()) {
            (Some((_, coding)), _) => Weights::of(b.bytes()?.into(), coding, (k, n), self.engine),
            (None, DType::I32) => match b.tensor().data() {
                Data::I32(v) => Weights::I32(v.into()),
                _ => return None,
            },
            (None, _) => return None,
        };
        let dims = lead.into_iter().chain([n]).collect();
        let signed = matches!(bytes, Some((DType::I8, _)));
        let dense = Dense::new(weights, (k, n), (zero, signed), Finish::Word { relu: false });
        self.layer(source, Layer::Rows(dense), DType::I32, dims)
    }

    fn pool(&mut self, node: &Node, attributes: &WindowAttributes) -> Option<Value> {
        let (source, value) = self.bytes(node)?;
        let (planes, spatial) = value.dims.split_at_checked(2)?;
        if spatial.is_empty() {
            return None;
        }
        let pool = Pool::new(attributes, spatial, value.dtype == DType::I8)?;
        pool.spend(element_count(planes)?, &self.limit)?;
        let dims = planes.iter().chain(pool.output()).copied().collect();
        self.layer(source, Layer::Pool(pool), value.dtype, dims)
    }

    /// The same elements under other dims, which the operator itself works out.
    fn reshaped(&mut self, node: &'m Node) -> Option<Value> {
        let value = match self.value(node, 0)? {
            value if value.dtype == DType::I32 => self.only_use(node, 0)?.0,
            value => value.clone(),
        };
        // Memory that nothing touches: the operator moves it.
        let probe = Tensor::new(value.dims.clone(), Data::U8(vec![0; element_count(&value.dims)?]))?;
        let result = ops::run(node, self.arguments(node, Some(probe), usize::MAX)?, &mut Direct).ok()?;
        let dims = result.first()?.dims().to_vec();
        Some(Value { dims, ..value })
    }

    /// A constant added to each row; it wraps, so that several add up.
    fn bias(&mut self, node: &Node) -> Option<Value> {
        let at = if self.constant(node, 1).is_some() { 0 } else { 1 };
        let bias = self.constant(node, 1 - at)?;
        let (value, layer) = self.only_use(node, at)?;
        let dense = self.rows(layer)?;
        let (Data::I32(added), n) = (bias.tensor().data(), dense.columns()) else { return None };
        if !matches!(dense.finish, Finish::Word { relu: false })
            || added.len() != n
            || bias.dims().last() != Some(&n)
            || bias.dims().len() > value.dims.len()
        {
            return None;
        }
        dense.add(added, 1);
        Some(value)
    }

    fn rows(&mut self, layer: usize) -> Option<&mut Dense<'m>> {
        match &mut self.steps[layer].layer {
            Layer::Rows(dense) => Some(dense),
            _ => None,
        }
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
        let row = dims.pop()?;
        if keepdims {
            dims.push(1);
        }
        let place = Place::Best { layer: *layer, row, last };
        Some(Value { place, dtype: DType::I64, dims })
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
