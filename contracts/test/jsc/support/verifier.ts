/**
 * A second implementation of the checks on a JSC transaction, from the papers and @noble/curves, sharing no code with
 * the contracts or the Python package: balance, CLSAG and Bulletproofs+, and the message they sign.
 */
import { bn254 } from "@noble/curves/bn254";
import { type Address, encodeAbiParameters, encodePacked, type Hex, hexToBytes, keccak256, toHex } from "viem";

const Point = bn254.G1.ProjectivePoint;
type Point = InstanceType<typeof Point>;
export type Affine = readonly [bigint, bigint];

const P = bn254.fields.Fp.ORDER;
const N = bn254.fields.Fr.ORDER;
const G = Point.BASE;
const BITS = 64;
const RING = 16;

/** The argument of `JSC.transact`, as nested lists. */
export type AbiTransaction = readonly [
  inputs: readonly (readonly [
    bins: readonly bigint[],
    completedAt: readonly bigint[],
    members: readonly (readonly [key: Affine, commitment: Affine, base: Affine])[],
    image: Affine,
    pseudoOut: Affine,
    commitmentImage: Affine,
    challenge: bigint,
    responses: readonly bigint[],
  ])[],
  outputs: readonly (readonly [key: Affine, roots: readonly bigint[], memo: Hex])[],
  commitments: readonly Affine[],
  rangeProof: Hex,
  payment: readonly [
    fee: bigint,
    relayer: Address,
    amount: bigint,
    recipient: Address,
    toEscrow: boolean,
    deadline: bigint,
  ],
];

const mod = (value: bigint) => ((value % N) + N) % N;
const domain = (name: string) => keccak256(toHex(`JSC/v1/${name}`));
const words = (...values: readonly bigint[]) => encodePacked(values.map(() => "uint256"), [...values]);
const hash = (...parts: readonly Hex[]) => keccak256(encodePacked(parts.map(() => "bytes"), [...parts]));
const scalar = (...parts: readonly Hex[]) => BigInt(hash(...parts)) % N;

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let factor = ((base % modulus) + modulus) % modulus; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * factor) % modulus;
    factor = (factor * factor) % modulus;
  }
  return result;
}

/** A point that an attacker may have chosen: canonical, on the curve, not the identity. */
function point([x, y]: Affine): Point {
  if (x >= P || y >= P || (y * y - x * x * x - 3n) % P !== 0n) throw new RangeError("not a point");
  return Point.fromAffine({ x, y });
}

function affine(value: Point): Affine {
  if (value.equals(Point.ZERO)) return [0n, 0n];
  const { x, y } = value.toAffine();
  return [x, y];
}

function sum(terms: readonly (readonly [bigint, Point])[]): Point {
  const used = terms.map(([factor, base]) => [mod(factor), base] as const).filter(([factor]) => factor !== 0n);
  return used.length === 0 ? Point.ZERO : Point.msm(used.map(([, base]) => base), used.map(([factor]) => factor));
}

/** Try and increment, see docs/jsc.md. */
export function hashToPoint(prefix: Hex, data: Hex): Affine {
  for (let k = 0n; ; k++) {
    const x = BigInt(hash(prefix, data, words(k))) % P;
    const square = (x * x * x + 3n) % P;
    const root = power(square, (P + 1n) / 4n, P);
    if ((root * root) % P === square) return [x, root & 1n ? P - root : root];
  }
}

/** What shows Hp of a key on the chain: a root for each try, the last one even. */
export function keyImageRoots(key: Affine): bigint[] {
  const roots: bigint[] = [];
  for (let k = 0n; ; k++) {
    const x = BigInt(hash(domain("key-image-base"), words(...key), words(k))) % P;
    const square = (x * x * x + 3n) % P;
    const root = power(square, (P + 1n) / 4n, P);
    if ((root * root) % P === square) return [...roots, root & 1n ? P - root : root];
    roots.push(power(P - square, (P + 1n) / 4n, P));
  }
}

/** scalar * G. */
export const multiple = (scalar: bigint): Affine => affine(G.multiply(scalar));

export const H = hashToPoint(domain("value"), words(0n));
const family = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => hashToPoint(domain(name), words(BigInt(i))));

let cached: { left: Affine[]; right: Affine[]; digest: Hex } | undefined;

export function generators() {
  if (cached === undefined) {
    const [left, right] = [family("bulletproofs+/G", 256), family("bulletproofs+/H", 256)];
    const all = [affine(G), H, ...left, ...right].map((one) => words(...one));
    cached = { left, right, digest: hash(domain("generators"), ...all) };
  }
  return cached;
}

export function message(transaction: AbiTransaction, chainId: bigint, pool: Address): Hex {
  const [inputs, outputs, commitments, rangeProof, payment] = transaction;
  let chained = toHex(0, { size: 32 });
  for (const [bins, completedAt, , image, pseudoOut] of inputs) {
    chained = hash(chained, words(...bins, ...completedAt, ...image, ...pseudoOut));
  }
  outputs.forEach(([key, roots, memo], i) => {
    chained = hash(chained, words(...key, ...commitments[i]!), keccak256(words(...roots)), keccak256(memo));
  });
  return keccak256(
    encodeAbiParameters(
      [
        ...["bytes32", "uint256", "address", "uint256", "uint256", "bytes32", "bytes32"].map((type) => ({ type })),
        ...["uint64", "address", "uint64", "address", "bool", "uint64"].map((type) => ({ type })),
      ],
      [
        domain("transaction"),
        chainId,
        pool,
        BigInt(inputs.length),
        BigInt(outputs.length),
        chained,
        keccak256(rangeProof),
        ...payment,
      ],
    ),
  );
}

/** CLSAG: eprint 2019/654, figure 2. */
export function verifyRing(input: AbiTransaction[0][number], signed: Hex): boolean {
  const [, , members, image, pseudoOut, commitmentImage, first, responses] = input;
  if (members.length !== RING || responses.length !== RING) return false;
  if (first >= N || responses.some((response) => response >= N)) return false;
  const [I, D, offset] = [point(image), point(commitmentImage), point(pseudoOut)];
  const ring = members.map((member) => member.map(point) as [Point, Point, Point]);
  const digest = hash(domain("clsag/ring"), words(...members.flat(2), ...image, ...commitmentImage, ...pseudoOut));
  const muKey = scalar(domain("clsag/aggregate/key"), digest);
  const muCommitment = scalar(domain("clsag/aggregate/commitment"), digest);
  const aggregateImage = sum([[muKey, I], [muCommitment, D]]);
  let challenge = first;
  ring.forEach(([key, commitment, base], i) => {
    const aggregate = sum([[muKey, key], [muCommitment, commitment.subtract(offset)]]);
    const left = sum([[responses[i]!, G], [challenge, aggregate]]);
    const right = sum([[responses[i]!, base], [challenge, aggregateImage]]);
    challenge = scalar(domain("clsag/round"), digest, signed, words(...affine(left), ...affine(right)));
  });
  return challenge === first;
}

/** Bulletproofs+: eprint 2020/735, with the coefficient of each generator worked out from its index alone. */
export function verifyRange(commitments: readonly Affine[], proof: Hex): boolean {
  const count = commitments.length;
  if (count < 1 || count > 4) return false;
  const size = BITS * (count > 2 ? 4 : count);
  const rounds = Math.log2(size);
  const data = hexToBytes(proof);
  if (data.length !== 64 * (3 + 2 * rounds) + 96) return false;
  const word = (i: number) => BigInt(toHex(data.subarray(32 * i, 32 * i + 32)));
  const at = (i: number): Affine => [word(2 * i), word(2 * i + 1)];
  const [A, A1, B] = [at(0), at(1), at(2)];
  const L = Array.from({ length: rounds }, (_, i) => at(3 + 2 * i));
  const R = Array.from({ length: rounds }, (_, i) => at(4 + 2 * i));
  const [r, s, d] = [0, 1, 2].map((i) => word(2 * (3 + 2 * rounds) + i)) as [bigint, bigint, bigint];
  if (r >= N || s >= N || d >= N) return false;

  const { left, right, digest } = generators();
  let state = hash(domain("bulletproofs+"), digest, words(BigInt(BITS), BigInt(count), ...commitments.flat()));
  const next = (...points: readonly Affine[]) => {
    state = hash(state, words(...points.flat()));
    return BigInt(state) % N;
  };
  const y = next(A);
  const z = next();
  const x = L.map((one, i) => next(one, R[i]!));
  const e = next(A1, B);
  if ([y, z, ...x, e].some((challenge) => challenge === 0n)) return false;
  const inverse = (value: bigint) => power(value, N - 2n, N);
  const xInverse = x.map(inverse);
  const yInverse = inverse(y);

  const e2 = e * e;
  const top = power(y, BigInt(size + 1), N);
  const weight = (i: number) => power(z, 2n * BigInt(Math.floor(i / BITS) + 1), N) << BigInt(i % BITS);
  const terms: [bigint, Point][] = [[e2, point(A)], [e, point(A1)], [1n, point(B)], [-d, G]];
  commitments.forEach((one, j) => terms.push([e2 * power(z, 2n * BigInt(j + 1), N) * top, point(one)]));
  x.forEach((_, i) => {
    terms.push([e2 * x[i]! * x[i]!, point(L[i]!)], [e2 * xInverse[i]! * xInverse[i]!, point(R[i]!)]);
  });
  let [powers, weights] = [0n, 0n];
  for (let i = 0; i < size; i++) {
    powers += power(y, BigInt(i + 1), N);
    weights += weight(i);
    let [g, h] = [1n, 1n];
    x.forEach((challenge, round) => {
      const high = (i >> (rounds - 1 - round)) & 1;
      g = (g * (high ? challenge : xInverse[round]!)) % N;
      h = (h * (high ? xInverse[round]! : challenge)) % N;
    });
    g = g * power(yInverse, BigInt(i), N);
    terms.push([-e2 * z - r * e * g, point(left[i]!)]);
    terms.push([e2 * (z + weight(i) * power(y, BigInt(size - i), N)) - s * e * h, point(right[i]!)]);
  }
  terms.push([e2 * ((z - z * z) * powers - z * top * weights) - r * s * y, point(H)]);
  return sum(terms).equals(Point.ZERO);
}

/** Whether the mathematics of a transaction hold; what only the pool's state can tell is left out. */
export function verify(transaction: AbiTransaction, chainId: bigint, pool: Address): boolean {
  try {
    const [inputs, , commitments, rangeProof, [fee, , amount]] = transaction;
    const spent = inputs.map((input) => [1n, point(input[4])] as const);
    const made = commitments.map((one) => [-1n, point(one)] as const);
    if (!sum([...spent, ...made, [-(fee + amount), point(H)]]).equals(Point.ZERO)) return false;
    const signed = message(transaction, chainId, pool);
    return inputs.every((input) => verifyRing(input, signed)) && verifyRange(commitments, rangeProof);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
