/**
 * Deploys all contracts with Ignition to a running chain and writes one file that tells where they are.
 *
 *     P2PNODE_RPC_URL=http://127.0.0.1:8545 node scripts/deploy.ts
 *
 * | variable | meaning | default |
 * |---|---|---|
 * | P2PNODE_RPC_URL | JSON-RPC of the chain | required |
 * | P2PNODE_DEPLOYER_KEY | private key that deploys and pays the gas | the chain's first unlocked account |
 * | P2PNODE_PARAMETERS | Ignition parameters | ignition/parameters/devnet.json |
 * | P2PNODE_IMAGE_ID | image ID of the guest, 32 bytes of hex | circuits_guest/images/image_id.txt |
 * | P2PNODE_DEPLOYMENT | file to write | deployment.json |
 * | P2PNODE_SOURCES | file for the compiler's standard JSON input, with which explorers verify the contracts | none |
 * | P2PNODE_IGNITION_DIR | where Ignition keeps its journal and deployed_addresses.json | ignition |
 *
 * The recursion programs that may end a proof are those of circuits_guest/images/control_ids.json, unless the
 * parameters name others as `Stark.controlIds`.
 *
 * The file: {"chainId", "blockNumber", "imageId", "verifierSelector", "addresses": {contract: address}}, where
 * blockNumber is the last block before the deployment, so that events are read from the next one on.
 */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";

import { readDeploymentParameters } from "@nomicfoundation/hardhat-ignition/helpers";
import hre from "hardhat";
import { isHex, size } from "viem";

import { controlIds } from "../ignition/controlIds.ts";
import P2PNode from "../ignition/modules/P2PNode.ts";

const DEVNET_CHAIN_ID = 31337;

function required(name: string, value: string | undefined): string {
  if (value === undefined || value === "") throw new Error(`${name} is not set; see the head of scripts/deploy.ts`);
  return value;
}

required("P2PNODE_RPC_URL", process.env.P2PNODE_RPC_URL);
const parametersFile =
  process.env.P2PNODE_PARAMETERS ?? path.join(import.meta.dirname, "../ignition/parameters/devnet.json");
const target = process.env.P2PNODE_DEPLOYMENT ?? "deployment.json";

const published = path.join(import.meta.dirname, "../../circuits_guest/images/image_id.txt");
const digits = (process.env.P2PNODE_IMAGE_ID ?? (await readFile(published, "utf8"))).trim().replace(/^0x/, "");
const imageId = `0x${digits}`;
if (!isHex(imageId) || size(imageId) !== 32) {
  throw new Error(`the image ID is ${digits}; set P2PNODE_IMAGE_ID to 32 bytes of hex`);
}
const parameters = await readDeploymentParameters(parametersFile);
parameters.P2PNode = { ...parameters.P2PNode, imageId };
parameters.Stark = { controlIds: controlIds(), ...parameters.Stark };

await hre.tasks.getTask("build").run({ quiet: true });
const { ignition, viem } = await hre.network.create({ network: "rpc" });
const publicClient = await viem.getPublicClient();
const chainId = await publicClient.getChainId();
const first = await publicClient.getBlock({ blockNumber: 0n });
// A devnet starts anew with the same chain id: the genesis hash keeps its journals apart.
const deploymentId = `chain-${chainId}-${first.hash.slice(2, 10)}`;

const contracts = await ignition.deploy(P2PNode, {
  parameters,
  deploymentId,
  config: chainId === DEVNET_CHAIN_ID ? { requiredConfirmations: 1, blockPollingInterval: 50 } : {},
});

// Read from Ignition's journal, since a second run finds everything deployed already.
const journal = path.join(hre.config.paths.ignition, "deployments", deploymentId, "journal.jsonl");
const blocks = [...(await readFile(journal, "utf8")).matchAll(/"blockNumber":(\d+)/g)].map(([, block]) => Number(block));

const deployment = {
  chainId,
  blockNumber: Math.min(...blocks) - 1,
  imageId,
  verifierSelector: await contracts.starkVerifier.read.SELECTOR(),
  addresses: {
    JSC: contracts.jsc.address,
    JSCBridge: contracts.jscBridge.address,
    JoyToken: contracts.joyToken.address,
    ModelMarketplace: contracts.modelMarketplace.address,
    NodeCoordinator: contracts.nodeCoordinator.address,
    ProofOfInference: contracts.proofOfInference.address,
    ProofOfUse: contracts.proofOfUse.address,
    StarkVerifier: contracts.starkVerifier.address,
    ZKVerifier: contracts.zkVerifier.address,
  },
};
await writeFile(target, JSON.stringify(deployment, null, 2) + "\n");
console.log(`wrote ${target}`);

const sources = process.env.P2PNODE_SOURCES;
if (sources !== undefined) {
  const id = await hre.artifacts.getBuildInfoId("contracts/ProofOfInference.sol:ProofOfInference");
  const file = id === undefined ? undefined : await hre.artifacts.getBuildInfoPath(id);
  if (file === undefined) throw new Error("the build information of ProofOfInference is missing; delete artifacts/");
  const { solcLongVersion, input } = JSON.parse(await readFile(file, "utf8"));
  await writeFile(sources, JSON.stringify(input, null, 2) + "\n");
  console.log(`wrote ${sources}, for solc ${solcLongVersion}`);
}
