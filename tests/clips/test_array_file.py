import numpy as np
import pytest

from avsal.clips.array_file import GrowingArray


@pytest.mark.parametrize("count", [0, 1, 12345])
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float64])
def test_the_file_is_what_numpy_reads(tmp_path, count, dtype):
    rows = (np.arange(count * 6).reshape(count, 2, 3) % 200).astype(dtype)
    with GrowingArray(tmp_path / "a.npy", (2, 3), dtype) as array:
        for row in rows:
            array.append(row)
    read = np.load(tmp_path / "a.npy")
    assert read.dtype == dtype
    assert read.flags.c_contiguous
    np.testing.assert_array_equal(read, rows)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy", mmap_mode="r"), rows)


def test_rows_of_another_shape_are_refused(tmp_path):
    with GrowingArray(tmp_path / "a.npy", (2, 3), np.uint8) as array:
        with pytest.raises(ValueError, match=r"shape \(2, 3\) but got \(3, 2\)"):
            array.append(np.zeros((3, 2)))
        array.append(np.zeros((2, 3)))
    assert np.load(tmp_path / "a.npy").shape == (1, 2, 3)
