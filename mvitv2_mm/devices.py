"""The device that computes."""
import torch

from .errors import UsageError


def usual_device() -> str:
    """A GPU, where there is one."""
    return 'cuda' if torch.cuda.is_available() else 'cpu'


def find_device(name: str) -> torch.device:
    """A device by its name, once it is sure that it works.

    Args:
        name (str): 'cpu', 'cuda', 'cuda:1'.

    Returns:
        torch.device: With its number, if it is a GPU.

    Raises:
        UsageError: If it is not there.
    """
    try:
        return torch.zeros(1, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f'there is no device {name} ({str(error).splitlines()[0]}); use cpu, or '
                         'leave it to us') from None
