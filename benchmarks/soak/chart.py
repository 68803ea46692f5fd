"""Draws the memory of `python -m benchmarks.soak`; in the environment that has matplotlib."""

import json
from pathlib import Path

RESULTS = Path(__file__).parent.parent / "results"


def main() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figures = json.loads((RESULTS / "soak.json").read_text())
    chart, panel = plt.subplots(figsize=(6.5, 3.2))
    panel.plot(*zip(*figures["memory"], strict=True), color="#2a6f97")
    panel.set(
        ylim=(0, None),
        xlabel="seconds",
        ylabel="MB, all processes of the gateway",
        title=f"{figures['clients']:,} clients, {figures['events']} events, {figures['lost']} lost",
    )
    panel.spines[["top", "right"]].set_visible(False)
    chart.tight_layout()
    chart.savefig(RESULTS / "soak.png", dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
