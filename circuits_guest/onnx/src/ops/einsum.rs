//! Einsum: for each element of the result the sum, from 0, of the products of elements of the operands, over
//! the labels that the result leaves out, in row-major order of where they stand first.

use alloc::vec;
use alloc::vec::Vec;

use super::gemm_float::Ring;
use super::indexing::{check_rank, strides, Offsets};
use super::Args;
use crate::error::{refuse, OpResult};
use crate::spec::einsum::{Einsum, Label};
use crate::tensor::{checked_count, DType, Tensor};

/// A label as one dim: the dims under an ellipsis are counted from the last one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dim {
    Letter(u8),
    FromLast(usize),
}

/// An operand's dims, by name.
fn named(labels: &[Label], rank: usize) -> OpResult<Vec<Dim>> {
    let letters = labels.iter().filter(|&&l| l != Label::Ellipsis).count();
    let Some(hidden) = rank.checked_sub(letters).filter(|&n| n == 0 || letters < labels.len()) else {
        refuse!("an operand of {} dims does not fit {} labels", rank, labels.len());
    };
    Ok(expanded(labels, hidden))
}

fn expanded(labels: &[Label], hidden: usize) -> Vec<Dim> {
    let mut out = Vec::new();
    for label in labels {
        match label {
            Label::Letter(letter) => out.push(Dim::Letter(*letter)),
            Label::Ellipsis => out.extend((0..hidden).rev().map(Dim::FromLast)),
        }
    }
    out
}

/// All dims of the equation with their sizes, those of the result first.
struct Sizes {
    names: Vec<Dim>,
    sizes: Vec<usize>,
}

impl Sizes {
    fn add(&mut self, name: Dim, size: usize) -> OpResult<()> {
        match self.names.iter().position(|&n| n == name) {
            None => {
                self.names.push(name);
                self.sizes.push(size);
            }
            Some(at) if self.sizes[at] == 1 => self.sizes[at] = size,
            Some(at) if size != 1 && self.sizes[at] != size => {
                refuse!("one label stands for dims of {} and {}", self.sizes[at], size)
            }
            Some(_) => {}
        }
        Ok(())
    }
}

#[inline(never)]
pub(super) fn einsum(args: &Args<'_>, einsum: &Einsum) -> OpResult<Tensor> {
    match args.get(0)?.dtype() {
        DType::F32 => typed::<f32>(args, einsum),
        DType::I32 => typed::<i32>(args, einsum),
        _ => typed::<i64>(args, einsum),
    }
}

fn typed<T: Ring>(args: &Args<'_>, einsum: &Einsum) -> OpResult<Tensor> {
    let mut operands = Vec::with_capacity(einsum.operands.len());
    let mut hidden = 0;
    for (i, labels) in einsum.operands.iter().enumerate() {
        let dims = args.get(i)?.dims();
        let names = named(labels, dims.len())?;
        if labels.contains(&Label::Ellipsis) {
            hidden = hidden.max(dims.len() + 1 - labels.len());
        }
        operands.push((names, dims));
    }
    let kept = expanded(&einsum.result, hidden);
    check_rank(kept.len())?;
    let mut all = Sizes { sizes: vec![1; kept.len()], names: kept };
    let rank = all.names.len();
    for (names, dims) in &operands {
        names.iter().zip(*dims).try_for_each(|(&name, &size)| all.add(name, size))?;
    }
    let (out_dims, sum_dims) = all.sizes.split_at(rank);
    let (count, terms) = (checked_count(out_dims)?, checked_count(sum_dims)?);
    checked_count(&[terms.max(1), operands.len()])?;
    args.spend(&[count, terms, operands.len()])?;
    // Of each operand: where the element for each term of a sum lies, from the one for the first term.
    let (mut steps, mut tables) = (Vec::new(), Vec::new());
    for (names, dims) in &operands {
        let mut own = vec![0; all.names.len()];
        for ((name, &size), stride) in names.iter().zip(*dims).zip(strides(dims)) {
            if let Some(at) = all.names.iter().position(|n| n == name).filter(|_| size != 1) {
                own[at] += stride;
            }
        }
        tables.push(Offsets::new(sum_dims, &own[rank..], terms).collect::<Vec<usize>>());
        own.truncate(rank);
        steps.push(own);
    }
    let values = (0..operands.len()).map(|i| args.slice::<T>(i)).collect::<OpResult<Vec<&[T]>>>()?;
    let mut places: Vec<Offsets<'_>> = steps.iter().map(|own| Offsets::new(out_dims, own, count)).collect();
    let mut out = Vec::with_capacity(count);
    let mut starts = vec![0; values.len()];
    for _ in 0..count {
        for (start, place) in starts.iter_mut().zip(&mut places) {
            *start = place.next().unwrap_or(0);
        }
        let element = |i: usize, term: usize| values[i][starts[i] + tables[i][term]];
        let product =
            |term: usize| (1..values.len()).fold(element(0, term), |p, i| p.times(element(i, term)));
        out.push((0..terms).fold(T::default(), |sum, term| sum.plus(product(term))));
    }
    Tensor::of(out_dims.to_vec(), T::wrap(out))
}
