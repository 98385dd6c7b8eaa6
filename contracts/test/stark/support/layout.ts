import generated from "../../../generated/layout.json" with { type: "json" };

/** A stretch of the seal: digests, or 32-bit field words. */
export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
  readonly digests: boolean;
}

export const layout = generated;

/** BabyBear's p: a field word must be below it. */
export const P = 15 * 2 ** 27 + 1;

/** The fields of one query at their place in the seal. */
export function queryFields(query: number): Field[] {
  const base = layout.queriesAt + query * layout.queryLength;
  return layout.query.map((field) => ({ ...field, offset: base + field.offset }));
}

/** The name of the check with this number. */
export function checkName(code: number): string {
  return Object.entries(layout.failures).find(([, value]) => value === code)?.[0] ?? `unknown ${code}`;
}

/** A small generator of test choices (mulberry32), so that a failing case can be run again. */
export function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor(((t ^ (t >>> 14)) >>> 0) / 2 ** 32 * below);
  };
}

/** The seal with another word at `offset`. */
export function withWord(seal: Buffer, offset: number, value: number): Buffer {
  const changed = Buffer.from(seal);
  changed.writeUInt32BE(value, offset);
  return changed;
}

/** Offsets of words w in a field for which w + p is 32 bits too: the same element, not reduced. */
export function shiftableWords(seal: Buffer, field: Field): number[] {
  const offsets = Array.from({ length: field.length / 4 }, (_, i) => field.offset + 4 * i);
  return offsets.filter((offset) => seal.readUInt32BE(offset) + P < 2 ** 32);
}

/** Another element than the word holds. */
export function otherElement(seal: Buffer, offset: number, pick: (below: number) => number): number {
  return (seal.readUInt32BE(offset) + 1 + pick(P - 1)) % P;
}
