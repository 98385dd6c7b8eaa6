//! A SHA-256 digest that lies on words, and the messages that are made of such digests.

use crate::message::Message;

/// 32 bytes, held as little-endian words so that a guest copies words instead of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u32; 8]);

impl Digest {
    pub const fn from_words(words: [u32; 8]) -> Digest {
        Digest(words)
    }

    pub fn from_bytes(bytes: [u8; 32]) -> Digest {
        let word = |i: usize| [bytes[4 * i], bytes[4 * i + 1], bytes[4 * i + 2], bytes[4 * i + 3]];
        Digest(core::array::from_fn(|i| u32::from_le_bytes(word(i))))
    }

    pub fn to_bytes(&self) -> [u8; 32] {
        core::array::from_fn(|i| self.0[i / 4].to_le_bytes()[i % 4])
    }
}

/// Writes `tag | parts[0] | parts[1] | ...`.
///
/// The tag moves every digest off its words, so the message is shifted into place a word at a time.
pub(crate) fn write_tagged<const N: usize>(message: &mut Message, tag: u8, parts: [&Digest; N]) {
    message.resize(0, 1 + 32 * N);
    let (mut carry, (digests, last)) = (u32::from(tag), message.words_mut().as_chunks_mut::<8>());
    for (to, part) in digests.iter_mut().zip(parts) {
        for (to, &word) in to.iter_mut().zip(&part.0) {
            *to = (word << 8 | carry).to_le();
            carry = word >> 24;
        }
    }
    last[0] = carry.to_le();
}
