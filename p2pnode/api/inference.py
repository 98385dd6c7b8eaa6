"""InferenceNode for programs: runs registered models on this machine and signs what they give."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy.typing as npt
import trio

from p2pnode.api.arguments import InputData, encode_input, parse_address, parse_model_id
from p2pnode.chain import ModelContext, open_model_context
from p2pnode.config import ChainConfig
from p2pnode.errors import InferenceError
from p2pnode.identity import Account
from p2pnode.inference import OnnxExecutor, open_executor
from p2pnode.protocol.cid import content_digest, to_cid
from p2pnode.protocol.eip712 import Domain, sign
from p2pnode.protocol.messages import Result, Signed
from p2pnode.protocol.tensors import decode_tensors, tensors_digest

DEFAULT_MODELS = Path("~/.p2pnode/blobs")


@dataclass(frozen=True, slots=True)
class InferenceResult:
    """Outputs by name, and the account's signed statement of their digest for `task_id`."""

    outputs: Mapping[str, npt.NDArray[Any]]
    model_digest: bytes
    input_digest: bytes
    result: Signed[Result]

    @property
    def task_id(self) -> bytes:
        """What the result was signed for."""
        return self.result.message.task_id


class InferenceNode:
    """Runs models that are registered with the ProofOfInference at `contract_address`.

    `models` is a folder with ONNX files under any name, or with blobs by digest as a node keeps them.
    Results are signed with `private_key` (hex). Raises InferenceError for a model that is not there, not
    registered or cannot be run, ChainError when the chain cannot be read.
    """

    def __init__(
        self,
        private_key: str,
        contract_address: str | bytes,
        *,
        rpc_url: str = "http://127.0.0.1:8545",
        models: str | Path = DEFAULT_MODELS,
    ) -> None:
        self._account = Account.from_hex(private_key)
        self._address = parse_address(contract_address, "contract_address")
        self._config = replace(ChainConfig(), rpc_url=rpc_url)
        self._folder = Path(models).expanduser()

    @property
    def account(self) -> str:
        """Address that signs results."""
        return self._account.checksum_address

    def execute_inference(
        self, model_id: str | bytes, input_data: InputData, *, task_id: bytes | None = None
    ) -> InferenceResult:
        """Run a model by its CID (or SHA-256) on `input_data`, and sign the result.

        Without the `task_id` of an award, it is SHA-256(model digest | input digest): no award has that
        ID, so such a result is a statement and no claim to money.
        """
        digest = parse_model_id(model_id)
        path = find_model(self._folder, digest)

        async def main() -> InferenceResult:
            async with open_model_context(self._config, self._address) as context:
                await _check_registered(context, digest)
            async with open_executor() as executor:
                return await self._execute(executor, path, digest, input_data, task_id, context.chain_id)

        return trio.run(main)

    async def _execute(
        self,
        executor: OnnxExecutor,
        path: Path,
        digest: bytes,
        input_data: InputData,
        task_id: bytes | None,
        chain_id: int,
    ) -> InferenceResult:
        encoded = encode_input(input_data, await executor.describe(path))
        output = await executor.run(path, encoded)
        input_digest = tensors_digest(encoded)
        subject = local_task_id(digest, input_digest) if task_id is None else task_id
        result = sign(
            Domain(chain_id, self._address), Result(subject, tensors_digest(output)), self._account.key
        )
        return InferenceResult(decode_tensors(output), digest, input_digest, result)


def local_task_id(model_digest: bytes, input_digest: bytes) -> bytes:
    """The ID of a task that nobody awarded."""
    return hashlib.sha256(model_digest + input_digest).digest()


def find_model(folder: Path, digest: bytes) -> Path:
    """The file in `folder` whose SHA-256 is `digest`. Raises InferenceError."""
    by_name = folder / digest.hex()
    candidates = [by_name, *sorted(folder.glob("*.onnx"))] if folder.is_dir() else []
    for path in candidates:
        if path.is_file() and content_digest(path.read_bytes()) == digest:
            return path
    raise InferenceError(f"model {to_cid(digest)} is not in {folder}; put its ONNX file there")


async def _check_registered(context: ModelContext, digest: bytes) -> None:
    if await context.models.listing(digest) is None:
        raise InferenceError(
            f"model {to_cid(digest)} is not registered on chain {context.chain_id}; publish it first"
        )
