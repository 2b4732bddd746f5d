"""Pictures in few bytes that numpy alone can read: a JPEG without its file format.

8x8 cosine transform of luma and halved chroma, quantised by the tables of ITU-T T.81 annex K at a quality,
the coefficients of one frequency side by side, compressed by lzma. About as large as JPEG.
"""

from __future__ import annotations

import lzma

import numpy as np
from numpy.typing import NDArray

__all__ = ["decode", "encode"]

# fmt: off
LUMA = np.array(
    [
        16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
        14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
        18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
        49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
    ],
    float,
).reshape(8, 8)
CHROMA = np.array(
    [
        17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99,
        24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
        99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
        99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    ],
    float,
).reshape(8, 8)
# fmt: on
YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
FREQUENCY = np.arange(8)[:, None]
COSINE = np.cos((2 * np.arange(8) + 1) * FREQUENCY * np.pi / 16) * np.where(FREQUENCY == 0, 0.125**0.5, 0.5)
#: coefficients by rising frequency, so that zeros lie together
ORDER = np.argsort(np.add.outer(np.arange(8), np.arange(8)).ravel(), kind="stable")
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "lc": 0, "lp": 0, "pb": 0}]


def encode(image: NDArray[np.uint8], quality: int = 75) -> bytes:
    """The code of an (H, W, 3) uint8 RGB picture.

    Args:
        image: sides below 65536.
        quality: 1 to 100, of the JPEG tables.
    """
    height, width = image.shape[:2]
    ycc = image.astype(np.float64) @ YCC.T
    ycc[..., 0] -= 128
    padded = np.pad(ycc, ((0, -height % 16), (0, -width % 16), (0, 0)), mode="edge")
    halved = padded.reshape(len(padded) // 2, 2, padded.shape[1] // 2, 2, 3).mean((1, 3))
    planes = (padded[..., 0], halved[..., 1], halved[..., 2])
    codes = [_transform(plane, table) for plane, table in zip(planes, _tables(quality), strict=True)]
    head = np.array([height, width, quality], "<u2").tobytes()
    return head + lzma.compress(b"".join(codes), lzma.FORMAT_RAW, filters=FILTERS)


def decode(code: bytes) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of what `encode` wrote."""
    height, width, quality = (int(value) for value in np.frombuffer(code[:6], "<u2"))
    data = lzma.decompress(code[6:], lzma.FORMAT_RAW, filters=FILTERS)
    rows, columns = -(-height // 16) * 16, -(-width // 16) * 16
    planes, start = [], 0
    for shrink, table in zip((1, 2, 2), _tables(quality), strict=True):
        shape = (rows // shrink, columns // shrink)
        plane, start = _restore(data, start, shape, table)
        planes.append(plane.repeat(shrink, 0).repeat(shrink, 1))
    planes[0] += 128
    rgb = np.stack(planes, -1)[:height, :width] @ np.linalg.inv(YCC).T
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


def _tables(quality: int) -> tuple[NDArray[np.float64], ...]:
    scale = 50 / quality if quality < 50 else 2 - quality / 50
    luma, chroma = (np.clip(np.floor(table * scale + 0.5), 1, 255) for table in (LUMA, CHROMA))
    return luma, chroma, chroma


def _transform(plane: NDArray[np.float64], table: NDArray[np.float64]) -> bytes:
    blocks = plane.reshape(plane.shape[0] // 8, 8, plane.shape[1] // 8, 8).swapaxes(1, 2)
    coefficients = np.rint(COSINE @ blocks @ COSINE.T / table)
    bands = coefficients.reshape(-1, 64).T[ORDER]
    mean = np.diff(bands[0], prepend=0).astype("<i2")
    return mean.tobytes() + np.clip(bands[1:], -127, 127).astype(np.int8).tobytes()


def _restore(
    data: bytes, start: int, shape: tuple[int, int], table: NDArray[np.float64]
) -> tuple[NDArray[np.float64], int]:
    count = shape[0] * shape[1] // 64
    bands = np.empty((64, count))
    bands[0] = np.cumsum(np.frombuffer(data, "<i2", count, start))
    bands[1:] = np.frombuffer(data, np.int8, 63 * count, start + 2 * count).reshape(63, count)
    blocks = np.empty((count, 64))
    blocks[:, ORDER] = bands.T
    blocks = blocks.reshape(shape[0] // 8, shape[1] // 8, 8, 8) * table
    pixels = COSINE.T @ blocks @ COSINE
    return pixels.swapaxes(1, 2).reshape(shape), start + 65 * count
