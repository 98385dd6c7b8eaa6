"""One model through EZKL: run by benchmarks/ezkl_compare.py with the Python in which EZKL is installed.

    PYTHON ezkl_worker.py MODEL.onnx SAMPLES.json FOLDER

SAMPLES.json: {"input_data": [[numbers of one sample], ...]}. Prints one JSON object: seconds of each step and
the sizes of what it made. Needs nothing but EZKL and the standard library. The structured reference string
is made here (`gen_srs`), which is for tests only but takes no download.
"""

import asyncio
import inspect
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ezkl  # type: ignore[import-not-found]


async def _step(took: dict[str, float], name: str, call: Callable[..., Any], **arguments: object) -> None:
    started = time.monotonic()
    found = call(**arguments)
    if inspect.isawaitable(found):
        found = await found
    took[name] = round(time.monotonic() - started, 3)
    if found is False:
        raise SystemExit(f"EZKL's {name} failed")


def _read(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(path).read_text())
    return found


def _first(samples: str, target: Path) -> str:
    """A file with the first sample alone: what is proved."""
    target.write_text(json.dumps({"input_data": _read(samples)["input_data"][:1]}))
    return str(target)


async def _run(model: str, samples: str, folder: Path) -> dict[str, Any]:
    # EZKL's own calls decide: some are asynchronous, on asyncio's loop.
    took: dict[str, float] = {}
    path = {
        name: str(folder / name) for name in ("settings", "circuit", "srs", "vk", "pk", "witness", "proof")
    }
    settings, circuit, srs = path["settings"], path["circuit"], path["srs"]
    await _step(took, "gen_settings", ezkl.gen_settings, model=model, output=settings)
    # At a scale of 7 bits and with the range of the samples: EZKL's own way to choose its tables.
    await _step(
        took,
        "calibrate",
        ezkl.calibrate_settings,
        data=samples,
        model=model,
        settings=settings,
        target="resources",
        scales=[7],
        lookup_safety_margin=2,
    )
    await _step(
        took, "compile", ezkl.compile_circuit, model=model, compiled_circuit=circuit, settings_path=settings
    )
    logrows = _read(settings)["run_args"]["logrows"]
    await _step(took, "gen_srs", ezkl.gen_srs, srs_path=srs, logrows=logrows)
    keys = {"vk_path": path["vk"], "pk_path": path["pk"]}
    await _step(took, "setup", ezkl.setup, model=circuit, **keys, srs_path=srs)
    one = _first(samples, folder / "one.json")
    await _step(took, "witness", ezkl.gen_witness, data=one, model=circuit, output=path["witness"])
    await _step(
        took,
        "prove",
        ezkl.prove,
        witness=path["witness"],
        model=circuit,
        pk_path=path["pk"],
        proof_path=path["proof"],
        srs_path=srs,
    )
    await _step(
        took,
        "verify",
        ezkl.verify,
        proof_path=path["proof"],
        settings_path=settings,
        vk_path=path["vk"],
        srs_path=srs,
    )
    return {"seconds": took, "logrows": logrows}


def main() -> None:
    """Run it and print what was measured."""
    model, samples, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    found = asyncio.run(_run(model, samples, folder))
    sizes = {f"{name}_bytes": (folder / name).stat().st_size for name in ("pk", "vk", "proof", "srs")}
    print(json.dumps({**found, **sizes}))


if __name__ == "__main__":
    main()
