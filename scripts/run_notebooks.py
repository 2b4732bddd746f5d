"""Run the notebooks of the documentation and keep their output, with pictures as JPEG.

It takes the extra `docs`:

python scripts/run_notebooks.py [--keep-output]      the latter only makes pictures small
"""

from __future__ import annotations

import argparse
import base64
import io
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ExecutePreprocessor
from PIL import Image

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
WIDEST = 900


def small(picture: str) -> str:
    """A PNG as a JPEG of at most `WIDEST` pixels, both in base 64."""
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    image.thumbnail((WIDEST, WIDEST))
    written = io.BytesIO()
    image.save(written, "JPEG", quality=82)
    return base64.b64encode(written.getvalue()).decode()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep-output", action="store_true", help="do not run them again")
    given = parser.parse_args()
    for path in sorted(FOLDER.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        if not given.keep_output:
            ExecutePreprocessor(timeout=1800).preprocess(notebook, {"metadata": {"path": str(FOLDER)}})
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
            if "outputs" in cell:  # what libraries say on stderr names places of this machine
                cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            for output in cell.get("outputs", ()):
                data = output.get("data", {})
                if "image/png" in data:
                    data["image/jpeg"] = small(data.pop("image/png"))
        nbformat.write(notebook, path)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
