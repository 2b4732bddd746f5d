"""Drawing a scene of sounding objects: shaded objects on a textured background under a drifting camera.

Lengths are given for frames of 64 x 112 pixels and scale with the frame. Objects are drawn only inside their
bounding boxes, those of many frames at once, which is what makes the benchmark cheap enough to be made while
training. Legend: K objects, T frames, N frames drawn together, S side of a bounding box.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import ceil

import numpy as np
from numpy.typing import NDArray

from datasets_av.sounding_objects.scene import Scene, scale_of

__all__ = ["draw"]

#: Radius of a closed and of a fully open object, in pixels.
RADIUS = (6.5, 10.5)
#: Brightness of a closed and of a fully open object, as a factor of its colour.
BRIGHTNESS = (0.55, 1.0)
#: Width of the dark outline in pixels, and its brightness.
OUTLINE = 1.3
OUTLINE_BRIGHTNESS = 0.25
#: How much brighter an object's upper edge is than its middle, and its lower edge darker.
SHADING = 0.22
#: Radius and half the width in pixels of the ring that marks an object.
RING = (13.5, 1.2)
RING_COLOUR = (255.0, 250.0, 235.0)
#: Range of the background's mean in grey levels, and standard deviations of its texture, of the texture's
#: colour (RGB) and of the camera's fixed noise.
MEAN = (88.0, 118.0)
TEXTURE = 18.0
TINT = (6.0, 2.0, -8.0)
NOISE = 4.0
#: How much brighter the top of the frame is than its middle, and its bottom darker (RGB).
SKY = (8.0, 13.0, 22.0)
#: The texture's spectrum falls with frequency to this power; little of it is finer than FINEST cycles a
#: pixel, so that a shift by part of a pixel hardly changes its contrast.
FALL = 1.3
FINEST = 0.18
#: N: few enough images to stay in a processor's cache while all steps pass over them.
BATCH = 16


def draw(scene: Scene, rng: np.random.Generator, *, marked: bool) -> NDArray[np.uint8]:
    """Draw all frames.

    Args:
        scene: what happens.
        rng: randomness of the background.
        marked: draw a bright ring round the heard object, so that sight alone tells which it is.

    Returns:
        (T, H, W, 3) RGB.
    """
    T = len(scene.times)
    texture, still = _background(rng, scene.size)
    frames = np.empty((T, *scene.size, 3), dtype=np.uint8)
    for start in range(0, T, BATCH):
        batch = np.arange(start, min(start + BATCH, T))
        images = _views(texture, scene.camera[batch], scene.size)
        images += still
        for k in range(scene.num_objects):
            _blend_object(images, scene, batch, k)
            if marked:
                _blend_ring(images, scene, batch[scene.heard[batch] == k], k, start)
        images += 0.5
        np.clip(images, 0.0, 255.0, out=images)
        frames[batch] = images.astype(np.uint8).transpose(0, 2, 3, 1)
    return frames


def _views(
    texture: NDArray[np.float32], camera: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.float32]:
    """(N, 3, H, W) cut-outs of the (3, 2P, 2Q) texture at (N, 2) places, linear between pixels."""
    H, W = size
    places = camera % (texture.shape[2] // 2, texture.shape[1] // 2)
    images = np.empty((len(camera), 3, H, W), dtype=np.float32)
    for image, (x, y) in zip(images, places, strict=True):
        row, column = int(y), int(x)
        view = texture[:, row : row + H + 1, column : column + W + 1]
        rows = view[:, 1:] - view[:, :-1]
        rows *= np.float32(y - row)
        rows += view[:, :-1]
        np.subtract(rows[:, :, 1:], rows[:, :, :-1], out=image)
        image *= np.float32(x - column)
        image += rows[:, :, :-1]
    return images


def _blend_object(images: NDArray[np.float32], scene: Scene, batch: NDArray[np.int64], k: int) -> None:
    """Draw object `k` into (N, 3, H, W) images of the frames `batch`, in place."""
    scale, kind = scale_of(scene.size), scene.kinds[k]
    opened = scene.pulses[batch, k].astype(np.float32)[:, None, None]
    radius = np.float32(scale) * (RADIUS[0] + (RADIUS[1] - RADIUS[0]) * opened)
    brightness = BRIGHTNESS[0] + (BRIGHTNESS[1] - BRIGHTNESS[0]) * opened
    corners, dx, dy = _boxes(scene.tracks[batch, k], ceil(1.26 * RADIUS[1] * scale) + 1)
    depth = radius - _distance(kind.shape, dx, dy)
    cover = np.clip(depth + 0.5, 0.0, 1.0)
    rim = np.clip(depth / np.float32(OUTLINE * scale), OUTLINE_BRIGHTNESS, 1.0)
    light = cover * rim * (brightness * (1.0 - SHADING / radius * dy))
    _blend(images, corners, cover, light, kind.colour)


def _blend_ring(
    images: NDArray[np.float32], scene: Scene, frames: NDArray[np.int64], k: int, start: int
) -> None:
    """Draw a ring round object `k` into the images of `frames`, in place; image 0 is frame `start`."""
    scale = scale_of(scene.size)
    radius, width = RING[0] * scale, RING[1] * scale
    corners, dx, dy = _boxes(scene.tracks[frames, k], ceil(radius + width) + 1)
    cover = np.clip(np.float32(width + 0.5) - np.abs(np.hypot(dx, dy) - np.float32(radius)), 0.0, 1.0)
    _blend([images[frame - start] for frame in frames], corners, cover, cover, RING_COLOUR)


def _boxes(
    centres: NDArray[np.float64], reach: int
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Bounding boxes of side S = 2 reach + 1 about (N, 2) centres.

    Returns:
        (N, 2) left and top pixel; (N, 1, S) and (N, S, 1) distances from the centre to the pixels' centres.
    """
    corners = np.floor(centres).astype(np.int64) - reach
    pixels = np.arange(2 * reach + 1) + 0.5
    distances = (pixels + (corners - centres)[..., None]).astype(np.float32)
    return corners, distances[:, 0, None, :], distances[:, 1, :, None]


def _blend(
    images: Iterable[NDArray[np.float32]],
    corners: NDArray[np.int64],
    cover: NDArray[np.float32],
    light: NDArray[np.float32],
    colour: tuple[float, float, float],
) -> None:
    """Cover N images (3, H, W) with `colour` times (N, S, S) `light`, which is already times `cover`."""
    keep = 1.0 - cover
    paint = light[:, None] * np.array(colour, dtype=np.float32)[:, None, None]
    for image, (left, top), kept, painted in zip(images, corners, keep, paint, strict=True):
        # a box may stick out of the frame, the object in it hardly ever does
        x, y = max(0, -left), max(0, -top)
        patch = image[:, top + y : top + kept.shape[0], left + x : left + kept.shape[1]]
        H, W = patch.shape[1:]
        patch *= kept[y : y + H, x : x + W]
        patch += painted[:, y : y + H, x : x + W]


def _distance(shape: str, dx: NDArray[np.float32], dy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Radius of the outline of `shape` that passes through (dx, dy), for shapes of about a disc's area."""
    if shape == "disc":
        return np.hypot(dx, dy)
    dx, dy = np.abs(dx), np.abs(dy)
    if shape == "square":
        return np.maximum(dx, dy) * np.float32(2 / np.sqrt(np.pi))
    if shape == "diamond":
        return (dx + dy) * np.float32(np.sqrt(2 / np.pi))
    # a cross of arms 1.07 long and 0.49 wide to either side
    length, width = np.float32(1 / 1.07), np.float32(1 / 0.49)
    along, across = np.maximum(dx * length, dy * width), np.maximum(dx * width, dy * length)
    return np.minimum(along, across)


def _background(
    rng: np.random.Generator, size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(3, 2P, 2Q) texture of mean 0 and periods P > H, Q > W; and (3, H, W) that does not move with it."""
    H, W = size
    P, Q = H + H // 2, W + W // 2
    # white noise is white in frequency too; real and imaginary part become two independent fields
    white = rng.standard_normal((P, Q, 2), dtype=np.float32).view(np.complex64)[..., 0]
    fields = np.fft.ifft2(white * _spectrum(P, Q))
    tint = np.array(TINT)[:, None, None]
    texture = (TEXTURE * fields.real + tint * fields.imag).astype(np.float32)
    height = np.array(SKY)[:, None, None] * np.linspace(1.0, -1.0, H)[:, None]
    noise = rng.standard_normal((H, W), dtype=np.float32)
    still = (rng.uniform(*MEAN) + height + NOISE * noise).astype(np.float32)
    return np.tile(texture, (1, 2, 2)), still


@lru_cache(maxsize=8)
def _spectrum(height: int, width: int) -> NDArray[np.float32]:
    """(height, width) response that turns white noise in frequency into fields of standard deviation 1."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    frequency[0, 0] = np.inf
    response = frequency**-FALL * np.exp(-0.5 * (frequency / FINEST) ** 2)
    return (response * (height * width / np.sqrt((response**2).sum()))).astype(np.float32)
