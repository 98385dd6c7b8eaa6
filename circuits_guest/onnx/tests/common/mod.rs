//! Writes small ONNX files, field by field.

#![allow(dead_code)] // each test file uses its own part

use p2pnode_onnx::{DType, Data, Model, NamedTensor, Tensor};

pub fn varint(mut n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
    out
}

/// A length-delimited field.
pub fn bytes(number: u64, content: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

pub fn text(number: u64, content: &str) -> Vec<u8> {
    bytes(number, content.as_bytes())
}

pub fn int(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

pub fn value(name: &str, dtype: DType, dims: &[u64]) -> Vec<u8> {
    let shape: Vec<u8> = dims.iter().flat_map(|&d| bytes(1, &int(1, d))).collect();
    let tensor = [int(1, dtype as u64), bytes(2, &shape)].concat();
    [text(1, name), bytes(2, &bytes(1, &tensor))].concat()
}

pub fn constant(name: &str, tensor: &Tensor) -> Vec<u8> {
    let mut raw = Vec::new();
    tensor.data().extend_le_bytes(&mut raw);
    let dims: Vec<u8> = tensor.dims().iter().flat_map(|&d| int(1, d as u64)).collect();
    [dims, int(2, tensor.dtype() as u64), text(8, name), bytes(9, &raw)].concat()
}

pub fn node(op: &str, inputs: &[&str], outputs: &[&str], attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut out: Vec<u8> = inputs.iter().flat_map(|name| text(1, name)).collect();
    out.extend(outputs.iter().flat_map(|name| text(2, name)));
    out.extend(text(4, op));
    out.extend(attributes.iter().flat_map(|a| bytes(5, a)));
    out
}

pub fn int_attribute(name: &str, value: u64) -> Vec<u8> {
    [text(1, name), int(3, value), int(20, 2)].concat()
}

pub fn ints_attribute(name: &str, values: &[u64]) -> Vec<u8> {
    let packed: Vec<u8> = values.iter().flat_map(|&v| varint(v)).collect();
    [text(1, name), bytes(8, &packed), int(20, 7)].concat()
}

pub fn graph(nodes: &[Vec<u8>], constants: &[Vec<u8>], inputs: &[Vec<u8>], outputs: &[Vec<u8>]) -> Vec<u8> {
    let mut out: Vec<u8> = nodes.iter().flat_map(|n| bytes(1, n)).collect();
    out.extend(constants.iter().flat_map(|c| bytes(5, c)));
    out.extend(inputs.iter().flat_map(|i| bytes(11, i)));
    out.extend(outputs.iter().flat_map(|o| bytes(12, o)));
    out
}

pub fn model(graph: &[u8], opset: u64) -> Vec<u8> {
    [int(1, 8), bytes(7, graph), bytes(8, &int(2, opset))].concat()
}

pub fn tensor(dims: &[usize], data: Data) -> Tensor {
    Tensor::new(dims.to_vec(), data).expect("dims fit the data")
}

pub fn named(name: &str, dims: &[usize], data: Data) -> NamedTensor {
    NamedTensor { name: name.into(), tensor: tensor(dims, data) }
}

/// A quantised convolution, pooling, a dense layer and a float head: most code paths in little space.
pub fn classifier() -> Vec<u8> {
    let scale = |x: f32| tensor(&[], Data::F32(vec![x]));
    let zero = |x: u8| tensor(&[], Data::U8(vec![x]));
    let nodes = [
        node("QuantizeLinear", &["x", "xs", "xz"], &["q"], &[]),
        node(
            "QLinearConv",
            &["q", "xs", "xz", "w", "ws", "wz", "hs", "hz", "b"],
            &["h"],
            &[ints_attribute("pads", &[1, 1, 1, 1])],
        ),
        node("MaxPool", &["h"], &["p"], &[ints_attribute("kernel_shape", &[2, 2])]),
        node("Flatten", &["p"], &["f"], &[int_attribute("axis", 1)]),
        node("MatMulInteger", &["f", "v", "hz"], &["i"], &[]),
        node("Cast", &["i"], &["c"], &[int_attribute("to", DType::F32 as u64)]),
        node("Softmax", &["c"], &["y"], &[int_attribute("axis", 1)]),
    ];
    let constants = [
        constant("xs", &scale(0.05)),
        constant("xz", &zero(3)),
        constant("w", &tensor(&[2, 1, 2, 2], Data::I8(vec![1, -2, 3, -4, 5, 6, -7, 8]))),
        constant("ws", &tensor(&[2], Data::F32(vec![0.1, 0.2]))),
        constant("wz", &tensor(&[2], Data::I8(vec![0, 0]))),
        constant("hs", &scale(0.3)),
        constant("hz", &zero(10)),
        constant("b", &tensor(&[2], Data::I32(vec![100, -50]))),
        constant("v", &tensor(&[8, 2], Data::I8((0..16).map(|i| i * 5 - 40).collect()))),
    ];
    let inputs = [value("x", DType::F32, &[1, 1, 2, 2])];
    let outputs = [value("y", DType::F32, &[1, 2])];
    model(&graph(&nodes, &constants, &inputs, &outputs), 17)
}

pub fn classifier_input() -> Vec<NamedTensor> {
    vec![named("x", &[1, 1, 2, 2], Data::F32(vec![0.5, -1.0, 2.0, 3.0]))]
}

/// A model that outlives the test: it reads constants where the file lies.
pub fn parsed(file: Vec<u8>) -> Model<'static> {
    Model::parse(Box::leak(file.into_boxed_slice())).unwrap()
}
