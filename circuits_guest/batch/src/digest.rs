//! A SHA-256 digest that lies on words, and the messages that are made of such digests.

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

/// `tag | parts[0] | parts[1] | ...`, hashed. At most four parts.
///
/// The tag moves every digest off its words, so the message is shifted into place a word at a time.
pub(crate) fn hash_tagged(sha256: impl Fn(&[u8]) -> Digest, tag: u8, parts: &[&Digest]) -> Digest {
    let mut message = Message { words: [0; 33] };
    let (mut carry, mut at) = (u32::from(tag), 0);
    for part in parts {
        for &word in &part.0 {
            // SAFETY: every field of the union is plain numbers that are initialised.
            unsafe { message.words[at] = (word << 8 | carry).to_le() };
            carry = word >> 24;
            at += 1;
        }
    }
    // SAFETY: as above.
    unsafe {
        message.words[at] = carry.to_le();
        sha256(&message.bytes[..4 * at + 1])
    }
}

union Message {
    words: [u32; 33],
    bytes: [u8; 132],
}
