//! Receipts that cross the border of this process: made from files alone, or by another prover of RISC Zero's
//! proof system (`r0vm`, a Bento cluster, a build for GPUs) and checked here before anything is built on them.

use std::{fs, path::Path};

use anyhow::{ensure, Context, Result};
use clap::ValueEnum;
use risc0_zkp::core::digest::Digest;
use risc0_zkvm::{
    get_prover_server, sha::Digestible, ExecutorEnv, InnerReceipt, ProverOpts, Receipt, ReceiptClaim,
    SuccinctReceipt,
};
use serde_json::json;

use crate::{progress::Step, recursion};

pub type Succinct = SuccinctReceipt<ReceiptClaim>;

/// Guesses for the seconds left, on two cores.
const PROVE_SECONDS: f64 = 30.0;
const COMPRESS_SECONDS: f64 = 16.0;

#[derive(Clone, Copy, ValueEnum)]
pub enum Kind {
    Composite,
    Succinct,
}

/// Proves the run of a program on its input, knowing nothing else of either: what a prover elsewhere does.
pub fn make(program: &Path, stdin: &Path, segment_po2: u32, kind: Kind) -> Result<Receipt> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let env = ExecutorEnv::builder().write_slice(&read(stdin)?).segment_limit_po2(segment_po2).build()?;
    let options = match kind {
        Kind::Composite => ProverOpts::composite(),
        Kind::Succinct => ProverOpts::succinct(),
    };
    let step = Step::start("receipt", 1, 1, PROVE_SECONDS);
    let receipt = get_prover_server(&options)?.prove(env, &read(program)?)?.receipt;
    step.finish(json!({}));
    Ok(receipt)
}

/// Reads a receipt of unknown origin and insists that it proves a successful run of the program `id`; and that
/// the run committed `journal`, if it is given. What it costs the least to tell is checked first.
pub fn read(path: &Path, id: Digest, journal: Option<&[u8]>) -> Result<Receipt> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let receipt: Receipt =
        bincode::deserialize(&bytes).context("--receipt: no bincode of a RISC Zero 3 receipt")?;
    ensure!(
        matches!(receipt.inner, InnerReceipt::Composite(_) | InnerReceipt::Succinct(_)),
        "--receipt: only composite and succinct receipts can be wrapped"
    );
    let claim = receipt.claim().context("--receipt: it has no claim")?;
    let program = claim.as_value().context("--receipt: its claim is pruned")?.pre.digest();
    ensure!(program == id, "--receipt: it proves a run of image {program}, not of {id}");
    let found = &receipt.journal.bytes;
    if let Some(journal) = journal {
        ensure!(
            found == journal,
            "--receipt: it proves another batch: its journal is {}, not {}",
            hex::encode(found),
            hex::encode(journal)
        );
    }
    receipt.verify(id).context("--receipt: it does not verify; RISC Zero 3.0 has to make it")?;
    ensure!(
        claim.digest() == recursion::claim_digest(id, found),
        "--receipt: only a run that halted without assumptions can be wrapped"
    );
    Ok(receipt)
}

/// One succinct receipt of the same claim; segments are lifted and joined if it is none yet.
pub fn compress(receipt: &Receipt) -> Result<Succinct> {
    if let InnerReceipt::Succinct(succinct) = &receipt.inner {
        return Ok(succinct.clone());
    }
    let options = ProverOpts::succinct();
    let step = Step::start("compress", 1, 1, COMPRESS_SECONDS);
    let compressed = get_prover_server(&options)?.compress(&options, receipt)?;
    step.finish(json!({}));
    Ok(compressed.inner.succinct()?.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use risc0_zkvm::{Groth16Receipt, Groth16ReceiptVerifierParameters, MaybePruned};

    /// The patched crate holds the digest of the verifying key instead of the key: every receipt names it.
    #[test]
    fn receipts_name_the_verifier_parameters_that_risc_zero_published() {
        let published = "73c457ba541936f0d907daf0c7253a39a9c5c427c225ba7709e44702d3c6eedc";
        let digest: Digest = Groth16ReceiptVerifierParameters::default().digest();
        assert_eq!(digest.to_string(), published);
    }

    #[test]
    fn a_groth16_proof_is_refused_with_what_can_be_wrapped() {
        let claim: MaybePruned<ReceiptClaim> = MaybePruned::Pruned(Digest::ZERO);
        let proof = Groth16Receipt::new(vec![0; 256], claim, Digest::ZERO);
        let receipt = Receipt::new(InnerReceipt::Groth16(proof), vec![]);
        let path = std::env::temp_dir().join(format!("p2pnode-groth16-{}.bin", std::process::id()));
        fs::write(&path, bincode::serialize(&receipt).unwrap()).unwrap();
        let refused = read(&path, Digest::ZERO, None).unwrap_err();
        fs::remove_file(&path).unwrap();
        assert!(format!("{refused:#}").contains("composite and succinct"), "{refused:#}");
    }
}
