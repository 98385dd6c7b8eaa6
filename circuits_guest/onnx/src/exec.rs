//! One run of a model: checks the inputs, then computes node after node.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::constant::Constant;
use crate::encoding::MAX_RANK;
use crate::engine::{Direct, Engine};
use crate::error::{Error, Problem};
use crate::model::{Dim, Model, ValueInfo};
use crate::ops::steps::Steps;
use crate::ops::{self, Args};
use crate::packed::Packed;
use crate::tensor::{Data, NamedTensor, Tensor, MAX_ELEMENTS};

/// Most elements that all nodes of one run may produce together, however a graph repeats itself.
pub(crate) const MAX_RUN_ELEMENTS: usize = 8 * MAX_ELEMENTS;

impl Model<'_> {
    /// Runs the model on its inputs, given in any order, and returns its outputs in graph order.
    ///
    /// Float inputs must be finite, and no output may be NaN: its bits differ between processors.
    pub fn run(&self, inputs: &[NamedTensor]) -> Result<Vec<NamedTensor>, Error> {
        self.run_by(inputs, &[], &mut Direct)
    }

    /// As [`Model::run`], with an engine for the products that it takes, and the weights that were packed
    /// for it: none, or an entry a node.
    pub(crate) fn run_by(
        &self,
        inputs: &[NamedTensor],
        packed: &[Option<Packed>],
        engine: &mut dyn Engine,
    ) -> Result<Vec<NamedTensor>, Error> {
        let mut values = self.bind(inputs)?;
        let mut uses = self.uses();
        let (mut budget, steps) = (MAX_RUN_ELEMENTS, Steps::of_a_run());
        for (i, node) in self.nodes.iter().enumerate() {
            let fail = |reason: String| {
                let (op, opset) = (node.op_name.clone(), node.opset);
                Error::Run(Problem { node: node.name.clone(), op, opset, reason })
            };
            node.inputs.iter().flatten().for_each(|&i| uses[i] -= 1);
            // A value moves into its last node, so that reshaping it copies nothing.
            let movable =
                |i: usize| uses[i] == 0 && node.inputs.iter().filter(|&&j| j == Some(i)).count() == 1;
            let mut moved: Vec<Option<Cow<'_, Tensor>>> = node
                .inputs
                .iter()
                .map(|input| input.filter(|&i| movable(i)).and_then(|i| values[i].take()))
                .collect();
            let mut arguments = Vec::with_capacity(node.inputs.len());
            for (input, moved) in node.inputs.iter().zip(&mut moved) {
                arguments.push(match (*input, moved.take()) {
                    (Some(_), Some(value)) => Some(value),
                    (Some(i), None) => {
                        let value = values[i].as_deref().or(self.constants[i].as_ref().map(Constant::tensor));
                        Some(Cow::Borrowed(value.ok_or_else(|| fail("an input was not computed".into()))?))
                    }
                    (None, _) => None,
                });
            }
            // An operator may read all of a large operand for a small result.
            let mut read = arguments.iter().flatten().map(|tensor| tensor.data().len());
            read.try_for_each(|elements| steps.spend(&[elements])).map_err(fail)?;
            let args = Args::new(arguments, packed.get(i).and_then(Option::as_ref)).within(&steps);
            let results = ops::run(node, args, engine).map_err(fail)?;
            for (&index, result) in node.outputs.iter().zip(results) {
                budget = budget
                    .checked_sub(result.data().len())
                    .ok_or_else(|| fail(format!("the run computes more than {MAX_RUN_ELEMENTS} elements")))?;
                values[index] = Some(Cow::Owned(result));
            }
        }
        self.collect(values)
    }

    /// How often each value is read, graph outputs included.
    pub(crate) fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.constants.len()];
        let reads = self.nodes.iter().flat_map(|n| n.inputs.iter().flatten());
        reads.chain(&self.output_values).for_each(|&i| uses[i] += 1);
        uses
    }

    fn bind<'a>(&self, inputs: &'a [NamedTensor]) -> Result<Vec<Option<Cow<'a, Tensor>>>, Error> {
        if inputs.len() != self.inputs.len() {
            let (given, wanted) = (inputs.len(), self.inputs.len());
            return Err(Error::Input(format!("{given} tensors given, the model takes {wanted}")));
        }
        let mut values = vec![None; self.constants.len()];
        for (info, &index) in self.inputs.iter().zip(&self.input_values) {
            let Some(given) = inputs.iter().find(|t| t.name == info.name) else {
                return Err(Error::Input(format!("{:?} is missing", info.name)));
            };
            check_input(info, &given.tensor)?;
            values[index] = Some(Cow::Borrowed(&given.tensor));
        }
        Ok(values)
    }

    fn collect(&self, mut values: Vec<Option<Cow<'_, Tensor>>>) -> Result<Vec<NamedTensor>, Error> {
        let mut outputs = Vec::with_capacity(self.outputs.len());
        for (info, &index) in self.outputs.iter().zip(&self.output_values) {
            let tensor = match values[index].take() {
                Some(value) => value.into_owned(),
                None => self.constants[index].as_ref().ok_or_else(|| missing(info))?.tensor().clone(),
            };
            if !shape_fits(info, tensor.dims()) {
                let reason =
                    format!("output {:?} has dims {:?}, not those declared", info.name, tensor.dims());
                return Err(Error::Input(reason));
            }
            if tensor.dims().len() > MAX_RANK {
                let reason = format!("output {:?} has more than {MAX_RANK} dimensions", info.name);
                return Err(Error::Input(reason));
            }
            if matches!(tensor.data(), Data::F32(v) if v.iter().any(|x| x.is_nan())) {
                return Err(Error::Input(format!("output {:?} holds NaN for these inputs", info.name)));
            }
            outputs.push(NamedTensor { name: info.name.clone(), tensor });
        }
        Ok(outputs)
    }
}

fn missing(info: &ValueInfo) -> Error {
    Error::Input(format!("output {:?} was not computed", info.name))
}

fn check_input(info: &ValueInfo, tensor: &Tensor) -> Result<(), Error> {
    let fail = |reason: String| Err(Error::Input(format!("{:?} {reason}", info.name)));
    if tensor.dtype() != info.dtype {
        return fail(format!("has type {}, the model takes {}", tensor.dtype(), info.dtype));
    }
    if tensor.data().is_empty() {
        return fail(format!("has no elements (dims {:?})", tensor.dims()));
    }
    if !shape_fits(info, tensor.dims()) {
        let wanted = info.shape.as_deref().unwrap_or(&[]);
        return fail(format!("has dims {:?}, the model takes {wanted:?}", tensor.dims()));
    }
    if matches!(tensor.data(), Data::F32(v) if v.iter().any(|x| !x.is_finite())) {
        return fail("holds NaN or infinity".into());
    }
    Ok(())
}

pub(crate) fn shape_fits(info: &ValueInfo, dims: &[usize]) -> bool {
    let Some(shape) = &info.shape else { return true };
    let fits = |(dim, &n): (&Dim, &usize)| match dim {
        Dim::Fixed(size) => *size == n,
        Dim::Symbol(_) => true,
    };
    shape.len() == dims.len() && shape.iter().zip(dims).all(fits)
}
