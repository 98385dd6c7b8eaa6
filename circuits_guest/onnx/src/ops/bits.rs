//! Operators on the bits of integers.

use super::elementwise::zip;
use super::{Args, Stored};
use crate::error::{refuse, OpResult};
use crate::spec::select::Select;
use crate::tensor::{DType, Data, Element, Tensor};

trait Bits: Element + Stored {
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn not(self) -> Self;
    /// By a number of bits outside of the type, also a negative one: 0.
    fn left(self, by: Self) -> Self;
    /// The sign fills up; by a number of bits outside of the type nothing else is left.
    fn right(self, by: Self) -> Self;
}

macro_rules! bits {
    ($($t:ty),*) => {$(impl Bits for $t {
        fn and(self, other: Self) -> Self { self & other }
        fn or(self, other: Self) -> Self { self | other }
        fn xor(self, other: Self) -> Self { self ^ other }
        fn not(self) -> Self { !self }
        fn left(self, by: Self) -> Self {
            u32::try_from(by).ok().and_then(|by| self.checked_shl(by)).unwrap_or(0)
        }
        fn right(self, by: Self) -> Self {
            let sign = self.checked_shr(<$t>::BITS - 1).unwrap_or(0);
            #[allow(unused_comparisons)] // of unsigned types
            let fill = if self < 0 { sign } else { 0 };
            u32::try_from(by).ok().and_then(|by| self.checked_shr(by)).unwrap_or(fill)
        }
    })*};
}
bits!(u8, i8, i32, i64);

#[inline(never)]
pub(super) fn bits(op: Select, args: &Args<'_>) -> OpResult<Tensor> {
    match args.get(0)?.dtype() {
        DType::U8 => typed::<u8>(op, args),
        DType::I8 => typed::<i8>(op, args),
        DType::I32 => typed::<i32>(op, args),
        DType::I64 => typed::<i64>(op, args),
        other => refuse!("{} has no bits to compute with", other),
    }
}

fn typed<T: Bits>(op: Select, args: &Args<'_>) -> OpResult<Tensor> {
    let (dims, values) = match op {
        Select::BitwiseNot => {
            let values = args.slice::<T>(0)?.iter().map(|&x| x.not()).collect();
            (args.get(0)?.dims().to_vec(), values)
        }
        Select::BitwiseAnd => zip(args, T::and)?,
        Select::BitwiseOr => zip(args, T::or)?,
        Select::BitwiseXor => zip(args, T::xor)?,
        Select::BitShift { left: true, .. } => zip(args, T::left)?,
        _ => zip(args, T::right)?,
    };
    let data: Data = T::wrap(values);
    Tensor::of(dims, data)
}
