"""`p2pnode jsc` and the class JSCBridge, against the deployed contracts."""

import json
import re
from pathlib import Path

import pytest

from p2pnode.amounts import JSC_UNIT
from p2pnode.api import JSCBridge
from p2pnode.errors import ChainError, ConfigError
from p2pnode.jsc import wallet_file
from tests.chain.conftest import ETHER, KEYS, Devnet
from tests.chain.test_cli import Operator
from tests.quick import quick_scrypt


@pytest.fixture
def operator(chain_state: Devnet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    quick(monkeypatch)
    return Operator(tmp_path / "rich", chain_state, KEYS[0])


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_scrypt(monkeypatch)
    derive = wallet_file._derive
    monkeypatch.setattr(wallet_file, "_derive", lambda password, salt, _: derive(password, salt, 1 << 4))


def test_without_credit_there_is_nothing_to_pay_out(operator: Operator) -> None:
    operator.json("jsc", "create")
    refused = operator.run("jsc", "payout")
    assert refused.exit_code == 2
    assert "the account has no credit" in refused.stderr


def test_a_wallet_is_made_funded_and_spent(operator: Operator, chain_state: Devnet, tmp_path: Path) -> None:
    made = operator.json("jsc", "create")
    assert len(made["phrase"].split()) == 24
    assert made["address"] == operator.json("jsc", "address")["address"]
    assert operator.run("jsc", "create").exit_code == 2, "a wallet is not overwritten"
    deposited = operator.json("jsc", "deposit", "12.3")
    assert deposited["units"] == ["10000000000", "1000000000", "1000000000", "300000000"]
    balance = operator.json("jsc", "balance")
    assert (balance["total"], balance["spendable"]) == ("12300000000", "12300000000")

    friend = operator.json("jsc", "address", "--new", "friend")["address"]
    operator.json("jsc", "contacts", "ann", friend)
    paid = operator.json("jsc", "send", "@ann", "1.25", "--text", "for the answer")
    assert any("the pool is small" in warning for warning in paid["warnings"])
    assert any("no relayer" in warning for warning in paid["warnings"])
    received = [note for note in operator.json("jsc", "notes") if note["label"] == "friend"]
    assert [(note["units"], note["text"]) for note in received] == [("1250000000", "for the answer")]

    # Change is locked until its bin is full; two more notes do that.
    assert operator.json("jsc", "balance")["locked"] == "10000000000"
    operator.json("jsc", "deposit", "0.002")
    to = "0x" + "42" * 20
    out = operator.json("jsc", "withdraw", "10", to, "--escrow")
    assert any("equals a deposit" in warning for warning in out["warnings"])
    (proof,) = operator.json("jsc", "prove-payment", friend)
    assert operator.json("jsc", "check", proof) == {"address": friend, "units": "1250000000"}
    reserve = operator.json("jsc", "prove-reserve", "1", "auditor")["proof"]
    assert int(operator.json("jsc", "check", reserve, "auditor")["unspent"]) >= 10**9
    assert operator.run("jsc", "check", reserve, "other").exit_code == 1
    assert operator.json("jsc", "balance")["total"] == "2302000000"
    assert operator.json("jsc", "rescan")["notes"] == len(operator.json("jsc", "notes"))

    note = next(note for note in operator.json("jsc", "notes") if note["state"] == "unspent")
    operator.json("jsc", "freeze", str(note["note"]))
    assert operator.json("jsc", "balance")["frozen"] == note["units"]
    operator.json("jsc", "freeze", str(note["note"]), "--thaw")
    operator.json("jsc", "sweep")
    assert operator.json("jsc", "balance")["total"] == "2302000000"
    too_much = operator.run("jsc", "send", friend, "100")
    assert too_much.exit_code == 2
    assert "payment needs" in too_much.stderr


def test_a_view_only_wallet_prepares_what_an_offline_one_signs(
    operator: Operator, chain_state: Devnet, tmp_path: Path
) -> None:
    operator.json("jsc", "create", "--offline")
    viewer = Operator(tmp_path / "viewer", chain_state, KEYS[0])
    viewer.json("jsc", "create", "--view-key", operator.json("jsc", "viewkey")["view_key"])
    viewer.json("jsc", "deposit", "4.444")
    plan, signed, images = (str(tmp_path / name) for name in ("plan", "signed", "images"))
    to = viewer.json("jsc", "address", "--new", "x")["address"]
    viewer.json("jsc", "send", to, "1", "--unsigned", plan)
    refused = viewer.run("jsc", "sign", plan, signed, "--json")
    assert refused.exit_code == 2
    assert "view-only" in refused.stderr
    operator.json("jsc", "sign", plan, signed)
    viewer.json("jsc", "submit", signed)
    operator.json("jsc", "images", images)
    viewer.json("jsc", "images", images, "--take")
    assert viewer.json("jsc", "balance") == operator.json("jsc", "balance")


def test_no_secret_is_printed_twice_or_kept_in_the_clear(operator: Operator, tmp_path: Path) -> None:
    made = operator.json("jsc", "create")
    raw = (tmp_path / "rich" / "jsc" / "wallet.jsc").read_bytes()
    for word in made["phrase"].split():
        assert word.encode() not in raw
    assert (tmp_path / "rich" / "jsc" / "wallet.jsc").stat().st_mode & 0o777 == 0o600
    wrong = operator.run("jsc", "send", made["address"] + "x", "1")
    assert wrong.exit_code == 2
    assert re.search("no JSC address", wrong.stderr)
    assert operator.run("jsc", "deposit", "0.0000000001").exit_code == 2


def test_the_bridge_class_moves_joy_in_and_out(
    chain_state: Devnet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(monkeypatch)
    address = json.loads(chain_state.deployment.read_text())["addresses"]["JSCBridge"]
    bridge = JSCBridge(address, KEYS[0], wallet=tmp_path / "wallet", password="x", rpc_url=chain_state.url)
    with pytest.raises(ConfigError, match="create_wallet"):
        bridge.jsc_address()
    bridge.create_wallet()
    bridge.deposit_joy(ETHER * 1234 // 1000, bridge.jsc_address())
    assert bridge.balance() == ETHER * 1234 // 1000
    to = "0x" + "21" * 20
    prepared = bridge.prepare_withdrawal(ETHER, to)
    with pytest.raises(ConfigError, match="must be these"):
        bridge.withdraw_jsc(ETHER // 2, to, prepared.jsc_tx_hash)
    with pytest.raises(ConfigError, match="not signed by this wallet"):
        bridge.withdraw_jsc(ETHER, to, "0x" + "00" * 32)
    receipt = bridge.withdraw_jsc(ETHER, to, prepared.jsc_tx_hash)
    assert receipt.ok
    # The chain's record of the withdrawal carries the hash.
    assert any(prepared.jsc_tx_hash in log["topics"] for log in receipt.logs)
    other = JSCBridge(address, KEYS[0], wallet=tmp_path / "wallet", password="x", rpc_url=chain_state.url)
    with pytest.raises(ChainError, match="AlreadySpent"):
        other.withdraw_jsc(ETHER, to, prepared.jsc_tx_hash)
    assert bridge.balance() == ETHER * 234 // 1000
    with pytest.raises(ConfigError, match="multiple"):
        bridge.deposit_joy(JSC_UNIT + 1, bridge.jsc_address())
    assert bridge.pay(JSC_UNIT * 5, bridge.jsc_address(), "to myself").ok
