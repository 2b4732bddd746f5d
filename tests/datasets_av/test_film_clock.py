from fractions import Fraction

import av
import numpy as np
import pytest
from fake_media import write_film

from avsal.errors import DatasetError
from avsal.media.video import VideoReader
from datasets_av.film_clock import film_clock

#: thousandths of a second: a film that starts late and has no even rate
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
def test_times_are_those_of_the_film_reader(tmp_path, name, codec, options):
    film = write_uneven(tmp_path / name, codec, **options)
    clock = film_clock(film)
    np.testing.assert_allclose(clock.times, decoded_times(film), atol=1e-9)
    np.testing.assert_allclose(np.diff(clock.times), np.diff(STAMPS) / 1000, atol=2e-3)
    assert clock.size == (32, 48)


def test_times_count_from_the_sound_where_it_begins_first(tmp_path):
    film = write_film(tmp_path / "film.mp4", num_frames=8)
    np.testing.assert_allclose(film_clock(film).times, decoded_times(film), atol=1e-9)


def test_a_film_that_says_how_many_frames_it_has_is_not_decoded(tmp_path, monkeypatch):
    counted = write_uneven(tmp_path / "counted.mp4")
    monkeypatch.setattr(VideoReader, "__iter__", lambda self: pytest.fail("decoded"))
    assert len(film_clock(counted).times) == len(STAMPS)


def test_an_answer_is_kept_until_the_file_changes(tmp_path):
    film = write_film(tmp_path / "film.mp4", num_frames=6)
    assert film_clock(film) is film_clock(film)
    write_film(film, num_frames=9)
    assert len(film_clock(film).times) == 9
    with pytest.raises(ValueError, match="read-only"):
        film_clock(film).times[0] = 1


def test_no_film_is_one_clear_line(tmp_path):
    with pytest.raises(DatasetError, match=r"missing\.mp4.*extract it again"):
        film_clock(tmp_path / "missing.mp4")
    (tmp_path / "text.mp4").write_text("no film")
    with pytest.raises(DatasetError, match=r"frame times of .*text\.mp4"):
        film_clock(tmp_path / "text.mp4")


@pytest.mark.data
def test_times_of_real_films_are_those_of_the_film_reader(shared_data):
    """MPEG-4 and H.264 in AVI, two sound streams, a late picture, decoding stamps in place of others."""
    for name in (
        "clips/mmaction2_test.avi",
        "clips/nasa_13013.mp4",
        "dhf1k/video/002.AVI",
        "hevc/videos/BQSquare.avi",
        "mufvet/videos/035.mp4",
        "mufvet/videos/012.mp4",
    ):
        film = shared_data / name
        np.testing.assert_allclose(film_clock(film).times, decoded_times(film), atol=1e-6, err_msg=name)
