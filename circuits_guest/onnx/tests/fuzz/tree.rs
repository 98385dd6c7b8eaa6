//! A protobuf message as a tree that can be changed and written again.
//!
//! Which fields hold messages is known from the ONNX schema; everything else of that wire type is bytes.

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    Model,
    Opset,
    Graph,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Type,
    TensorType,
    Shape,
    Dim,
}

impl Kind {
    fn of_field(self, number: u32) -> Option<Kind> {
        Some(match (self, number) {
            (Kind::Model, 7) => Kind::Graph,
            (Kind::Model, 8) => Kind::Opset,
            (Kind::Graph, 1) => Kind::Node,
            (Kind::Graph, 5) => Kind::Tensor,
            (Kind::Graph, 11 | 12 | 13) => Kind::ValueInfo,
            (Kind::Node, 5) => Kind::Attribute,
            (Kind::Attribute, 5) => Kind::Tensor,
            (Kind::ValueInfo, 2) => Kind::Type,
            (Kind::Type, 1) => Kind::TensorType,
            (Kind::TensorType, 2) => Kind::Shape,
            (Kind::Shape, 1) => Kind::Dim,
            _ => return None,
        })
    }
}

#[derive(Clone, Debug)]
pub enum Value {
    Varint(u64),
    Fixed32(u32),
    Fixed64(u64),
    Bytes(Vec<u8>),
    Message(Message),
}

#[derive(Clone, Debug)]
pub struct Field {
    pub number: u32,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub struct Message {
    pub kind: Kind,
    pub fields: Vec<Field>,
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn split<'a>(bytes: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(n)?;
    *bytes = tail;
    Some(head)
}

impl Message {
    pub fn read(kind: Kind, mut bytes: &[u8]) -> Option<Message> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes)?;
            let number = (key >> 3) as u32;
            let value = match key & 7 {
                0 => Value::Varint(varint(&mut bytes)?),
                1 => Value::Fixed64(u64::from_le_bytes(split(&mut bytes, 8)?.try_into().ok()?)),
                2 => {
                    let n = varint(&mut bytes)? as usize;
                    let content = split(&mut bytes, n)?;
                    match kind.of_field(number).and_then(|kind| Message::read(kind, content)) {
                        Some(message) => Value::Message(message),
                        None => Value::Bytes(content.to_vec()),
                    }
                }
                5 => Value::Fixed32(u32::from_le_bytes(split(&mut bytes, 4)?.try_into().ok()?)),
                _ => return None,
            };
            fields.push(Field { number, value });
        }
        Some(Message { kind, fields })
    }

    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for Field { number, value } in &self.fields {
            let key = |wire: u64| u64::from(*number) << 3 | wire;
            match value {
                Value::Varint(v) => {
                    push_varint(&mut out, key(0));
                    push_varint(&mut out, *v);
                }
                Value::Fixed64(v) => {
                    push_varint(&mut out, key(1));
                    out.extend(v.to_le_bytes());
                }
                Value::Fixed32(v) => {
                    push_varint(&mut out, key(5));
                    out.extend(v.to_le_bytes());
                }
                Value::Bytes(content) => {
                    push_varint(&mut out, key(2));
                    push_varint(&mut out, content.len() as u64);
                    out.extend(content);
                }
                Value::Message(message) => {
                    let content = message.write();
                    push_varint(&mut out, key(2));
                    push_varint(&mut out, content.len() as u64);
                    out.extend(content);
                }
            }
        }
        out
    }

    /// Calls `visit` on every message, this one first.
    pub fn each<'a>(&'a self, visit: &mut impl FnMut(&'a Message)) {
        visit(self);
        for field in &self.fields {
            if let Value::Message(message) = &field.value {
                message.each(visit);
            }
        }
    }

    /// The `n`-th message in that order.
    pub fn nth(&mut self, n: &mut usize) -> Option<&mut Message> {
        if *n == 0 {
            return Some(self);
        }
        *n -= 1;
        for field in &mut self.fields {
            if let Value::Message(message) = &mut field.value {
                if let Some(found) = message.nth(n) {
                    return Some(found);
                }
            }
        }
        None
    }
}

pub fn push_varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}
