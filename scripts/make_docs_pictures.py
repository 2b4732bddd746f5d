"""Make the pictures of README and documentation from the clip that ships with the package.

    python scripts/make_docs_pictures.py

`docs/demo.webp` moves: the clip with a ring around what is heard, beside the same frames with their maps;
`docs/gallery-conditions.png` is one frame under five sounds, `docs/gallery-styles.png` heat and contours.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from make_demo_clip import TARGET, VIDEOS
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import avsal
from avsal.ablation.conditions import parse_condition
from avsal.media.video import open_frames

DOCS = Path(__file__).parents[1] / "docs"
CONDITIONS = {
    "original": "its own sound",
    "zero": "silence",
    "noise": "noise",
    "swapped": "another's sound",
    "shifted:0.2": "0.2 s late",
}
FRAME, EVERY = 100, 3


def labelled(picture: NDArray[np.uint8], text: str) -> Image.Image:
    """A picture with a line of text above it."""
    height, width = picture.shape[:2]
    image = Image.new("RGB", (width, height + 22), "white")
    image.paste(Image.fromarray(picture), (0, 22))
    ImageDraw.Draw(image).text((4, 2), text, fill="black", font=ImageFont.load_default(14))
    return image


def beside(pictures: list[Image.Image], columns: int = 9, gap: int = 8) -> Image.Image:
    """Pictures of one size, line by line."""
    width, height = pictures[0].size
    columns = min(columns, len(pictures))
    lines = -(-len(pictures) // columns)
    shape = (columns * (width + gap) - gap, lines * (height + gap) - gap)
    image = Image.new("RGB", shape, "white")
    for number, one in enumerate(pictures):
        line, column = divmod(number, columns)
        image.paste(one, (column * (width + gap), line * (height + gap)))
    return image


def overlay(model: avsal.models.SaliencyModel, folder: Path, **settings: Any) -> list[NDArray[np.uint8]]:
    """The frames of the overlay that `avsal predict` writes."""
    told = avsal.PredictSettings(save=("overlay",), overwrite=True, **settings)
    written = avsal.predict_video(model, TARGET, folder / "clip", told).outputs["overlay"]
    return [frame.image for frame in open_frames(written)]


def main() -> None:
    clip = next(c for c in VIDEOS if c.scene.num_objects == 4 and len(set(c.scene.heard.tolist())) >= 3)
    other = next(c for c in VIDEOS if c is not clip)
    model = avsal.load_model("tsfpnet_av-small")
    heard = []
    for number in range(len(clip.frames)):
        picture = Image.fromarray(clip.frames[number].copy())
        x, y = clip.scene.tracks[number, clip.scene.heard[number]]
        reach = 34
        ImageDraw.Draw(picture).ellipse(
            (x - reach, y - reach, x + reach, y + reach), outline="white", width=2
        )
        heard.append(np.asarray(picture))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        maps = {}
        for condition, label in CONDITIONS.items():
            sound = parse_condition(condition).apply(
                clip.sound, clip.sample_rate, rng=np.random.default_rng(1), other=other.sound
            )
            soundfile.write(folder / "sound.wav", sound, clip.sample_rate)
            maps[label] = overlay(model, folder, audio=str(folder / "sound.wav"))
        contours = overlay(model, folder, style="contour")
    own = maps["its own sound"]
    moving = [
        beside([labelled(left, "ringed: what is heard"), labelled(right, "where avsal says people look")])
        for left, right in list(zip(heard, own, strict=True))[::EVERY]
    ]
    duration = round(1000 * EVERY / VIDEOS.frame_rate)
    moving[0].save(
        DOCS / "demo.webp", save_all=True, append_images=moving[1:], duration=duration, loop=0, quality=60
    )
    shown = [labelled(heard[FRAME], "ringed: what is heard")]
    shown += [labelled(frames[FRAME], label) for label, frames in maps.items()]
    beside(shown, columns=3).save(DOCS / "gallery-conditions.png", optimize=True)
    styles = [labelled(own[FRAME], "heat"), labelled(contours[FRAME], "contour")]
    beside(styles).save(DOCS / "gallery-styles.png", optimize=True)
    for path in ("demo.webp", "gallery-conditions.png", "gallery-styles.png"):
        print(f"docs/{path}: {(DOCS / path).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
