"""Draws what `python -m benchmarks.end_to_end` has measured; in the environment that has matplotlib."""

import json
from pathlib import Path

RESULTS = Path(__file__).parent.parent / "results"
COLOURS = ("#2a6f97", "#e07a5f")


def main() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figures = json.loads((RESULTS / "end_to_end.json").read_text())
    servers = list(dict.fromkeys(one["server"] for one in figures))
    chart, panel = plt.subplots(figsize=(6.5, 4.2))
    for server, colour in zip(servers, COLOURS, strict=True):
        shown = [one for one in figures if one["server"] == server]
        clients = [one["clients"] for one in shown]
        for column, style in (("last_ms", "o-"), ("first_ms", ".--")):
            label = f"{server}: {column.removesuffix('_ms')} client"
            panel.plot(clients, [one[column] for one in shown], style, color=colour, label=label)
    panel.set(xscale="log", yscale="log", xlabel="clients", ylabel="milliseconds after the POST was sent")
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False)
    chart.tight_layout()
    chart.savefig(RESULTS / "end_to_end.png", dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
