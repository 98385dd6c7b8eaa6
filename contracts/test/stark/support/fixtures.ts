import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import type { Hex } from "viem";

import { controlIds, PUBLISHED } from "../../../ignition/controlIds.ts";
import { layout } from "./layout.ts";

const FOLDER = path.join(import.meta.dirname, "../../fixtures");

/** A genuine proof. `seal` has no selector; imageId and journalDigest are absent where only the claim is known. */
export interface Fixture {
  readonly name: string;
  readonly seal: Buffer;
  readonly controlId?: Hex;
  readonly claim?: Hex;
  readonly imageId?: Hex;
  readonly journalDigest?: Hex;
}

interface Description {
  readonly controlId?: Hex;
  readonly claim?: Hex;
  readonly imageId?: Hex;
  readonly journal?: Hex;
  readonly journalDigest?: Hex;
}

export const sha256 = (...parts: Uint8Array[]): Buffer => createHash("sha256").update(Buffer.concat(parts)).digest();

export const bytes = (hex: Hex): Buffer => Buffer.from(hex.slice(2), "hex");

export const hex = (data: Uint8Array): Hex => `0x${Buffer.from(data).toString("hex")}`;

function read(file: string): Fixture {
  const name = path.basename(file, ".seal");
  const known = JSON.parse(readFileSync(path.join(FOLDER, `${name}.json`), "utf8")) as Description;
  const journalDigest = known.journalDigest ?? (known.journal && hex(sha256(bytes(known.journal))));
  const { controlId, claim, imageId } = known;
  if (!claim && !(imageId && journalDigest)) {
    throw new Error(`${name}.json names no claim, and not both imageId and journal: nothing to verify the seal for`);
  }
  const seal = readFileSync(path.join(FOLDER, file)).subarray(-layout.length);
  return { name, seal, controlId, claim, imageId, journalDigest };
}

/** Every proof in the folder. */
export const fixtures: readonly Fixture[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".seal"))
  .map(read);

export const identity: Fixture = fixtures.find(({ name }) => name === "identity")!;

/** The published programs and those of the fixtures, ascending. */
export function allowedControlIds(): Hex[] {
  const published = existsSync(PUBLISHED) ? controlIds() : [];
  const ofFixtures = fixtures.flatMap(({ controlId }) => (controlId ? [controlId] : []));
  return [...new Set([...published, ...ofFixtures])].sort();
}
