//! The Keccak-256 hash suite of the last recursion step, so that the EVM can check its proof.
//!
//! RISC Zero's recursion circuit does not care which hash commits to its trace; the suite only has to be
//! the same for prover and verifier. Field elements are hashed as their Montgomery words, big-endian; the
//! transcript is a 32-byte state with a counter (docs/onchain-verifier.md, section 2).

use std::rc::Rc;

use rayon::prelude::*;
use risc0_zkp::{
    core::{
        digest::Digest,
        hash::{FriParams, HashFn, HashSuite, Rng, RngFactory},
    },
    field::{
        baby_bear::{BabyBear, BabyBearElem, BabyBearExtElem},
        ExtElem as _,
    },
};
use tiny_keccak::{Hasher, Keccak};

/// Order of the BabyBear field.
const P: u128 = 15 * (1 << 27) + 1;

/// What the outer proof's low-degree test needs for 100 bits: three a query, and the work that is proved before
/// the queries are drawn (docs/decisions/0011-fewer-queries.md).
pub const FRI: FriParams = FriParams { inv_rate: 8, queries: 26, top_nodes: 32, grinding_bits: 22 };

pub fn suite() -> HashSuite<BabyBear> {
    HashSuite { name: "keccak-256".into(), hashfn: Rc::new(KeccakHash), rng: Rc::new(KeccakRngFactory) }
}

fn keccak256<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hasher = Keccak::v256();
    parts.into_iter().for_each(|part| hasher.update(part));
    let mut digest = [0; 32];
    hasher.finalize(&mut digest);
    digest
}

fn hash_elems<'a>(elems: impl ExactSizeIterator<Item = &'a BabyBearElem>) -> Box<Digest> {
    let mut bytes = Vec::with_capacity(elems.len() * 4);
    elems.for_each(|elem| bytes.extend(elem.as_u32_montgomery().to_be_bytes()));
    Box::new(keccak256([bytes.as_slice()]).into())
}

struct KeccakHash;

impl HashFn<BabyBear> for KeccakHash {
    fn hash_pair(&self, left: &Digest, right: &Digest) -> Box<Digest> {
        Box::new(keccak256([left.as_bytes(), right.as_bytes()]).into())
    }

    fn hash_elem_slice(&self, slice: &[BabyBearElem]) -> Box<Digest> {
        hash_elems(slice.iter())
    }

    fn hash_ext_elem_slice(&self, slice: &[BabyBearExtElem]) -> Box<Digest> {
        let elems: Vec<BabyBearElem> = slice.iter().flat_map(|elem| elem.subelems()).copied().collect();
        hash_elems(elems.iter())
    }
}

struct KeccakRngFactory;

impl RngFactory<BabyBear> for KeccakRngFactory {
    fn new_rng(&self) -> Box<dyn Rng<BabyBear>> {
        Box::new(KeccakRng { state: [0; 32], counter: 0 })
    }

    fn fri_params(&self) -> FriParams {
        FRI
    }
}

/// Draws are `keccak(state | counter)`: 36 bytes, while commits hash 64, so that the two never collide.
struct KeccakRng {
    state: [u8; 32],
    counter: u32,
}

impl KeccakRng {
    fn draw(&mut self) -> [u8; 32] {
        let block = keccak256([&self.state[..], &self.counter.to_be_bytes()]);
        self.counter += 1;
        block
    }

    /// The state after a nonce, which is mixed in as a digest of that number.
    fn after(&self, nonce: u32) -> [u8; 32] {
        keccak256([&self.state[..], &[0; 28], &nonce.to_be_bytes()])
    }
}

/// Whether a state begins with this many zero bits, 1 to 32.
fn proves_work(state: &[u8; 32], bits: usize) -> bool {
    u32::from_be_bytes(state[..4].try_into().unwrap()) >> (32 - bits) == 0
}

impl Rng<BabyBear> for KeccakRng {
    fn mix(&mut self, value: &Digest) {
        self.state = keccak256([&self.state[..], value.as_bytes()]);
        self.counter = 0;
    }

    fn random_bits(&mut self, bits: usize) -> u32 {
        let word = u32::from_be_bytes(self.draw()[28..].try_into().unwrap());
        word & ((1u32 << bits) - 1)
    }

    fn random_elem(&mut self) -> BabyBearElem {
        let low = u128::from_be_bytes(self.draw()[16..].try_into().unwrap());
        BabyBearElem::new((low % P) as u32)
    }

    fn random_ext_elem(&mut self) -> BabyBearExtElem {
        BabyBearExtElem::from_subelems((0..4).map(|_| self.random_elem()))
    }

    fn prove_work(&mut self, bits: usize) -> u32 {
        const STRETCH: u32 = 1 << 16;
        let state = &*self;
        let nonce = (0..u32::MAX / STRETCH)
            .find_map(|stretch| {
                let nonces = stretch * STRETCH..(stretch + 1) * STRETCH;
                nonces.into_par_iter().find_first(|&nonce| proves_work(&state.after(nonce), bits))
            })
            .expect("one nonce in 2^bits is found in 2^32 but for a chance of e^-1024");
        assert!(self.check_work(nonce, bits));
        nonce
    }

    fn check_work(&mut self, nonce: u32, bits: usize) -> bool {
        self.state = self.after(nonce);
        self.counter = 0;
        proves_work(&self.state, bits)
    }
}

#[cfg(test)]
mod tests {
    use p2pnode_packed::PackedHal;
    use risc0_zkp::hal::{
        cpu::{CpuBuffer, CpuHal},
        Buffer as _, Hal as _,
    };

    use super::*;

    #[test]
    fn pair_is_plain_keccak() {
        // keccak256 of 64 zero bytes, a constant every Ethereum client knows.
        let zero = Digest::ZERO;
        let expected = "ad3228b676f7d3cd4284a5443f17f1962b36e491b30a40b2405849e597ba5fb5";
        assert_eq!(hex::encode(KeccakHash.hash_pair(&zero, &zero).as_bytes()), expected);
    }

    #[test]
    fn extension_elements_hash_as_their_coefficients() {
        let elems: Vec<BabyBearElem> = (1..9).map(BabyBearElem::new).collect();
        let ext: Vec<_> =
            elems.chunks(4).map(|c| BabyBearExtElem::from_subelems(c.iter().copied())).collect();
        assert_eq!(KeccakHash.hash_elem_slice(&elems), KeccakHash.hash_ext_elem_slice(&ext));
    }

    #[test]
    fn draws_depend_on_what_was_mixed_and_on_their_index() {
        let mut a = KeccakRngFactory.new_rng();
        let mut b = KeccakRngFactory.new_rng();
        assert_eq!(a.random_elem(), b.random_elem());
        assert_ne!(a.random_ext_elem(), b.random_ext_elem() + BabyBearExtElem::from_u32(1));
        b.mix(&Digest::from([1u8; 32]));
        assert_ne!(a.random_bits(20), b.random_bits(20));
    }

    #[test]
    fn work_is_proved_by_a_nonce_that_both_sides_mix_in() {
        let bits = 8;
        let [mut prover, mut verifier, mut other] = [(); 3].map(|()| KeccakRngFactory.new_rng());
        [&mut prover, &mut verifier].into_iter().for_each(|rng| rng.mix(&Digest::from([3u32; 8])));
        let nonce = prover.prove_work(bits);
        assert!(verifier.check_work(nonce, bits));
        assert_eq!(prover.random_elem(), verifier.random_elem());
        let accepted = (0..1 << 12).filter(|&nonce| other.check_work(nonce, bits)).count();
        assert!((1..64).contains(&accepted), "{accepted} of 4096 nonces prove 8 bits of work");
    }

    #[test]
    fn rows_and_trees_hash_in_packed_code_as_one_by_one() {
        let (stock, packed) = (CpuHal::new(suite()), PackedHal::new(suite()));
        // Below, at and above the 34 words of Keccak's rate, odd and even.
        for columns in [1usize, 2, 33, 34, 35, 68, 71] {
            let rows = 32usize;
            let words = (1..).map(|i: u32| BabyBearElem::new(i.wrapping_mul(2654435761)));
            let matrix = CpuBuffer::from(words.take(rows * columns).collect::<Vec<_>>());
            let trees = [(); 2].map(|()| CpuBuffer::from(vec![Digest::ZERO; 2 * rows]));
            stock.hash_rows(&trees[0].slice(rows, rows), &matrix);
            packed.hash_rows(&trees[1].slice(rows, rows), &matrix);
            for layer in (0..rows.trailing_zeros()).rev() {
                stock.hash_fold(&trees[0], 2 << layer, 1 << layer);
                packed.hash_fold(&trees[1], 2 << layer, 1 << layer);
            }
            assert_eq!(trees[0].as_slice()[1..], trees[1].as_slice()[1..], "{columns} columns");
        }
    }
}
