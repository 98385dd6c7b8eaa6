//! Changes to models and inputs, drawn from a seed.

use p2pnode_onnx::{DType, Data, Dim, Model, NamedTensor, Tensor};

use crate::tree::{push_varint, Field, Kind, Message, Value};

/// A small generator whose numbers depend on nothing but its seed (SplitMix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        (!all.is_empty()).then(|| &all[self.below(all.len())])
    }
}

/// Numbers around which sizes, axes and types go wrong.
const NUMBERS: [i64; 30] = [
    0,
    1,
    -1,
    2,
    -2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    16,
    64,
    127,
    255,
    256,
    65_535,
    1 << 24,
    (1 << 24) + 1,
    i32::MAX as i64,
    i32::MIN as i64,
    1 << 32,
    1 << 40,
    1 << 62,
    i64::MAX,
    i64::MIN,
];
const FLOATS: [f32; 12] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    f32::MAX,
    f32::MIN,
    f32::MIN_POSITIVE,
    1e-45,
    f32::INFINITY,
    f32::NAN,
    65_536.0,
];

/// Messages and words of all models, to be put where they do not belong.
pub struct Parts {
    fields: Vec<(Kind, Field)>,
    words: Vec<Vec<u8>>,
}

impl Parts {
    pub fn of(models: &[Message]) -> Parts {
        let mut parts = Parts { fields: Vec::new(), words: Vec::new() };
        parts.words.extend(p2pnode_onnx::operators().iter().map(|op| op.name.as_bytes().to_vec()));
        for model in models {
            model.each(&mut |message| {
                for field in &message.fields {
                    parts.fields.push((message.kind, field.clone()));
                    match &field.value {
                        Value::Bytes(b) if b.len() < 40 => parts.words.push(b.clone()),
                        _ => {}
                    }
                }
            });
        }
        parts
    }
}

fn number(random: &mut Random, old: i64) -> i64 {
    match random.below(4) {
        0 => old.wrapping_add(random.below(5) as i64 - 2),
        1 => random.below(16) as i64,
        2 => random.next() as i64 >> random.below(64),
        _ => NUMBERS[random.below(NUMBERS.len())],
    }
}

/// Changes one random place of a model a few times.
pub fn model(message: &mut Message, parts: &Parts, random: &mut Random) {
    for _ in 0..1 + random.below(3) {
        let mut count = 0;
        message.each(&mut |_| count += 1);
        // Every message alike would rarely reach the one graph or the few nodes.
        let mut at = if random.below(4) == 0 { random.below(4) } else { random.below(count) };
        if let Some(place) = message.nth(&mut at) {
            change(place, parts, random);
        }
    }
}

fn change(place: &mut Message, parts: &Parts, random: &mut Random) {
    let at = random.below(place.fields.len());
    let same: Vec<&Field> = match random.below(6) {
        0 => {
            let kind = place.kind;
            parts.fields.iter().filter(|(of, _)| *of == kind).map(|(_, field)| field).collect()
        }
        _ => Vec::new(),
    };
    if let Some(&field) = random.pick(&same) {
        let field = field.clone();
        match place.fields.get_mut(at) {
            Some(old) if random.below(2) == 0 => *old = field,
            _ => place.fields.push(field),
        }
        return;
    }
    if place.fields.is_empty() {
        return;
    }
    match random.below(10) {
        0 => drop(place.fields.remove(at)),
        1 => place.fields.insert(at, place.fields[at].clone()),
        2 => {
            let other = random.below(place.fields.len());
            place.fields.swap(at, other);
        }
        3 if random.below(8) == 0 => place.fields[at].number = 1 + random.below(30) as u32,
        _ => value(&mut place.fields[at].value, parts, random),
    }
}

fn value(value: &mut Value, parts: &Parts, random: &mut Random) {
    match value {
        Value::Varint(v) => *v = number(random, *v as i64) as u64,
        Value::Fixed32(v) => {
            *v = match random.below(3) {
                0 => random.next() as u32,
                1 => *v ^ 1 << random.below(32),
                _ => FLOATS[random.below(FLOATS.len())].to_bits(),
            }
        }
        Value::Fixed64(v) => *v = random.next(),
        Value::Bytes(b) => content(b, parts, random),
        Value::Message(m) => match random.below(4) {
            0 => m.fields.clear(),
            _ => change(m, parts, random),
        },
    }
}

fn content(b: &mut Vec<u8>, parts: &Parts, random: &mut Random) {
    match random.below(8) {
        0 | 1 => *b = random.pick(&parts.words).cloned().unwrap_or_default(),
        2 => {
            b.clear();
            (0..random.below(6)).for_each(|_| push_varint(b, number(random, 1) as u64));
        }
        3 if b.len() >= 4 => {
            let at = random.below(b.len() / 4) * 4;
            b[at..at + 4].copy_from_slice(&FLOATS[random.below(FLOATS.len())].to_le_bytes());
        }
        4 if b.len() >= 8 => {
            let at = random.below(b.len() / 8) * 8;
            b[at..at + 8].copy_from_slice(&number(random, 1).to_le_bytes());
        }
        _ => bytes(b, random),
    }
}

/// Flips, cuts, repeats and inserts bytes.
pub fn bytes(b: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 + random.below(3) {
        let at = random.below(b.len());
        match (random.below(6), b.is_empty()) {
            (0, _) | (_, true) => b.insert(at, random.next() as u8),
            (1, _) => drop(b.remove(at)),
            (2, _) => b.truncate(at),
            (3, _) => {
                let end = (at + 1 + random.below(8)).min(b.len());
                let run = b[at..end].to_vec();
                b.splice(at..at, run);
            }
            (4, _) => b[at] ^= 1 << random.below(8),
            _ => b[at] = random.next() as u8,
        }
    }
}

/// Inputs that a model takes, of up to a few thousand elements.
pub fn inputs(model: &Model, random: &mut Random) -> Vec<NamedTensor> {
    let tensor = |random: &mut Random, dims: Vec<usize>, dtype: DType| {
        let count = dims.iter().product::<usize>();
        let mut float = || match random.below(8) {
            0 => FLOATS[random.below(FLOATS.len())],
            _ => (random.next() as i32 >> random.below(31)) as f32 / 256.0,
        };
        let floats = if dtype == DType::F32 { (0..count).map(|_| float()).collect() } else { Vec::new() };
        let mut ints = || number(random, 1);
        let data = match dtype {
            DType::F32 => Data::F32(floats),
            DType::U8 => Data::U8((0..count).map(|_| ints() as u8).collect()),
            DType::I8 => Data::I8((0..count).map(|_| ints() as i8).collect()),
            DType::I32 => Data::I32((0..count).map(|_| ints() as i32).collect()),
            DType::I64 => Data::I64((0..count).map(|_| ints()).collect()),
            DType::Bool => Data::Bool((0..count).map(|_| ints() as u8 & 1).collect()),
        };
        Tensor::new(dims, data)
    };
    let mut out = Vec::new();
    for info in model.inputs() {
        let open = vec![Dim::Symbol(String::new()); random.below(4)];
        let shape = info.shape.as_deref().unwrap_or(&open);
        let mut dims = Vec::new();
        for dim in shape {
            dims.push(match dim {
                Dim::Fixed(n) => *n,
                Dim::Symbol(_) => 1 + random.below(4),
            });
        }
        let small = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).is_some_and(|n| n <= 4096);
        if let Some(tensor) = small.then(|| tensor(random, dims, info.dtype)).flatten() {
            out.push(NamedTensor { name: info.name.clone(), tensor });
        }
    }
    out
}
