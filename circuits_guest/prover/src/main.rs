//! The prover process: one job a run, files in a folder, JSON lines on stdout.
//!
//! Exit codes: 0 done, 1 the work failed (a JSON line says why), 2 bad usage. RISC Zero's dev mode is
//! compiled out, so that no environment variable can make it hand out or accept a fake receipt.

mod image;
mod job;
mod keccak;
mod pipeline;
mod progress;
mod receipt;
mod recursion;
mod seal;

use std::{collections::BTreeMap, fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use risc0_zkp::core::digest::Digest;
use serde_json::{json, Value};

use job::Job;
use progress::{emit, Step};
use receipt::Kind;

/// Largest segment by default, as a power of two of cycles: 2^20 needs about 10 GB.
const SEGMENT_PO2: u32 = 20;

#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a job's batch in the guest without proving; writes execution.json
    Execute {
        #[arg(long)]
        job: PathBuf,
        #[arg(long, default_value_t = SEGMENT_PO2, value_parser = clap::value_parser!(u32).range(14..=22))]
        po2: u32,
        /// Write guest.bin and stdin.bin too: what another prover needs to prove the batch
        #[arg(long)]
        export: bool,
    },
    /// Prove a job's batch; writes proof.json and seal.bin; resumes what an earlier run finished
    Prove {
        #[arg(long)]
        job: PathBuf,
        #[arg(long, default_value_t = SEGMENT_PO2, value_parser = clap::value_parser!(u32).range(14..=22))]
        po2: u32,
        /// End the job with this receipt of its run, made by another prover, instead of proving segments
        #[arg(long)]
        receipt: Option<PathBuf>,
    },
    /// Prove the run of a program on its input, from these files alone; writes a receipt (bincode)
    Receipt {
        #[arg(long)]
        program: PathBuf,
        #[arg(long)]
        stdin: PathBuf,
        #[arg(long)]
        out: PathBuf,
        #[arg(long, value_enum, default_value_t = Kind::Succinct)]
        kind: Kind,
        #[arg(long, default_value_t = SEGMENT_PO2, value_parser = clap::value_parser!(u32).range(14..=22))]
        po2: u32,
    },
    /// Make any RISC Zero 3.0 receipt (bincode) verifiable by the contract; writes the seal
    Wrap {
        #[arg(long)]
        receipt: PathBuf,
        #[arg(long)]
        out: PathBuf,
        /// Image ID in hex; the committed guest's if not given
        #[arg(long)]
        image_id: Option<String>,
    },
    /// Check a seal against a journal
    Verify {
        /// Journal in hex
        #[arg(long)]
        journal: String,
        #[arg(long)]
        seal: PathBuf,
        /// Image ID in hex; the committed guest's if not given
        #[arg(long)]
        image_id: Option<String>,
    },
    /// Print the committed image ID
    ImageId,
    /// Compute the control IDs, under Keccak, of the recursion programs that may come last
    ControlIds,
    /// Make an image of a guest's ELF
    Image {
        #[arg(long)]
        elf: PathBuf,
        #[arg(long)]
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(result) => {
            emit(result, "done");
            ExitCode::SUCCESS
        }
        Err(error) => {
            emit(json!({ "message": format!("{error:#}") }), "error");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<Value> {
    match command {
        Command::Execute { job, po2, export } => {
            let job = Job::open(job)?;
            let batch = job.batch()?;
            let execution = pipeline::execute(&batch, po2)?;
            if export {
                pipeline::export(&job, &batch)?;
            }
            let outputs = pipeline::write_outputs(&job, &execution.native)?;
            let result = json!({
                "journal": hex::encode(execution.native.journal),
                "outputs": outputs,
                "stats": execution.stats,
            });
            job.write_json("execution.json", &result)?;
            Ok(result)
        }
        Command::Prove { job, po2, receipt: None } => pipeline::prove(&Job::open(job)?, po2),
        Command::Prove { job, receipt: Some(receipt), .. } => pipeline::prove_from(&Job::open(job)?, &receipt),
        Command::Receipt { program, stdin, out, kind, po2 } => {
            let bytes = bincode::serialize(&receipt::make(&program, &stdin, po2, kind)?)?;
            fs::write(&out, &bytes).with_context(|| format!("cannot write {}", out.display()))?;
            Ok(json!({ "bytes": bytes.len(), "risc0_zkvm": risc0_zkvm::VERSION }))
        }
        Command::Wrap { receipt, out, image_id } => wrap(receipt, out, image_id),
        Command::Verify { journal, seal, image_id } => {
            let journal = hex::decode(journal.trim_start_matches("0x")).context("--journal: not hex")?;
            let bytes = fs::read(&seal).with_context(|| format!("cannot read {}", seal.display()))?;
            let id = parse_image_id(image_id)?;
            recursion::verify_seal(&seal::decode(&bytes)?, recursion::claim_digest(id, &journal))?;
            Ok(json!({ "image_id": hex::encode(id) }))
        }
        Command::ImageId => Ok(json!({
            "image_id": hex::encode(image::committed_id()),
            "risc0_zkvm": risc0_zkvm::VERSION,
        })),
        Command::ControlIds => {
            let ids = recursion::outer_programs()
                .map(|name| Ok((name.clone(), format!("0x{}", recursion::control_id(&name)?))))
                .collect::<Result<BTreeMap<_, _>>>()?;
            Ok(json!(ids))
        }
        Command::Image { elf, out } => {
            let elf = fs::read(&elf).with_context(|| format!("cannot read {}", elf.display()))?;
            let (bytes, id) = image::join(&elf)?;
            fs::write(&out, &bytes).with_context(|| format!("cannot write {}", out.display()))?;
            Ok(json!({ "image_id": hex::encode(id), "bytes": bytes.len() }))
        }
    }
}

fn parse_image_id(hex_id: Option<String>) -> Result<Digest> {
    hex_id.map_or_else(|| Ok(image::committed_id()), |id| image::parse_id(&id).context("--image-id"))
}

/// Wraps a receipt of any prover of this proof system: a GPU box, a cluster, a proving market.
fn wrap(path: PathBuf, out: PathBuf, image_id: Option<String>) -> Result<Value> {
    let id = parse_image_id(image_id)?;
    let receipt = receipt::read(&path, id, None)?;
    let claim = recursion::claim_digest(id, &receipt.journal.bytes);
    let whole = receipt::compress(&receipt)?;
    let step = Step::start("wrap", 1, 1, 22.0);
    let words = recursion::identity(&whole)?;
    step.finish(json!({}));
    recursion::verify_seal(&words, claim)?;
    let seal = seal::encode(&words)?;
    fs::write(&out, &seal).with_context(|| format!("cannot write {}", out.display()))?;
    Ok(json!({
        "image_id": hex::encode(id),
        "journal": hex::encode(&receipt.journal.bytes),
        "seal_bytes": seal.len(),
    }))
}
