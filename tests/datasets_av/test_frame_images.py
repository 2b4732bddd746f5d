import pickle

import numpy as np
import pytest
from fake_media import write_image, write_mat
from PIL import Image

from avsal.errors import DatasetError
from datasets_av.frame_images import (
    DensityImages,
    FixationImages,
    image_files,
    image_size,
    read_grey,
    read_points,
)


def points_image(path, *pixels, size=(6, 9)):
    image = np.zeros(size, np.uint8)
    for row, column in pixels:
        image[row, column] = 255
    return write_image(path, image)


def test_images_come_in_the_order_of_their_numbers_padded_or_not(tmp_path):
    for name in (
        "clip2_10.png",
        "clip2_9.png",
        "clip10_1.png",
        "clip2_100.jpg",
        "._clip2_1.png",
        "notes.txt",
    ):
        (tmp_path / name).touch()
    assert [path.name for path in image_files(tmp_path)] == [
        "clip2_9.png",
        "clip2_10.png",
        "clip2_100.jpg",
        "clip10_1.png",
    ]
    assert image_files(tmp_path / "missing") == []


def test_grey_keeps_the_range_of_8_and_16_bits_and_turns_colours_grey(tmp_path):
    write_image(tmp_path / "8.png", [[0, 7], [200, 255]])
    np.testing.assert_array_equal(read_grey(tmp_path / "8.png"), [[0, 7], [200, 255]])
    Image.fromarray(np.array([[0, 65535], [300, 256]], np.uint16)).save(tmp_path / "16.png")
    np.testing.assert_array_equal(read_grey(tmp_path / "16.png"), [[0, 65535], [300, 256]])
    write_image(tmp_path / "colour.png", np.full((2, 3, 3), 90))
    np.testing.assert_array_equal(read_grey(tmp_path / "colour.png"), np.full((2, 3), 90))
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "1.png")
    np.testing.assert_array_equal(read_grey(tmp_path / "1.png"), [[255, 0]])
    assert read_grey(tmp_path / "8.png").dtype == np.float32
    assert image_size(tmp_path / "colour.png") == (2, 3)


def test_points_of_a_jpeg_are_its_bright_pixels_not_its_noise(tmp_path):
    points_image(tmp_path / "points.jpg", (20, 30), size=(64, 64))
    assert (read_grey(tmp_path / "points.jpg") > 0).sum() > 1
    rows, columns, size = read_points(tmp_path / "points.jpg")
    assert (rows.tolist(), columns.tolist(), size) == ([20], [30], (64, 64))


def test_an_empty_jpeg_has_no_points(tmp_path):
    points_image(tmp_path / "none.jpg")
    assert len(read_points(tmp_path / "none.jpg")[0]) == 0


def test_fixation_images_give_a_point_at_the_middle_of_each_pixel(tmp_path):
    paths = [
        points_image(tmp_path / "1.png", (0, 0), (5, 8)),
        points_image(tmp_path / "2.png"),
        points_image(tmp_path / "3.png", (2, 4)),
    ]
    fixations = pickle.loads(pickle.dumps(FixationImages(paths)))()
    assert fixations.frame.tolist() == [0, 0, 2]
    assert fixations.x.tolist() == [0.5, 8.5, 4.5]
    assert fixations.y.tolist() == [0.5, 5.5, 2.5]
    assert fixations.observers == (-1,)
    assert fixations.size == (6, 9)


def test_fixation_maps_are_read_from_matlab_files_too(tmp_path):
    image = np.zeros((4, 5))
    image[1, 3] = 1
    paths = [
        write_mat(tmp_path / "0001.mat", {"I": image}),
        write_mat(tmp_path / "0002.mat", {"I": 0 * image}),
    ]
    fixations = FixationImages(paths)()
    assert (fixations.frame.tolist(), fixations.x.tolist(), fixations.y.tolist()) == ([0], [3.5], [1.5])


def test_faults_are_one_line_that_names_the_file(tmp_path):
    good = points_image(tmp_path / "1.png", (1, 1))
    (tmp_path / "2.png").write_bytes(good.read_bytes()[:40])
    with pytest.raises(DatasetError, match=r"2\.png is no readable image"):
        FixationImages([good, tmp_path / "2.png"])()
    with pytest.raises(DatasetError, match=r"no such file: .*3\.png"):
        read_grey(tmp_path / "3.png")
    with pytest.raises(DatasetError, match=r"4\.png is 9x7 but the maps before it are 9x6"):
        FixationImages([good, points_image(tmp_path / "4.png", size=(7, 9))])()
    with pytest.raises(DatasetError, match=r"5\.mat: expected the variable `I` but found J"):
        read_points(write_mat(tmp_path / "5.mat", {"J": np.zeros((2, 2))}))
    with pytest.raises(DatasetError, match="expected a map of frame 1"):
        DensityImages([good])(1)


def test_density_images_are_read_by_frame(tmp_path):
    paths = [write_image(tmp_path / f"{number}.png", np.full((3, 4), number)) for number in range(3)]
    load = pickle.loads(pickle.dumps(DensityImages(paths)))
    np.testing.assert_array_equal(load(2), np.full((3, 4), 2))
