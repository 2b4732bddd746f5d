"""Sound is fused in single precision, whatever the pictures are computed in."""

import pytest
import torch

from avsal.layers.fusion import FUSIONS


@pytest.mark.parametrize("name", sorted(FUSIONS))
@pytest.mark.parametrize("sound", ["silence", "noise"])
def test_half_precision_around_a_fusion_changes_nothing_in_it(name, sound):
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    fusion = FUSIONS[name]((8, 16, 24, 32), 0.1).eval()
    base2, base3 = (torch.rand(1, channels, 4, 7, 12, generator=generator) for channels in (16, 24))
    audio = torch.zeros(1, 1, 22050) if sound == "silence" else torch.randn(1, 1, 22050, generator=generator)
    with torch.inference_mode():
        expected = fusion(base2, base3, audio)
        with torch.autocast("cpu", torch.bfloat16):
            found = fusion(base2, base3, audio)
            assert torch.is_autocast_enabled("cpu")
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
