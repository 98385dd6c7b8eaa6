//! Slices of RISC Zero's field elements seen as packed elements of Plonky3, without copying.
//!
//! Both libraries keep BabyBear elements as canonical Montgomery words with R = 2^32, so only the type
//! changes. How many elements one [`Lanes`] holds depends on the instructions the crate is compiled for:
//! 16 with AVX-512, 8 with AVX2, 4 on arm64, 1 elsewhere.

use p3_baby_bear::BabyBear;
use p3_field::{Field, PackedValue};
use risc0_core::field::baby_bear::{BabyBearElem, BabyBearExtElem};

/// One element of the base field.
pub type Word = BabyBear;
/// As many base field elements as one instruction handles.
pub type Lanes = <BabyBear as Field>::Packing;
pub const WIDTH: usize = <Lanes as PackedValue>::WIDTH;

/// Degree of the extension field.
pub const EXT: usize = 4;

const _: () = assert!(size_of::<BabyBearElem>() == size_of::<Word>());
const _: () = assert!(align_of::<BabyBearElem>() == align_of::<Word>());
const _: () = assert!(size_of::<BabyBearExtElem>() == EXT * size_of::<Word>());

/// Invalid elements (0xffffffff), which RISC Zero uses for cells that were never written, may not be
/// computed with: its prover replaces them by zeros before it commits.
pub fn words(elems: &[BabyBearElem]) -> &[Word] {
    // SAFETY: both are transparent wrappers of u32 (sizes and alignments are asserted above).
    unsafe { core::slice::from_raw_parts(elems.as_ptr().cast(), elems.len()) }
}

pub fn words_mut(elems: &mut [BabyBearElem]) -> &mut [Word] {
    // SAFETY: as in `words`; every Word is canonical, so every BabyBearElem written is valid.
    unsafe { core::slice::from_raw_parts_mut(elems.as_mut_ptr().cast(), elems.len()) }
}

pub fn word(elem: BabyBearElem) -> Word {
    words(&[elem])[0]
}

pub fn elem(word: Word) -> BabyBearElem {
    let mut elem = [BabyBearElem::new_raw(0)];
    words_mut(&mut elem)[0] = word;
    elem[0]
}

/// Extension elements as their base coefficients, four in a row.
pub fn coefficients(elems: &[BabyBearExtElem]) -> &[Word] {
    // SAFETY: an extension element is a transparent array of four base elements.
    unsafe { core::slice::from_raw_parts(elems.as_ptr().cast(), EXT * elems.len()) }
}

pub fn coefficients_mut(elems: &mut [BabyBearExtElem]) -> &mut [Word] {
    // SAFETY: as in `coefficients`.
    unsafe { core::slice::from_raw_parts_mut(elems.as_mut_ptr().cast(), EXT * elems.len()) }
}

#[inline(always)]
pub fn load(words: &[Word], at: usize) -> Lanes {
    *Lanes::from_slice(&words[at..at + WIDTH])
}

#[inline(always)]
pub fn store(words: &mut [Word], at: usize, lanes: Lanes) {
    words[at..at + WIDTH].copy_from_slice(lanes.as_slice());
}

#[cfg(test)]
mod tests {
    use p3_field::PrimeField32;
    use risc0_core::field::Elem;

    use super::*;
    use crate::random;

    #[test]
    fn both_libraries_read_the_same_words() {
        let elems = random::elems(1, 100);
        for (elem, word) in elems.iter().zip(words(&elems)) {
            assert_eq!(elem.as_u32(), word.as_canonical_u32());
        }
        let products: Vec<_> = elems.windows(2).map(|pair| pair[0] * pair[1] + BabyBearElem::ONE).collect();
        for (product, pair) in products.iter().zip(words(&elems).windows(2)) {
            assert_eq!(word(*product), pair[0] * pair[1] + word(BabyBearElem::ONE));
        }
    }
}
