"""The two named families of definitions. A score without its family cannot be compared with anything.

`exact` is the practice of the MIT/Tuebingen benchmark: every recorded fixation counts, nothing is sampled and
ties count half. `mit` is the expectation of the MATLAB code that DHF1K, STAViS and ViNet report, in closed
form: fixated pixels count once, and the jitter and the random splits of that code are integrated out.
"""

from typing import Literal, get_args

__all__ = ["EPSILON", "FAMILIES", "Family", "check_family"]

Family = Literal["exact", "mit"]
FAMILIES: tuple[Family, ...] = get_args(Family)

#: What keeps logarithms finite. MATLAB's `eps` is 2**-52; Python ports carry it as MATLAB prints it. On maps
#: with zeros where people looked the two give Kullback-Leibler divergences that differ by 1e-5.
EPSILON: dict[Family, float] = {"exact": 2.2204e-16, "mit": 2.0**-52}


def check_family(family: str) -> None:
    """Raise ValueError for a name that is no family."""
    if family not in FAMILIES:
        raise ValueError(f"`family` must be one of {', '.join(FAMILIES)} but is {family!r}")
