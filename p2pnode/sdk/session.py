"""One session of a client: many small calls to one worker."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from p2pnode.sdk.result import Inference, Model, read_outputs
from p2pnode.sdk.tensors import InputArray, tensors_of

Post = Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Sends a JSON body to a path of the API and returns what it answered."""


class Session:
    """An open session; made by `Client.session`, which also closes it. Calls take turns."""

    def __init__(self, described: Model, opened: Mapping[str, Any], post: Post) -> None:
        self.model = described
        self.session = str(opened["session"])
        self.worker = str(opened["worker"])
        self.price = int(opened["price"])
        self.model_fee = int(opened["model_fee"])
        self.opening_fee = int(opened["opening_fee"])
        self.most_calls = int(opened["most_calls"])
        self.calls = 0
        self._post = post

    async def infer(self, inputs: InputArray | Mapping[str, InputArray]) -> Inference:
        """The answer to one call; `task_id` names it as session/number."""
        body = {"inputs": tensors_of(self.model, inputs)}
        found = await self._post(f"/v2/sessions/{self.session}/infer", body)
        self.calls = int(found["parameters"]["call"])
        return Inference(
            outputs=read_outputs(found),
            model=self.model.name,
            task_id=f"{self.session}/{self.calls}",
            state="answered",
            worker=self.worker,
            price=self.price,
            model_fee=self.model_fee,
        )
