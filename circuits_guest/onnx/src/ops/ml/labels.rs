//! Operators that name categories.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use super::floats;
use crate::error::{refuse, OpResult};
use crate::ops::Args;
use crate::spec::features::{by_value, Keys, LabelEncoder, Labels};
use crate::tensor::{checked_count, Data, Tensor};

/// The value of each key, and the default of anything else.
#[inline(never)]
pub(super) fn encode(args: &Args<'_>, encoder: &LabelEncoder) -> OpResult<Tensor> {
    let places: Vec<Option<u32>> = match &encoder.keys {
        Keys::Ints(keys) => {
            let find = |&x: &i64| keys.binary_search_by_key(&x, |key| key.0).ok().map(|at| keys[at].1);
            args.slice::<i64>(0)?.iter().map(find).collect()
        }
        Keys::Floats(keys) => {
            let find = |&x: &f32| {
                let x = by_value(x);
                keys.binary_search_by(|key| key.0.total_cmp(&x)).ok().map(|at| keys[at].1)
            };
            args.slice::<f32>(0)?.iter().map(find).collect()
        }
    };
    fn named<T: Copy>(places: &[Option<u32>], values: &[T], default: T) -> Vec<T> {
        places.iter().map(|place| place.map_or(default, |at| values[at as usize])).collect()
    }
    let data = match &encoder.values {
        Labels::Floats(values, default) => Data::F32(named(&places, values, *default)),
        Labels::Ints(values, default) => Data::I64(named(&places, values, *default)),
    };
    Tensor::of(args.get(0)?.dims().to_vec(), data)
}

/// A 1 in the column of each category; of a category that is listed twice, in the last.
#[inline(never)]
pub(super) fn one_hot(args: &Args<'_>, categories: &[i64], zeros: bool) -> OpResult<Tensor> {
    let x = args.get(0)?;
    if x.dims().len() > 2 {
        refuse!("categories have dims {:?}, at most two are supported", x.dims());
    }
    let columns: BTreeMap<i64, usize> = categories.iter().copied().zip(0..).collect();
    let dims: Vec<usize> = x.dims().iter().copied().chain([categories.len()]).collect();
    let mut out = vec![0f32; checked_count(&dims)?];
    let found: Vec<Option<usize>> = match x.data() {
        Data::I64(v) => v.iter().map(|x| columns.get(x).copied()).collect(),
        Data::I32(v) => v.iter().map(|&x| columns.get(&i64::from(x)).copied()).collect(),
        // Truncated toward zero; what does not fit is no category.
        _ => floats(x)?.iter().map(|&x| whole(x).and_then(|x| columns.get(&x).copied())).collect(),
    };
    for (row, column) in out.chunks_exact_mut(categories.len()).zip(found) {
        match column {
            Some(column) => row[column] = 1.0,
            None if zeros => {}
            None => refuse!("a value is none of the categories, and zeros is 0"),
        }
    }
    Tensor::of(dims, Data::F32(out))
}

fn whole(x: f32) -> Option<i64> {
    (x > -9.223_373e18 && x < 9.223_372e18).then_some(x as i64)
}
