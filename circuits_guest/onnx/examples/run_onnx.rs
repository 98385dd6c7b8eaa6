//! Runs ONNX models on inputs in the canonical tensor encoding.
//!
//! `run_onnx LIST` reads a file with one job a line, `MODEL <tab> INPUTS <tab> OUTPUTS`, writes the
//! outputs of each and prints `ok` or `error: REASON` a line, in order. `run_onnx MODEL INPUTS OUTPUTS`
//! does one. Exits with 1 if any failed. `run_onnx --operators` prints the table of operators, `DOMAIN
//! <tab> NAME <tab> FIRST OPSET <tab> LAST OPSET` a line.

use std::{env, fs, process::ExitCode};

use p2pnode_onnx::{decode_tensors, encode_tensors, operators, Model};

fn job(model: &str, inputs: &str, outputs: &str) -> Result<(), String> {
    let read = |path: &str| fs::read(path).map_err(|e| format!("{path}: {e}"));
    let file = read(model)?;
    let model = Model::parse(&file).map_err(|e| e.to_string())?;
    let inputs = decode_tensors(&read(inputs)?).map_err(|e| e.to_string())?;
    let results = model.run(&inputs).map_err(|e| e.to_string())?;
    fs::write(outputs, encode_tensors(&results)).map_err(|e| format!("{outputs}: {e}"))
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let list = match args.as_slice() {
        [option] if option == "--operators" => {
            for op in operators() {
                println!("{}\t{}\t{}\t{}", op.domain, op.name, op.min_opset, op.max_opset);
            }
            return ExitCode::SUCCESS;
        }
        [list] => match fs::read_to_string(list) {
            Ok(text) => text,
            Err(e) => {
                eprintln!("{list}: {e}");
                return ExitCode::FAILURE;
            }
        },
        [model, inputs, outputs] => format!("{model}\t{inputs}\t{outputs}"),
        _ => {
            eprintln!("usage: run_onnx LIST | MODEL INPUTS OUTPUTS | --operators");
            return ExitCode::FAILURE;
        }
    };
    let mut failed = false;
    for line in list.lines() {
        let result = match line.split('\t').collect::<Vec<_>>().as_slice() {
            [model, inputs, outputs] => job(model, inputs, outputs),
            _ => Err("a line is not MODEL, INPUTS, OUTPUTS".into()),
        };
        failed |= result.is_err();
        println!("{}", result.map_or_else(|e| format!("error: {e}"), |()| "ok".into()));
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
