//! Every operator on operands and attributes that no sensible model has: it must refuse them or answer.

mod common;

use std::panic::catch_unwind;

use common::*;
use p2pnode_onnx::{operators, DType, Data, Model, OperatorSupport, Tensor};

const ROUNDS: usize = 1000;

/// Attributes of some operator.
const KNOWN: [&str; 41] = [
    "axis",
    "alpha",
    "beta",
    "bias",
    "epsilon",
    "lambd",
    "keepdims",
    "select_last_index",
    "p",
    "size",
    "group",
    "num_groups",
    "blocksize",
    "batch_dims",
    "start",
    "end",
    "num_outputs",
    "fmod",
    "to",
    "noop_with_empty_axes",
    "axes",
    "pads",
    "strides",
    "dilations",
    "kernel_shape",
    "output_padding",
    "output_shape",
    "perm",
    "mode",
    "nearest_mode",
    "coordinate_transformation_mode",
    "allowzero",
    "keep_aspect_ratio_policy",
    "auto_pad",
    "reduction",
    "ceil_mode",
    "count_include_pad",
    "transA",
    "equation",
    "antialias",
    "exclude_outside",
];

struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 8) as usize % n
    }

    fn one<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn dims(&mut self) -> Vec<usize> {
        let shapes: [&[usize]; 20] = [
            &[],
            &[1],
            &[2],
            &[3],
            &[4],
            &[0],
            &[1, 1],
            &[2, 3],
            &[3, 2],
            &[4, 4],
            &[0, 3],
            &[1 << 24, 0],
            &[2, 3, 4],
            &[2, 0, 2],
            &[1, 4, 5],
            &[1, 4, 2, 2],
            &[4, 1, 2, 2],
            &[2, 2, 1, 3],
            &[1, 1, 1, 2, 2],
            &[1; 9],
        ];
        self.one(&shapes).to_vec()
    }

    /// Dims that often go together with these: the same, one of them, or those of weights for them.
    fn beside(&mut self, dims: &[usize]) -> Vec<usize> {
        match self.below(6) {
            0 | 1 => dims.to_vec(),
            2 => dims.get(1).copied().into_iter().collect(),
            3 if dims.len() > 1 => {
                [&[dims[1], self.below(3)], &vec![1 + self.below(2); dims.len() - 2][..]].concat()
            }
            4 => Vec::new(),
            _ => self.dims(),
        }
    }

    /// Mostly small, sometimes at the ends of a range.
    fn int(&mut self) -> i64 {
        match self.below(6) {
            0 => self.one(&[i64::MIN, i64::MAX, i64::MIN + 1, -1 << 31, 1 << 31, 1 << 32, 1 << 24, -1 << 24]),
            _ => self.below(8) as i64 - 3,
        }
    }

    fn float(&mut self) -> f32 {
        match self.below(6) {
            0 => self.one(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, f32::MAX, f32::MIN, 1e-45]),
            _ => (self.below(17) as f32 - 8.0) / 4.0,
        }
    }

    fn operand(&mut self, dtype: DType, dims: Vec<usize>) -> Tensor {
        let n = dims.iter().product();
        let data = match dtype {
            DType::F32 => Data::F32((0..n).map(|_| self.float()).collect()),
            DType::U8 => Data::U8((0..n).map(|_| self.int() as u8).collect()),
            DType::I8 => Data::I8((0..n).map(|_| self.int() as i8).collect()),
            DType::I32 => Data::I32((0..n).map(|_| self.int() as i32).collect()),
            DType::I64 => Data::I64((0..n).map(|_| self.int()).collect()),
            _ => Data::Bool((0..n).map(|_| self.below(2) as u8).collect()),
        };
        tensor(&dims, data)
    }

    fn attribute(&mut self, name: &str) -> Vec<u8> {
        match name {
            "alpha" | "beta" | "bias" | "epsilon" | "lambd" => {
                let value = self.float().to_le_bytes();
                [text(1, name), [&[0x15][..], &value].concat(), int(20, 1)].concat()
            }
            "equation" => {
                let known =
                    ["ij,jk->ik", "...i->...", "ii->i", "i,j", "...ij,...jk", "->", "...", "ij,ij,j->"];
                [text(1, name), text(4, self.one(&known)), int(20, 3)].concat()
            }
            "mode"
            | "nearest_mode"
            | "coordinate_transformation_mode"
            | "keep_aspect_ratio_policy"
            | "auto_pad"
            | "reduction" => {
                let known = [
                    "linear",
                    "nearest",
                    "floor",
                    "ceil",
                    "round_prefer_ceil",
                    "asymmetric",
                    "align_corners",
                    "pytorch_half_pixel",
                    "half_pixel_symmetric",
                    "not_larger",
                    "not_smaller",
                    "SAME_UPPER",
                    "SAME_LOWER",
                    "VALID",
                    "add",
                    "mul",
                    "max",
                    "min",
                    "edge",
                    "reflect",
                    "wrap",
                    "CRD",
                    "",
                ];
                [text(1, name), text(4, self.one(&known)), int(20, 3)].concat()
            }
            "axes" | "pads" | "strides" | "dilations" | "kernel_shape" | "output_padding"
            | "output_shape" | "perm" => {
                let length = self.below(5);
                let small = name == "kernel_shape" || self.below(3) > 0;
                let values = (0..length).map(|_| if small { 1 + self.below(2) as i64 } else { self.int() });
                ints_attribute(name, &values.map(|v| v as u64).collect::<Vec<u64>>())
            }
            _ => int_attribute(name, self.int() as u64),
        }
    }

    /// A model of one node on constants alone.
    fn file(&mut self, row: &OperatorSupport, known: &[&str]) -> Vec<u8> {
        let types =
            [DType::F32, DType::F32, DType::F32, DType::I64, DType::I32, DType::U8, DType::I8, DType::Bool];
        let (first, dims) = (self.one(&types), self.dims());
        let (least, most) = row.inputs;
        let count = least + self.below(most.min(least + 3) - least + 1);
        let mut constants = Vec::new();
        let mut names = Vec::new();
        for i in 0..count {
            let dtype = match (usual(row.name).get(i), self.below(8)) {
                (Some(&usual), 2..) => usual.unwrap_or(first),
                (None, 2..) => first,
                (_, 1) => DType::I64,
                _ => self.one(&types),
            };
            let dims = if i == 0 { dims.clone() } else { self.beside(&dims) };
            names.push(format!("x{i}"));
            constants.push(constant(&names[i], &self.operand(dtype, dims)));
        }
        let mut attributes = Vec::new();
        for name in known {
            if self.below(2) == 0 {
                attributes.push(self.attribute(name));
            }
        }
        let inputs: Vec<&str> = names.iter().map(String::as_str).collect();
        let outputs = ["y", "z", "v"];
        let outputs = &outputs[..row.outputs.0 + self.below(row.outputs.1.min(3) - row.outputs.0 + 1)];
        let mut node = node(row.name, &inputs, outputs, &attributes);
        node.extend(text(7, row.domain));
        let opset = self.one(&[13, 17, 18, 21, 28]);
        let opset = if row.domain.is_empty() { opset.max(u64::from(row.min_opset)) } else { opset };
        let declared = self.one(&types);
        let mut output = [text(1, "y"), bytes(2, &bytes(1, &int(1, declared as u64)))].concat();
        if self.below(2) == 0 {
            output = [text(1, "y"), bytes(2, &bytes(1, &int(1, first as u64)))].concat();
        }
        let file = model(&graph(&[node], &constants, &[], &[output]), opset);
        let imported = [text(1, row.domain), int(2, u64::from(row.min_opset))].concat();
        if row.domain.is_empty() {
            file
        } else {
            [file, bytes(8, &imported)].concat()
        }
    }
}

/// Types of the operands that the operator takes, `None` for that of the first; the others are as the first.
fn usual(operator: &str) -> &'static [Option<DType>] {
    use DType::{Bool, F32, I64};
    match operator {
        "ScatterElements" | "ScatterND" => &[None, Some(I64), None],
        "OneHot" => &[None, Some(I64), None],
        "Pad" => &[None, Some(I64), None, Some(I64)],
        "Resize" => &[None, Some(F32), Some(F32), Some(I64)],
        "Slice" => &[None, Some(I64), Some(I64), Some(I64), Some(I64)],
        "TopK" | "Trilu" | "CumSum" => &[None, Some(I64)],
        "Compress" => &[None, Some(Bool)],
        "Where" => &[Some(Bool)],
        "DequantizeLinear" | "QuantizeLinear" => &[None, Some(F32)],
        _ if operator.starts_with("Reduce") || operator.starts_with("Gather") => &[None, Some(I64)],
        _ => &[],
    }
}

/// Whether the operator reads an attribute: without it nothing is said about it.
fn has(row: &OperatorSupport, name: &str) -> bool {
    let mut bare = node(row.name, &[], &["y"], &[int_attribute(name, 1)]);
    bare.extend(text(7, row.domain));
    let file = model(&graph(&[bare], &[], &[], &[value("y", DType::F32, &[])]), 18);
    let imported = [text(1, row.domain), int(2, u64::from(row.min_opset))].concat();
    let file = if row.domain.is_empty() { file } else { [file, bytes(8, &imported)].concat() };
    let reason = Model::parse(&file).expect_err("it has no inputs").to_string();
    !reason.contains(&format!("attribute {name:?} is not supported"))
}

#[test]
fn no_operator_breaks_on_awkward_operands() {
    let mut ran = Vec::new();
    for row in operators() {
        let known: Vec<&str> = KNOWN.into_iter().filter(|name| has(row, name)).collect();
        let mut draw = Draw(88172645463325252);
        for round in 0..ROUNDS {
            let file = draw.file(row, &known);
            let answer = catch_unwind(|| Model::parse(&file).map(|model| model.run(&[]).is_ok()));
            match answer {
                Ok(Ok(true)) if ran.last() != Some(&row.name) => ran.push(row.name),
                Ok(_) => {}
                Err(_) => panic!("{} broke in round {round}", row.name),
            }
        }
    }
    // Most answer now and then: else the rounds would say little. Those of ai.onnx.ml and recurrent ones need
    // lists and weights that fit each other, which drawn ones never do: fuzzing changes ones that do.
    let fits = |op: &&OperatorSupport| op.domain == "ai.onnx.ml" || ["GRU", "LSTM", "RNN"].contains(&op.name);
    let all: Vec<&str> = operators().iter().filter(|op| !fits(op)).map(|op| op.name).collect();
    let quiet: Vec<&&str> = all.iter().filter(|name| !ran.contains(name)).collect();
    assert!(quiet.len() * 8 < all.len(), "these never ran: {quiet:?}");
}
