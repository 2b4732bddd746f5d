"""How well cuts are found: videos of one shot each are joined, so that every cut is known.

python scripts/cut_check.py FOLDER [FOLDER ...]

Seconds of every video below the folders are shown one after the other, in an order drawn by a seed.
Printed are the joins that were found, the alarms elsewhere, and where those were: look whether they are cuts.
"""

import argparse
import random
from pathlib import Path

from avsal.errors import MediaError
from avsal.media import VideoReader
from avsal.media.cuts import CutDetector
from avsal.workflows.predict import VIDEO_SUFFIXES

SIZE = (144, 256)


def main() -> None:
    """Read the command line, join and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each video [4]")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    paths = sorted(p for f in arguments.folders for p in f.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES)
    random.Random(arguments.seed).shuffle(paths)
    detector = CutDetector()
    found = joins = frames = 0
    alarms, missed = [], []
    for number, path in enumerate(paths):
        try:
            with VideoReader(path, SIZE, end=arguments.seconds) as video:
                for frame in video:
                    frames += 1
                    cut = detector.push(frame.image)
                    if frame.index == 0 and number > 0:
                        joins += 1
                        found += cut
                        if not cut:
                            missed.append(f"{path.name} ({detector.difference:.3f})")
                    elif cut:
                        alarms.append(f"{path.name} at {frame.time:.2f} s ({detector.difference:.3f})")
        except MediaError as error:
            print(error)
    print(f"{found} of {joins} joins found in {frames} frames; missed: {', '.join(missed) or 'none'}")
    print(f"{len(alarms)} alarms elsewhere: {', '.join(alarms) or 'none'}")


if __name__ == "__main__":
    main()
