//! Arithmetic on the values of a program that is being lowered: what is known is computed, what is a row's
//! becomes an operation, and neither zeros nor ones cost anything.

use p3_field::PrimeCharacteristicRing;

use crate::{
    lanes::{Word, EXT},
    poly::X4,
    program::{Lowering, Op, Scalar, Value, ZERO},
};

impl Lowering<'_> {
    pub fn each(&mut self, a: usize, b: usize, op: fn(&mut Self, Scalar, Scalar) -> Scalar) -> Value {
        let (a, b) = (self.values[a], self.values[b]);
        core::array::from_fn(|i| op(self, a[i], b[i]))
    }

    pub fn add(&mut self, a: Scalar, b: Scalar) -> Scalar {
        match (a, b) {
            (Scalar::Known(a), Scalar::Known(b)) => Scalar::Known(a + b),
            (Scalar::Known(known), Scalar::Row(a)) | (Scalar::Row(a), Scalar::Known(known)) => {
                if known == Word::ZERO {
                    return Scalar::Row(a);
                }
                let dst = self.register();
                self.ops.push(Op::AddKnown { dst, a, known });
                Scalar::Row(dst)
            }
            (Scalar::Row(a), Scalar::Row(b)) => {
                let dst = self.register();
                self.ops.push(Op::Add { dst, a, b });
                Scalar::Row(dst)
            }
        }
    }

    pub fn sub(&mut self, a: Scalar, b: Scalar) -> Scalar {
        match (a, b) {
            (_, Scalar::Known(known)) => self.add(a, Scalar::Known(-known)),
            (Scalar::Known(known), Scalar::Row(a)) => {
                let dst = self.register();
                self.ops.push(Op::SubFromKnown { dst, a, known });
                Scalar::Row(dst)
            }
            (Scalar::Row(a), Scalar::Row(b)) => {
                let dst = self.register();
                self.ops.push(Op::Sub { dst, a, b });
                Scalar::Row(dst)
            }
        }
    }

    pub fn mul(&mut self, a: Scalar, b: Scalar) -> Scalar {
        match (a, b) {
            (Scalar::Known(a), Scalar::Known(b)) => Scalar::Known(a * b),
            (Scalar::Known(known), Scalar::Row(a)) | (Scalar::Row(a), Scalar::Known(known)) => {
                if known == Word::ZERO {
                    return ZERO;
                }
                if known == Word::ONE {
                    return Scalar::Row(a);
                }
                let dst = self.register();
                self.ops.push(Op::MulKnown { dst, a, known });
                Scalar::Row(dst)
            }
            (Scalar::Row(a), Scalar::Row(b)) => {
                let dst = self.register();
                self.ops.push(Op::Mul { dst, a, b });
                Scalar::Row(dst)
            }
        }
    }

    pub fn mul_values(&mut self, a: Value, b: Value) -> Value {
        if a.iter().chain(&b).all(|scalar| matches!(scalar, Scalar::Row(_))) {
            let [a, b] = [a, b].map(|value| value.map(|scalar| self.in_register(scalar)));
            let dst = core::array::from_fn(|_| self.register());
            self.ops.push(Op::MulExt { dst, a, b });
            return dst.map(Scalar::Row);
        }
        let mut product = [ZERO; EXT];
        for (i, &a) in a.iter().enumerate() {
            for (j, &b) in b.iter().enumerate() {
                let mut term = self.mul(a, b);
                if i + j >= EXT {
                    term = self.mul(term, Scalar::Known(X4));
                }
                product[(i + j) % EXT] = self.add(product[(i + j) % EXT], term);
            }
        }
        product
    }
}
