//! The committed guest image.

use anyhow::{Context, Result};
use risc0_binfmt::ProgramBinary;
use risc0_zkos_v1compat::V1COMPAT_ELF;
use risc0_zkp::core::digest::Digest;
use risc0_zkvm::compute_image_id;

pub struct Image {
    pub id: Digest,
    pub bytes: Vec<u8>,
}

impl Image {
    /// The image that this prover was built with.
    pub fn committed() -> Result<Image> {
        Image::from_bytes(include_bytes!("../../images/guest.bin").to_vec())
    }

    /// Joins a guest's ELF with RISC Zero's kernel, which is what is executed and proved.
    pub fn from_elf(elf: &[u8]) -> Result<Image> {
        Image::from_bytes(ProgramBinary::new(elf, V1COMPAT_ELF).encode())
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Image> {
        let id = compute_image_id(&bytes).context("the guest image is malformed")?;
        Ok(Image { id, bytes })
    }
}
