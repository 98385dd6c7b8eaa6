//! Files and inputs made to break the interpreter: it must answer each with an error or a result.

mod common;

use common::*;
use p2pnode_onnx::{DType, Data, Error, Model, MAX_OPSET};

/// Parses and, where that succeeds, runs. Returns whether it ran.
fn attempt(file: &[u8]) -> bool {
    Model::parse(file).is_ok_and(|model| model.run(&classifier_input()).is_ok())
}

fn refusal(file: &[u8]) -> String {
    Model::parse(file).expect_err("it should be refused").to_string()
}

fn one_node(node: Vec<u8>) -> Vec<u8> {
    let (inputs, outputs) = ([value("x", DType::F32, &[2])], [value("y", DType::F32, &[2])]);
    model(&graph(&[node], &[], &inputs, &outputs), 17)
}

#[test]
fn the_model_to_break_runs() {
    assert!(attempt(&classifier()));
}

#[test]
fn every_truncation_is_refused() {
    let file = classifier();
    for len in 0..file.len() {
        // The last field is the opset import: without it no operator is defined.
        assert!(!attempt(&file[..len]), "the first {len} bytes ran");
    }
}

#[test]
fn no_change_of_one_byte_breaks_it() {
    let mut file = classifier();
    for i in 0..file.len() {
        let original = file[i];
        for value in (0..8).map(|bit| original ^ 1 << bit).chain([0, 0x7f, 0x80, 0xff]) {
            file[i] = value;
            attempt(&file);
        }
        file[i] = original;
    }
}

#[test]
fn no_random_bytes_break_it() {
    let mut state = 88172645463325252u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let file = classifier();
    for _ in 0..20_000 {
        let mut changed = file.clone();
        for _ in 0..1 + random() % 4 {
            let at = random() as usize % changed.len();
            match random() % 3 {
                0 => changed[at] = random() as u8,
                1 => drop(changed.remove(at)),
                _ => changed.insert(at, random() as u8),
            }
        }
        attempt(&changed);
    }
}

#[test]
fn every_unsupported_part_is_named_at_once() {
    let strange = vec![int_attribute("axis", 0), int_attribute("sharpness", 3)];
    let nodes = [
        node("Einsum", &["x"], &["a"], &[]),
        node("Softmax", &["x"], &["b"], &strange),
        node("Relu", &["k"], &["c"], &[]),
        node("Add", &["a", "a"], &["y"], &[]),
    ];
    let inputs = [value("x", DType::F32, &[2]), value("k", DType::Bool, &[2])];
    let file = model(&graph(&nodes, &[], &inputs, &[value("y", DType::F32, &[2])]), 17);
    let Err(Error::Unsupported(problems)) = Model::parse(&file) else { panic!("it should be refused") };
    let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        [
            "node \"a\" (Einsum, opset 17): the operator is not supported",
            "node \"b\" (Softmax, opset 17): attribute \"sharpness\" is not supported",
            "node \"c\" (Relu, opset 17): input 0 has type bool, which is not supported there",
        ]
    );
}

#[test]
fn graphs_that_are_not_sorted_or_name_a_value_twice_are_refused() {
    assert!(refusal(&one_node(node("Relu", &["y"], &["y"], &[]))).contains("nothing before it defines"));
    assert!(refusal(&one_node(node("Relu", &["x"], &["x"], &[]))).contains("defined twice"));
    assert!(refusal(&one_node(node("Relu", &["x"], &["z"], &[]))).contains("computed by no node"));
}

#[test]
fn opsets_outside_the_range_are_refused() {
    let g = graph(
        &[node("Relu", &["x"], &["y"], &[])],
        &[],
        &[value("x", DType::F32, &[2])],
        &[value("y", DType::F32, &[2])],
    );
    assert!(Model::parse(&model(&g, 13)).is_ok());
    assert!(refusal(&model(&g, 12)).contains("opset 12"));
    assert!(refusal(&model(&g, u64::from(MAX_OPSET) + 1)).contains("is not between"));
    assert!(refusal(&[int(1, 8), bytes(7, &g)].concat()).contains("Relu, opset 0"));
    let twice = [model(&g, 13), bytes(8, &int(2, 17))].concat();
    assert!(refusal(&twice).contains("imported in two versions"));
    assert!(Model::parse(&[model(&g, 13), bytes(8, &int(2, 13))].concat()).is_ok());
    assert!(refusal(&[model(&g, 13), bytes(7, &g)].concat()).contains("graph is given twice"));
    assert!(refusal(&[model(&g, 13), bytes(25, &[])].concat()).contains("functions"));
}

#[test]
fn external_data_is_refused() {
    let external = [int(1, 2), int(2, DType::F32 as u64), text(8, "w"), int(14, 1)].concat();
    let g =
        graph(&[node("Add", &["w", "w"], &["y"], &[])], &[external], &[], &[value("y", DType::F32, &[2])]);
    assert!(refusal(&model(&g, 17)).contains("external data"));
}

#[test]
fn dims_that_promise_more_than_the_file_holds_are_refused() {
    for dims in [vec![1 << 40], vec![1 << 20, 1 << 20], vec![u64::MAX], vec![3]] {
        let dims: Vec<u8> = dims.iter().flat_map(|&d| int(1, d)).collect();
        let tensor = [dims, int(2, DType::F32 as u64), text(8, "w"), bytes(9, &[0; 8])].concat();
        let g = graph(&[node("Relu", &["w"], &["y"], &[])], &[tensor], &[], &[value("y", DType::F32, &[2])]);
        assert!(Model::parse(&model(&g, 17)).is_err());
    }
}

#[test]
fn growing_graphs_run_out_of_budget_not_of_memory() {
    let names: Vec<String> = (0..40).map(|i| format!("v{i}")).collect();
    let double = |i: usize| {
        let from = if i == 0 { "x" } else { &names[i - 1] };
        node("Concat", &[from, from], &[&names[i]], &[int_attribute("axis", 0)])
    };
    let nodes: Vec<Vec<u8>> = (0..40).map(double).collect();
    let output = [value("v39", DType::F32, &[2 << 20])];
    let file = model(&graph(&nodes, &[], &[value("x", DType::F32, &[2])], &output), 17);
    let model = Model::parse(&file).expect("each node alone is fine");
    let reason = model.run(&[named("x", &[2], Data::F32(vec![1.0, 2.0]))]).unwrap_err().to_string();
    assert!(reason.contains("elements"), "{reason}");
}

/// A few hundred bytes that would take hours.
#[test]
fn runs_of_too_many_steps_are_refused_before_they_start() {
    let list = |name: &str, dims: &[i64]| constant(name, &tensor(&[dims.len()], Data::I64(dims.to_vec())));
    let refused = |last: Vec<u8>, lists: &[Vec<u8>], output: &[u64]| {
        let nodes = [
            node("ConstantOfShape", &["large"], &["a"], &[]),
            node("ConstantOfShape", &["wide"], &["b"], &[]),
            last,
        ];
        let file = model(&graph(&nodes, lists, &[], &[value("y", DType::F32, output)]), 17);
        parsed(file).run(&[]).unwrap_err().to_string()
    };
    let sizes = [list("large", &[1, 1, 1 << 23]), list("wide", &[1, 1, 1 << 15])];
    let window = ints_attribute("kernel_shape", &[1 << 15]);
    let reasons = [
        refused(node("Conv", &["a", "b"], &["y"], &[]), &sizes, &[1, 1, (1 << 23) - (1 << 15) + 1]),
        refused(node("ConvTranspose", &["a", "b"], &["y"], &[]), &sizes, &[1, 1, (1 << 23) + (1 << 15) - 1]),
        refused(
            node("MaxPool", &["a"], &["y"], &[window.clone()]),
            &sizes,
            &[1, 1, (1 << 23) - (1 << 15) + 1],
        ),
        refused(node("AveragePool", &["a"], &["y"], &[window]), &sizes, &[1, 1, (1 << 23) - (1 << 15) + 1]),
        refused(
            node("LRN", &["a"], &["y"], &[int_attribute("size", 1 << 20)]),
            &[list("large", &[1, 1 << 20, 16]), list("wide", &[1])],
            &[1, 1 << 20, 16],
        ),
    ];
    for reason in reasons {
        assert!(reason.contains("more than 68719476736 steps"), "{reason}");
    }
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let model = parsed(classifier());
    let refused = |inputs: &[p2pnode_onnx::NamedTensor]| model.run(inputs).unwrap_err().to_string();
    let good = [0.5f32, -1.0, 2.0, 3.0].to_vec();
    assert!(refused(&[]).contains("0 tensors given"));
    assert!(refused(&[named("z", &[1, 1, 2, 2], Data::F32(good.clone()))]).contains("\"x\" is missing"));
    assert!(refused(&[named("x", &[1, 1, 4], Data::F32(good))]).contains("takes [1, 1, 2, 2]"));
    assert!(refused(&[named("x", &[1, 1, 2, 2], Data::U8(vec![0; 4]))]).contains("takes float32"));
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(refused(&[named("x", &[1, 1, 2, 2], Data::F32(vec![0.0, bad, 0.0, 0.0]))]).contains("NaN"));
    }
}

#[test]
fn sums_that_may_overflow_are_refused() {
    let k = 40_000;
    let weights = constant("w", &tensor(&[k, 1], Data::U8(vec![255; k])));
    let g = graph(
        &[node("MatMulInteger", &["x", "w"], &["y"], &[])],
        &[weights],
        &[value("x", DType::U8, &[1, k as u64])],
        &[value("y", DType::I32, &[1, 1])],
    );
    let model = parsed(model(&g, 17));
    let reason = model.run(&[named("x", &[1, k], Data::U8(vec![255; k]))]).unwrap_err().to_string();
    assert!(reason.contains("range of int32"), "{reason}");
}

#[test]
fn outputs_that_are_nan_are_refused() {
    let model = parsed(one_node(node("Div", &["x", "x"], &["y"], &[])));
    assert!(model.run(&[named("x", &[2], Data::F32(vec![1.0, 2.0]))]).is_ok());
    let reason = model.run(&[named("x", &[2], Data::F32(vec![1.0, 0.0]))]).unwrap_err().to_string();
    assert!(reason.contains("NaN"), "{reason}");
}

/// Parts without elements cost nothing, so there can be any number of them: 2^32 + 5 rows are not 5, also
/// where sizes have 32 bits.
#[test]
fn joined_sizes_do_not_wrap() {
    let empty = |name: &str, rows: usize| constant(name, &tensor(&[rows, 0], Data::I8(Vec::new())));
    let constants = [empty("many", 1 << 24), empty("five", 5)];
    let parts = [&["many"; 256][..], &["five"]].concat();
    let nodes = [
        node("Concat", &parts, &["rows"], &[int_attribute("axis", 0)]),
        node("Transpose", &["rows"], &["columns"], &[ints_attribute("perm", &[1, 0])]),
        node("MatMulInteger", &["rows", "columns"], &["y"], &[]),
    ];
    let g = graph(&nodes, &constants, &[], &[value("y", DType::I32, &[5, 5])]);
    let model = parsed(model(&g, 17));
    let reason = model.run(&[]).unwrap_err().to_string();
    assert!(reason.contains("Concat") && reason.contains("elements"), "{reason}");
}

/// An output that no reader of the encoding takes is not answered.
#[test]
fn outputs_beyond_the_caps_of_the_encoding_are_refused() {
    let inputs = [value("x", DType::F32, &[2])];
    let name = "y".repeat(257);
    let long = [node("Relu", &["x"], &[&name], &[])];
    assert!(refusal(&model(&graph(&long, &[], &inputs, &[value(&name, DType::F32, &[2])]), 17))
        .contains("more than 256 bytes"));
    let names: Vec<String> = (0..65).map(|i| format!("y{i}")).collect();
    let nodes: Vec<Vec<u8>> = names.iter().map(|name| node("Relu", &["x"], &[name], &[])).collect();
    let outputs: Vec<Vec<u8>> = names.iter().map(|name| value(name, DType::F32, &[2])).collect();
    assert!(refusal(&model(&graph(&nodes, &[], &inputs, &outputs), 17)).contains("65 outputs"));
    assert!(Model::parse(&model(&graph(&nodes, &[], &inputs, &outputs[1..]), 17)).is_ok());
    for (rank, runs) in [(8, true), (9, false)] {
        let ones = constant("b", &tensor(&vec![1; rank], Data::F32(vec![1.0])));
        let dims = [vec![1; rank - 1], vec![2]].concat();
        let g = graph(
            &[node("Add", &["x", "b"], &["y"], &[])],
            &[ones],
            &inputs,
            &[value("y", DType::F32, &dims)],
        );
        let model = parsed(model(&g, 17));
        assert_eq!(model.run(&[named("x", &[2], Data::F32(vec![1.0, 2.0]))]).is_ok(), runs, "{rank} dims");
    }
}
