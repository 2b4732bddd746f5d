"""Write avsal/render/colormaps.npz, the 256 x 3 tables of overlays: predicting then needs no matplotlib.

    pip install matplotlib && python scripts/make_colormaps.py

Tables: inferno, magma, viridis (CC0), turbo (Apache-2.0), jet (as MATLAB defined it, a formula), grey.
"""

from pathlib import Path

import matplotlib
import numpy as np

NAMES = ("inferno", "magma", "viridis", "turbo", "jet", "gray")


def main() -> None:
    values = np.linspace(0, 1, 256)
    tables = {
        name: np.round(matplotlib.colormaps[name](values)[:, :3] * 255).astype(np.uint8) for name in NAMES
    }
    tables["grey"] = tables.pop("gray")
    target = Path(__file__).parents[1] / "avsal" / "render" / "colormaps.npz"
    np.savez_compressed(target, **tables)
    print(f"wrote {target.name}: {', '.join(tables)}")


if __name__ == "__main__":
    main()
