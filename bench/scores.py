"""How fast and how accurate are the scores? One part per kind of score.

Every part compares with what people use otherwise, prints tables and writes
bench/results/scores_<part>.json and .png. --quick runs small sizes and writes nothing.

    python -m bench.scores [--quick] [part ...]
"""

from __future__ import annotations

import argparse
import importlib

from bench._harness import machine, write_results

# Part -> module with measure(quick) -> dict of results, which also draws its picture.
PARTS = {
    "leverage": "bench.leverage",
    "lewis": "bench.lewis",
    "sensitivities": "bench.sensitivities",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, nothing written")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    print({name: value for name, value in machine().items() if name != "versions"}, end="\n\n")
    for part in options.parts or PARTS:
        results = importlib.import_module(PARTS[part]).measure(options.quick)
        if not options.quick:
            write_results(f"scores_{part}", results)


if __name__ == "__main__":
    main()
