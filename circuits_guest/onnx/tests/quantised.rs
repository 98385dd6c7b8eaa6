//! Plans of quantised layers answer what the nodes answer, whoever multiplies and however often they run.

mod common;

use common::*;
use p2pnode_onnx::engine::{Direct, Recorder};
use p2pnode_onnx::{decode_tensors, encode_tensors, DType, Data, Model, Session, Tensor};

/// Numbers that look random and are the same on every run (xorshift32).
struct Numbers(u32);

impl Numbers {
    fn below(&mut self, n: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % n
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u32) as usize]
    }

    fn size(&mut self, least: usize, most: usize) -> usize {
        least + self.below((most - least + 1) as u32) as usize
    }

    fn bytes(&mut self, dtype: DType, count: usize) -> Data {
        let bytes = (0..count).map(|_| self.below(256) as u8);
        match dtype {
            DType::I8 => Data::I8(bytes.map(|b| b as i8).collect()),
            _ => Data::U8(bytes.collect()),
        }
    }

    fn words(&mut self, count: usize) -> Data {
        Data::I32((0..count).map(|_| self.below(20_001) as i32 - 10_000).collect())
    }

    /// A scale, or one for each of `n` channels; every other is one that makes ties.
    fn scales(&mut self, n: usize, size: f32) -> Tensor {
        let count = if self.below(2) == 0 { 1 } else { n };
        let mut one =
            || if self.below(2) == 0 { size } else { size * (1.0 + self.below(1000) as f32 / 997.0) };
        let scales = Data::F32((0..count).map(|_| one()).collect());
        if count == 1 {
            tensor(&[], scales)
        } else {
            tensor(&[count], scales)
        }
    }

    fn zero(&mut self, dtype: DType) -> Tensor {
        let zero = self.of(&[0, 0, 3, 128, 255]);
        match dtype {
            DType::I8 => tensor(&[], Data::I8(vec![zero as u8 as i8])),
            _ => tensor(&[], Data::U8(vec![zero as u8])),
        }
    }
}

/// An output whose shape the file leaves open.
fn open(name: &str, dtype: DType) -> Vec<u8> {
    [text(1, name), bytes(2, &bytes(1, &int(1, dtype as u64)))].concat()
}

fn file(graph: &[u8]) -> Vec<u8> {
    [model(graph, 17), bytes(8, &[text(1, "com.microsoft"), int(2, 1)].concat())].concat()
}

/// Every engine and number of runs answers what the nodes answer; returns whether one asked the engine.
fn agree(model: &Model, dims: &[usize], dtype: DType, numbers: &mut Numbers, case: usize) -> bool {
    let mut asked = false;
    for runs in [1, 50, 1_000_000] {
        let mut recorder = Recorder::default();
        let mut session = Session::new(model, runs, &mut Direct);
        let mut recorded = Session::new(model, runs, &mut recorder);
        assert!(session.is_planned() && recorded.is_planned(), "case {case}");
        for _ in 0..3 {
            let count = dims.iter().product();
            let tensors = encode_tensors(&[named("x", dims, numbers.bytes(dtype, count))]);
            let expected = encode_tensors(&model.run(&decode_tensors(&tensors).unwrap()).unwrap());
            assert_eq!(session.run(&tensors, &mut Direct).unwrap(), expected, "case {case}, {runs} runs");
            assert_eq!(recorded.run(&tensors, &mut recorder).unwrap(), expected, "case {case}, {runs} runs");
        }
        asked |= !recorder.claims.is_empty();
    }
    asked
}

#[test]
fn dense_layers() {
    let (mut numbers, mut asked) = (Numbers(2026), 0);
    for case in 0..120 {
        let sizes = [0; 3].map(|_| numbers.size(1, 48));
        let types = [0; 3].map(|_| numbers.of(&[DType::U8, DType::I8]));
        let (rows, gemm) = (numbers.size(1, 3), case % 2 == 0);
        let (mut constants, mut nodes) = (Vec::new(), Vec::new());
        for layer in 0..2 {
            let (k, n, turned) = (sizes[layer], sizes[layer + 1], gemm && numbers.below(2) == 0);
            let w_type = numbers.of(&[DType::U8, DType::I8]);
            let dims = if turned { [n, k] } else { [k, n] };
            let mut parts = vec![
                ("xs", numbers.scales(1, 0.5)),
                ("xz", numbers.zero(types[layer])),
                ("w", tensor(&dims, numbers.bytes(w_type, k * n))),
                ("ws", numbers.scales(n, 0.0625)),
                ("wz", numbers.zero(w_type)),
            ];
            if gemm {
                parts.push(("b", tensor(&[n], numbers.words(n))));
            }
            parts.push(("ys", numbers.scales(1, 0.25 * k as f32)));
            parts.push(("yz", numbers.zero(types[layer + 1])));
            let names: Vec<String> =
                parts.iter().map(|(name, _)| format!("{name}{layer}{}", "_".repeat(case % 5))).collect();
            let all = names.iter().zip(&parts);
            constants.extend(all.map(|(name, (_, tensor))| constant(name, tensor)));
            let inputs: Vec<&str> =
                [["x", "h"][layer]].into_iter().chain(names.iter().map(String::as_str)).collect();
            let outputs = [["h", "y"][layer]];
            nodes.push(if gemm {
                let attributes = [int_attribute("transB", turned.into())];
                [node("QGemm", &inputs, &outputs, &attributes), text(7, "com.microsoft")].concat()
            } else {
                node("QLinearMatMul", &inputs, &outputs, &[])
            });
        }
        nodes.push(node("ArgMax", &["y"], &["best"], &[int_attribute("axis", 1)]));
        let inputs = [value("x", types[0], &[rows as u64, sizes[0] as u64])];
        let outputs = [open("y", types[2]), open("best", DType::I64)];
        let model = parsed(file(&graph(&nodes, &constants, &inputs, &outputs)));
        asked += usize::from(agree(&model, &[rows, sizes[0]], types[0], &mut numbers, case));
    }
    assert!((20..120).contains(&asked), "{asked} of 120 cases asked the engine");
}

#[test]
fn convolutions_and_pools() {
    let (mut numbers, mut asked, mut tried) = (Numbers(7), 0, 0);
    for case in 0..150 {
        let groups = numbers.of(&[1, 1, 2]);
        let (channels, filters) = (groups * numbers.size(1, 3), groups * numbers.size(1, 6));
        let (height, width, batch) = (numbers.size(5, 12), numbers.size(5, 14), numbers.size(1, 2));
        let kernel = [numbers.size(1, 3), numbers.size(1, 4)];
        let dims = [batch, channels, height, width];
        let types = [0; 3].map(|_| numbers.of(&[DType::U8, DType::I8]));
        let weights = [filters, channels / groups, kernel[0], kernel[1]];
        let parts = [
            ("xs", numbers.scales(1, 0.5)),
            ("xz", numbers.zero(types[0])),
            ("w", tensor(&weights, numbers.bytes(types[1], weights.iter().product()))),
            ("ws", numbers.scales(filters, 0.0625)),
            ("wz", numbers.zero(types[1])),
            ("ys", numbers.scales(1, 8.0)),
            ("yz", numbers.zero(types[2])),
            ("b", tensor(&[filters], numbers.words(filters))),
        ];
        let mut constants: Vec<Vec<u8>> = parts.iter().map(|(name, tensor)| constant(name, tensor)).collect();
        constants.push(constant("shape", &tensor(&[2], Data::I64(vec![0, -1]))));
        let mut pairs = |most: usize| [0; 2].map(|_| numbers.size(1, most) as u64);
        let (strides, dilations) = (pairs(3), pairs(2));
        let pads = [0; 4].map(|_| u64::from(numbers.below(3)));
        let attributes = [
            int_attribute("group", groups as u64),
            ints_attribute("strides", &strides),
            ints_attribute("dilations", &dilations),
            ints_attribute("pads", &pads),
        ];
        let pool = [
            ints_attribute("kernel_shape", &[2, 2]),
            ints_attribute("strides", &[numbers.size(1, 2) as u64; 2]),
            ints_attribute("pads", &[0, u64::from(numbers.below(2)), 0, 0]),
        ];
        let nodes = [
            node("QLinearConv", &["x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"], &["c"], &attributes),
            node("MaxPool", &["c"], &["p"], &pool),
            node("Reshape", &["p", "shape"], &["y"], &[]),
        ];
        let inputs = [value("x", types[0], &dims.map(|d| d as u64))];
        let model = parsed(file(&graph(&nodes, &constants, &inputs, &[open("y", types[2])])));
        let given = named("x", &dims, numbers.bytes(types[0], dims.iter().product()));
        if model.run(&[given]).is_err() {
            continue; // a window that is wider than its input
        }
        tried += 1;
        asked += usize::from(agree(&model, &dims, types[0], &mut numbers, case));
    }
    assert!(tried > 100, "{tried} cases ran");
    assert!((30..tried).contains(&asked), "{asked} of {tried} cases asked the engine");
}

/// Convolutions of over 2^36 steps together: the interpreter refuses such a run, so none may be planned for it.
#[test]
fn a_plan_keeps_the_limit_of_steps() {
    let chain = |names: &[&str]| {
        let small = |name: &str, data| constant(name, &tensor(&[], data));
        let mut constants: Vec<Vec<u8>> =
            ["xs", "ws", "ys"].map(|name| small(name, Data::F32(vec![1.0]))).into();
        constants.extend(["xz", "wz", "yz"].map(|name| small(name, Data::U8(vec![0]))));
        constants.push(constant("w", &tensor(&[1, 1, 1 << 15], Data::U8(vec![1; 1 << 15]))));
        let layer = |pair: &[&str]| {
            node("QLinearConv", &[pair[0], "xs", "xz", "w", "ws", "wz", "ys", "yz"], &[pair[1]], &[])
        };
        let nodes: Vec<Vec<u8>> = names.windows(2).map(layer).collect();
        let inputs = [value(names[0], DType::U8, &[1, 1, 1 << 20])];
        parsed(file(&graph(&nodes, &constants, &inputs, &[open(names[names.len() - 1], DType::U8)])))
    };
    assert!(Session::new(&chain(&["x", "y"]), 1, &mut Direct).is_planned());
    assert!(!Session::new(&chain(&["x", "a", "b", "y"]), 1, &mut Direct).is_planned());
}
