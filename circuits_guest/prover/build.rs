//! Loads the guest image and hashes its memory once: to do so in each run would take longer than most runs.

use std::{env, fs, path::Path};

const IMAGE: &str = "../images/guest.bin";

fn main() {
    println!("cargo::rerun-if-changed={IMAGE}");
    let bytes = fs::read(IMAGE).expect("the guest image is beside the prover");
    let binary = risc0_binfmt::ProgramBinary::decode(&bytes).expect("build.py wrote it");
    let memory = binary.to_image().expect("it loads");
    let encoded = bincode::serialize(&memory).expect("plain data");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("memory.bin"), encoded).expect("cargo's folder can be written");
}
