"""Sends transactions of one account: each intent is in the ledger before it leaves, and pays once.

Owns the account's nonces. Fees follow EIP-1559; the gas of one transaction is capped by EIP-7825. A
transaction that stays out of the blocks is sent again with the same nonce and more fee, so at most one of
its forms is ever mined. All errors are ChainError.
"""

from collections.abc import Sequence
from typing import Any, Final

import structlog
import trio
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from p2pnode.chain.call import Call
from p2pnode.chain.contract import explain_revert
from p2pnode.chain.endpoint import RpcError
from p2pnode.chain.finality import Finality
from p2pnode.chain.rpc import Rpc, TxReceipt, hexed
from p2pnode.config import ChainConfig
from p2pnode.errors import ChainError
from p2pnode.identity import Account
from p2pnode.ports import SentTransaction, TxLog, TxState

GAS_CAP: Final = 1 << 24
"""Most gas of one transaction: 16,777,216 (EIP-7825)."""
GAS_MARGIN: Final = 1.2
BUMP: Final = 1.125
"""Least rise of both fees for which nodes replace a transaction is 10 %; this leaves room for rounding."""
GIVE_UP_AFTER: Final = 10
"""Resends without a block before the wait ends; the transaction stays in the ledger."""
DOUBTS: Final = 5
"""Looks for a receipt before a nonce that is gone counts as another transaction's."""
_ALREADY = ("already known", "alreadyknown", "already imported", "already exists")
_STALE = ("nonce too low", "nonce has already been used", "already been used", "replacement transaction")

log = structlog.get_logger()


class Sender:
    """One account's transactions; safe for any number of tasks of one process."""

    def __init__(self, rpc: Rpc, chain_id: int, account: Account, ledger: TxLog, config: ChainConfig) -> None:
        self._rpc = rpc
        self._chain_id = chain_id
        self._account = account
        self._ledger = ledger
        self._config = config
        self._lock = trio.Lock()
        self._next_nonce = 0
        self._scope = f"{chain_id}/{account.address.hex()}/"
        self.finality = Finality(rpc, ledger, self._scope, config.poll_seconds)

    @property
    def account(self) -> bytes:
        return self._account.address

    async def is_known(self, key: str) -> bool:
        """Whether `key` was sent before and may still be, or is, in a block."""
        return bool(await self._live(self._scope + key))

    async def resume(self) -> None:
        """Hand what is not in the chain to it again: what an earlier run left open, and what a reorganisation
        took out since, so that no nonce stays missing or goes to another transaction."""
        async with self._lock:
            mined = await self._rpc.transaction_count(self._account.address, "latest")
            for sent in await self.finality.waiting():
                if sent.nonce >= mined:
                    log.info("transaction.resumed", key=sent.key, nonce=sent.nonce, tx_hash=sent.tx_hash)
                    await self._rebroadcast(sent)
                    self._next_nonce = max(self._next_nonce, sent.nonce + 1)

    async def send(self, call: Call, key: str) -> TxReceipt:
        """Send `call` and wait until it has `confirmations`; returns its receipt.

        `key` names the intent for ever: a repeat, also after a crash, waits for the transaction that was
        sent before. Only once that is known to have reverted does a repeat send another, if its estimate
        says that it would now succeed. Raises ChainError with the decoded revert reason.
        """
        scoped = self._scope + key
        fresh = False
        async with self._lock:
            attempts = await self._live(scoped)
            if attempts and attempts[-1].state is TxState.OPEN:
                await self._rebroadcast(attempts[-1])
        if not attempts:
            gas = await self._estimate(call)
            async with self._lock:
                # Another task may have sent this key while the gas was estimated.
                attempts = await self._live(scoped)
                if not attempts:
                    attempts, fresh = [await self._first(call, scoped, gas)], True
        if fresh:
            log.info("transaction.sent", call=call.name, key=key, tx_hash=attempts[-1].tx_hash, gas_limit=gas)
        return await self._wait(call, attempts)

    async def _live(self, key: str) -> list[SentTransaction]:
        gone = (TxState.DROPPED, TxState.REVERTED)
        return [sent for sent in await self._ledger.find(key) if sent.state not in gone]

    async def _estimate(self, call: Call) -> int:
        try:
            needed = await self._rpc.estimate_gas(
                self._account.address, call.contract.address, call.data, 0, GAS_CAP
            )
        except RpcError as error:
            if not error.data and "gas" in error.message.lower() and "revert" not in error.message.lower():
                raise ChainError(
                    f"{call.name}: needs more than {GAS_CAP:,} gas, the cap of one transaction (EIP-7825); "
                    f"send fewer items at a time ({error.message})"
                ) from error
            raise ChainError(f"{call.name} would fail: {explain_revert(error)}") from error
        if needed > GAS_CAP:
            raise ChainError(
                f"{call.name}: needs {needed:,} gas, above the cap of one transaction of {GAS_CAP:,} "
                "(EIP-7825); send fewer items at a time"
            )
        return min(GAS_CAP, int(needed * GAS_MARGIN))

    async def _first(self, call: Call, key: str, gas: int) -> SentTransaction:
        priority, maximum = await self._fees()
        for _ in range(5):
            pending = await self._rpc.transaction_count(self._account.address, "pending")
            nonce = max(pending, self._next_nonce)
            fields = {
                "type": 2,
                "chainId": self._chain_id,
                "nonce": nonce,
                "to": call.contract.address,
                "data": call.data,
                "value": 0,
                "gas": gas,
                "maxFeePerGas": maximum,
                "maxPriorityFeePerGas": priority,
            }
            sent = await self._record(key, fields)
            try:
                await self._rpc.send_raw(sent.raw)
            except RpcError as error:
                if not await self._arrived(sent, error):
                    await self._ledger.mark(sent.tx_hash, TxState.DROPPED)
                    if not _says(error, _STALE):
                        raise ChainError(f"{call.name} was refused: {_advise(error)}") from error
                    # The account is used elsewhere too: take the next nonce.
                    self._next_nonce = nonce + 1
                    continue
            except ChainError:
                # Unknown whether it arrived: it keeps its nonce, and `_wait` or `resume` sends it again.
                self._next_nonce = nonce + 1
                raise
            self._next_nonce = nonce + 1
            return sent
        raise ChainError(
            f"{call.name}: every nonce was taken by another program; use account "
            f"{self._account.checksum_address} in one program only"
        )

    async def _arrived(self, sent: SentTransaction, error: RpcError) -> bool:
        if _says(error, _ALREADY):
            return True
        # A call that failed half way may have handed it over before, and an endpoint that has it in a block
        # calls its nonce too low, or tells its revert; the receipt can take a moment.
        for _ in range(DOUBTS if _says(error, _STALE) else 1):
            if await self._rpc.receipt(sent.tx_hash) is not None:
                return True
            await trio.sleep(self._config.poll_seconds)
        return False

    async def _record(self, key: str, fields: dict[str, Any]) -> SentTransaction:
        raw, tx_hash = self._account.sign_transaction(fields)
        await self._ledger.record_intent(key, fields["nonce"], raw, tx_hash)
        return SentTransaction(key, fields["nonce"], raw, tx_hash, TxState.OPEN)

    async def _fees(self) -> tuple[int, int]:
        base, priority = await self._rpc.fees()
        cap = self._config.max_fee_gwei * 10**9
        if base + priority > cap:
            raise ChainError(
                f"gas costs {(base + priority) / 1e9:.1f} gwei, above chain.max_fee_gwei = "
                f"{self._config.max_fee_gwei}; wait, or raise the setting"
            )
        return priority, min(cap, 2 * base + priority)

    async def _wait(self, call: Call, attempts: list[SentTransaction]) -> TxReceipt:
        sent_at = trio.current_time()
        resends, lost = 0, 0
        while True:
            receipt = await self._mined(attempts)
            if receipt is not None:
                return await self._finish(call, attempts, receipt)
            if await self._rpc.mined_count(self._account.address) > attempts[0].nonce:
                # Maybe in a block that lacks confirmations, or whose receipt is not indexed yet.
                known = [await self._rpc.receipt(sent.tx_hash) for sent in attempts]
                lost = 0 if any(known) else lost + 1
                if lost >= DOUBTS:
                    await self._mark(attempts, None)
                    raise ChainError(
                        f"{call.name}: nonce {attempts[0].nonce} was used by another transaction of "
                        f"{self._account.checksum_address}; nothing was paid by this one, so repeat it"
                    )
            elif trio.current_time() - sent_at > self._config.resend_seconds:
                if resends == GIVE_UP_AFTER:
                    raise ChainError(
                        f"{call.name}: {hexed(attempts[-1].tx_hash)} is in no block after {resends} resends; "
                        "it is kept in the ledger, so repeat later or raise chain.max_fee_gwei"
                    )
                attempts = [*attempts, *await self._bump(attempts[-1])]
                sent_at, resends = trio.current_time(), resends + 1
            await trio.sleep(self._config.poll_seconds)

    async def _mined(self, attempts: Sequence[SentTransaction]) -> TxReceipt | None:
        for sent in reversed(attempts):
            receipt = await self._rpc.receipt(sent.tx_hash)
            if receipt is not None:
                depth = await self._rpc.block_number() - receipt.block + 1
                if depth < self._config.confirmations:
                    return None
                return await self._rpc.receipt(sent.tx_hash, agreed=True)
        return None

    async def _finish(self, call: Call, attempts: Sequence[SentTransaction], receipt: TxReceipt) -> TxReceipt:
        await self._mark(attempts, receipt)
        if receipt.ok:
            return receipt
        raise ChainError(
            f"{call.name}: {hexed(receipt.tx_hash)} failed in block {receipt.block}: "
            f"{await self._why(call, attempts[0], receipt)}"
        )

    async def _mark(self, attempts: Sequence[SentTransaction], receipt: TxReceipt | None) -> None:
        for sent in attempts:
            won = receipt is not None and sent.tx_hash == receipt.tx_hash
            state = TxState.DROPPED
            if won and receipt is not None:
                state = TxState.MINED if receipt.ok else TxState.REVERTED
            if sent.state is not state:
                await self._ledger.mark(sent.tx_hash, state)

    async def _why(self, call: Call, sent: SentTransaction, receipt: TxReceipt) -> str:
        fields = _fields(sent.raw)
        if receipt.gas_used >= int(fields["gas"]):
            return f"out of gas ({receipt.gas_used:,} used)"
        try:
            await self._rpc.call(
                call.contract.address,
                bytes(HexBytes(fields["data"])),
                sender=self._account.address,
                block=hex(receipt.block - 1),
            )
        except RpcError as error:
            return explain_revert(error)
        return "reverted, though the same call succeeds on the block before"

    async def _bump(self, last: SentTransaction) -> list[SentTransaction]:
        """Send `last` again with more fee; no new form when the cap forbids one."""
        fields = _fields(last.raw)
        old_priority, old_maximum = int(fields["maxPriorityFeePerGas"]), int(fields["maxFeePerGas"])
        base, suggested = await self._rpc.fees()
        priority = max(suggested, int(old_priority * BUMP) + 1)
        maximum = max(2 * base + priority, int(old_maximum * BUMP) + 1)
        if maximum > self._config.max_fee_gwei * 10**9:
            await self._rebroadcast(last)
            return []
        fields.update(maxFeePerGas=maximum, maxPriorityFeePerGas=priority)
        sent = await self._record(last.key, fields)
        log.info("transaction.resent", tx_hash=sent.tx_hash, nonce=sent.nonce, max_fee_gwei=maximum // 10**9)
        await self._rebroadcast(sent)
        return [sent]

    async def _rebroadcast(self, sent: SentTransaction) -> None:
        try:
            await self._rpc.send_raw(sent.raw)
        except RpcError as error:
            # Known, mined or outbid already: the receipts tell which, so the wait goes on.
            log.debug("transaction.not_taken", tx_hash=sent.tx_hash, reason=error.message)


def _fields(raw: bytes) -> dict[str, Any]:
    decoded = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    return {name: value for name, value in decoded.items() if name not in ("v", "r", "s")}


def _says(error: RpcError, phrases: Sequence[str]) -> bool:
    message = error.message.lower()
    return any(phrase in message for phrase in phrases)


def _advise(error: RpcError) -> str:
    reason = explain_revert(error)
    if "insufficient funds" in reason.lower() or "enough funds" in reason.lower():
        return f"{reason}; send the account some of the chain's own coin to pay for gas"
    return reason
