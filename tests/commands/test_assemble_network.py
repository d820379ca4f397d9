import pytest
import torch

from sppnet.cli import run
from sppnet.errors import SppnetError
from sppnet.models.backbones import build_backbone
from sppnet.models.network import with_background
from sppnet.models.weights import load_network, save_backbone

WORDS = """--backbone zf5 --width 1 --levels 2 1 --fc 8 --mean 128 128 128 --std 58
    --channel-order RGB"""


@pytest.fixture
def backbone(tmp_path):
    weights = {
        name: torch.rand_like(tensor)
        for name, tensor in build_backbone("zf5", 1.0).state_dict().items()
    }
    save_backbone(tmp_path / "backbone.safetensors", "zf5", weights)
    return tmp_path / "backbone.safetensors", weights


def assemble(backbone, output, words=WORDS):
    run(
        [
            "assemble-network",
            *words.split(),
            "--backbone-weights",
            str(backbone),
            "--output",
            str(output),
        ]
    )
    return load_network(output, torch.device("cpu"))


def test_the_backbone_is_the_imported_one_and_the_rest_starts_at_random(backbone, tmp_path):
    path, weights = backbone
    network = assemble(path, tmp_path / "network.safetensors")
    assert all(torch.equal(network.backbone.state_dict()[name], weights[name]) for name in weights)
    assert network.fc6.weight.shape == (8, 256 * 5)
    # variance 2 / fan-in
    assert network.fc6.weight.std().item() == pytest.approx((2 / (256 * 5)) ** 0.5, rel=0.05)
    again = assemble(path, tmp_path / "again.safetensors")
    assert torch.equal(network.fc6.weight, again.fc6.weight)


def test_fine_tuning_can_start_from_it(backbone, tmp_path):
    network = assemble(backbone[0], tmp_path / "network.safetensors")
    changed = with_background(network, ("cat", "dog"), seed=1, std=0.01)
    assert changed(torch.zeros(1, 3, 96, 96)).shape == (1, 3)


def test_another_backbone_is_refused(backbone, tmp_path):
    with pytest.raises(SppnetError, match="holds the backbone zf5, not alex5"):
        assemble(backbone[0], tmp_path / "n.safetensors", WORDS.replace("zf5", "alex5"))
    assert not (tmp_path / "n.safetensors").exists()
