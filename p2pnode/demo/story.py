"""The demo's story: publish a model, sell sixteen tasks, prove them, get paid, check a receipt."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import trio

from p2pnode.chain import open_chain_reader
from p2pnode.cli.output import joy
from p2pnode.config import ChainConfig
from p2pnode.demo.auction import Auction
from p2pnode.demo.names import Names
from p2pnode.demo.private import Private
from p2pnode.demo.proof import BATCH_EVENTS, FATAL_EVENTS, BatchView, ProofBars
from p2pnode.demo.receipts import Verdict, altered, fetch, verify
from p2pnode.demo.screen import Screen
from p2pnode.demo.summary import Payment, Summary, payments_table
from p2pnode.devnet import Devnet, open_devnet
from p2pnode.devnet.funds import treasury
from p2pnode.errors import DevnetError
from p2pnode.models import DIGITS, IMAGES, digit_images
from p2pnode.proving import open_prover

MODEL: Final = "digits"
MODEL_FEE: Final = "0.002"
PRICE_MIN: Final = "0.01"
PRICE_MAX: Final = "0.02"
GAS_CAP: Final = 16_777_216
"""Of one transaction: EIP-7825."""


class Story:
    """One run of the demo in `folder`. With `proved` false it ends when the tasks are answered."""

    def __init__(self, folder: Path, screen: Screen, proved: bool) -> None:
        self._folder = folder
        self._screen = screen
        self._proved = proved
        self._bars = ProofBars()
        self._batches: dict[str, BatchView] = {}
        self._receipts: set[str] = set()
        self._problem = ""
        self._held: list[tuple[str, str, Mapping[str, Any]]] | None = []
        self._news = trio.Event()
        self._asker = ""

    async def tell(self) -> Summary:
        """Run everything. Raises P2PNodeError with the reason when a part of it fails."""
        screen = self._screen
        screen.title("A network on this machine: every node is a process of its own")
        screen.doing("starting the chain and the nodes")
        async with open_prover() as prover:
            image_id = prover.image_id
        async with open_devnet(self._folder, image_id, on_event=self._on_event, say=screen.say) as devnet:
            self._asker = devnet.requester.name
            names = Names(devnet)
            before = await _balances(devnet)
            cid = await self._publish(devnet)
            auction, task_ids = await self._sell(devnet, names, cid)
            if not self._proved:
                sights = await Private(devnet, screen).tell()
                return Summary(str(self._folder), cid, screen.seconds, auction.tasks, private=sights)
            await self._settle(task_ids)
            payments = await self._paid(devnet, before)
            verdicts = await self._verify(devnet, task_ids[0])
            sights = await Private(devnet, screen).tell()
        batches = list(self._batches.values())
        return Summary(
            str(self._folder), cid, screen.seconds, auction.tasks, batches, payments, verdicts, sights
        )

    async def _publish(self, devnet: Devnet) -> str:
        screen, owner = self._screen, devnet.owner
        screen.title("A model for sale")
        screen.doing(f"{owner.name} publishes the model")
        found = await owner.command("models", "publish", DIGITS, "--price", MODEL_FEE, "--name", MODEL)
        cid = str(found["cid"])
        screen.say(f"{owner.name} registered {MODEL} for {MODEL_FEE} JOY a task: {found['gas_used']:,} gas")
        screen.say(f"CID {cid}", "dim")
        screen.doing(f"{devnet.requester.name} meets the others")
        await devnet.until_model_known(MODEL)
        screen.say(
            f"{devnet.requester.name} is connected to {len(devnet.nodes) - 1} nodes and knows the model"
        )
        return cid

    async def _sell(self, devnet: Devnet, names: Names, cid: str) -> tuple[Auction, list[str]]:
        screen, requester = self._screen, devnet.requester
        images = digit_images()
        screen.title(f"{len(images)} images, one task each: {PRICE_MIN} JOY rising to {PRICE_MAX} JOY")
        auction = Auction([(path.name, digit) for path, digit in images], names)
        screen.doing(f"{requester.name} runs `p2pnode submit`")

        def on_line(event: Any) -> None:
            if isinstance(event, Mapping) and "event" in event:
                for line in auction.event(event):
                    screen.say(line)
                screen.doing("offers, bids, awards, answers", auction.table())

        prices = ["--price-min", PRICE_MIN, "--price-max", PRICE_MAX]
        found = await requester.command("submit", cid, IMAGES, *prices, "--wait", "answered", on_line=on_line)
        reports: Sequence[Mapping[str, Any]] = found["tasks"]
        auction.answered(reports)
        right = sum(task.right for task in auction.tasks)
        screen.doing("")
        screen.say(f"{len(reports)} answers, signed by their workers; {right} digits are right", "green")
        screen.show(auction.table())
        return auction, [str(report["task_id"]) for report in reports]

    async def _settle(self, task_ids: Sequence[str]) -> None:
        screen = self._screen
        screen.title("One proof for the batch, one transaction for the money")
        screen.doing("waiting for the proof", self._bars.bars)
        held, self._held = self._held or [], None
        for event in held:
            self._on_batch(*event)
        wanted = {task_id.removeprefix("0x") for task_id in task_ids}
        while not wanted <= self._receipts:
            if self._problem:
                raise DevnetError(self._problem)
            await self._news.wait()
        screen.doing("")
        screen.say(f"{self._asker} holds {len(wanted)} receipts, each with its proof", "green")

    async def _paid(self, devnet: Devnet, before: Mapping[str, int]) -> list[Payment]:
        after = await _balances(devnet)
        roles = {devnet.requester.name: "requester", devnet.owner.name: "model owner"}
        roles |= {worker.name: "worker" for worker in devnet.workers}
        payments = [
            Payment(name, roles.get(name, "protocol fee"), before[name], after[name]) for name in before
        ]
        self._screen.show(payments_table(payments))
        return payments

    async def _verify(self, devnet: Devnet, task_id: str) -> list[Verdict]:
        screen = self._screen
        screen.title("A receipt in a stranger's hands: `p2pnode verify`, offline")
        screen.doing("verifying")
        folder = self._folder / "receipts"
        await trio.Path(folder).mkdir()
        receipt = folder / f"{task_id.removeprefix('0x')[:16]}.json"
        await fetch(devnet.requester, task_id, receipt)
        verdicts = []
        for file, what in [(receipt, "as it came"), *altered(receipt)]:
            verdict = await verify(file, what)
            verdicts.append(verdict)
            if verdict.valid:
                screen.say(f"✓ {file.name}, {what}: valid", "green")
            else:
                screen.say(f"✗ {file.name}, {what}: refused", "red")
                screen.detail(verdict.reason)
        if [verdict.valid for verdict in verdicts] != [True, False, False]:
            raise DevnetError("p2pnode verify: an altered receipt was taken, or the genuine one refused")
        return verdicts

    def _on_event(self, source: str, name: str, fields: Mapping[str, Any]) -> None:
        if name in FATAL_EVENTS:
            self._problem = f"{source} says {name}: {fields.get('reason', fields.get('offer', ''))}"
        elif name in BATCH_EVENTS and self._held is not None:
            # A proof begins with the last answer, before the answers have been shown.
            self._held.append((source, name, fields))
        elif name in BATCH_EVENTS:
            self._on_batch(source, name, fields)
        elif name == "receipt.stored" and source == self._asker:
            self._receipts.add(str(fields["task_id"]))
        self._news.set()
        self._news = trio.Event()

    def _on_batch(self, source: str, name: str, fields: Mapping[str, Any]) -> None:
        screen, key = self._screen, str(fields["batch"])
        batch = self._batches.setdefault(key, BatchView(source))
        match name:
            case "proof.started":
                batch.count = int(fields["count"])
                screen.say(f"{source} proves {batch.count} tasks in one run of the guest")
            case "proof.progress":
                if batch.progress(fields):
                    screen.say(f"{source}: {batch.step}, {batch.left()}".rstrip(", "), "dim")
                self._bars.draw(key, batch)
                spent = batch.steps[batch.step]
                screen.often(f"{source} proves: {batch.step}, {spent:.0f} s, {batch.left()}".rstrip(", "))
            case "proof.done":
                batch.seconds, batch.seal_bytes = float(fields["seconds"]), int(fields["seal_bytes"])
                screen.show(self._bars.pop(key))
                screen.doing("waiting for the chain", self._bars.bars)
                screen.say(
                    f"proved and verified in {batch.seconds:.1f} s: {batch.seal_bytes:,} bytes", "green"
                )
            case "settlement.sent":
                screen.say(f"{source} sends one transaction with the proof and {fields['count']} awards")
            case "settlement.confirmed":
                batch.transaction, batch.gas = f"0x{fields['transaction']}", int(fields["gas"])
                batch.block, batch.settled = int(fields["block"]), int(fields["settled"])
                paid = joy(int(fields["paid"]))
                screen.say(f"the chain checked the proof: {batch.settled} tasks settled, {paid}", "green")
                screen.say(
                    f"transaction {batch.transaction[:18]}… in block {batch.block}: "
                    f"{batch.gas:,} gas of at most {GAS_CAP:,}"
                )


async def _balances(devnet: Devnet) -> dict[str, int]:
    """JOY of everyone with what is in escrow, by name; stakes are not in it."""
    accounts = {part.name: devnet.nodes[part.name].account for part in devnet.plan.nodes}
    accounts["treasury"] = treasury().address
    config = ChainConfig(rpc_url=devnet.url, deployment=devnet.deployment)
    async with open_chain_reader(config, treasury().address) as chain:
        accounts["reward pool"] = chain.deployment.addresses["ProofOfUse"]
        return {
            name: await chain.token.balance(account) + await chain.escrow.balance(account)
            for name, account in accounts.items()
        }
