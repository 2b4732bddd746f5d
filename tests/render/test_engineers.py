"""For video engineers: crops of another shape, encoders' maps, a line for each shot."""

import csv
import json
from fractions import Fraction

import av
import numpy as np
import pytest
import videos
from listeners import Listener

from avsal.cli import main
from avsal.errors import ConfigError
from avsal.media import open_frames
from avsal.prediction import predict
from avsal.render.crop_path import CropPlanner, cropped
from avsal.render.encoder_maps import AV1_LEVELS, block_means, block_offsets
from avsal.workflows.crop import crop
from avsal.workflows.predict import PredictSettings, predict_video
from avsal.workflows.video_settings import CropSettings, aspect_ratio

SIZE = (96, 160)
GROUNDS = ((200, 40, 40), (30, 160, 60))


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Two shots of 20 frames; what is bright is left in the first and right in the second."""
    pictures = []
    for index in range(40):
        picture = np.full((*SIZE, 3), np.array(GROUNDS[index // 20]) // 4, np.uint8)
        left = 10 if index < 20 else 120
        picture[30:60, left : left + 30] = 250
        pictures.append(picture)
    path = tmp_path_factory.mktemp("engineers") / "clip.mp4"
    tone = videos.tone(44100, 1.6)
    return videos.write_video(path, pictures, [i / 25 for i in range(40)], [(videos.AAC, tone)], size=SIZE)


def blob(x, size=(24, 40), width=3.0):
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.exp(-(((columns - x) / width) ** 2) - ((rows - 12) / 4) ** 2).astype(np.float32)


def planned(places, aspect=Fraction(9, 16), speed=0.35, cuts=(), rate=25, video_size=SIZE, turned=False):
    planner = CropPlanner(video_size, aspect, speed)
    for number, place in enumerate(places):
        saliency = blob(place) if not turned else blob(place).T
        planner.add(saliency, number / rate, begins=number in cuts)
    return planner.path()


def test_a_crop_is_the_largest_of_its_shape_with_even_sides():
    assert CropPlanner((1080, 1920), Fraction(9, 16), 1).size == (1080, 606)
    assert CropPlanner((1080, 1920), Fraction(1), 1).size == (1080, 1080)
    tall = CropPlanner((1920, 1080), Fraction(16, 9), 1)
    assert (tall.size, tall.axis) == ((606, 1080), 0)
    with pytest.raises(ConfigError, match="16:9 already"):
        CropPlanner((1080, 1920), Fraction(16, 9), 1)
    with pytest.raises(ConfigError, match="too small"):
        CropPlanner((64, 8), Fraction(1), 1)


def test_what_stands_still_is_in_the_middle_of_a_crop_that_stands_still():
    path = planned([10.0] * 50)
    assert np.ptp(path.offsets) == 0
    assert path.offsets[0] + path.size[1] / 2 == pytest.approx(10.5 * 4, abs=2.5)
    assert path.kept.min() > 0.99 > 0.2 > path.kept_centre.max()


def test_a_crop_follows_within_its_limit_and_holds_what_moves():
    places = np.concatenate([np.full(50, 8.0), np.linspace(8, 32, 75), np.full(50, 32.0)])
    path = planned(places)
    assert 0 < path.fastest <= 0.35 + 1e-6
    assert path.kept.mean() > 0.85  # it moves half as fast again as the crop may
    assert path.kept.mean() > path.kept_centre.mean() + 0.3
    assert (np.diff(path.offsets) >= -1e-9).all()
    slow = planned(places, speed=0.05)
    assert slow.fastest <= 0.05 + 1e-6
    assert slow.kept.mean() < path.kept.mean()


def test_a_short_glance_aside_does_not_move_the_crop_but_a_cut_makes_it_jump():
    places = np.full(100, 8.0)
    places[48:52] = 32.0
    assert planned(places).fastest == 0
    jumped = planned(np.repeat([8.0, 32.0], 40), cuts=(40,))
    assert jumped.shots == (0, 40)
    assert jumped.fastest == 0
    assert jumped.offsets[40] - jumped.offsets[39] > 40
    assert jumped.kept.min() > 0.9


def test_a_wider_crop_moves_up_and_down_and_one_frame_is_a_path_too():
    path = planned([30.0] * 20, aspect=Fraction(16, 9), video_size=(160, 96), turned=True)
    assert path.axis == 0
    assert path.box(3)[0] == 0
    assert path.box(3)[1] > 50
    assert len(planned([8.0]).offsets) == 1


def test_a_picture_between_two_pixels_is_their_mean():
    image = np.arange(60, dtype=np.uint8).reshape(4, 5, 3) * 4
    whole = cropped(image, (1.0, 0.0, 2, 4))
    np.testing.assert_array_equal(whole, image[:, 1:3])
    half = cropped(image, (1.5, 0.0, 2, 4))
    np.testing.assert_array_equal(half, (image[:, 1:3].astype(int) + image[:, 2:4] + 1) // 2)
    np.testing.assert_array_equal(cropped(image, (0.0, 1.25, 5, 2))[0], image[1] + 15)


def test_a_crop_is_written_with_its_sound_and_its_path(video, tmp_path):
    made = crop(Listener(), video, tmp_path / "clip", CropSettings(aspect="9:16", every=1))
    assert made.path.shots == (0, 20)
    assert "holds" in repr(made)
    told = json.loads(made.outputs["json"].read_text())
    assert told["shots"] == pytest.approx([0.0, 0.8], abs=0.03)
    assert [set(frame) for frame in told["frames"][:1]] == [{"time", "x", "y", "width", "height"}]
    assert len(told["frames"]) == 40
    assert told["kept"] > told["kept_by_the_middle"]
    with open_frames(made.outputs["video"]) as reader:
        assert reader.info.size == made.path.size == (96, 54)
        assert reader.info.sound
        frames = [frame.image for frame in reader]
    with open_frames(video) as reader:
        own = [frame.image for frame in reader]
    assert len(frames) == 40
    for number in (5, 30):
        expected = cropped(own[number], made.path.box(number))
        assert np.abs(frames[number].astype(int) - expected).mean() < 4
        assert (frames[number][40:50] > 200).any()  # what is bright is seen
    with av.open(str(made.outputs["video"])) as copy, av.open(str(video)) as source:
        packets = [[bytes(packet) for packet in one.demux(audio=0) if packet.size] for one in (copy, source)]
    assert packets[0] == packets[1]


def test_the_command_crops_and_says_what_the_crop_holds(video, tmp_path, capsys):
    line = ["crop", str(video), "--aspect", "1:1", "-o", str(tmp_path), "--model", "tsfpnet_av-small"]
    assert main([*line, "every=40", "--path-only"]) == 0
    assert "2 shots" in capsys.readouterr().out
    assert [path.name for path in tmp_path.glob("clip*")] == ["clip_crop.json"]
    assert main([*line, "every=40", "--path-only"]) == 2
    assert "exists" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["9x16", "0:1", "a", "1:0", "100:1", "-9:16"])
def test_wrong_ratios_are_told(wrong):
    with pytest.raises(ConfigError, match="such as 9:16"):
        aspect_ratio(wrong)


def test_a_crop_needs_what_can_be_read_twice(tmp_path):
    frames = np.zeros((3, *SIZE, 3), np.uint8)
    with pytest.raises(ConfigError, match="frames a second"):
        crop(Listener(), iter(frames), tmp_path / "a")
    with pytest.raises(ConfigError, match="reads its video twice"):
        crop(Listener(), [(i / 25, frame) for i, frame in enumerate(frames)], tmp_path / "a")


def test_means_of_blocks_are_those_of_the_map_enlarged():
    saliency = np.random.default_rng(0).random((12, 20)).astype(np.float32)
    whole = np.kron(saliency, np.ones((8, 8)))  # a video of 96x160
    for block in (16, 64):
        means = block_means(saliency, (96, 160), block)
        rows, columns = -(-96 // block), -(-160 // block)
        assert means.shape == (rows, columns)
        for row in range(rows):
            for column in range(columns):
                part = whole[row * block : (row + 1) * block, column * block : (column + 1) * block]
                assert means[row, column] == pytest.approx(part.mean(), rel=1e-6)


def test_offsets_are_finer_where_people_look():
    means = np.array([[1.0] * 7 + [93.0]])
    offsets = block_offsets(means, 6)
    assert offsets[0, 7] == pytest.approx(-6)
    assert (offsets[0, :7] == 6).all()
    np.testing.assert_array_equal(block_offsets(np.ones((2, 2)), 6), 0)
    np.testing.assert_array_equal(block_offsets(np.zeros((2, 2)), 6), 0)
    assert block_offsets(np.array([[2.0, 1.0, 0.5, 0.5]]), 6)[0, 0] == pytest.approx(-3)


def test_encoders_maps_have_a_row_a_frame_and_agree(video, tmp_path):
    settings = PredictSettings(save=("roi", "svtav1", "x265", "shots"), roi_strength=8)
    found = predict_video(Listener(), video, tmp_path / "clip", settings)
    with found.outputs["roi"].open() as file:
        table = list(csv.reader(file))
    assert table[0] == ["frame", "time", *(f"r{row}c{column}" for row in range(2) for column in range(3))]
    grid = np.array([[float(value) for value in row[2:]] for row in table[1:]])
    assert grid.shape == (40, 6)
    assert np.abs(grid).max() <= 8
    lines = [list(map(int, line.split())) for line in found.outputs["svtav1"].read_text().splitlines()]
    assert [line[0] for line in lines] == list(range(40))
    for line, row in zip(lines, grid, strict=True):
        assert len(line) == 7
        assert len(set(line[1:])) <= AV1_LEVELS
        np.testing.assert_allclose(line[1:], row, atol=8 / 6 + 1)
    remarks = found.summary["remarks"]["x265"]
    assert (remarks["rows"], remarks["columns"], remarks["block"]) == (6, 10, 16)
    raw = np.fromfile(found.outputs["x265"], "<f4").reshape(40, 6, 10)
    bright = raw[10, 2:3, 1:2].mean(), raw[30, 2:3, 8:9].mean()
    assert max(bright) < -2
    assert raw[25, 2, 1] > 0 > raw[25, 2, 8]  # five frames after the cut nothing of the shot before is left


def test_each_shot_has_its_line(video, tmp_path):
    found = predict_video(Listener(), video, tmp_path / "clip", PredictSettings(save=("shots",)))
    with found.outputs["shots"].open() as file:
        first, second = list(csv.DictReader(file))
    assert (first["frames"], second["frames"]) == ("20", "20")
    assert float(first["end"]) == pytest.approx(float(second["start"]))
    maps = list(predict(Listener(), video))
    assert float(second["start"]) == pytest.approx(maps[20].time)
    assert 10 <= float(first["peak_x"]) <= 40
    assert 120 <= float(second["peak_x"]) <= 150
    assert 30 <= float(first["peak_y"]) <= 60
    assert float(first["mean_x"]) < float(second["mean_x"])
    assert float(first["moves"]) < 5
    assert float(first["start"]) <= float(first["clearest"]) < float(first["end"])


@pytest.mark.parametrize("deep", ["yuv420p10le", "yuv420p"])
def test_a_deep_source_is_said_to_lose_its_depth(tmp_path, deep):
    path = tmp_path / "deep.mkv"
    options = {"picture_codec": "libx265", "picture_options": {"x265-params": "log-level=none"}}
    videos.moving_dot(path, frames=3, size=SIZE, sounds=(), pixel_format=deep, **options)
    found = predict_video(Listener(), path, tmp_path / "deep")
    told = any("10 bits a sample became 8" in warning for warning in found.warnings)
    assert told == (deep == "yuv420p10le")
