//! A message that is read and padded for SHA-256 where it lies.

use alloc::vec::Vec;

/// Words of one block.
const BLOCK: usize = 16;

/// Bytes from a word on, with SHA-256's padding behind them (FIPS 180-4 section 5.1.1) and words that do not
/// belong to them before. Where messages of one length follow each other, the padding is written once.
#[derive(Default)]
pub struct Message {
    words: Vec<u32>,
    start: usize,
    len: usize,
    /// Words up to the end of the padding; there may be more.
    size: usize,
}

impl Message {
    /// Makes room for `len` bytes behind `start` words. What lies there is to be written next.
    pub fn resize(&mut self, start: usize, len: usize) {
        if (start, len) == (self.start, self.len) && self.size > 0 {
            return;
        }
        let end = start + len.div_ceil(4);
        // A one bit and 64 bits of length.
        let size = start + (len / 4 + 3).next_multiple_of(BLOCK);
        if self.words.len() < size {
            self.words = alloc::vec![0; size]; // memory that nothing touched is zero: unlike resize, this writes none
        } else {
            self.words[end..size].fill(0);
        }
        let bits = len as u64 * 8;
        self.words[size - 2] = ((bits >> 32) as u32).to_be();
        self.words[size - 1] = (bits as u32).to_be();
        if len % 4 == 0 {
            self.words[end] = 0x80_u32.to_le();
        }
        (self.start, self.len, self.size) = (start, len, size);
    }

    /// The words before the message and those of the message: bytes of the last one that are behind the
    /// message do not matter.
    pub fn words_mut(&mut self) -> &mut [u32] {
        let end = self.start + self.len.div_ceil(4);
        &mut self.words[..end]
    }

    /// The message, padded to whole blocks.
    pub fn blocks(&mut self) -> &[u32] {
        let rest = self.len % 4 * 8;
        if rest != 0 {
            let last = &mut self.words[self.start + self.len / 4];
            *last = (u32::from_le(*last) & ((1 << rest) - 1) | 0x80 << rest).to_le();
        }
        &self.words[self.start..self.size]
    }

    /// The words before the message.
    pub fn before(&self) -> &[u32] {
        &self.words[..self.start]
    }

    pub fn bytes(&self) -> &[u8] {
        let words = &self.words[self.start..self.size];
        // SAFETY: u32 has no padding, any byte is a valid u8, and the message lies within these words.
        unsafe { core::slice::from_raw_parts(words.as_ptr().cast(), self.len) }
    }

    /// Makes these bytes the message.
    pub fn set(&mut self, bytes: &[u8]) {
        self.resize(0, bytes.len());
        let words = self.words_mut();
        // SAFETY: any four bytes are a valid u32, and no word is read meanwhile.
        let to = unsafe { core::slice::from_raw_parts_mut(words.as_mut_ptr().cast::<u8>(), bytes.len()) };
        to.copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4 section 5.1.1, as written there.
    fn padded(bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        out.push(0x80);
        while out.len() % 64 != 56 {
            out.push(0);
        }
        out.extend((bytes.len() as u64 * 8).to_be_bytes());
        out
    }

    #[test]
    fn padding_is_that_of_the_standard_for_every_length_and_history() {
        let mut message = Message::default();
        for i in 0..2000usize {
            let (start, len) = (i * 7 % 5, i * i % 211);
            message.resize(start, len);
            message.words_mut().iter_mut().for_each(|word| *word = 0xa5a5_a5a5 ^ i as u32);
            let bytes = message.bytes().to_vec();
            assert_eq!(bytes.len(), len);
            let blocks: Vec<u8> = message.blocks().iter().flat_map(|word| word.to_ne_bytes()).collect();
            assert_eq!(blocks, padded(&bytes), "{len} bytes behind {start} words");
            assert_eq!((message.before().len(), message.bytes()), (start, bytes.as_slice()));
        }
    }
}
