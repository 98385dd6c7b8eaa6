//! A session answers what [`Model::run`] answers, by a plan or without one.

mod common;

use common::*;
use p2pnode_onnx::engine::Direct;
use p2pnode_onnx::{decode_tensors, encode_tensors, DType, Data, Model, NamedTensor, Session, Tensor};

/// Numbers that look random and are the same on every run (xorshift32).
struct Numbers(u32);

impl Numbers {
    fn below(&mut self, n: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % n
    }

    fn words(&mut self, count: usize) -> Vec<i32> {
        (0..count).map(|_| self.below(u32::MAX) as i32).collect()
    }

    /// Bytes of which about half are zero.
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| if self.below(2) == 0 { 0 } else { self.below(256) as u8 }).collect()
    }
}

fn eight_bit(dtype: DType, bytes: Vec<u8>) -> Data {
    match dtype {
        DType::I8 => Data::I8(bytes.into_iter().map(|b| b as i8).collect()),
        _ => Data::U8(bytes),
    }
}

/// `rows` x `k` bytes through two layers and an ArgMax.
struct Chain {
    rows: usize,
    sizes: [usize; 3],
    input: DType,
    weights: DType,
    zero: Option<u8>,
    last: bool,
}

impl Chain {
    fn model(&self, numbers: &mut Numbers) -> Vec<u8> {
        let &Chain { rows, sizes: [k, n, m], .. } = self;
        let mut constants = vec![
            constant("w", &tensor(&[k, n], eight_bit(self.weights, numbers.bytes(k * n)))),
            constant("b", &tensor(&[n], Data::I32(numbers.words(n)))),
            constant("v", &tensor(&[n, m], Data::I32(numbers.words(n * m)))),
            constant("c", &tensor(&[1, m], Data::I32(numbers.words(m)))),
        ];
        let mut product = vec!["x", "w"];
        if let Some(zero) = self.zero {
            constants.push(constant("z", &tensor(&[], eight_bit(self.input, vec![zero]))));
            product.push("z");
        }
        let nodes = [
            node("MatMulInteger", &product, &["p"], &[]),
            node("Add", &["p", "b"], &["s"], &[]),
            node("Relu", &["s"], &["h"], &[]),
            node("MatMul", &["h", "v"], &["q"], &[]),
            node("Add", &["c", "q"], &["y"], &[]),
            node(
                "ArgMax",
                &["y"],
                &["best"],
                &[
                    int_attribute("axis", u64::MAX),
                    int_attribute("keepdims", u64::from(self.last)),
                    int_attribute("select_last_index", u64::from(self.last)),
                ],
            ),
        ];
        let best: &[u64] = if self.last { &[rows as u64, 1] } else { &[rows as u64] };
        let inputs = [value("x", self.input, &[rows as u64, k as u64])];
        let outputs = [value("y", DType::I32, &[rows as u64, m as u64]), value("best", DType::I64, best)];
        model(&graph(&nodes, &constants, &inputs, &outputs), 17)
    }

    fn input(&self, numbers: &mut Numbers) -> Vec<NamedTensor> {
        let (rows, k) = (self.rows, self.sizes[0]);
        vec![named("x", &[rows, k], eight_bit(self.input, numbers.bytes(rows * k)))]
    }
}

fn node_by_node(model: &Model, tensors: &[u8]) -> Vec<u8> {
    encode_tensors(&model.run(&decode_tensors(tensors).unwrap()).unwrap())
}

#[test]
fn a_planned_chain_answers_what_its_nodes_answer() {
    let mut numbers = Numbers(2026);
    for case in 0..60 {
        let chain = Chain {
            rows: 1 + case % 3,
            sizes: [1, 2, 3].map(|_| 1 + numbers.below(40) as usize),
            input: if case % 2 == 0 { DType::U8 } else { DType::I8 },
            weights: if case % 5 < 3 { DType::I8 } else { DType::U8 },
            zero: [None, Some(0), Some(3), Some(200)][case % 4],
            last: case % 7 < 3,
        };
        let model = parsed(chain.model(&mut numbers));
        let mut session = Session::new(&model, 1, &mut Direct);
        assert!(session.is_planned(), "case {case}");
        for run in 0..3 {
            let tensors = encode_tensors(&chain.input(&mut numbers));
            let expected = node_by_node(&model, &tensors);
            assert_eq!(session.run(&tensors, &mut Direct).unwrap(), expected, "case {case}, run {run}");
        }
    }
}

#[test]
fn a_plan_refuses_what_a_run_refuses() {
    let mut numbers = Numbers(7);
    let chain =
        Chain { rows: 1, sizes: [6, 5, 4], input: DType::U8, weights: DType::I8, zero: None, last: false };
    let model = parsed(chain.model(&mut numbers));
    let mut session = Session::new(&model, 1, &mut Direct);
    let good = encode_tensors(&chain.input(&mut numbers));
    let answer = session.run(&good, &mut Direct).unwrap().to_vec();
    let wrong = |name: &str, dims: &[usize], data: Data| encode_tensors(&[named(name, dims, data)]);
    let bad = [
        good[..good.len() - 1].to_vec(),
        [good.clone(), vec![0]].concat(),
        wrong("y", &[1, 6], Data::U8(vec![0; 6])),
        wrong("x", &[6, 1], Data::U8(vec![0; 6])),
        wrong("x", &[1, 6], Data::I8(vec![0; 6])),
        Vec::new(),
    ];
    for tensors in &bad {
        let expected = decode_tensors(tensors).and_then(|t| model.run(&t)).unwrap_err();
        assert_eq!(session.run(tensors, &mut Direct).unwrap_err(), expected);
    }
    assert_eq!(session.run(&good, &mut Direct).unwrap(), answer);
}

#[test]
fn other_models_run_node_by_node() {
    let model = parsed(classifier());
    let mut session = Session::new(&model, 1, &mut Direct);
    assert!(!session.is_planned());
    let tensors = encode_tensors(&classifier_input());
    let expected = node_by_node(&model, &tensors);
    assert_eq!(session.run(&tensors, &mut Direct).unwrap(), expected);
}

/// A hidden value that is also an output, or read twice, is not folded into the layer behind it.
#[test]
fn values_that_are_read_twice_are_kept() {
    let ones = |n: usize| Tensor::new(vec![n], Data::I32(vec![1; n])).unwrap();
    let constants = [constant("w", &tensor(&[2, 2], Data::I8(vec![1, -2, 3, -4]))), constant("b", &ones(2))];
    let nodes = [
        node("MatMulInteger", &["x", "w"], &["p"], &[]),
        node("Add", &["p", "b"], &["s"], &[]),
        node("Relu", &["s"], &["y"], &[]),
    ];
    let inputs = [value("x", DType::U8, &[1, 2])];
    let outputs = [value("p", DType::I32, &[1, 2]), value("y", DType::I32, &[1, 2])];
    let model = parsed(model(&graph(&nodes, &constants, &inputs, &outputs), 17));
    let tensors = encode_tensors(&[named("x", &[1, 2], Data::U8(vec![1, 2]))]);
    let expected = node_by_node(&model, &tensors);
    assert_eq!(Session::new(&model, 1, &mut Direct).run(&tensors, &mut Direct).unwrap(), expected);
}

/// Another name for a value is another reader of it: a layer behind the one leaves the other as it is.
#[test]
fn a_value_under_two_names_is_kept() {
    let ones = tensor(&[2], Data::I32(vec![1; 2]));
    let constants = [constant("w", &tensor(&[2, 2], Data::I8(vec![1, -2, 3, -4]))), constant("b", &ones)];
    for behind in [node("Relu", &["q"], &["y"], &[]), node("Add", &["q", "b"], &["y"], &[])] {
        let nodes = [
            node("MatMulInteger", &["x", "w"], &["p"], &[]),
            node("Identity", &["p"], &["q"], &[]),
            behind,
            node("ArgMax", &["p"], &["best"], &[int_attribute("axis", 1)]),
        ];
        let inputs = [value("x", DType::U8, &[1, 2])];
        let outputs = ["p", "y"].map(|name| value(name, DType::I32, &[1, 2]));
        let outputs = [&outputs[..], &[value("best", DType::I64, &[1, 1])]].concat();
        let model = parsed(model(&graph(&nodes, &constants, &inputs, &outputs), 17));
        let tensors = encode_tensors(&[named("x", &[1, 2], Data::U8(vec![1, 2]))]);
        let expected = node_by_node(&model, &tensors);
        assert_eq!(Session::new(&model, 1, &mut Direct).run(&tensors, &mut Direct).unwrap(), expected);
    }
}

/// One product of `dims` bytes, with zero points of `zeros` columns, and how often its result is added to.
fn product(name: &str, dims: &[u64], zeros: usize, additions: usize) -> (Model<'static>, Vec<u8>) {
    let sizes: Vec<usize> = dims.iter().map(|&d| d as usize).collect();
    let (k, names): (usize, Vec<String>) =
        (*sizes.last().unwrap(), (0..=additions).map(|i| format!("v{i}")).collect());
    let constants = [
        constant("w", &tensor(&[k, 4], Data::I8(vec![1; 4 * k]))),
        constant("z", &tensor(&[], Data::U8(vec![0]))),
        constant("wz", &tensor(&[zeros], Data::I8(vec![0; zeros]))),
        constant("b", &tensor(&[4], Data::I32(vec![1; 4]))),
    ];
    let mut nodes = vec![node("MatMulInteger", &[name, "w", "z", "wz"], &["v0"], &[])];
    nodes.extend((0..additions).map(|i| node("Add", &[&names[i], "b"], &[&names[i + 1]], &[])));
    let out = [&dims[..dims.len() - 1], &[4]].concat();
    let (inputs, outputs) = ([value(name, DType::U8, dims)], [value(&names[additions], DType::I32, &out)]);
    let model = parsed(model(&graph(&nodes, &constants, &inputs, &outputs), 17));
    let len = sizes.iter().product();
    (model, encode_tensors(&[named(name, &sizes, Data::U8(vec![1; len]))]))
}

/// No plan makes more models or inputs run than the nodes would.
#[test]
fn a_plan_keeps_every_limit() {
    let (long, many) = ("x".repeat(257), [[1; 8].as_slice(), &[2]].concat());
    for (model, tensors) in [
        product(&long, &[1, 2], 4, 0),
        product("x", &many, 4, 0),
        product("x", &[1, 2], 0, 0),
        product("x", &[1, 2], 3, 0),
        product("x", &[1 << 18, 1], 4, 128),
    ] {
        let expected = decode_tensors(&tensors).and_then(|t| model.run(&t)).unwrap_err();
        assert_eq!(Session::new(&model, 1, &mut Direct).run(&tensors, &mut Direct).unwrap_err(), expected);
    }
    for (model, tensors) in
        [product(&long[1..], &[1, 2], 4, 2), product("x", &[1; 8], 1, 1), product("x", &[1, 2], 1, 127)]
    {
        let mut session = Session::new(&model, 1, &mut Direct);
        assert!(session.is_planned());
        assert_eq!(session.run(&tensors, &mut Direct).unwrap(), node_by_node(&model, &tensors));
    }
}
