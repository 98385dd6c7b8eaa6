//! A parsed model: checked once, then run any number of times.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::attributes::Attributes;
use crate::build::Op;
use crate::constant::Constant;
use crate::encoding::{MAX_NAME, MAX_TENSORS};
use crate::error::{Error, Problem};
use crate::infer::infer;
use crate::proto::{self, DimProto, GraphProto, NodeProto, ValueInfoProto};
use crate::registry::{find, MAX_OPSET, MIN_OPSET};
use crate::spec::ml::remedy;
use crate::tensor::{DType, MAX_ELEMENTS};

/// One dimension of an input or output.
#[derive(Clone, PartialEq, Eq)]
pub enum Dim {
    Fixed(usize),
    /// Any size of at least one; the name is empty where the file gives none.
    Symbol(String),
}

impl fmt::Debug for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dim::Fixed(size) => write!(f, "{size}"),
            Dim::Symbol(name) if name.is_empty() => f.write_str("?"),
            Dim::Symbol(name) => f.write_str(name),
        }
    }
}

/// An input or output of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueInfo {
    pub name: String,
    pub dtype: DType,
    /// `None` where the file leaves the shape open.
    pub shape: Option<Vec<Dim>>,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub name: String,
    pub op_name: String,
    pub opset: u32,
    pub op: Op,
    /// Indices of values, `None` for an optional input that is left out.
    pub inputs: Vec<Option<usize>>,
    pub outputs: Vec<usize>,
}

/// A model that runs exactly, with its constants, some of which are read where they lie in the file.
#[derive(Debug)]
pub struct Model<'a> {
    pub(crate) inputs: Vec<ValueInfo>,
    pub(crate) outputs: Vec<ValueInfo>,
    pub(crate) input_values: Vec<usize>,
    pub(crate) output_values: Vec<usize>,
    /// One slot a value, set for constants.
    pub(crate) constants: Vec<Option<Constant<'a>>>,
    pub(crate) nodes: Vec<Node>,
}

impl<'a> Model<'a> {
    /// Reads an ONNX file and refuses it unless every node of it can be run exactly.
    pub fn parse(onnx: &'a [u8]) -> Result<Model<'a>, Error> {
        let file = proto::model(onnx).map_err(Error::Malformed)?;
        let graph = file.graph.ok_or_else(|| malformed("it holds no graph"))?;
        if !(3..=14).contains(&file.ir_version) {
            return Err(malformed(&format!("IR version {} is not between 3 and 14", file.ir_version)));
        }
        let mut parser = Parser::default();
        for (domain, version) in file.opsets {
            let domain = if domain == "ai.onnx" { "" } else { domain };
            let version =
                u32::try_from(version).map_err(|_| malformed("an opset version is out of range"))?;
            if domain.is_empty() && !(MIN_OPSET..=MAX_OPSET).contains(&version) {
                let range = format!("opset {version} is not between {MIN_OPSET} and {MAX_OPSET}");
                return Err(malformed(&range));
            }
            // Exporters repeat an import; two versions would leave the meaning of nodes open.
            if parser.opsets.insert(domain, version).is_some_and(|other| other != version) {
                return Err(malformed(&format!("operator set {domain:?} is imported in two versions")));
            }
        }
        parser.graph(graph)
    }

    /// Inputs that a run needs, in graph order: constants are not among them.
    pub fn inputs(&self) -> &[ValueInfo] {
        &self.inputs
    }

    pub fn outputs(&self) -> &[ValueInfo] {
        &self.outputs
    }
}

fn malformed(reason: &str) -> Error {
    Error::Malformed(reason.to_string())
}

/// A name, ordered first by its length and end: names of one file tend to begin alike, and to compare them
/// byte by byte would be a good part of reading a small model.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Name<'a>(u32, &'a str);

impl Name<'_> {
    fn of(name: &str) -> Name<'_> {
        let end = name.bytes().rev().take(3).fold(name.len() as u32, |key, byte| key << 8 | u32::from(byte));
        Name(end, name)
    }
}

#[derive(Default)]
struct Parser<'a> {
    opsets: BTreeMap<&'a str, u32>,
    values: BTreeMap<Name<'a>, usize>,
    /// Type of each value, `None` after a node that is refused already.
    types: Vec<Option<DType>>,
    constants: Vec<Option<Constant<'a>>>,
    nodes: Vec<Node>,
    problems: Vec<Problem>,
}

impl<'a> Parser<'a> {
    fn define(
        &mut self,
        name: &'a str,
        dtype: Option<DType>,
        constant: Option<Constant<'a>>,
    ) -> Result<usize, Error> {
        if name.is_empty() {
            return Err(malformed("a value has no name"));
        }
        let index = self.types.len();
        if self.values.insert(Name::of(name), index).is_some() {
            return Err(malformed(&format!("value {name:?} is defined twice")));
        }
        Ok(self.slot(dtype, constant))
    }

    /// A place for a value, with no name.
    fn slot(&mut self, dtype: Option<DType>, constant: Option<Constant<'a>>) -> usize {
        self.types.push(dtype);
        self.constants.push(constant);
        self.types.len() - 1
    }

    fn graph(mut self, graph: GraphProto<'a>) -> Result<Model<'a>, Error> {
        for initializer in &graph.initializers {
            let constant = initializer.constant().map_err(Error::Malformed)?;
            self.define(initializer.name, Some(constant.dtype()), Some(constant))?;
        }
        let (mut inputs, mut input_values) = (Vec::new(), Vec::new());
        for input in &graph.inputs {
            let info = value_info(input)?;
            // Files before IR version 4 list constants among the inputs: they stay constants.
            match self.values.get(&Name::of(input.name)).and_then(|&i| self.constants[i].as_ref()) {
                Some(constant) if constant.dtype() == info.dtype => {}
                Some(_) => return Err(malformed(&format!("input {:?} and its constant differ", input.name))),
                None => {
                    input_values.push(self.define(input.name, Some(info.dtype), None)?);
                    inputs.push(info);
                }
            }
        }
        for node in &graph.nodes {
            self.node(node)?;
        }
        if !self.problems.is_empty() {
            return Err(Error::Unsupported(self.problems));
        }
        let (mut outputs, mut output_values) = (Vec::<ValueInfo>::new(), Vec::new());
        for output in &graph.outputs {
            let info = value_info(output)?;
            let Some(&index) = self.values.get(&Name::of(output.name)) else {
                return Err(malformed(&format!("output {:?} is computed by no node", output.name)));
            };
            if self.types[index] != Some(info.dtype) {
                return Err(malformed(&format!("output {:?} is declared as {}", output.name, info.dtype)));
            }
            if outputs.iter().any(|o| o.name == info.name) {
                return Err(malformed(&format!("output {:?} is listed twice", output.name)));
            }
            if info.name.len() > MAX_NAME {
                return Err(malformed(&format!("an output's name has more than {MAX_NAME} bytes")));
            }
            outputs.push(info);
            output_values.push(index);
        }
        if !(1..=MAX_TENSORS).contains(&outputs.len()) {
            let count = outputs.len();
            return Err(malformed(&format!("the graph has {count} outputs, not 1 to {MAX_TENSORS}")));
        }
        let Parser { constants, nodes, .. } = self;
        Ok(Model { inputs, outputs, input_values, output_values, constants, nodes })
    }

    fn node(&mut self, node: &NodeProto<'a>) -> Result<(), Error> {
        let first_output = node.outputs.iter().copied().find(|name| !name.is_empty()).unwrap_or("");
        let problem = Problem {
            node: if node.name.is_empty() { first_output } else { node.name }.to_string(),
            op: match node.domain {
                "" => node.op_type.to_string(),
                domain => format!("{domain}.{}", node.op_type),
            },
            opset: self.opsets.get(node.domain).copied().unwrap_or(0),
            reason: String::new(),
        };
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for &name in &node.inputs {
            inputs.push(match (name, self.values.get(&Name::of(name))) {
                ("", _) => None,
                (_, Some(&index)) => Some(index),
                // ONNX graphs are sorted, so this is also what a cycle looks like.
                (_, None) => {
                    let why =
                        format!("node {:?} reads {name:?}, which nothing before it defines", problem.node);
                    return Err(malformed(&why));
                }
            });
        }
        let mut refuse = |reason: String| self.problems.push(Problem { reason, ..problem.clone() });
        let mut built = None;
        match find(node.domain, node.op_type) {
            None => refuse(remedy(node.domain, node.op_type).to_string()),
            Some(row) if !(row.min_opset..=row.max_opset).contains(&problem.opset) => {
                refuse(format!("supported in opsets {} to {}", row.min_opset, row.max_opset));
            }
            Some(row) => {
                if !(row.inputs.0..=row.inputs.1).contains(&inputs.len()) {
                    refuse(format!("it has {} inputs", inputs.len()));
                }
                let (least, most) = row.outputs;
                if !(least..=most).contains(&node.outputs.len()) {
                    refuse(format!("{} outputs are used, {most} supported", node.outputs.len()));
                }
                match Attributes::new(&node.attributes, problem.opset).read(row.read) {
                    Ok(op) => built = Some(op),
                    Err(reasons) => reasons.into_iter().for_each(&mut refuse),
                }
            }
        }
        let types: Vec<Option<DType>> = inputs.iter().map(|i| i.and_then(|i| self.types[i])).collect();
        // Behind a refused node types are unknown: saying so again for each node would hide the cause.
        let known = inputs.iter().zip(&types).all(|(i, t)| i.is_none() || t.is_some());
        let inferred = match &built {
            Some(op) if known => infer(op, &types, node.outputs.len()).map_err(&mut refuse).ok(),
            _ => None,
        };
        let constant = match &mut built {
            Some(Op::Constant(tensor)) => Some(tensor.clone()),
            _ => None,
        };
        let mut outputs = Vec::with_capacity(node.outputs.len());
        for (i, name) in node.outputs.iter().enumerate() {
            let dtype = inferred.as_ref().and_then(|types| types.get(i).copied());
            outputs.push(match *name {
                // An optional output that is left out is computed all the same, and read by nothing.
                "" => self.slot(dtype, None),
                name => self.define(name, dtype, constant.clone().map(Constant::from))?,
            });
        }
        if let (Some(op), None) = (built, constant) {
            let Problem { node: name, op: op_name, opset, .. } = problem;
            self.nodes.push(Node { name, op_name, opset, op, inputs, outputs });
        }
        Ok(())
    }
}

fn value_info(value: &ValueInfoProto<'_>) -> Result<ValueInfo, Error> {
    let name = value.name;
    let dtype = u32::try_from(value.elem_type).ok().and_then(DType::from_onnx);
    let dtype = dtype.ok_or_else(|| {
        let what = match value.elem_type {
            0 => "no dense tensor",
            8 => "a tensor of texts, which must be made integers outside of the model",
            11 => "a tensor of float64, export the model in float32",
            other => return malformed(&format!("value {name:?}: element type {other} is not supported")),
        };
        malformed(&format!("value {name:?} is {what}"))
    })?;
    let dim = |dim: &DimProto<'_>| match dim {
        DimProto::Symbol(name) => Ok(Dim::Symbol(name.to_string())),
        &DimProto::Fixed(n) if n >= 0 && n <= MAX_ELEMENTS as i64 => Ok(Dim::Fixed(n as usize)),
        DimProto::Fixed(n) => Err(malformed(&format!("value {name:?}: dimension {n} is out of range"))),
    };
    let shape = value.shape.as_ref().map(|dims| dims.iter().map(dim).collect()).transpose()?;
    Ok(ValueInfo { name: name.to_string(), dtype, shape })
}
