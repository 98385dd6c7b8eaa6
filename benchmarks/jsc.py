"""The JSC wallet's speed on one core: scanning, signing, verifying, in processor seconds.

Gas is measured by tests/chain/test_jsc_gas.py.
"""

import time
from collections.abc import Mapping

from p2pnode.jsc.builder import build, verify
from p2pnode.jsc.keys import SpendKeys
from p2pnode.jsc.notes import Payee, context, make
from p2pnode.jsc.pool import Pool, PoolEvent
from p2pnode.jsc.scanner import Scanner
from p2pnode.jsc.sending import Moment, plan
from p2pnode.jsc.transaction import Payment
from p2pnode.jsc.wallet import Wallet

SCANNED = 1000
FAR = 1 << 40


def measure_jsc() -> Mapping[str, float]:
    """Notes a second, and seconds by shape of transaction."""
    owner, other = SpendKeys.from_scalar(5), SpendKeys.from_scalar(6)
    pool = Pool(1, bytes(20), 0, 0)
    tied = context(1, bytes(20), None)
    notes = tuple(make(Payee(owner.views.address(), 100), tied, None, deposit=True)[0] for _ in range(16))
    event = PoolEvent(1, b"", 16, notes, (100,) * 16, (), (), None)
    many = PoolEvent(1, b"", 16, (notes * SCANNED)[:SCANNED], (100,) * SCANNED, (), (), None)
    scanner = Scanner(other.views, pool)
    started = time.process_time()
    scanner.received(many)
    figures: dict[str, float] = {"notes scanned a second": round(SCANNED / (time.process_time() - started))}
    wallet = Wallet.open(owner, pool)
    wallet.add(event)
    for inputs, outputs in ((1, 2), (4, 4)):
        amounts = [1] * (outputs - 2) + [100 * inputs - 50]
        payees = [Payee(other.views.address(i), amount) for i, amount in enumerate(amounts)]
        payment = Payment(0, bytes(20), 0, bytes(20), False, FAR)
        made = plan(wallet, payees, payment, Moment(2, 0)).plan
        started = time.process_time()
        transaction = build(made, owner.spend, owner.views.outgoing).transaction
        signed = time.process_time()
        assert verify(transaction, 1, bytes(20))
        shape = f"{inputs} in, {outputs} out"
        figures[f"seconds to sign, {shape}"] = round(signed - started, 2)
        figures[f"seconds to verify, {shape}"] = round(time.process_time() - signed, 2)
    return figures
