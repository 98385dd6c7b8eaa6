//! The canonical tensor encoding: one list, one byte string.

mod common;

use common::*;
use p2pnode_onnx::{decode_tensors, encode_tensors, Data, NamedTensor, MAX_NAME, MAX_TENSORS};

fn every_type() -> Vec<NamedTensor> {
    vec![
        named("f", &[2], Data::F32(vec![1.5, f32::NAN])),
        named("u", &[1, 3], Data::U8(vec![0, 128, 255])),
        named("i", &[], Data::I8(vec![-128])),
        named("größe", &[2, 1], Data::I32(vec![i32::MIN, i32::MAX])),
        named("", &[0, 5], Data::I64(vec![])),
        named("b", &[2], Data::Bool(vec![0, 1])),
    ]
}

#[test]
fn encodes_as_specified() {
    let bytes = encode_tensors(&[named("ab", &[1, 2], Data::I32(vec![1, -2]))]);
    let words = [1u32, 2].iter().flat_map(|w| w.to_le_bytes());
    let mut expected: Vec<u8> = words.collect();
    expected.extend(b"ab");
    expected.extend([6u32, 2, 1, 2, 1, u32::MAX - 1].iter().flat_map(|w| w.to_le_bytes()));
    assert_eq!(bytes, expected);
}

#[test]
fn decoding_inverts_encoding() {
    let bytes = encode_tensors(&every_type());
    let decoded = decode_tensors(&bytes).unwrap();
    assert_eq!(encode_tensors(&decoded), bytes);
    assert_eq!(decoded[1..], every_type()[1..]); // all but the NaN, which is not equal to itself
    assert_eq!(decode_tensors(&encode_tensors(&[])).unwrap(), []);
}

#[test]
fn truncated_or_extended_lists_are_refused() {
    let bytes = encode_tensors(&every_type());
    for len in 0..bytes.len() {
        assert!(decode_tensors(&bytes[..len]).is_err(), "the first {len} bytes decoded");
    }
    assert!(decode_tensors(&[bytes, vec![0]].concat()).unwrap_err().to_string().contains("trailing"));
}

#[test]
fn what_decodes_is_canonical() {
    let bytes = encode_tensors(&every_type());
    for i in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[i] ^= 1 << bit;
            if let Ok(tensors) = decode_tensors(&changed) {
                assert_eq!(encode_tensors(&tensors), changed);
            }
        }
    }
}

#[test]
fn caps_hold() {
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
    let refused = |bytes: &[u8]| decode_tensors(bytes).unwrap_err().to_string();
    assert!(refused(&words(&[MAX_TENSORS as u32 + 1])).contains("count"));
    assert!(refused(&words(&[1, MAX_NAME as u32 + 1])).contains("name length"));
    assert!(refused(&words(&[1, 0, 1, 9])).contains("rank"));
    assert!(refused(&words(&[1, 0, 11, 0])).contains("dtype 11"));
    assert!(refused(&words(&[1, 0, 1, 2, u32::MAX, u32::MAX])).contains("elements"));
    assert!(refused(&[words(&[1, 0, 9, 0]), vec![2]].concat()).contains("boolean"));
    assert!(refused(&[words(&[1, 1]), vec![0xff]].concat()).contains("UTF-8"));
}
