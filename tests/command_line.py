"""Running a line of `avsal` whose errors are raised, where `main` would print them."""

from avsal.cli import verb_parser


def run_line(*words) -> int:
    """What `avsal WORDS` returns."""
    parser, run, rest = verb_parser([str(word) for word in words])
    return run(parser.read(rest))


def read_line(*words):
    """What `avsal WORDS` was understood as."""
    parser, _, rest = verb_parser([str(word) for word in words])
    return parser.read(rest)
