"""Settings of the tables [worker] and [requester]; part of `config`."""

from dataclasses import dataclass
from typing import Annotated

from p2pnode.amounts import JOY, MAX_AMOUNT
from p2pnode.lists import DIRECT, check_accounts, check_model_prices, check_payout, check_percents
from p2pnode.settings import Setting


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """Selling inference."""

    enabled: Annotated[bool, Setting("Bid for offers; needs a registered and staked account.")] = False
    capacity: Annotated[int, Setting("Tasks held at the same time.", 1, 1024)] = 4
    price: Annotated[
        int, Setting("Least price of one task, in the smallest unit (10^18 is one JOY).", 0, MAX_AMOUNT)
    ] = JOY // 100
    hour_price: Annotated[
        int,
        Setting(
            "What an hour of proving has to earn, in the smallest unit; a task pays its share at least.",
            0,
            MAX_AMOUNT,
        ),
    ] = 2 * JOY
    margin_percent: Annotated[int, Setting("What is added to time and gas, in percent.", 0, 100_000)] = 0
    joy_per_coin: Annotated[
        int,
        Setting("Smallest units of JOY that a coin of the chain is worth; 0 leaves gas out.", 0, MAX_AMOUNT),
    ] = 0
    model_prices: Annotated[
        tuple[str, ...],
        Setting("Fixed prices of single models, each as CID=units.", check=check_model_prices),
    ] = ()
    requester_percent: Annotated[
        tuple[str, ...],
        Setting("Prices for single requesters in percent, each as account=percent.", check=check_percents),
    ] = ()
    allow: Annotated[
        tuple[str, ...], Setting("Accounts to serve; empty serves everybody.", check=check_accounts)
    ] = ()
    deny: Annotated[tuple[str, ...], Setting("Accounts not to serve.", check=check_accounts)] = ()
    strategy: Annotated[
        str, Setting("A pricing class of your own, as module:Class; empty takes the settings above.")
    ] = ""
    most_failures: Annotated[
        int, Setting("Proofs or settlements that fail in a row before bidding stops.", 1, 1000)
    ] = 3
    batch_size: Annotated[int, Setting("Most tasks of one model proved and settled together.", 1, 256)] = 16
    batch_seconds: Annotated[int, Setting("Most seconds to wait for a batch to fill.", 0, 86400)] = 30
    payout: Annotated[
        str,
        Setting(
            "How settled work is paid: direct, credit (`p2pnode jsc payout` takes it), or a JSC address.",
            check=check_payout,
        ),
    ] = DIRECT
    call_price: Annotated[
        int,
        Setting(
            "Least price of a call in a session for each started second it takes, in the smallest unit.",
            0,
            MAX_AMOUNT,
        ),
    ] = JOY // 10_000
    min_bond: Annotated[
        int, Setting("Least bond of a requester to be served, in the smallest unit.", 0, MAX_AMOUNT)
    ] = 0
    rescue: Annotated[
        bool,
        Setting(
            "Prove tasks that others missed, for their price and a share of the stake; a race, costs gas."
        ),
    ] = False


@dataclass(frozen=True, slots=True)
class RequesterConfig:
    """Buying inference."""

    enabled: Annotated[bool, Setting("Accept tasks from `p2pnode submit`.")] = True
    bid_wait: Annotated[float, Setting("Seconds to collect bids before the award.", 0.05, 600)] = 2.0
    result_seconds: Annotated[int, Setting("Seconds a worker has to answer.", 1, 86400)] = 60
    settle_seconds: Annotated[
        int, Setting("Seconds a worker has to prove and settle; then the award is void.", 60, 86400)
    ] = 7200
    weight_price: Annotated[float, Setting("How much a low price counts among bids.", 0, 1000)] = 0.35
    weight_free: Annotated[float, Setting("How much many free places count.", 0, 1000)] = 0.05
    weight_load: Annotated[float, Setting("How much a small share of taken places counts.", 0, 1000)] = 0.3
    weight_stake: Annotated[float, Setting("How much a high stake counts.", 0, 1000)] = 0.05
    weight_record: Annotated[
        float, Setting("How much the answers that this node got before count.", 0, 1000)
    ] = 0.2
    weight_latency: Annotated[float, Setting("How much quick answers count.", 0, 1000)] = 0.05
    min_stake: Annotated[
        int, Setting("Least stake of a worker to be awarded, in the smallest unit.", 0, MAX_AMOUNT)
    ] = 0
    report: Annotated[
        bool, Setting("Report workers on chain that answered and did not settle; costs gas.")
    ] = True
    publish_input: Annotated[
        bool,
        Setting(
            "Report missed tasks, unanswered ones too, with their input, public then, for others to prove."
        ),
    ] = False
