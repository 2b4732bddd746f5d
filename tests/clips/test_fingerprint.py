import numpy as np

from avsal.clips.fingerprint import array_fingerprint, file_fingerprint, text_fingerprint


def test_a_file_is_known_by_name_length_and_ends(tmp_path):
    path = tmp_path / "video.mkv"
    data = bytearray(np.random.default_rng(0).bytes(300_000))
    path.write_bytes(data)
    first = file_fingerprint(path)
    (tmp_path / "copy").mkdir()
    copy = tmp_path / "copy" / "video.mkv"
    copy.write_bytes(data)
    assert file_fingerprint(copy) == first
    seen = {first}
    for change in (0, len(data) - 1):
        changed = data.copy()
        changed[change] ^= 1
        path.write_bytes(changed)
        seen.add(file_fingerprint(path))
    path.write_bytes(data + b"x")
    seen.add(file_fingerprint(path))
    copy.rename(copy.with_name("other.mkv"))
    seen.add(file_fingerprint(copy.with_name("other.mkv")))
    assert len(seen) == 5


def test_a_folder_is_known_by_what_lies_in_it(tmp_path):
    (tmp_path / "1.png").write_bytes(b"abc")
    first = file_fingerprint(tmp_path)
    (tmp_path / ".DS_Store").write_bytes(b"abc")
    assert file_fingerprint(tmp_path) == first
    (tmp_path / "2.png").write_bytes(b"abc")
    assert file_fingerprint(tmp_path) != first


def test_arrays_and_texts_tell_type_shape_and_bounds():
    zeros = np.zeros(4)
    arrays = [zeros, zeros.astype(np.float32), zeros.reshape(2, 2), np.ones(4)]
    assert len({array_fingerprint(array) for array in arrays}) == 4
    assert array_fingerprint(np.arange(6).reshape(2, 3).T) == array_fingerprint(
        np.ascontiguousarray(np.arange(6).reshape(2, 3).T)
    )
    assert text_fingerprint("ab", "c") != text_fingerprint("a", "bc")
