//! From a batch to a proof that the chain can check: execute, prove segments, lift, join, wrap, verify.

use anyhow::{ensure, Context, Result};
use risc0_zkp::core::digest::Digest;
use risc0_zkvm::{
    get_prover_server, sha::Digestible, ExecutorImpl, ProverOpts, ProverServer, Segment, SegmentReceipt,
    Session, VerifierContext,
};
use serde_json::{json, Value};
use std::{path::Path, rc::Rc};

use crate::{
    image,
    job::{Batch, Job, NativeRun},
    progress::{peak_memory, Step},
    receipt::{self, Succinct},
    recursion, seal,
};

/// Guesses for the seconds left, on two cores; the first finished segment corrects them.
const CYCLES_PER_SECOND: f64 = 12000.0;
const RECURSION_SECONDS: f64 = 8.0;
const WRAP_SECONDS: f64 = 7.0;

pub struct Execution {
    pub session: Session,
    pub native: NativeRun,
    pub stats: Value,
}

/// Runs the batch natively and in the guest, and insists that both come to the same journal.
pub fn execute(batch: &Batch, segment_po2: u32) -> Result<Execution> {
    let step = Step::start("execute", 1, 1, 1.0);
    let native = batch.run()?;
    let env = batch.environment(segment_po2)?;
    let session =
        ExecutorImpl::new(env, image::committed_memory()?)?.run().context("the guest refused the batch")?;
    let journal = session.journal.as_ref().context("the guest committed no journal")?;
    ensure!(
        journal.bytes == native.journal,
        "the guest and the native run disagree: it committed {}, not {}",
        hex::encode(&journal.bytes),
        hex::encode(native.journal)
    );
    let mut stats = json!({
        "segments": session.segments.len(),
        "user_cycles": session.user_cycles,
        "paging_cycles": session.paging_cycles,
        "total_cycles": session.total_cycles,
        "tasks": batch.tasks.len(),
    });
    let seconds = step.finish(stats.clone());
    stats["execute_seconds"] = seconds.into();
    Ok(Execution { session, native, stats })
}

/// Proves a batch in its job folder and writes `proof.json`; finished steps are taken from the folder.
pub fn prove(job: &Job, segment_po2: u32) -> Result<Value> {
    let batch = job.batch()?;
    let Execution { session, native, mut stats } = execute(&batch, segment_po2)?;
    let image_id = image::committed_id();
    let claim = recursion::claim_digest(image_id, &native.journal);
    ensure!(session.claim()?.digest() == claim, "the session's claim is not the one the contract checks");

    job.keep_steps_of(&format!("{} {} {segment_po2}", image_id, hex::encode(native.journal)))?;
    let prover = get_prover_server(&ProverOpts::succinct())?;
    let (segments, prove_seconds) = prove_segments(job, prover.as_ref(), &session)?;
    stats["prove_seconds"] = prove_seconds.into();
    let whole = match segments.as_slice() {
        [_] => None,
        _ => Some(join_all(job, &prover, &segments, &mut stats)?),
    };
    let words = wrap(job, claim, &mut stats, || match &whole {
        None => recursion::lift(&segments[0].0, segments[0].1),
        Some(receipt) => recursion::identity(receipt),
    })?;
    finish(job, &native, claim, &words, stats)
}

/// Ends a job whose run another prover proved: checks its receipt against what the batch comes to here, wraps it,
/// and writes `proof.json` as `prove` does.
pub fn prove_from(job: &Job, path: &Path) -> Result<Value> {
    let batch = job.batch()?;
    let native = batch.run()?;
    let image_id = image::committed_id();
    let claim = recursion::claim_digest(image_id, &native.journal);
    let receipt = receipt::read(path, image_id, Some(&native.journal))?;

    job.keep_steps_of(&format!("{} {} receipt", image_id, hex::encode(native.journal)))?;
    let whole = job.remember(
        "compressed.bin",
        |r: &Succinct| r.verify_integrity().is_ok() && r.claim.digest() == claim,
        || receipt::compress(&receipt),
    )?;
    let mut stats = json!({ "tasks": batch.tasks.len() });
    let words = wrap(job, claim, &mut stats, || recursion::identity(&whole))?;
    finish(job, &native, claim, &words, stats)
}

/// The words of the seal, made by `last_step` unless an earlier run left them.
fn wrap(
    job: &Job,
    claim: Digest,
    stats: &mut Value,
    last_step: impl FnOnce() -> Result<Vec<u32>>,
) -> Result<Vec<u32>> {
    job.remember(
        "wrapped.bin",
        |words: &Vec<u32>| recursion::verify_seal(words, claim).is_ok(),
        || {
            let step = Step::start("wrap", 1, 1, WRAP_SECONDS);
            let words = last_step()?;
            stats["wrap_seconds"] = step.finish(json!({})).into();
            Ok(words)
        },
    )
}

/// Verifies the seal natively, and writes it with the outputs and `proof.json`.
fn finish(job: &Job, native: &NativeRun, claim: Digest, words: &[u32], mut stats: Value) -> Result<Value> {
    // Never hand out a proof that was not checked from the bytes that will be sent.
    let step = Step::start("verify", 1, 1, 0.1);
    let bytes = seal::encode(words)?;
    recursion::verify_seal(&seal::decode(&bytes)?, claim)?;
    stats["verify_seconds"] = step.finish(json!({})).into();
    stats["seal_bytes"] = bytes.len().into();
    stats["peak_memory"] = peak_memory().into();

    job.write("seal.bin", &bytes)?;
    let outputs = write_outputs(job, native)?;
    let proof = json!({
        "image_id": hex::encode(image::committed_id()),
        "journal": hex::encode(native.journal),
        "seal": "seal.bin",
        "outputs": outputs,
        "stats": stats,
    });
    job.write_json("proof.json", &proof)?;
    Ok(proof)
}

/// Writes what another prover needs to prove the batch: the program, and all that the guest reads.
pub fn export(job: &Job, batch: &Batch) -> Result<()> {
    job.write("guest.bin", image::PROGRAM)?;
    job.write("stdin.bin", bytemuck::cast_slice(&batch.words()?))
}

pub fn write_outputs(job: &Job, native: &NativeRun) -> Result<Vec<String>> {
    let name = |i| format!("output-{i}.bin");
    for (i, output) in native.outputs.iter().enumerate() {
        job.write(&name(i), output)?;
    }
    Ok((0..native.outputs.len()).map(name).collect())
}

/// Proves every segment, or takes it from the folder if its receipt is there and holds.
fn prove_segments(
    job: &Job,
    prover: &dyn ProverServer,
    session: &Session,
) -> Result<(Vec<(SegmentReceipt, usize)>, f64)> {
    let context = VerifierContext::default();
    let total = session.segments.len();
    // The guest starts with 16 random bytes in its memory (MEMORY_IMAGE_ENTROPY of risc0-zkvm), so two runs of one
    // batch end their segments in different states: a job goes on with those that it began with.
    let mut segments = Vec::with_capacity(total);
    for (i, segment) in session.segments.iter().enumerate() {
        let fits = |old: &Segment| old.index as usize == i;
        segments.push(job.remember(&format!("run-{i}.bin"), fits, || segment.resolve())?);
    }
    let (mut receipts, mut seconds, mut rate) = (Vec::new(), 0.0, CYCLES_PER_SECOND);
    for (i, segment) in segments.iter().enumerate() {
        let po2 = segment.po2();
        // What an earlier run left counts only if it holds and carries on from the segment before.
        let usable = |old: &SegmentReceipt| {
            old.index == segment.index
                && old.verify_integrity_with_context(&context).is_ok()
                && continues(&receipts, old)
        };
        let receipt = job.remember(&format!("segment-{i}.bin"), usable, || {
            let cycles = (1u64 << po2) as f64;
            let step = Step::start("segment", i + 1, total, cycles / rate);
            let receipt = prover.prove_segment(&context, segment)?;
            let took = step.finish(json!({ "po2": po2 }));
            (seconds, rate) = (seconds + took, cycles / took);
            Ok(receipt)
        })?;
        receipts.push((receipt, po2));
    }
    Ok((receipts, seconds))
}

/// Whether `next` starts in the state in which the last receipt ended.
fn continues(receipts: &[(SegmentReceipt, usize)], next: &SegmentReceipt) -> bool {
    receipts.last().is_none_or(|(last, _)| last.claim.post.digest() == next.claim.pre.digest())
}

/// Lifts every segment and joins the results from left to right.
fn join_all(
    job: &Job,
    prover: &Rc<dyn ProverServer>,
    segments: &[(SegmentReceipt, usize)],
    stats: &mut Value,
) -> Result<Succinct> {
    let total = segments.len();
    let mut seconds = [0.0, 0.0];
    let mut whole: Option<Succinct> = None;
    for (i, (segment, _)) in segments.iter().enumerate() {
        let lifted: Succinct = job.remember(
            &format!("lift-{i}.bin"),
            |r: &Succinct| r.verify_integrity().is_ok() && r.claim.digest() == segment.claim.digest(),
            || {
                let step = Step::start("lift", i + 1, total, RECURSION_SECONDS);
                let lifted = prover.lift(segment)?;
                seconds[0] += step.finish(json!({}));
                Ok(lifted)
            },
        )?;
        whole = Some(match whole {
            None => lifted,
            Some(left) => {
                let expected = left.claim.as_value()?.join(lifted.claim.as_value()?).digest();
                job.remember(
                    &format!("join-{i}.bin"),
                    |r: &Succinct| r.verify_integrity().is_ok() && r.claim.digest() == expected,
                    || {
                        let step = Step::start("join", i, total - 1, RECURSION_SECONDS);
                        let joined = prover.join(&left, &lifted)?;
                        seconds[1] += step.finish(json!({}));
                        Ok(joined)
                    },
                )?
            }
        });
    }
    stats["lift_seconds"] = seconds[0].into();
    stats["join_seconds"] = seconds[1].into();
    whole.context("a session has at least one segment")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Task;
    use p2pnode_batch::Digest;
    use p2pnode_onnx::{encode_tensors, Data, NamedTensor, Tensor};
    use risc0_zkvm::ExecutorEnv;

    /// One digit for the packaged model, whose first layer is claimed.
    fn batch() -> Batch {
        let pixels = (0..64).map(|i| (i * 37 % 17) as u8).collect();
        let tensor = Tensor::new(vec![1, 64], Data::U8(pixels)).unwrap();
        let model = include_bytes!("../../../p2pnode/models/digits.onnx").to_vec();
        let name = p2pnode_onnx::Model::parse(&model).unwrap().inputs()[0].name.clone();
        let input = encode_tensors(&[NamedTensor { name, tensor }]);
        Batch { model, tasks: vec![Task { id: Digest::from_bytes([7; 32]), input }] }
    }

    fn session(words: &[u32], po2: u32) -> Session {
        let env = ExecutorEnv::builder().write_slice(words).segment_limit_po2(po2).build().unwrap();
        ExecutorImpl::new(env, image::committed_memory().unwrap()).unwrap().run().unwrap()
    }

    #[test]
    fn no_changed_claim_can_be_proved() {
        let batch = batch();
        let words = batch.words().unwrap();
        let prover = get_prover_server(&ProverOpts::succinct()).unwrap();
        // Before the task's input lies the claim of the only product: three planes of one chunk.
        let input = words.len() - batch.tasks[0].input.len().div_ceil(4);
        for word in input - 12..input {
            let mut changed = words.clone();
            changed[word] ^= 1 << (word % 32);
            let segment = session(&changed, 20).segments[0].resolve().unwrap();
            let refused = prover.prove_segment(&VerifierContext::default(), &segment).unwrap_err();
            assert!(format!("{refused:#}").contains("bigint"), "{refused:#}");
        }
    }

    /// Behind the first segment a check may be the first to read a matrix: the host has to page it in.
    #[test]
    fn claims_hold_in_a_later_segment() {
        let mut batch = batch();
        batch.tasks = (0..16)
            .map(|i| Task { id: Digest::from_bytes([i; 32]), input: batch.tasks[0].input.clone() })
            .collect();
        let session = session(&batch.words().unwrap(), 16);
        assert_eq!(session.journal.as_ref().unwrap().bytes, batch.run().unwrap().journal);
        assert!(session.segments.len() > 2);
        let context = VerifierContext::default();
        let prover = get_prover_server(&ProverOpts::succinct()).unwrap();
        let receipt = prover.prove_segment(&context, &session.segments.last().unwrap().resolve().unwrap());
        receipt.unwrap().verify_integrity_with_context(&context).unwrap();
    }
}
