from fractions import Fraction

import av
import numpy as np
import pytest
from fake_media import write_video

from avsal.errors import DatasetError
from avsal.media.video import VideoReader
from datasets_av.video_clock import video_clock

#: thousandths of a second: a video that starts late and has no even rate
STAMPS = [400, 440, 470, 530, 570, 650, 690, 700, 760, 800, 840, 900]


def write_uneven(path, codec="libx264", **options):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for index, stamp in enumerate(STAMPS):
            image = np.full((32, 48, 3), 20 * index, np.uint8)
            image[:, 4 * index] = 255
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def decoded_times(path):
    return np.array([frame.time for frame in VideoReader(path, (8, 8))])


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("b_frames.mp4", "libx264", {"bf": "3", "g": "12"}),
        ("b_frames.mkv", "libx264", {"bf": "3", "g": "12"}),
        ("plain.mp4", "mpeg4", {}),
        ("plain.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "10"}),
    ],
)
def test_times_are_those_of_the_video_reader(tmp_path, name, codec, options):
    video = write_uneven(tmp_path / name, codec, **options)
    clock = video_clock(video)
    np.testing.assert_allclose(clock.times, decoded_times(video), atol=1e-9)
    np.testing.assert_allclose(np.diff(clock.times), np.diff(STAMPS) / 1000, atol=2e-3)
    assert clock.size == (32, 48)


def test_times_count_from_the_sound_where_it_begins_first(tmp_path):
    video = write_video(tmp_path / "video.mp4", num_frames=8)
    np.testing.assert_allclose(video_clock(video).times, decoded_times(video), atol=1e-9)


def test_a_video_that_says_how_many_frames_it_has_is_not_decoded(tmp_path, monkeypatch):
    counted = write_uneven(tmp_path / "counted.mp4")
    monkeypatch.setattr(VideoReader, "__iter__", lambda self: pytest.fail("decoded"))
    assert len(video_clock(counted).times) == len(STAMPS)


def test_an_answer_is_kept_until_the_file_changes(tmp_path):
    video = write_video(tmp_path / "video.mp4", num_frames=6)
    assert video_clock(video) is video_clock(video)
    write_video(video, num_frames=9)
    assert len(video_clock(video).times) == 9
    with pytest.raises(ValueError, match="read-only"):
        video_clock(video).times[0] = 1


def test_no_video_is_one_clear_line(tmp_path):
    with pytest.raises(DatasetError, match=r"missing\.mp4.*extract it again"):
        video_clock(tmp_path / "missing.mp4")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(DatasetError, match=r"frame times of .*text\.mp4"):
        video_clock(tmp_path / "text.mp4")


@pytest.mark.data
def test_times_of_real_videos_are_those_of_the_video_reader(shared_data):
    """MPEG-4 and H.264 in AVI, two sound streams, a late picture, decoding stamps in place of others."""
    for name in (
        "clips/mmaction2_test.avi",
        "clips/nasa_13013.mp4",
        "dhf1k/video/002.AVI",
        "hevc/videos/BQSquare.avi",
        "mufvet/videos/035.mp4",
        "mufvet/videos/012.mp4",
    ):
        video = shared_data / name
        np.testing.assert_allclose(video_clock(video).times, decoded_times(video), atol=1e-6, err_msg=name)
