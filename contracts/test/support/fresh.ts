import { before, beforeEach } from "node:test";

interface Chain {
  networkHelpers: { takeSnapshot(): Promise<{ restore(): Promise<void> }> };
}

/**
 * Opens a chain before the tests of the enclosing `describe`, and takes it back to what `prepare` left before each of
 * them. What is returned is empty until then. `restore` does it once more within a test.
 */
export function freshEach<Opened extends Chain>(
  open: () => Promise<Opened>,
  prepare: () => void | Promise<void> = () => {},
) {
  const chain = {} as Opened & { restore: () => Promise<void> };
  before(async () => {
    Object.assign(chain, await open());
    await prepare();
    const snapshot = await chain.networkHelpers.takeSnapshot();
    chain.restore = () => snapshot.restore();
  });
  beforeEach(() => chain.restore());
  return chain;
}
