//! Attributes of one node, read by name, with every mistake collected rather than the first.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::build::Op;
use crate::proto::{AttributeProto, AttributeValue};
use crate::registry::Reader;
use crate::tensor::{Data, Tensor};

pub(crate) struct Attributes<'a> {
    /// Version that the model imports of the operator's domain.
    pub opset: u32,
    unread: Vec<&'a AttributeProto<'a>>,
    pub problems: Vec<String>,
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(list: &'a [AttributeProto<'a>], opset: u32) -> Self {
        let mut problems = Vec::new();
        for (i, attribute) in list.iter().enumerate() {
            if list[..i].iter().any(|a| a.name == attribute.name) {
                problems.push(format!("attribute {:?} is given twice", attribute.name));
            }
        }
        Attributes { opset, unread: list.iter().collect(), problems }
    }

    fn take(&mut self, name: &str) -> Option<&'a AttributeValue<'a>> {
        let at = self.unread.iter().position(|a| a.name == name)?;
        Some(&self.unread.swap_remove(at).value)
    }

    /// Notes a problem, in place of the operator.
    pub(crate) fn problem<T>(&mut self, reason: String) -> Option<T> {
        self.problems.push(reason);
        None
    }

    fn mistyped<T>(&mut self, name: &str, default: T) -> T {
        self.problems.push(format!("attribute {name:?} has the wrong type"));
        default
    }

    pub(crate) fn int(&mut self, name: &str, default: i64) -> i64 {
        match self.take(name) {
            None => default,
            Some(&AttributeValue::Int(v)) => v,
            Some(_) => self.mistyped(name, default),
        }
    }

    /// An attribute whose absence has a meaning of its own.
    pub(crate) fn optional_int(&mut self, name: &str) -> Option<i64> {
        self.unread.iter().any(|a| a.name == name).then(|| self.int(name, 0))
    }

    /// An attribute that is 0 or 1.
    pub(crate) fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.int(name, i64::from(default)) {
            0 => false,
            1 => true,
            other => {
                self.problems.push(format!("attribute {name:?} is {other}, only 0 and 1 are defined"));
                default
            }
        }
    }

    pub(crate) fn float(&mut self, name: &str, default: f32) -> f32 {
        match self.take(name) {
            None => default,
            Some(&AttributeValue::Float(v)) if v.is_finite() => v,
            Some(_) => self.mistyped(name, default),
        }
    }

    /// Also NaN and infinity.
    pub(crate) fn any_float(&mut self, name: &str, default: f32) -> f32 {
        match self.take(name) {
            None => default,
            Some(&AttributeValue::Float(v)) => v,
            Some(_) => self.mistyped(name, default),
        }
    }

    pub(crate) fn text(&mut self, name: &str, default: &'static str) -> &'a str {
        match self.take(name) {
            None => default,
            Some(AttributeValue::Text(v)) => match core::str::from_utf8(v) {
                Ok(text) => text,
                Err(_) => self.mistyped(name, default),
            },
            Some(_) => self.mistyped(name, default),
        }
    }

    /// A list of floats as it stands, also NaN and infinity.
    pub(crate) fn raw_floats(&mut self, name: &str) -> Option<&'a [f32]> {
        match self.take(name)? {
            AttributeValue::Floats(v) => Some(v),
            _ => self.mistyped(name, None),
        }
    }

    /// A list of finite floats, empty where the attribute is left out.
    pub(crate) fn floats(&mut self, name: &str) -> Vec<f32> {
        let list = self.raw_floats(name).unwrap_or(&[]);
        if list.iter().any(|v| !v.is_finite()) {
            self.problems.push(format!("attribute {name:?} holds NaN or infinity"));
        }
        list.to_vec()
    }

    /// The same, or as a float32 tensor in `NAME_as_tensor`.
    pub(crate) fn floats_or_tensor(&mut self, name: &str) -> Vec<f32> {
        let (list, tensor) = (self.floats(name), self.tensor(&format!("{name}_as_tensor")));
        match tensor.map(Tensor::into_data) {
            None => list,
            Some(Data::F32(v)) if list.is_empty() && v.iter().all(|v| v.is_finite()) => v,
            Some(_) => self.mistyped(name, list),
        }
    }

    /// A list of texts, empty where the attribute is left out.
    pub(crate) fn texts(&mut self, name: &str) -> &'a [&'a [u8]] {
        match self.take(name) {
            None => &[],
            Some(AttributeValue::Texts(v)) => v,
            Some(_) => self.mistyped(name, &[]),
        }
    }

    /// Refuses texts where integers could stand: there is no text type to compute with.
    pub(crate) fn no_texts(&mut self, name: &str) {
        if !self.texts(name).is_empty() {
            self.problems
                .push(format!("attribute {name:?}: texts are not supported, train on integers instead"));
        }
    }

    /// An attribute that says nothing about the results.
    pub(crate) fn ignore(&mut self, name: &str) {
        self.take(name);
    }

    pub(crate) fn ints(&mut self, name: &str) -> Option<&'a [i64]> {
        match self.take(name)? {
            AttributeValue::Ints(v) => Some(v),
            _ => self.mistyped(name, None),
        }
    }

    /// A list of sizes, each at least `least`.
    pub(crate) fn sizes(&mut self, name: &str, least: i64) -> Option<Vec<usize>> {
        let ints = self.ints(name)?;
        // Far above any size that fits in memory, and far below where sums of a few of them overflow.
        if ints.iter().any(|&v| v < least || v > 1 << 24) {
            self.problems.push(format!("attribute {name:?} is {ints:?}, out of range"));
            return None;
        }
        Some(ints.iter().map(|&v| v as usize).collect())
    }

    /// Refuses every value but the one that leaves the operator as it is computed here.
    pub(crate) fn only_int(&mut self, name: &str, only: i64) {
        let found = self.int(name, only);
        if found != only {
            self.problems.push(format!("attribute {name:?} = {found} is not supported, only {only}"));
        }
    }

    /// A tensor, `None` where it is left out or cannot be read.
    pub(crate) fn tensor(&mut self, name: &str) -> Option<Tensor> {
        match self.take(name)? {
            AttributeValue::Tensor(t) => t.decode().map_err(|reason| self.problems.push(reason)).ok(),
            _ => self.mistyped(name, None),
        }
    }

    /// The one value attribute of a Constant node.
    pub(crate) fn constant(&mut self) -> Option<Tensor> {
        if self.unread.len() != 1 {
            self.problems.push(format!("{} value attributes, exactly one is defined", self.unread.len()));
            return None;
        }
        let attribute = self.unread.remove(0);
        match (attribute.name, &attribute.value) {
            ("value", AttributeValue::Tensor(t)) => match t.decode() {
                Ok(tensor) => Some(tensor),
                Err(reason) => {
                    self.problems.push(reason);
                    None
                }
            },
            ("value_int", &AttributeValue::Int(v)) => Tensor::new(Vec::new(), Data::I64([v].into())),
            ("value_float", &AttributeValue::Float(v)) => Tensor::new(Vec::new(), Data::F32([v].into())),
            ("value_ints", AttributeValue::Ints(v)) => Tensor::new([v.len()].into(), Data::I64(v.clone())),
            ("value_floats", AttributeValue::Floats(v)) => {
                Tensor::new([v.len()].into(), Data::F32(v.clone()))
            }
            (name, _) => {
                self.problems.push(format!("attribute {name:?} is not supported for a constant"));
                None
            }
        }
    }

    /// The operator, or every problem, with the attributes that nothing asked for.
    pub(crate) fn read(mut self, reader: Reader) -> Result<Op, Vec<String>> {
        let op = reader(&mut self);
        for attribute in &self.unread {
            self.problems.push(format!("attribute {:?} is not supported", attribute.name));
        }
        match op {
            Some(op) if self.problems.is_empty() => Ok(op),
            _ => Err(self.problems),
        }
    }
}
