//! The committed guest image.

use anyhow::{Context, Result};
use risc0_binfmt::{MemoryImage, ProgramBinary};
use risc0_zkos_v1compat::V1COMPAT_ELF;
use risc0_zkp::core::digest::Digest;
use risc0_zkvm::compute_image_id;

/// The guest joined with RISC Zero's kernel, as it is executed and proved.
pub const PROGRAM: &[u8] = include_bytes!("../../images/guest.bin");

/// ID of the guest that this prover was built with.
pub fn committed_id() -> Digest {
    parse_id(include_str!("../../images/image_id.txt")).expect("written by build.py, checked by a test")
}

/// An image ID as text.
pub fn parse_id(hex_id: &str) -> Result<Digest> {
    let bytes = hex::decode(hex_id.trim().trim_start_matches("0x")).context("not hex")?;
    let bytes: [u8; 32] = bytes.try_into().ok().context("32 bytes are needed")?;
    Ok(bytes.into())
}

/// The committed guest's memory before its first step, with the Merkle tree over it, which `build.rs` computed.
///
/// What is proved is still that memory's root and no other: a proof's claim holds the image ID.
pub fn committed_memory() -> Result<MemoryImage> {
    bincode::deserialize(include_bytes!(concat!(env!("OUT_DIR"), "/memory.bin")))
        .context("the guest's memory is malformed")
}

/// A guest's ELF joined with RISC Zero's kernel, which is what is executed and proved, and its image ID.
pub fn join(elf: &[u8]) -> Result<(Vec<u8>, Digest)> {
    let bytes = ProgramBinary::new(elf, V1COMPAT_ELF).encode();
    let id = compute_image_id(&bytes).context("the guest image is malformed")?;
    Ok((bytes, id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use risc0_binfmt::SystemState;
    use risc0_zkvm::sha::Digestible;

    #[test]
    fn the_committed_id_is_that_of_the_image_and_of_the_memory() {
        let id = compute_image_id(PROGRAM).unwrap();
        assert_eq!(committed_id(), id);
        let root = committed_memory().unwrap().image_id();
        assert_eq!(SystemState { pc: 0, merkle_root: root }.digest(), id);
    }
}
