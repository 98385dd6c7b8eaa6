//! `p2pnode-stock FOLDER`: verifies the segments, lifts and joins that the prover left in a job's folder with RISC
//! Zero's crates as they are published, without any patch of ours. The seal has other parameters than theirs and
//! is not looked at: contracts/stark/reference.py and the contract are its independent verifiers.

use std::{env, fs, path::Path, process::ExitCode};

use anyhow::{ensure, Context, Result};
use risc0_zkvm::{ReceiptClaim, SegmentReceipt, SuccinctReceipt, VerifierContext};

fn main() -> ExitCode {
    let Some(folder) = env::args().nth(1) else {
        eprintln!("usage: p2pnode-stock FOLDER");
        return ExitCode::from(2);
    };
    match check(Path::new(&folder)) {
        Ok(verified) => {
            println!("{}", serde_json::json!(verified));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The names of the files that hold. One that does not is an error, and so is a folder without a segment.
fn check(folder: &Path) -> Result<Vec<String>> {
    let listing = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names: Vec<String> =
        listing.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<Result<_>>()?;
    names.retain(|name| kind(name).is_some());
    names.sort();
    ensure!(names.iter().any(|name| name == "segment-0.bin"), "{} has no segment-0.bin", folder.display());
    for name in &names {
        let bytes = fs::read(folder.join(name)).with_context(|| format!("cannot read {name}"))?;
        kind(name).expect("only files of a known kind were kept")(&bytes).with_context(|| name.clone())?;
    }
    Ok(names)
}

type Check = fn(&[u8]) -> Result<()>;

fn kind(name: &str) -> Option<Check> {
    match name.strip_suffix(".bin")?.split('-').next()? {
        "segment" => Some(verify_segment),
        "lift" | "join" => Some(verify_succinct),
        _ => None,
    }
}

fn verify_segment(bytes: &[u8]) -> Result<()> {
    let receipt: SegmentReceipt = bincode::deserialize(bytes)?;
    Ok(receipt.verify_integrity_with_context(&VerifierContext::default())?)
}

fn verify_succinct(bytes: &[u8]) -> Result<()> {
    let receipt: SuccinctReceipt<ReceiptClaim> = bincode::deserialize(bytes)?;
    Ok(receipt.verify_integrity_with_context(&VerifierContext::default())?)
}
