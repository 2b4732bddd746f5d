"""Every model on a real video, from file to overlay: a part, every third frame, and a video of few frames."""

from itertools import islice

import av
import numpy as np
import pytest
import torch

from avsal.cli import main
from avsal.models import create_model, list_models
from avsal.prediction import predict
from avsal.weights import load_model, save_checkpoint
from tests.models.test_every_model import SMALL

pytestmark = pytest.mark.data


@pytest.fixture(params=list_models())
def weights(request, tmp_path):
    """A checkpoint of a small version, whose maps mean nothing."""
    torch.manual_seed(0)
    model = create_model(request.param, **SMALL[request.param])
    model.trained = True
    save_checkpoint(model, tmp_path / "small.safetensors")
    return str(tmp_path / "small.safetensors")


def test_a_part_of_a_video_becomes_an_overlay_with_a_picture_for_every_frame(shared_data, tmp_path, weights):
    source = shared_data / "clips" / "imageio_cockatoo.mp4"  # 20 frames a second
    words = ["--start", "1", "--end", "1.5", "--every", "3", "--weights", weights, "-q"]
    assert main(["predict", str(source), "-o", str(tmp_path), *words]) == 0
    with av.open(str(tmp_path / "imageio_cockatoo_overlay.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 10


@pytest.mark.parametrize("packets", [1, 6])
def test_a_video_shorter_than_any_window_gets_a_map_for_every_frame(shared_data, tmp_path, weights, packets):
    short = tmp_path / "short.mp4"
    with (
        av.open(str(shared_data / "clips" / "imageio_cockatoo.mp4")) as source,
        av.open(str(short), "w") as out,
    ):
        pictures = out.add_stream_from_template(source.streams.video[0])
        for packet in islice(source.demux(source.streams.video[0]), packets):
            packet.stream = pictures
            out.mux(packet)
    with av.open(str(short)) as container:
        there = sum(1 for _ in container.decode(video=0))
    maps = [prediction.map for prediction in predict(load_model(weights), short)]
    assert 1 <= len(maps) == there <= packets
    assert all(np.isfinite(one).all() for one in maps)
