import numpy as np
import pytest
from PIL import Image

from avsal.report import ResultTable, TableRow, dot_plot
from avsal.report.table import Cell


def table_of(num_rows=5, metrics=("nss", "cc", "kl", "auc_judd", "ig", "ig_explained")):
    kinds = ("baseline", "measured", "cited")
    rows = [
        TableRow(
            f"row {index}",
            kinds[index % 3],
            {metric: Cell(index + 1.0, index + 0.5, index + 1.4) for metric in metrics},
        )
        for index in range(num_rows)
    ]
    return ResultTable("Videos", metrics, rows)


def drawn(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def near(image, colour):
    return (np.abs(image.astype(int) - colour).max(-1) < 30).sum()


def test_every_kind_of_row_has_its_colour(tmp_path):
    dot_plot(table_of(), tmp_path / "plot.png")
    image = drawn(tmp_path / "plot.png")
    for colour in ((0x7A, 0x7A, 0x7A), (0x0B, 0x6B, 0xCB), (0xC2, 0x63, 0x1B)):
        assert near(image, colour) > 100
    assert near(image, (255, 255, 255)) > 0.8 * image[..., 0].size


def test_it_grows_with_its_rows_and_not_with_the_shares(tmp_path):
    dot_plot(table_of(4), tmp_path / "small.png")
    dot_plot(table_of(20), tmp_path / "large.png")
    dot_plot(table_of(4, metrics=("nss", "cc", "kl", "auc_judd", "ig")), tmp_path / "same.png")
    small, large, same = (drawn(tmp_path / f"{name}.png").shape for name in ("small", "large", "same"))
    assert large[0] > 2 * small[0]
    assert same == small


def test_it_can_be_a_vector_drawing(tmp_path):
    dot_plot(table_of(), tmp_path / "plot.svg")
    assert "<svg" in (tmp_path / "plot.svg").read_text()


def test_a_table_without_numbers_cannot_be_drawn(tmp_path):
    with pytest.raises(ValueError, match="no numbers"):
        dot_plot(ResultTable("Videos", ["nss"], [TableRow("net", "measured", {})]), tmp_path / "plot.png")
    assert not list(tmp_path.iterdir())


def test_importing_the_report_does_not_import_matplotlib():
    import subprocess
    import sys

    code = "import avsal.report, sys; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
