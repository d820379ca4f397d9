"""The hardware that a command computes on, and what it does to the last digits of a result."""

import torch
from pydantic import Field

from sppnet.config.section import Count, Section
from sppnet.errors import SppnetError


class Compute(Section):
    """The hardware that a command uses."""

    device: str = Field(default="auto", description="Device: auto, cpu, cuda, cuda:1 ...")
    threads: Count = Field(default=1, description="Number of CPU threads.")

    def start(self) -> torch.device:
        """Set the number of threads and give the device, as `choose_device`."""
        torch.set_num_threads(self.threads)
        return choose_device(self.device)

    def numerics_key(self) -> dict[str, object]:
        """As the function, of the device that is chosen."""
        return numerics_key(choose_device(self.device), self.threads)


def numerics_key(device: torch.device, threads: int) -> dict[str, object]:
    """What the last digits of a result depend on besides settings and inputs.

    A CPU's threads share out sums, and so decide in which order numbers are added (measured: in
    gradients of convolutions, in SqueezeNet's maps, in products with few columns). A GPU's results
    do not depend on them.

    Args:
        device: that the stage computes on.
        threads: of the CPU.

    Returns:
        Settings for the key of a restart directory.
    """
    return {"device": device.type} | ({"threads": threads} if device.type == "cpu" else {})


def choose_device(name: str) -> torch.device:
    """Device of a `--device` flag: "auto" is the GPU where there is one. It will repeat itself.

    Raises:
        SppnetError: torch does not know the device, or this machine does not have it.
    """
    # The same numbers on every run: cuDNN's fastest gradients add in random order. And those of 32
    # bits: by default its convolutions round their inputs to 19.
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SppnetError(f"--device: {name!r} cannot be used here; use auto or cpu") from error
    return device
