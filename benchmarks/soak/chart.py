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
    seconds, ours, engine = zip(*figures["memory"], strict=True)
    panel.plot(seconds, ours, color="#2a6f97", label="the gateway and its functions")
    panel.plot(seconds, engine, color="#e07a5f", label="the engine: each transaction's token for ten minutes")
    panel.set(
        ylim=(0, None),
        xlabel="seconds",
        ylabel="MB resident",
        title=f"{figures['clients']:,} clients, {figures['events']} events, {figures['lost']} lost",
    )
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False)
    chart.tight_layout()
    chart.savefig(RESULTS / "soak.png", dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
