"""Bad bids, proofs and receipts: refused with a reason; nothing is settled that was not proved."""

from dataclasses import replace

import trio
from trio.testing import MockClock

from p2pnode.errors import InferenceError
from p2pnode.market.settings import RequesterSettings, WorkerSettings
from p2pnode.market.state import TaskState
from p2pnode.ports import Role, StreamProtocol
from p2pnode.protocol.codec import decode, decode_any, encode
from p2pnode.protocol.eip712 import sign
from p2pnode.protocol.messages import Bid, Decline, DeclineCode, TaskQuery, TaskStatus
from tests.sim.driver import TERMS, Driver
from tests.sim.fake_compute import MODEL_DIGEST, double, pair
from tests.sim.mallory import INPUT, KEY, Mallory


async def test_bad_bids_are_refused(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=worker) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        driver.change_node(bob, peer_id="another peer")
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [INPUT], TERMS)
        assert outcome.state == TaskState.UNBID
        assert (
            "is bound to peer another peer; this bid came from bob" in alice.named("bid.refused")[0]["reason"]
        )
        assert "is bound to peer another peer" in bob.named("bid.refused")[0]["reason"]
        mallory = Mallory(driver)
        for junk in (b"", b"\xff", encode(mallory.signed()), encode(TaskQuery(b"\x01" * 32))):
            response = await mallory.bus.request(
                "alice", StreamProtocol.BID, junk, timeout=5, max_response=1 << 16
            )
            assert decode(response, Decline).code == DeclineCode.MALFORMED
        late = sign(driver.world.domain, Bid(outcome.offer_hash, mallory.account, 1, 2, 2, 3), KEY)
        response = await mallory.bus.request(
            "alice", StreamProtocol.BID, encode(late), timeout=5, max_response=1 << 16
        )
        assert "takes no bids now" in decode(response, Decline).reason


async def test_a_proof_for_other_tasks_is_never_settled(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=worker) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        bob.prover.wrong_tasks = True
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [INPUT], TERMS)
        await trio.sleep(60)
        assert "proof is for other tasks" in bob.named("proof.failed")[0]["reason"]
        assert driver.world.sent == []
        bob.prover.wrong_tasks = False
        [settled] = await alice.requester.settled([outcome.offer_hash])
        assert settled.state == TaskState.SETTLED


async def test_one_task_that_the_guest_cannot_run_does_not_sink_its_batch(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    bad = pair(66, 6)

    def guest(tensors: bytes) -> bytes:
        if tensors == bad:
            raise InferenceError("overflow in MatMulInteger")
        return double(tensors)

    async with (
        driver.node("bob", worker=worker) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        outcomes = await alice.requester.submit(MODEL_DIGEST, [INPUT, bad, pair(3, 4)], TERMS)
        bob.prover.guest = guest
        settled = await alice.requester.settled([outcome.offer_hash for outcome in outcomes])
        assert [outcome.state for outcome in settled] == [
            TaskState.SETTLED,
            TaskState.UNSETTLED,
            TaskState.SETTLED,
        ]
        assert "overflow in MatMulInteger" in settled[1].reason


async def test_a_task_that_the_guest_cannot_run_is_declined_and_nothing_signed(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    def guest(tensors: bytes) -> bytes:
        if tensors == INPUT:
            raise InferenceError("overflow in MatMulInteger")
        return double(tensors)

    async with (
        driver.node("bob", worker=worker) as bob,
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        bob.prover.guest = guest
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [INPUT], TERMS)
        assert outcome.state == TaskState.UNANSWERED
        assert "wrong-input: the guest cannot run it" in outcome.reason
        assert "overflow in MatMulInteger" in outcome.reason
        [task] = bob.store.tasks(Role.WORKER, [TaskState.DECLINED])
        assert task.result is None


async def test_a_forged_receipt_is_refused(
    driver: Driver, worker: WorkerSettings, requester: RequesterSettings, autojump_clock: MockClock
) -> None:
    async with (
        driver.node("bob", worker=worker),
        driver.node("alice", requester=requester) as alice,
    ):
        assert alice.requester is not None
        handle, most = driver.net.buses["bob"].handlers[StreamProtocol.TASK]
        lies = [
            (b'"leafIndex": 0', b'"leafIndex": 1'),
            (b'"seal": "', b'"seal": "AAAA'),
            (b'"imageId": "0x1d', b'"imageId": "0x00'),
        ]

        async def lie(peer: str, data: bytes) -> bytes:
            response = await handle(peer, data)
            status = decode_any(response, 1 << 21)
            if isinstance(status, TaskStatus) and status.receipt and lies:
                return encode(replace(status, receipt=status.receipt.replace(*lies.pop())))
            return response

        driver.net.buses["bob"].handlers[StreamProtocol.TASK] = (lie, most)
        [outcome] = await alice.requester.submit(MODEL_DIGEST, [INPUT], TERMS)
        [settled] = await alice.requester.settled([outcome.offer_hash])
        assert settled.state == TaskState.SETTLED
        reasons = [fields["reason"] for fields in alice.named("receipt.refused")]
        assert "imageId is 001d" in reasons.pop(0)
        assert reasons == [
            "the seal does not prove this journal",
            "leaf index is 1; give 0 to 0",
        ]
