"""Noise whose messages are written whole or not at all.

Row 28: noise counts a message when it encrypts it. A write that is cancelled between that and the socket
(a deadline, a nursery that ends) leaves the two sides' counters apart, and the next frame of any other
stream ends the whole connection with "Failed authentication of message".
"""

import trio
from libp2p.abc import IRawConnection, ISecureConn
from libp2p.crypto.keys import KeyPair
from libp2p.crypto.x25519 import create_new_key_pair
from libp2p.io.exceptions import IOException
from libp2p.peer.id import ID
from libp2p.security.noise.transport import Transport

STALL_SECONDS = 20.0
"""How long a peer that reads nothing may hold up one message, before its connection is given up."""


class WholeWriteNoise(Transport):
    """The library's noise transport (libp2p noise spec), with a write that cannot be cancelled."""

    def __init__(self, key: KeyPair) -> None:
        super().__init__(key, noise_privkey=create_new_key_pair().private_key)

    async def secure_inbound(self, conn: IRawConnection) -> ISecureConn:
        return _whole(await super().secure_inbound(conn))

    async def secure_outbound(self, conn: IRawConnection, peer_id: ID) -> ISecureConn:
        return _whole(await super().secure_outbound(conn, peer_id))


def _whole(session: ISecureConn) -> ISecureConn:
    write = session.write

    async def whole_write(data: bytes) -> None:
        with trio.CancelScope(shield=True), trio.move_on_after(STALL_SECONDS) as stalled:
            await write(data)
        if stalled.cancelled_caught:
            with trio.CancelScope(shield=True), trio.move_on_after(1):
                await session.close()
            raise IOException(f"the peer read nothing for {STALL_SECONDS:.0f} s")

    session.write = whole_write  # type: ignore[method-assign]
    return session
