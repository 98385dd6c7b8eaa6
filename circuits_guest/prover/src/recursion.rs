//! The last recursion step: a receipt's STARK, proved again under the Keccak suite, and its check.
//!
//! One segment is lifted under Keccak directly; several are lifted and joined under Poseidon2 before and
//! take the identity program. Either way the result says: "the program with this control ID verified a
//! proof of this claim, under RISC Zero's own set of recursion programs".

use std::collections::VecDeque;

use anyhow::{anyhow, bail, ensure, Context, Result};
use risc0_circuit_recursion::{
    control_id::ALLOWED_CONTROL_ROOT,
    prove::{recursion_prover_with_suite, zkr::get_zkr, Program},
    CircuitImpl, CIRCUIT,
};
use risc0_zkp::{
    adapter::CircuitInfo as _,
    core::digest::Digest,
    field::baby_bear::BabyBearElem,
    verify::{verify, VerificationError},
};
use risc0_zkvm::{sha::Digestible, ReceiptClaim, SegmentReceipt, SuccinctReceipt};

use crate::keccak;

/// Rows of the recursion circuit, as a power of two; fixed by RISC Zero's programs.
pub const RECURSION_PO2: usize = 18;
/// Sizes of a segment, as a power of two, for which a lift program exists.
pub const LIFT_PO2: std::ops::RangeInclusive<usize> = 14..=22;

pub const IDENTITY: &str = "identity.zkr";

pub fn lift_program(po2: usize) -> String {
    format!("lift_rv32im_v2_{po2}.zkr")
}

/// The programs whose Keccak proofs the chain accepts as last step.
pub fn outer_programs() -> impl Iterator<Item = String> {
    std::iter::once(IDENTITY.to_string()).chain(LIFT_PO2.map(lift_program))
}

/// The Merkle root of a program's code under Keccak: what the verifier has to know of it.
pub fn control_id(name: &str) -> Result<Digest> {
    get_zkr(name, RECURSION_PO2)?.compute_control_id(keccak::suite())
}

/// Proves a segment's lift under Keccak; returns the words of the seal.
pub fn lift(receipt: &SegmentReceipt, po2: usize) -> Result<Vec<u32>> {
    ensure!(LIFT_PO2.contains(&po2), "no lift program for a segment of 2^{po2} cycles");
    // The first word is the version of the seal's format, which the program does not read.
    let input = ALLOWED_CONTROL_ROOT.as_words().iter().chain(&receipt.seal[1..]).copied().collect();
    prove(get_zkr(&lift_program(po2), RECURSION_PO2)?, input)
}

/// Proves the identity program over a succinct receipt under Keccak; returns the words of the seal.
pub fn identity(receipt: &SuccinctReceipt<ReceiptClaim>) -> Result<Vec<u32>> {
    ensure!(
        receipt.hashfn == "poseidon2",
        "a succinct receipt under Poseidon2 is needed, not {}",
        receipt.hashfn
    );
    let field_word = |word: u32| bytemuck::cast::<BabyBearElem, u32>(BabyBearElem::new(word));
    let inclusion = &receipt.control_inclusion_proof;
    let mut claim = Vec::new();
    receipt.claim.as_value().context("the receipt's claim is pruned")?.encode(&mut claim)?;

    let mut input: VecDeque<u32> = ALLOWED_CONTROL_ROOT.as_words().iter().copied().collect();
    input.extend(&receipt.seal);
    input.push_back(field_word(inclusion.index));
    input.extend(inclusion.digests.iter().flat_map(|digest| digest.as_words().iter().copied()));
    input.extend(claim.into_iter().map(field_word));
    prove(get_zkr(IDENTITY, RECURSION_PO2)?, input)
}

fn prove(program: Program, input: VecDeque<u32>) -> Result<Vec<u32>> {
    Ok(recursion_prover_with_suite(keccak::suite()).prove(program, input)?.seal)
}

/// The claim of a program that halted with exit code 0 after committing `journal`, without assumptions.
pub fn claim_digest(image_id: Digest, journal: &[u8]) -> Digest {
    ReceiptClaim::ok(image_id, journal.to_vec()).digest()
}

/// The committed control IDs of the outer programs. Computing one takes a second, so that they are
/// computed by `control-ids` and by a test, not at every verification.
pub fn committed_control_ids() -> Result<Vec<(String, Digest)>> {
    let ids: std::collections::BTreeMap<String, String> =
        serde_json::from_str(include_str!("../../images/control_ids.json"))?;
    ids.into_iter()
        .map(|(name, id)| Ok((name, Digest::try_from(hex::decode(id.trim_start_matches("0x"))?.as_slice())?)))
        .collect()
}

/// Checks a Keccak seal as the contract does: the STARK, the program, RISC Zero's control root, the claim.
pub fn verify_seal(seal: &[u32], claim: Digest) -> Result<()> {
    ensure!(seal.len() > CircuitImpl::OUTPUT_SIZE, "the seal is too short");
    let allowed: Vec<Digest> = committed_control_ids()?.into_iter().map(|(_, id)| id).collect();
    let check = |_: u32, id: &Digest| match allowed.contains(id) {
        true => Ok(()),
        false => Err(VerificationError::ControlVerificationError { control_id: *id }),
    };
    verify(&CIRCUIT, &keccak::suite(), seal, check).map_err(|e| anyhow!("the seal is not a proof: {e}"))?;

    // The globals are proved now: the root of allowed programs in the even ones of the first 16, then the
    // claim digest in 16 half words.
    let globals: Vec<u32> =
        bytemuck::checked::try_cast_slice::<u32, BabyBearElem>(&seal[..CircuitImpl::OUTPUT_SIZE])
            .map_err(|_| anyhow!("the seal holds words that are no field elements"))?
            .iter()
            .map(|elem| elem.as_u32())
            .collect();
    let (root, halves) = globals.split_at(16);
    if root.iter().skip(1).step_by(2).any(|&word| word != 0)
        || !root.iter().step_by(2).eq(ALLOWED_CONTROL_ROOT.as_words())
    {
        bail!("the seal was made under another set of recursion programs");
    }
    ensure!(halves.iter().all(|&half| half < 1 << 16), "the claim digest in the seal is malformed");
    let words: Vec<u32> = halves.chunks(2).map(|pair| pair[0] | pair[1] << 16).collect();
    let proved = Digest::try_from(words.as_slice()).expect("eight words");
    ensure!(proved == claim, "the seal proves another claim: {proved} instead of {claim}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use risc0_circuit_recursion::control_id::{ALLOWED_CONTROL_IDS, POSEIDON2_CONTROL_IDS};

    #[test]
    fn committed_control_ids_are_those_of_the_programs() {
        let committed = committed_control_ids().unwrap();
        assert_eq!(committed.len(), outer_programs().count());
        for (name, id) in committed {
            assert_eq!(control_id(&name).unwrap(), id, "{name}");
        }
    }

    #[test]
    fn outer_programs_are_among_those_that_risc_zero_allows() {
        let ids: std::collections::BTreeMap<_, _> = POSEIDON2_CONTROL_IDS.into_iter().collect();
        for name in outer_programs() {
            assert!(ALLOWED_CONTROL_IDS.contains(&ids[name.as_str()]), "{name}");
        }
        let larger = ids[lift_program(LIFT_PO2.end() + 1).as_str()];
        assert!(!ALLOWED_CONTROL_IDS.contains(&larger));
    }
}
