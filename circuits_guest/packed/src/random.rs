//! Reproducible field elements for the tests.

use risc0_core::field::{
    baby_bear::{BabyBearElem, BabyBearExtElem},
    ExtElem as _,
};

/// `count` elements by the generator of Knuth's MMIX, which is random enough to tell arithmetic apart.
pub fn elems(seed: u64, count: usize) -> Vec<BabyBearElem> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1);
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            BabyBearElem::new((state >> 32) as u32)
        })
        .collect()
}

pub fn ext_elems(seed: u64, count: usize) -> Vec<BabyBearExtElem> {
    elems(seed, 4 * count)
        .chunks_exact(4)
        .map(|c| BabyBearExtElem::from_subelems(c.iter().copied()))
        .collect()
}
