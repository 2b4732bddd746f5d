"""Models that remember a video: frame by frame, whatever is left out of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import videos

from avsal.clips import normalise
from avsal.errors import ConfigError
from avsal.media import open_frames
from avsal.models import create_model
from avsal.prediction import predict
from avsal.prediction.engines import create_engine, supported_engines
from tests.key_filled import filled

FRAMES = 13
MODELS = {
    "unisal": {"width": 0.05, "size": (48, 64), "frame_step": 2, "steps": 3},
    "unisal salicon": {"width": 0.05, "size": (48, 64), "domain": "salicon"},
    "esan": {"width": 1 / 32, "size": (48, 64), "num_groups": 1, "recurrent": "released"},
    "esan none": {"width": 1 / 32, "size": (48, 64), "num_groups": 1, "recurrent": "none"},
}


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return videos.moving_dot(tmp_path_factory.mktemp("carried") / "dot.mp4", frames=FRAMES)


@pytest.fixture(params=MODELS)
def model(request):
    model = create_model(request.param.split()[0], **MODELS[request.param])
    model.load_state_dict(filled({key: tensor.shape for key, tensor in model.state_dict().items()}))
    model.spec = replace(model.spec, blur=0.0, normalise="none")  # maps as the network gives them
    return model


def maps_of(model, video, **options):
    return np.stack([prediction.map for prediction in predict(model, video, **options)])


def stepped(model, video):
    """Maps by the model's own step."""
    size, scaling = model.spec.size, model.spec.scaling
    with open_frames(video, size, scaling=scaling) as frames, torch.inference_mode():
        clip = normalise([frame.image for frame in frames], model.spec)[None]
        maps, state = [], None
        for frame in [*clip.unbind(2), *[clip[:, :, -1]] * model.delay]:
            saliency, state = model.step(frame, state)
            maps += [] if saliency is None else [saliency[0].numpy()]
    return np.stack(maps)


def same(found, expected):
    return np.abs(found - expected).max() <= 1e-4 * expected.max()


def test_a_video_is_stepped_through(model, video):
    assert predict(model, video).engine.name == "streaming"
    expected = stepped(model, video)
    assert len(expected) == FRAMES
    found = maps_of(model, video)
    assert same(found, expected)
    assert not same(found[1:], expected[:-1])


def test_frames_left_out_change_no_other_map(model, video):
    every = list(predict(model, video, every=3))
    expected = stepped(model, video)
    computed = [p for p in every if not p.interpolated]
    assert [p.index for p in computed] == [0, 3, 6, 9, 12]
    for prediction in computed:
        assert same(prediction.map, expected[prediction.index])


def test_a_part_near_the_start_has_the_maps_of_the_whole(model, video):
    found = maps_of(model, video, start=0.12, end=0.32)  # 25 frames a second
    assert same(found, stepped(model, video)[3:8])


def test_a_later_part_begins_with_the_frames_before_it(model, video):
    model.warm_up = min(model.warm_up, 5)
    found = maps_of(model, video, start=0.4)
    with open_frames(video, model.spec.size, scaling=model.spec.scaling) as frames:
        images = [frame.image for frame in frames]
    first = 10 - 2 - model.warm_up
    with torch.inference_mode():
        clip = normalise(images[first:], model.spec)[None]
        state, maps = None, []
        for frame in [*clip.unbind(2), *[clip[:, :, -1]] * model.delay]:
            saliency, state = model.step(frame, state)
            maps += [] if saliency is None else [saliency[0].numpy()]
    assert same(found, np.stack(maps)[-3:])


def test_windows_of_the_plain_engine_start_anew(video):
    model = create_model("unisal", **MODELS["unisal"])
    model.load_state_dict(filled({key: tensor.shape for key, tensor in model.state_dict().items()}))
    plain, carried = maps_of(model, video, engine="plain"), maps_of(model, video)
    assert same(plain[:6], carried[:6])
    assert not same(plain[6:12], carried[6:12])


def test_one_frame_is_a_video(model, tmp_path):
    maps = maps_of(model, videos.moving_dot(tmp_path / "one.mp4", frames=1))
    assert maps.shape == (1, *model.spec.size)
    assert np.isfinite(maps).all()


def test_who_can_is_told_by_the_delay():
    whole = create_model("esan", width=1 / 32)
    assert supported_engines(whole) == ("plain",)
    with pytest.raises(ConfigError, match="'plain'"):
        create_engine(whole, "streaming")
    small = create_model("unisal", **MODELS["unisal"])
    assert supported_engines(small) == ("streaming", "plain")
    with pytest.raises(ConfigError, match="batch size of 1"):
        create_engine(small, batch_size=2)
