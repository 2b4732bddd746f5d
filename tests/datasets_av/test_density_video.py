import pickle

import av
import numpy as np
import pytest

from avsal.errors import DatasetError
from datasets_av.density_video import DensityVideo


def write_maps(path, num_frames=12, *, codec="libx264", pix_fmt="yuv420p10le", options=None):
    """Map i is black but for a bar over the columns 4 i to 4 i + 4, of grey i / num_frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options=options or {"crf": "0", "bf": "2", "g": "5"})
        stream.height, stream.width, stream.pix_fmt = 32, 64, pix_fmt
        for index in range(num_frames):
            image = np.zeros((32, 64), np.uint16)
            image[:, 4 * index : 4 * index + 4] = 65535 * (index + 1) // num_frames
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="gray16le")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "tolerance"), [("libx264", "yuv420p10le", 200), ("libx264", "yuv420p", 600)]
)
def test_maps_are_read_by_number_forwards_backwards_and_by_leaps(tmp_path, codec, pix_fmt, tolerance):
    video = DensityVideo(write_maps(tmp_path / "maps.mp4", codec=codec, pix_fmt=pix_fmt))
    for frame in (0, 1, 2, 7, 3, 11, 0, 10, 11, 6):
        density = video(frame)
        assert density.dtype == np.float32
        assert density.shape == (32, 64)
        bar = density[:, 4 * frame : 4 * frame + 4]
        np.testing.assert_allclose(bar, 65535 * (frame + 1) / 12, atol=tolerance)
        assert density.sum() == pytest.approx(bar.sum(), rel=0.01)
        outside = np.delete(density, range(4 * frame - 2, 4 * frame + 6), axis=1) if frame else density[:, 6:]
        assert outside.max() <= tolerance


def test_it_travels_to_other_processes_even_while_open(tmp_path):
    video = DensityVideo(write_maps(tmp_path / "maps.mp4"))
    first = video(5)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(video))(5), first)


def test_a_frame_too_many_and_a_video_that_is_none_are_one_line(tmp_path):
    video = DensityVideo(write_maps(tmp_path / "maps.mp4"))
    with pytest.raises(DatasetError, match=r"maps\.mp4: expected a map of frame 12 \(from 0\) of 12"):
        video(12)
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(DatasetError, match=r"text\.mp4 cannot be read"):
        DensityVideo(tmp_path / "text.mp4")(0)
    with pytest.raises(DatasetError, match=r"missing\.mp4 cannot be read"):
        DensityVideo(tmp_path / "missing.mp4")(0)
