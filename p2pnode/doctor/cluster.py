"""The proving cluster, where one is set."""

import ipaddress
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from p2pnode.config import Config
from p2pnode.doctor.check import Check, fail, ok, warn


async def cluster(config: Config) -> AsyncIterator[Check]:
    """Whether it answers, takes the token and speaks Bento's API; and who can read along."""
    if not config.prover.cluster_url:
        return
    # Here: only a doctor whose node has a cluster loads the HTTP client.
    from p2pnode.clusters import cluster_of
    from p2pnode.proving import open_prover
    from p2pnode.proving.bento import ClusterError, open_bento

    found = cluster_of(config.prover)
    assert found is not None
    async with (
        open_prover(binary=config.prover.binary, cluster=found) as prover,
        open_bento(found.url, found.token, prover.risc0_version) as bento,
    ):
        try:
            known = await bento.has_image(prover.image_id)
        except ClusterError as error:
            problem, _, remedy = str(error).rpartition("; ")
            # With the fallback the node still proves, at its own pace.
            yield (warn if found.fallback else fail)("prover.cluster", problem, remedy)
        else:
            guest = "has the guest" if known else "gets the guest with the first job"
            yield ok("prover.cluster", f"{found.url} answers as Bento and {guest}")
    address = urlsplit(found.url)
    if address.scheme == "http" and not _is_here(address.hostname or ""):
        yield warn(
            "prover.cluster_url",
            f"{found.url} is not encrypted: whoever is between sees the tasks' inputs and the token",
            "put TLS in front of the cluster, or reach it through a tunnel",
        )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
