//! Protobuf wire format: fields of a message, one at a time, without copying.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub(crate) type WireResult<T> = Result<T, String>;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed32(u32),
    /// No field that is read has this type.
    Fixed64,
    Bytes(&'a [u8]),
}

/// Iterates over the fields of one message.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Fields { rest: message }
    }

    fn varint(&mut self) -> WireResult<u64> {
        // Most numbers of a file are keys and lengths of one byte.
        match self.rest {
            [byte @ 0..=0x7f, tail @ ..] => {
                self.rest = tail;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self) -> WireResult<u64> {
        let mut value = 0u64;
        for i in 0..10 {
            let (&byte, tail) = self.rest.split_first().ok_or("a number runs past the end")?;
            self.rest = tail;
            let bits = u64::from(byte & 0x7f);
            if i == 9 && bits > 1 {
                return Err("a number has more than 64 bits".into());
            }
            value |= bits << (7 * i);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number has more than 10 bytes".into())
    }

    fn take(&mut self, n: u64) -> WireResult<&'a [u8]> {
        let n = usize::try_from(n).ok().filter(|&n| n <= self.rest.len());
        let n = n.ok_or("a field runs past the end of its message")?;
        let (head, tail) = self.rest.split_at(n);
        self.rest = tail;
        Ok(head)
    }

    /// Next `(field number, value)`, or `None` at the end of the message.
    pub(crate) fn next(&mut self) -> WireResult<Option<(u32, Value<'a>)>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let number =
            u32::try_from(key >> 3).ok().filter(|&n| n > 0).ok_or("a field number is out of range")?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => {
                self.take(8)?;
                Value::Fixed64
            }
            2 => {
                let len = self.varint()?;
                Value::Bytes(self.take(len)?)
            }
            5 => {
                let b = self.take(4)?;
                Value::Fixed32(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            }
            other => return Err(format!("wire type {other} is not used by ONNX")),
        };
        Ok(Some((number, value)))
    }
}

impl<'a> Value<'a> {
    pub(crate) fn bytes(self) -> WireResult<&'a [u8]> {
        match self {
            Value::Bytes(b) => Ok(b),
            _ => Err("a field has the wrong wire type".into()),
        }
    }

    pub(crate) fn text(self) -> WireResult<&'a str> {
        core::str::from_utf8(self.bytes()?).map_err(|_| "a text is not UTF-8".into())
    }

    pub(crate) fn int(self) -> WireResult<i64> {
        match self {
            Value::Varint(v) => Ok(v as i64),
            other => Err(format!("expected a number, found {other:?}")),
        }
    }

    pub(crate) fn float(self) -> WireResult<f32> {
        match self {
            Value::Fixed32(v) => Ok(f32::from_bits(v)),
            other => Err(format!("expected a float, found {other:?}")),
        }
    }

    /// Appends a repeated integer field, packed or not.
    pub(crate) fn push_ints(self, out: &mut Vec<i64>) -> WireResult<()> {
        match self {
            Value::Varint(v) => out.push(v as i64),
            Value::Bytes(b) => {
                let mut packed = Fields::new(b);
                while !packed.rest.is_empty() {
                    out.push(packed.varint()? as i64);
                }
            }
            _ => return Err("a field has the wrong wire type".into()),
        }
        Ok(())
    }

    /// Appends a repeated float field, packed or not.
    pub(crate) fn push_floats(self, out: &mut Vec<f32>) -> WireResult<()> {
        match self {
            Value::Fixed32(v) => out.push(f32::from_bits(v)),
            Value::Bytes(b) if b.len() % 4 == 0 => {
                out.extend(b.chunks_exact(4).map(|c| f32::from_le_bytes([c[0], c[1], c[2], c[3]])));
            }
            _ => return Err("a field has the wrong wire type".into()),
        }
        Ok(())
    }
}
