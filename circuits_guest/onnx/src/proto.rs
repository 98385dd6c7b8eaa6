//! The messages of `onnx.proto` (IR version 14), borrowed from the file's bytes.
//!
//! Field numbers are those of the published schema. A field that is not known, or that changes what
//! the model means and is not run (functions, sparse tensors, training), refuses the file: an
//! interpreter that skips what it does not know would prove another model than the file describes.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::tensor_proto::TensorProto;
use crate::wire::{Fields, Value, WireResult};

#[derive(Default)]
pub(crate) struct ModelProto<'a> {
    pub ir_version: i64,
    pub opsets: Vec<(&'a str, i64)>,
    pub graph: Option<GraphProto<'a>>,
}

#[derive(Default)]
pub(crate) struct GraphProto<'a> {
    pub nodes: Vec<NodeProto<'a>>,
    pub initializers: Vec<TensorProto<'a>>,
    pub inputs: Vec<ValueInfoProto<'a>>,
    pub outputs: Vec<ValueInfoProto<'a>>,
}

#[derive(Default)]
pub(crate) struct NodeProto<'a> {
    pub name: &'a str,
    pub op_type: &'a str,
    pub domain: &'a str,
    pub inputs: Vec<&'a str>,
    pub outputs: Vec<&'a str>,
    pub attributes: Vec<AttributeProto<'a>>,
}

pub(crate) struct AttributeProto<'a> {
    pub name: &'a str,
    pub value: AttributeValue<'a>,
}

pub(crate) enum AttributeValue<'a> {
    Float(f32),
    Int(i64),
    Text(&'a [u8]),
    Tensor(TensorProto<'a>),
    Floats(Vec<f32>),
    Ints(Vec<i64>),
    Texts(Vec<&'a [u8]>),
    /// Graphs, sparse tensors, lists of tensors: no operator here takes one.
    Other,
}

#[derive(Default)]
pub(crate) struct ValueInfoProto<'a> {
    pub name: &'a str,
    pub elem_type: i64,
    /// `None` where the model gives no shape at all.
    pub shape: Option<Vec<DimProto<'a>>>,
}

pub(crate) enum DimProto<'a> {
    Fixed(i64),
    Symbol(&'a str),
}

fn unknown<T>(message: &str, field: u32) -> WireResult<T> {
    Err(format!("{message}: field {field} is not known"))
}

fn refused<T>(message: &str, what: &str) -> WireResult<T> {
    Err(format!("{message}: {what} are not supported"))
}

/// Sets a field that may be there once. Protobuf merges or overwrites repeats, and readers that
/// disagree on that would see two models in one file.
pub(crate) fn once<T>(slot: &mut Option<T>, value: T, what: &str) -> WireResult<()> {
    match slot.replace(value) {
        Some(_) => Err(format!("{what} is given twice")),
        None => Ok(()),
    }
}

pub(crate) fn model(bytes: &[u8]) -> WireResult<ModelProto<'_>> {
    let mut out = ModelProto::default();
    let mut ir_version = None;
    let mut fields = Fields::new(bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => once(&mut ir_version, value.int()?, "ir_version")?,
            // Producer, domain, versions, documentation, metadata, device placement: no meaning for a run.
            2 | 3 | 4 | 6 | 14 | 26 => drop(value.bytes()?),
            5 => drop(value.int()?),
            7 => once(&mut out.graph, graph(value.bytes()?)?, "graph")?,
            8 => out.opsets.push(opset(value.bytes()?)?),
            20 => return refused("model", "training graphs"),
            25 => return refused("model", "functions"),
            other => return unknown("model", other),
        }
    }
    out.ir_version = ir_version.unwrap_or(0);
    Ok(out)
}

fn opset(bytes: &[u8]) -> WireResult<(&str, i64)> {
    let (mut domain, mut version) = (None, None);
    let mut fields = Fields::new(bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => once(&mut domain, value.text()?, "opset domain")?,
            2 => once(&mut version, value.int()?, "opset version")?,
            other => return unknown("opset import", other),
        }
    }
    Ok((domain.unwrap_or(""), version.unwrap_or(0)))
}

fn graph(bytes: &[u8]) -> WireResult<GraphProto<'_>> {
    let mut out = GraphProto::default();
    let mut fields = Fields::new(bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => out.nodes.push(node(value.bytes()?)?),
            5 => out.initializers.push(TensorProto::read(value.bytes()?)?),
            11 => out.inputs.push(value_info(value.bytes()?)?),
            12 => out.outputs.push(value_info(value.bytes()?)?),
            // Name, documentation, shapes of inner values, quantisation notes, metadata.
            2 | 10 | 13 | 14 | 16 => drop(value.bytes()?),
            15 => return refused("graph", "sparse initialisers"),
            other => return unknown("graph", other),
        }
    }
    Ok(out)
}

fn node(bytes: &[u8]) -> WireResult<NodeProto<'_>> {
    let mut out = NodeProto::default();
    let (mut name, mut op_type, mut domain) = (None, None, None);
    let mut fields = Fields::new(bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => out.inputs.push(value.text()?),
            2 => out.outputs.push(value.text()?),
            3 => once(&mut name, value.text()?, "node name")?,
            4 => once(&mut op_type, value.text()?, "op_type")?,
            5 => out.attributes.push(attribute(value.bytes()?)?),
            6 | 9 | 10 => drop(value.bytes()?),
            7 => once(&mut domain, value.text()?, "node domain")?,
            8 if value.bytes()?.is_empty() => {}
            8 => return refused("node", "overloads"),
            other => return unknown("node", other),
        }
    }
    out.name = name.unwrap_or("");
    out.op_type = op_type.ok_or("a node has no op_type")?;
    // The default operator set has two spellings.
    out.domain = domain.filter(|&d| d != "ai.onnx").unwrap_or("");
    Ok(out)
}

fn attribute(bytes: &[u8]) -> WireResult<AttributeProto<'_>> {
    let (mut name, mut kind, mut scalar) = (None, None, None);
    let (mut floats, mut ints, mut texts, mut other) = (Vec::new(), Vec::new(), Vec::new(), false);
    let mut fields = Fields::new(bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => once(&mut name, value.text()?, "attribute name")?,
            2 => once(&mut scalar, AttributeValue::Float(value.float()?), "attribute value")?,
            3 => once(&mut scalar, AttributeValue::Int(value.int()?), "attribute value")?,
            4 => once(&mut scalar, AttributeValue::Text(value.bytes()?), "attribute value")?,
            5 => {
                let tensor = TensorProto::read(value.bytes()?)?;
                once(&mut scalar, AttributeValue::Tensor(tensor), "attribute value")?;
            }
            7 => value.push_floats(&mut floats)?,
            8 => value.push_ints(&mut ints)?,
            9 => texts.push(value.bytes()?),
            6 | 10 | 11 | 14 | 15 | 22 | 23 => {
                value.bytes()?;
                other = true;
            }
            13 => drop(value.bytes()?),
            20 => once(&mut kind, value.int()?, "attribute type")?,
            21 if value.bytes()?.is_empty() => {}
            21 => return refused("attribute", "references"),
            field => return unknown("attribute", field),
        }
    }
    let name = name.ok_or("an attribute has no name")?;
    // proto3 leaves zeros and empty lists out, so the type says what an absent field stands for.
    let lists_empty = floats.is_empty() && ints.is_empty() && texts.is_empty();
    let value = match (kind.unwrap_or(0), scalar) {
        (1, Some(v @ AttributeValue::Float(_))) if lists_empty => v,
        (2, Some(v @ AttributeValue::Int(_))) if lists_empty => v,
        (3, Some(v @ AttributeValue::Text(_))) if lists_empty => v,
        (4, Some(v @ AttributeValue::Tensor(_))) if lists_empty => v,
        (1, None) if lists_empty => AttributeValue::Float(0.0),
        (2, None) if lists_empty => AttributeValue::Int(0),
        (3, None) if lists_empty => AttributeValue::Text(b""),
        (6, None) if ints.is_empty() && texts.is_empty() => AttributeValue::Floats(floats),
        (7, None) if floats.is_empty() && texts.is_empty() => AttributeValue::Ints(ints),
        (8, None) if floats.is_empty() && ints.is_empty() => AttributeValue::Texts(texts),
        (5 | 9..=14, _) => AttributeValue::Other,
        (kind, _) => return Err(format!("attribute {name:?} does not hold a value of its type {kind}")),
    };
    let value = if other { AttributeValue::Other } else { value };
    Ok(AttributeProto { name, value })
}

fn value_info(bytes: &[u8]) -> WireResult<ValueInfoProto<'_>> {
    let mut out = ValueInfoProto::default();
    let (mut name, mut kind) = (None, None);
    let mut fields = Fields::new(bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => once(&mut name, value.text()?, "value name")?,
            2 => once(&mut kind, value.bytes()?, "value type")?,
            3 | 4 => drop(value.bytes()?),
            other => return unknown("value", other),
        }
    }
    out.name = name.ok_or("an input or output has no name")?;
    if let Some(kind) = kind {
        type_proto(kind, &mut out)?;
    }
    Ok(out)
}

fn type_proto<'a>(bytes: &'a [u8], out: &mut ValueInfoProto<'a>) -> WireResult<()> {
    let mut fields = Fields::new(bytes);
    let mut tensor = None;
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => once(&mut tensor, value.bytes()?, "tensor type")?,
            6 => drop(value.bytes()?),
            // A sequence, map or the like: nothing gives or takes it, so the graph is refused by what would.
            4 | 5 | 8 | 9 => drop(value.bytes()?),
            other => return unknown("type", other),
        }
    }
    let mut fields = Fields::new(tensor.unwrap_or(&[]));
    let mut shape = None;
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, value) => out.elem_type = value.int()?,
            (2, value) => once(&mut shape, value.bytes()?, "shape")?,
            (other, _) => return unknown("tensor type", other),
        }
    }
    out.shape = shape.map(shape_proto).transpose()?;
    Ok(())
}

fn shape_proto(bytes: &[u8]) -> WireResult<Vec<DimProto<'_>>> {
    let mut dims = Vec::new();
    let mut fields = Fields::new(bytes);
    while let Some((number, value)) = fields.next()? {
        let dim: Value<'_> = match number {
            1 => value,
            other => return unknown("shape", other),
        };
        let mut inner = Fields::new(dim.bytes()?);
        let mut parsed = DimProto::Symbol("");
        while let Some((number, value)) = inner.next()? {
            match number {
                1 => parsed = DimProto::Fixed(value.int()?),
                2 => parsed = DimProto::Symbol(value.text()?),
                3 => drop(value.bytes()?),
                other => return unknown("dimension", other),
            }
        }
        dims.push(parsed);
    }
    Ok(dims)
}

/// Names the tensor in an error about it.
pub(crate) fn about(name: &str, reason: &str) -> String {
    format!("tensor {name:?}: {reason}")
}
