"""Names for accounts and peers, so that the terminal tells a story and not digits."""

from p2pnode.devnet import Devnet


class Names:
    """Looks up who an account or a peer is; a stranger keeps the start of what was given."""

    def __init__(self, devnet: Devnet) -> None:
        self._accounts = {node.account.hex(): node.name for node in devnet.nodes.values()}
        self._peers = {node.peer_id: node.name for node in devnet.nodes.values()}

    def account(self, address: str) -> str:
        """The name behind an address in hex, with or without 0x."""
        return self._accounts.get(address.removeprefix("0x").lower(), address[:10])

    def peer(self, peer: str) -> str:
        """The name behind a PeerId."""
        return self._peers.get(peer, peer[-8:])
