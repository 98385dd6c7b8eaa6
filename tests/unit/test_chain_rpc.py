"""A JSON-RPC endpoint that answers badly, over real HTTP."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio

from p2pnode.chain.endpoint import RpcError
from p2pnode.chain.endpoints import ATTEMPTS
from p2pnode.chain.rpc import open_rpc
from p2pnode.errors import ChainError


class Endpoint:
    """Answers every request with the same body; counts them."""

    def __init__(self, body: bytes, status: str = "200 OK") -> None:
        self.answer = (
            f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
        )
        self.asked = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        async with stream:
            head = b""
            while b"\r\n\r\n" not in head:
                head += await stream.receive_some(4096)
            self.asked += 1
            await stream.send_all(self.answer)


@asynccontextmanager
async def open_endpoint(serve: Callable[[trio.SocketStream], Awaitable[None]]) -> AsyncIterator[str]:
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        yield f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


async def ask(endpoint: Endpoint) -> str:
    """What block_number says of the endpoint."""
    async with open_endpoint(endpoint.serve) as url, open_rpc((url,), 5) as rpc:
        with pytest.raises(ChainError) as caught:
            await rpc.block_number()
    return str(caught.value)


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff\xfe"])
async def test_what_is_not_json_is_asked_again_then_told(body: bytes) -> None:
    endpoint = Endpoint(body)
    assert "check that the node runs" in await ask(endpoint)
    assert endpoint.asked == ATTEMPTS


async def test_a_server_error_is_told() -> None:
    assert "503" in await ask(Endpoint(b"{}", "503 Service Unavailable"))


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"7",
        b"{}",
        b'{"jsonrpc": "2.0", "id": 1, "result": null}',
        b'{"jsonrpc": "2.0", "id": 1, "result": "many"}',
        b'{"jsonrpc": "2.0", "id": 1, "result": {}}',
    ],
)
async def test_an_answer_of_another_form_is_told(body: bytes) -> None:
    assert "chain.rpc_url" in await ask(Endpoint(body))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b'"0x0102"', b"\x01\x02"),
        (b'{"data": "0x0102"}', b"\x01\x02"),
        (b'{"data": {"data": "0x0102", "message": "m"}}', b"\x01\x02"),
        (b'"Reverted 0x0102"', b"\x01\x02"),
        (b'"0xnothex"', b""),
        (b"null", b""),
        (b"7", b""),
    ],
)
async def test_the_revert_data_is_found_where_nodes_put_it(data: bytes, found: bytes) -> None:
    endpoint = Endpoint(b'{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"no","data":' + data + b"}}")
    async with open_endpoint(endpoint.serve) as url, open_rpc((url,), 5) as rpc:
        with pytest.raises(RpcError, match="no") as caught:
            await rpc.call(bytes(20), b"")
    assert caught.value.data == found
    assert endpoint.asked == 1


async def test_a_call_to_a_silent_node_can_be_cancelled() -> None:
    async def silent(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    async with open_endpoint(silent) as url, open_rpc((url,), 60) as rpc:
        with trio.fail_after(5), trio.move_on_after(0.2) as scope:
            await rpc.block_number()
        assert scope.cancelled_caught


async def test_a_silent_node_is_given_up() -> None:
    async def silent(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    async with open_endpoint(silent) as url, open_rpc((url,), 0.1) as rpc:
        with trio.fail_after(10), pytest.raises(ChainError, match="check that the node runs"):
            await rpc.block_number()
