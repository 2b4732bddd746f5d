"""A folder of images is a video, too."""

from fractions import Fraction

import numpy as np
import pytest
import videos
from PIL import Image

from avsal.errors import MediaError
from avsal.media.images import ImageFolderReader
from avsal.media.video import open_frames


def error_of(*arguments, **options):
    with pytest.raises(MediaError) as caught:
        list(open_frames(*arguments, **options))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def save(folder, name, image, **options):
    folder.mkdir(exist_ok=True)
    Image.fromarray(image).save(folder / name, **options)


def numbers_in(reader):
    """The grey level of each frame, by which the tests number them."""
    return [int(frame.image[0, 0, 0]) for frame in reader]


def grey(value, size=(6, 8)):
    return np.full((*size, 3), value, np.uint8)


def test_images_come_in_the_order_of_their_numbers_at_the_frame_rate(tmp_path):
    for number in (10, 9, 100, 1, 2):
        save(tmp_path / "frames", f"frame{number}.png", grey(number))
    with open_frames(tmp_path / "frames", frame_rate=Fraction(30000, 1001)) as reader:
        frames = list(reader)
    assert numbers_in(frames) == [1, 2, 9, 10, 100]
    assert np.allclose([frame.time for frame in frames], np.arange(5) * 1001 / 30000, atol=1e-12)
    assert [frame.index for frame in frames] == [frame.pts for frame in frames] == [0, 1, 2, 3, 4]
    info = reader.info
    assert (info.size, info.num_frames, info.origin, info.sound, info.codec) == ((6, 8), 5, 0.0, False, "png")
    assert info.time_base == Fraction(1001, 30000)
    assert info.duration == pytest.approx(5 * 1001 / 30000)
    assert not reader.damage
    assert numbers_in(reader) == [1, 2, 9, 10, 100]


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "webp", "PNG"])
def test_all_usual_formats(tmp_path, suffix):
    save(tmp_path / "f", f"a.{suffix}", videos.dot(0, (48, 64)))
    (frame,) = open_frames(tmp_path / "f", frame_rate=25)
    assert np.abs(frame.image.astype(int) - videos.dot(0, (48, 64))).mean() < 4


def test_other_files_are_left_alone(tmp_path):
    save(tmp_path / "f", "1.png", grey(1))
    save(tmp_path / "f", "._1.png", grey(99))
    (tmp_path / "f" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "f" / "notes.txt").write_text("x")
    assert numbers_in(open_frames(tmp_path / "f", frame_rate=25)) == [1]


def test_grey_palette_bilevel_and_deep_images_become_8_bit_rgb(tmp_path):
    slope = np.linspace(0, 65535, 48).astype(np.uint16).reshape(6, 8)
    save(tmp_path / "f", "1.png", slope)
    save(tmp_path / "f", "2.png", (slope // 257).astype(np.uint8))
    Image.fromarray((slope // 257).astype(np.uint8)).convert("P").save(tmp_path / "f" / "3.png")
    Image.fromarray(slope > 30000).save(tmp_path / "f" / "4.png")
    Image.fromarray((slope // 257).astype(np.uint8)).convert("CMYK").save(tmp_path / "f" / "5.jpg")
    save(tmp_path / "f", "6.tif", slope)
    deep, shallow, palette, bilevel, cmyk, tiff = (f.image for f in open_frames(tmp_path / "f", frame_rate=1))
    assert (deep == np.round(slope[..., None] / 257)).all()
    assert (tiff == deep).all()
    assert (shallow == slope[..., None] // 257).all()
    assert (palette == shallow).all()
    assert (bilevel == np.where(slope > 30000, 255, 0)[..., None]).all()
    assert np.abs(cmyk.astype(int) - shallow).mean() < 12


def test_transparent_images_are_laid_over_black(tmp_path):
    image = np.full((6, 8, 4), 200, np.uint8)
    image[:, :4, 3] = 0
    image[:, 4:, 3] = 128
    save(tmp_path / "f", "1.png", image)
    (frame,) = open_frames(tmp_path / "f", frame_rate=1)
    assert frame.image[:, :4].max() == 0
    assert np.abs(frame.image[:, 4:].astype(int) - 200 * 128 / 255).max() <= 1


def test_cameras_that_were_turned_are_turned_back(tmp_path):
    upright = videos.dot(0, (48, 64))
    tag = Image.Exif()
    tag[0x0112] = 6  # the picture must be turned by 90 degrees clockwise
    save(tmp_path / "f", "1.png", np.rot90(upright), exif=tag)
    reader = open_frames(tmp_path / "f", frame_rate=1)
    assert reader.info.size == (48, 64)
    assert (next(iter(reader)).image == upright).all()


def test_images_are_scaled_as_videos_are(tmp_path):
    save(tmp_path / "f", "1.png", videos.dot(0, (48, 64)))
    (frame,) = open_frames(tmp_path / "f", (24, 32), frame_rate=1)
    path = videos.moving_dot(
        tmp_path / "video.mkv", frames=1, sounds=[], picture_codec="ffv1", pixel_format="bgr0"
    )
    (recorded,) = open_frames(path, (24, 32))
    assert np.abs(frame.image.astype(int) - recorded.image).max() <= 2


def test_start_and_end_bound_what_is_read(tmp_path):
    for number in range(10):
        save(tmp_path / "f", f"{number}.png", grey(number))
    reader = open_frames(tmp_path / "f", frame_rate=10, start=0.3, end=0.7)
    frames = list(reader)
    assert numbers_in(frames) == [3, 4, 5, 6]
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert frames[0].time == pytest.approx(0.3)
    assert frames[0].pts == 3


def test_a_pattern_takes_the_images_it_names(tmp_path):
    for number in range(8, 12):
        save(tmp_path, f"img_{number:05d}.png", grey(number))
        save(tmp_path, f"img_{number}.png", grey(100))
    assert numbers_in(open_frames(tmp_path / "img_%05d.png", frame_rate=25)) == [8, 9, 10, 11]
    (tmp_path / "img_00010.png").unlink()
    assert "img_00010.png is missing" in error_of(tmp_path / "img_%05d.png", frame_rate=25)
    assert "no image fits the pattern" in error_of(tmp_path / "other_%03d.png", frame_rate=25)
    assert "no image fits the pattern" in error_of(tmp_path / "nowhere" / "%03d.png", frame_rate=25)


def test_an_image_of_another_size_is_named(tmp_path):
    save(tmp_path / "f", "1.png", grey(1))
    save(tmp_path / "f", "2.png", grey(2, (6, 10)))
    message = error_of(tmp_path / "f", frame_rate=25)
    assert "2.png has 10x6 pixels" in message
    assert "8x6" in message


def test_an_unreadable_image_is_counted_and_the_others_keep_their_times(tmp_path):
    for number in range(5):
        save(tmp_path / "f", f"{number}.png", grey(number))
    (tmp_path / "f" / "0.png").write_bytes(b"")
    content = (tmp_path / "f" / "2.png").read_bytes()
    (tmp_path / "f" / "2.png").write_bytes(content[:40])
    reader = open_frames(tmp_path / "f", frame_rate=10)
    frames = list(reader)
    assert numbers_in(frames) == [1, 3, 4]
    assert np.allclose([frame.time for frame in frames], [0.1, 0.3, 0.4])
    assert (reader.damage.failed, reader.damage.decoded) == (2, 3)
    assert reader.damage.missing_seconds == pytest.approx(0.2)


def test_what_is_no_folder_of_images_is_refused_in_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "holds no images" in error_of(tmp_path / "empty", frame_rate=25)
    assert "how many frames a second" in error_of(tmp_path / "empty")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "1.png").write_text("no image")
    assert "none of the 1 images" in error_of(tmp_path / "broken", frame_rate=25)
    save(tmp_path / "float", "1.tif", np.ones((6, 8), np.float32))
    assert "expected 8 or 16 bits" in error_of(tmp_path / "float", frame_rate=25)
    with pytest.raises(MediaError, match="no such folder"):
        ImageFolderReader(tmp_path / "nowhere", 25)
    with pytest.raises(ValueError, match="`frame_rate` must lie in"):
        ImageFolderReader(tmp_path / "empty", 0)


def test_one_image_is_a_video_of_one_frame_upright_and_of_any_size(tmp_path):
    picture = Image.fromarray(np.full((24, 40, 3), 80, np.uint8))
    turned = picture.getexif()
    turned[0x0112] = 6  # a camera held upright
    picture.save(tmp_path / "photograph.JPG", format="jpeg", exif=turned)
    reader = open_frames(tmp_path / "photograph.JPG", (20, 12))
    assert (reader.info.size, reader.info.num_frames, reader.info.frame_rate) == ((40, 24), 1, 25)
    (frame,) = reader
    assert (frame.time, frame.duration, frame.image.shape) == (0, 0.04, (20, 12, 3))
