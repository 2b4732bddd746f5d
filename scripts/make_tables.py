"""Set finished evaluations of one data set side by side, beside the numbers that papers print.

python scripts/make_tables.py out/stavis_1 out/stavis_2 out/stavis_3 --out tables/coutrot1   folds pooled
python scripts/make_tables.py out/netA out/netB --out tables/dhf1k                            two models
"""

import argparse
import sys
from pathlib import Path

from avsal.errors import AvsalError
from avsal.evaluation import PROTOCOLS
from avsal.media import atomic_path
from avsal.report import dot_plot, table_of_folders


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, help="the out=DIR of `avsal evaluate`")
    parser.add_argument(
        "--out", type=Path, required=True, help="of the tables and the plot, without a suffix"
    )
    parser.add_argument("--protocol", choices=tuple(PROTOCOLS), help="of averaging [the evaluations' own]")
    parser.add_argument("--interval", choices=("bca", "percentile"), default="bca", help="[%(default)s]")
    arguments = parser.parse_args()
    try:
        table = table_of_folders(
            arguments.folders, protocol_name=arguments.protocol, interval=arguments.interval
        )
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        texts = {"md": table.to_markdown(), "tex": table.to_latex(), "csv": table.to_csv()}
        for suffix, text in texts.items():
            path = arguments.out.with_name(f"{arguments.out.name}.{suffix}")
            with atomic_path(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
        dot_plot(table, arguments.out.with_name(f"{arguments.out.name}.png"))
    except AvsalError as error:
        print(f"make_tables: error: {error}", file=sys.stderr)
        return 2
    print(texts["md"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
