//! RISC Zero's hardware abstraction layer: the stock CPU's, with packed versions of what takes long.

use core::fmt::Debug;

use p3_field::{Field, PrimeCharacteristicRing};
use rayon::prelude::*;
use risc0_core::field::baby_bear::{BabyBear, BabyBearElem, BabyBearExtElem};
use risc0_zkp::{
    core::{digest::Digest, hash::HashSuite, ntt::bit_rev_32},
    hal::{
        cpu::{CpuBuffer, CpuHal},
        Buffer as _, Hal,
    },
    FRI_FOLD,
};

use crate::{
    keccak,
    lanes::{coefficients_mut, words, words_mut, Word, WIDTH},
    ntt::{self, Twiddles},
    poly, poseidon2,
};

/// Drop-in for RISC Zero's `CpuHal`, on its buffers.
pub struct PackedHal {
    stock: CpuHal<BabyBear>,
    hasher: Option<Hasher>,
}

/// A hash that several rows are hashed with at once.
struct Hasher {
    rows: fn(&mut [Digest], &[Word]),
    pairs: fn(&mut [Digest], &[Digest]),
    /// Digests have to be made in multiples of this
    width: usize,
}

type Elems = CpuBuffer<BabyBearElem>;
type ExtElems = CpuBuffer<BabyBearExtElem>;

impl PackedHal {
    /// The suites named `poseidon2` (RISC Zero's) and `keccak-256` (the prover's) are hashed with packed code.
    pub fn new(suite: HashSuite<BabyBear>) -> Self {
        let hasher = match suite.name.as_str() {
            "poseidon2" => {
                Some(Hasher { rows: poseidon2::hash_rows, pairs: poseidon2::hash_pairs, width: WIDTH })
            }
            "keccak-256" => {
                Some(Hasher { rows: keccak::hash_rows, pairs: keccak::hash_pairs, width: keccak::ROWS })
            }
            _ => None,
        };
        Self { stock: CpuHal::new(suite), hasher }
    }

    fn hasher(&self, digests: usize) -> Option<&Hasher> {
        self.hasher.as_ref().filter(|hasher| digests.is_multiple_of(hasher.width))
    }
}

impl Hal for PackedHal {
    type Field = BabyBear;
    type Elem = BabyBearElem;
    type ExtElem = BabyBearExtElem;
    type Buffer<T: Clone + Debug + PartialEq> = CpuBuffer<T>;

    fn batch_expand_into_evaluate_ntt(
        &self,
        output: &Elems,
        input: &Elems,
        count: usize,
        expand_bits: usize,
    ) {
        let size = output.size() / count;
        let po2 = size.trailing_zeros() as usize;
        if po2 < ntt::MIN_PO2 {
            return self.stock.batch_expand_into_evaluate_ntt(output, input, count, expand_bits);
        }
        assert_eq!(input.size() << expand_bits, output.size());
        let twiddles = Twiddles::forward(po2);
        let (mut output, input) = (output.as_slice_mut(), input.as_slice());
        words_mut(&mut output)
            .par_chunks_exact_mut(size)
            .zip(words(&input).par_chunks_exact(size >> expand_bits))
            .for_each(|(output, input)| {
                for (group, &word) in output.chunks_exact_mut(1 << expand_bits).zip(input) {
                    group.fill(word);
                }
                ntt::evaluate(output, expand_bits, &twiddles);
            });
    }

    fn batch_interpolate_ntt(&self, io: &Elems, count: usize) {
        let size = io.size() / count;
        let po2 = size.trailing_zeros() as usize;
        if po2 < ntt::MIN_PO2 {
            return self.stock.batch_interpolate_ntt(io, count);
        }
        let twiddles = Twiddles::reverse(po2);
        let norm = vec![Word::from_usize(size).inverse(); size];
        words_mut(&mut io.as_slice_mut()).par_chunks_exact_mut(size).for_each(|column| {
            ntt::interpolate(column, &twiddles);
            poly::scale(column, &norm);
        });
    }

    fn zk_shift(&self, io: &Elems, count: usize) {
        let size = io.size() / count;
        let powers = poly::shift_powers(size.trailing_zeros() as usize);
        words_mut(&mut io.as_slice_mut())
            .par_chunks_exact_mut(size)
            .for_each(|column| poly::scale(column, &powers));
    }

    fn batch_evaluate_any(
        &self,
        coeffs: &Elems,
        poly_count: usize,
        which: &CpuBuffer<u32>,
        xs: &ExtElems,
        out: &ExtElems,
    ) {
        let size = coeffs.size() / poly_count;
        let coeffs = coeffs.as_slice();
        let coeffs = words(&coeffs);
        let (which, xs, mut out) = (which.as_slice(), xs.as_slice(), out.as_slice_mut());
        (&which[..], &xs[..], &mut out[..]).into_par_iter().for_each(|(&id, &x, out)| {
            *out = poly::evaluate(&coeffs[id as usize * size..][..size], x);
        });
    }

    fn mix_poly_coeffs(
        &self,
        out: &ExtElems,
        mix_start: &BabyBearExtElem,
        mix: &BabyBearExtElem,
        input: &Elems,
        combos: &CpuBuffer<u32>,
        input_size: usize,
        count: usize,
    ) {
        if count < WIDTH {
            return self.stock.mix_poly_coeffs(out, mix_start, mix, input, combos, input_size, count);
        }
        let powers: Vec<_> =
            core::iter::successors(Some(*mix_start), |power| Some(*power * *mix)).take(input_size).collect();
        let (input, combos) = (input.as_slice(), combos.as_slice());
        let columns: Vec<&[Word]> = words(&input).chunks_exact(count).take(input_size).collect();
        for (id, out) in out.as_slice_mut().chunks_exact_mut(count).enumerate() {
            let (columns, powers): (Vec<&[Word]>, Vec<_>) = (0..input_size)
                .filter(|&i| combos[i] as usize == id)
                .map(|i| (columns[i], powers[i]))
                .unzip();
            if !columns.is_empty() {
                poly::add_mixed(coefficients_mut(out), &columns, &powers);
            }
        }
    }

    fn fri_fold(&self, output: &Elems, input: &Elems, mix: &BabyBearExtElem) {
        let count = output.size() / 4;
        if count < WIDTH {
            return self.stock.fri_fold(output, input, mix);
        }
        let bits = FRI_FOLD.trailing_zeros();
        let order: Vec<usize> =
            (0..FRI_FOLD as u32).map(|i| (bit_rev_32(i) >> (32 - bits)) as usize).collect();
        let (mut output, input) = (output.as_slice_mut(), input.as_slice());
        poly::fri_fold(words_mut(&mut output), words(&input), *mix, &order);
    }

    fn hash_rows(&self, output: &CpuBuffer<Digest>, matrix: &Elems) {
        match self.hasher(output.size()) {
            None => self.stock.hash_rows(output, matrix),
            Some(hasher) => (hasher.rows)(&mut output.as_slice_mut(), words(&matrix.as_slice())),
        }
    }

    fn hash_fold(&self, io: &CpuBuffer<Digest>, input_size: usize, output_size: usize) {
        let Some(hasher) = self.hasher(output_size) else {
            return self.stock.hash_fold(io, input_size, output_size);
        };
        assert_eq!(input_size, 2 * output_size);
        let mut nodes = io.as_slice_mut();
        let (parents, children) = nodes.split_at_mut(input_size);
        (hasher.pairs)(&mut parents[output_size..], &children[..input_size]);
    }

    fn has_unified_memory(&self) -> bool {
        self.stock.has_unified_memory()
    }

    fn get_hash_suite(&self) -> &HashSuite<BabyBear> {
        self.stock.get_hash_suite()
    }

    fn alloc_digest(&self, name: &'static str, size: usize) -> CpuBuffer<Digest> {
        self.stock.alloc_digest(name, size)
    }

    fn alloc_elem(&self, name: &'static str, size: usize) -> Elems {
        self.stock.alloc_elem(name, size)
    }

    fn alloc_extelem(&self, name: &'static str, size: usize) -> ExtElems {
        self.stock.alloc_extelem(name, size)
    }

    fn alloc_u32(&self, name: &'static str, size: usize) -> CpuBuffer<u32> {
        self.stock.alloc_u32(name, size)
    }

    fn copy_from_digest(&self, name: &'static str, slice: &[Digest]) -> CpuBuffer<Digest> {
        self.stock.copy_from_digest(name, slice)
    }

    fn copy_from_elem(&self, name: &'static str, slice: &[BabyBearElem]) -> Elems {
        self.stock.copy_from_elem(name, slice)
    }

    fn copy_from_extelem(&self, name: &'static str, slice: &[BabyBearExtElem]) -> ExtElems {
        self.stock.copy_from_extelem(name, slice)
    }

    fn copy_from_u32(&self, name: &'static str, slice: &[u32]) -> CpuBuffer<u32> {
        self.stock.copy_from_u32(name, slice)
    }

    fn batch_bit_reverse(&self, io: &Elems, count: usize) {
        self.stock.batch_bit_reverse(io, count)
    }

    fn eltwise_add_elem(&self, output: &Elems, a: &Elems, b: &Elems) {
        self.stock.eltwise_add_elem(output, a, b)
    }

    fn eltwise_sum_extelem(&self, output: &Elems, input: &ExtElems) {
        self.stock.eltwise_sum_extelem(output, input)
    }

    fn eltwise_copy_elem(&self, output: &Elems, input: &Elems) {
        self.stock.eltwise_copy_elem(output, input)
    }

    fn eltwise_copy_elem_slice(
        &self,
        into: &Elems,
        from: &[BabyBearElem],
        from_rows: usize,
        from_cols: usize,
        from_offset: usize,
        from_stride: usize,
        into_offset: usize,
        into_stride: usize,
    ) {
        self.stock.eltwise_copy_elem_slice(
            into,
            from,
            from_rows,
            from_cols,
            from_offset,
            from_stride,
            into_offset,
            into_stride,
        )
    }

    fn eltwise_zeroize_elem(&self, elems: &Elems) {
        self.stock.eltwise_zeroize_elem(elems)
    }

    fn gather_sample(&self, dst: &Elems, src: &Elems, idx: usize, size: usize, stride: usize) {
        self.stock.gather_sample(dst, src, idx, size, stride)
    }

    fn scatter(&self, into: &Elems, index: &[u32], offsets: &[u32], values: &[BabyBearElem]) {
        self.stock.scatter(into, index, offsets, values)
    }

    fn prefix_products(&self, io: &ExtElems) {
        self.stock.prefix_products(io)
    }
}

#[cfg(test)]
mod tests;
