"""Training steps with and without the C library's habit of giving freed memory back.

python benchmarks/memory.py
"""

import json
import os
import resource
import subprocess
import sys

import torch
from figures import seconds_of, write_figures
from torch.nn import functional

from sppnet.models.network import Architecture, build_network

STEPS = 15
KEEP = {"MALLOC_MMAP_THRESHOLD_": str(1 << 33), "MALLOC_TRIM_THRESHOLD_": str(1 << 33)}


def train() -> None:
    """Some steps of ZF-5 at a quarter of its width; prints seconds and page faults as JSON."""
    torch.set_num_threads(1)
    classes = tuple("abcdefgh")
    architecture = Architecture(
        backbone="zf5",
        width=0.25,
        levels=(6, 3, 2, 1),
        fc=256,
        classes=classes,
        mean=(128.0, 128.0, 128.0),
        std=58.0,
        channel_order="RGB",
    )
    generator = torch.Generator().manual_seed(0)
    network = build_network(architecture, initialisation="he", generator=generator).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.001, momentum=0.9)
    images = torch.randn(32, 3, 112, 112, generator=generator)
    labels = torch.randint(8, (32,), generator=generator)

    def step() -> None:
        optimizer.zero_grad()
        torch.autograd.backward(functional.cross_entropy(network(images), labels))
        optimizer.step()

    for _ in range(3):
        step()
    before = resource.getrusage(resource.RUSAGE_SELF)
    wall = sum(seconds_of(step) for _ in range(STEPS))
    after = resource.getrusage(resource.RUSAGE_SELF)
    faults = after.ru_minflt - before.ru_minflt
    system = after.ru_stime - before.ru_stime
    user = after.ru_utime - before.ru_utime
    found = {"wall, s": wall, "user, s": user, "system, s": system, "page faults": faults}
    print(json.dumps(found | {"memory, MB": after.ru_maxrss // 1024}))


def main() -> None:
    """Run the steps in processes of both kinds, in turns."""
    rows = []
    for turn in range(3):
        for name, extra in (("gives memory back", {}), ("keeps it", KEEP)):
            command = [sys.executable, __file__, "train"]
            environment = {k: v for k, v in os.environ.items() if k not in KEEP} | extra
            done = subprocess.run(
                command, env=environment, check=True, text=True, capture_output=True
            )
            rows.append({"turn": turn + 1, "C library": name, **json.loads(done.stdout)})
    notes = [
        f"{STEPS} training steps of ZF-5 at width 0.25 on 32 images of 112 pixels, one thread."
    ]
    write_figures(__file__, "Memory that is kept", {"Steps": rows}, notes)


if __name__ == "__main__":
    train() if sys.argv[1:] == ["train"] else main()
