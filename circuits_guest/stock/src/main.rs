//! `p2pnode-stock FOLDER`: verifies the segments, lifts, joins and the Keccak seal that the prover left in a
//! job's folder with RISC Zero's crates as they are published, without any patch of ours.

use std::{env, fs, path::Path, process::ExitCode};

use anyhow::{anyhow, ensure, Context, Result};
use risc0_circuit_recursion::CIRCUIT;
use risc0_zkp::{
    core::digest::Digest,
    verify::{verify, VerificationError},
};
use risc0_zkvm::{ReceiptClaim, SegmentReceipt, SuccinctReceipt, VerifierContext};

#[path = "../../prover/src/keccak.rs"]
mod keccak;

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

/// The names of the files that hold. One that does not is an error, and so is a folder without a segment or
/// without a seal.
fn check(folder: &Path) -> Result<Vec<String>> {
    let listing = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names: Vec<String> =
        listing.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<Result<_>>()?;
    names.retain(|name| kind(name).is_some());
    names.sort();
    for needed in ["segment-0.bin", "wrapped.bin"] {
        ensure!(names.iter().any(|name| name == needed), "{} has no {needed}", folder.display());
    }
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
        "wrapped" => Some(verify_seal),
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

/// The last step's seal under Keccak, of one of the programs that the contract accepts.
fn verify_seal(bytes: &[u8]) -> Result<()> {
    let words: Vec<u32> = bincode::deserialize(bytes)?;
    let ids: std::collections::BTreeMap<String, String> =
        serde_json::from_str(include_str!("../../images/control_ids.json"))?;
    let allowed = ids
        .values()
        .map(|id| Ok(Digest::try_from(hex::decode(id.trim_start_matches("0x"))?.as_slice())?))
        .collect::<Result<Vec<_>>>()?;
    let check = |_: u32, id: &Digest| match allowed.contains(id) {
        true => Ok(()),
        false => Err(VerificationError::ControlVerificationError { control_id: *id }),
    };
    verify(&CIRCUIT, &keccak::suite(), &words, check).map_err(|e| anyhow!("the seal is not a proof: {e}"))
}
