"""Tables and plots of results, beside the numbers that papers print."""

from avsal.report.folders import table_of_folders
from avsal.report.plot import dot_plot
from avsal.report.published import (
    PublishedResult,
    citation_note,
    comparable_results,
    of_all_videos,
    published_results,
)
from avsal.report.results import cited_rows, on_common_frames, result_table
from avsal.report.sweep import sweep_table
from avsal.report.sweep_run import SweepRun, read_sweep_run
from avsal.report.table import Cell, ResultTable, TableRow

__all__ = [
    "Cell",
    "PublishedResult",
    "ResultTable",
    "SweepRun",
    "TableRow",
    "citation_note",
    "cited_rows",
    "comparable_results",
    "dot_plot",
    "of_all_videos",
    "on_common_frames",
    "published_results",
    "read_sweep_run",
    "result_table",
    "sweep_table",
    "table_of_folders",
]
