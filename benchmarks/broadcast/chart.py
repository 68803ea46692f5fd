"""The figures of `make bench-broadcast` as a picture: `python -m benchmarks.broadcast.chart`."""

import json
from pathlib import Path

RESULTS = Path(__file__).parent.parent / "results" / "broadcast.json"
COLOURS = {"ours": "#2a6f97", "Chalice's sample": "#e07a5f", "AWS's sample": "#8d99ae"}


def main() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figures = [one for one in json.loads(RESULTS.read_text()) if not one["others"]]
    engines = list(dict.fromkeys(one["engine"] for one in figures))
    chart, panels = plt.subplots(
        1, len(engines), figsize=(5.5 * len(engines), 4.2), squeeze=False, sharey=True
    )
    for panel, engine in zip(panels[0], engines, strict=True):
        for candidate, colour in COLOURS.items():
            points = [one for one in figures if (one["engine"], one["candidate"]) == (engine, candidate)]
            panel.plot(
                [one["connections"] for one in points],
                [one["seconds"] for one in points],
                "o-",
                color=colour,
                label=candidate,
            )
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_xlabel("connections")
        panel.set_title(f"connections in {engine}")
        panel.spines[["top", "right"]].set_visible(False)
    panels[0][0].set_ylabel("seconds to the last post, one core")
    panels[0][0].legend(frameon=False)
    chart.tight_layout()
    chart.savefig(RESULTS.with_suffix(".png"), dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
