use risc0_zkp::{
    core::hash::{poseidon2::Poseidon2HashSuite, sha::Sha256HashSuite},
    INV_RATE,
};

use super::*;
use crate::random::{elems, ext_elems};

fn hals() -> (CpuHal<BabyBear>, PackedHal) {
    (CpuHal::new(Poseidon2HashSuite::new_suite()), PackedHal::new(Poseidon2HashSuite::new_suite()))
}

/// What one call leaves in its buffer, for both layers.
fn same<T: Clone + Default + Debug + PartialEq>(
    from: &CpuBuffer<T>,
    stock: impl FnOnce(&CpuHal<BabyBear>, &CpuBuffer<T>),
    packed: impl FnOnce(&PackedHal, &CpuBuffer<T>),
) {
    let copy = || CpuBuffer::from(from.as_slice().to_vec());
    let (hals, buffers) = (hals(), (copy(), copy()));
    stock(&hals.0, &buffers.0);
    packed(&hals.1, &buffers.1);
    assert!(buffers.0.as_slice()[..] == buffers.1.as_slice()[..]);
}

/// Polynomials of `2^po2` coefficients each.
fn columns(po2: usize, count: usize) -> Elems {
    CpuBuffer::from(elems(po2 as u64, count << po2))
}

#[test]
fn transforms_leave_what_the_stock_layer_leaves() {
    for po2 in [2, 10] {
        let (io, out) =
            (columns(po2, 3), CpuBuffer::from(vec![BabyBearElem::default(); (3 * INV_RATE) << po2]));
        same(&io, |hal, io| hal.batch_interpolate_ntt(io, 3), |hal, io| hal.batch_interpolate_ntt(io, 3));
        same(&io, |hal, io| hal.zk_shift(io, 3), |hal, io| hal.zk_shift(io, 3));
        same(
            &out,
            |hal, out| hal.batch_expand_into_evaluate_ntt(out, &io, 3, 2),
            |hal, out| hal.batch_expand_into_evaluate_ntt(out, &io, 3, 2),
        );
    }
}

#[test]
fn polynomials_mix_as_in_the_stock_layer() {
    for po2 in [2, 10] {
        let io = columns(po2, 5);
        let [mix, start, x, y] = ext_elems(8, 4).try_into().unwrap();
        let combos = CpuBuffer::from(vec![2, 0, 2, 0, 2]);
        same(
            &CpuBuffer::from(ext_elems(9, 3 << po2)),
            |hal, out| hal.mix_poly_coeffs(out, &start, &mix, &io, &combos, 5, 1 << po2),
            |hal, out| hal.mix_poly_coeffs(out, &start, &mix, &io, &combos, 5, 1 << po2),
        );
        let (which, xs) = (CpuBuffer::from(vec![4, 0, 4]), CpuBuffer::from(vec![x, x, y]));
        same(
            &CpuBuffer::from(ext_elems(10, 3)),
            |hal, out| hal.batch_evaluate_any(&io, 5, &which, &xs, out),
            |hal, out| hal.batch_evaluate_any(&io, 5, &which, &xs, out),
        );
    }
    for size in [1, 256] {
        let input = CpuBuffer::from(elems(11, 4 * FRI_FOLD * size));
        same(
            &CpuBuffer::from(elems(12, 4 * size)),
            |hal, out| hal.fri_fold(out, &input, &mix_of(13)),
            |hal, out| hal.fri_fold(out, &input, &mix_of(13)),
        );
    }
}

fn mix_of(seed: u64) -> BabyBearExtElem {
    ext_elems(seed, 1)[0]
}

#[test]
fn trees_are_those_of_the_stock_layer_under_any_hash() {
    let rows = 4 * WIDTH.max(2);
    let matrix = CpuBuffer::from(elems(14, 20 * rows));
    for suite in [Poseidon2HashSuite::new_suite, Sha256HashSuite::new_suite] {
        let (stock, packed) = (CpuHal::new(suite()), PackedHal::new(suite()));
        let trees = [vec![Digest::ZERO; 2 * rows], vec![Digest::ZERO; 2 * rows]].map(CpuBuffer::from);
        stock.hash_rows(&trees[0].slice(rows, rows), &matrix);
        packed.hash_rows(&trees[1].slice(rows, rows), &matrix);
        for layer in (0..rows.trailing_zeros()).rev() {
            stock.hash_fold(&trees[0], 2 << layer, 1 << layer);
            packed.hash_fold(&trees[1], 2 << layer, 1 << layer);
        }
        assert_eq!(trees[0].as_slice()[1..], trees[1].as_slice()[1..]);
    }
}
