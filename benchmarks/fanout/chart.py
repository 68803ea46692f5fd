"""Draws the figures."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.fanout.results import Figure

PLAIN, TLS = "#2a6f97", "#e07a5f"


def draw(figures: Sequence[Figure], path: Path) -> None:
    """Draw posts per second of every client, one panel for each latency."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    latencies = sorted({one.latency_ms for one in figures})
    chart, panels = plt.subplots(1, len(latencies), figsize=(6.5 * len(latencies), 4.2), squeeze=False)
    for panel, latency_ms in zip(panels[0], latencies, strict=True):
        shown = [one for one in figures if one.latency_ms == latency_ms]
        names = list(dict.fromkeys(one.client for one in shown))
        for tls, colour, offset in ((False, PLAIN, -0.2), (True, TLS, 0.2)):
            rates = {one.client: one.posts_per_second for one in shown if one.tls is tls}
            bars = panel.barh(
                [position + offset for position in range(len(names))],
                [rates[name] for name in names],
                height=0.38,
                color=colour,
                label="TLS" if tls else "plain",
            )
            panel.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=8)
        panel.set_yticks(range(len(names)), names)
        panel.invert_yaxis()
        panel.set_xlim(right=1.15 * max(one.posts_per_second for one in shown))
        panel.xaxis.set_major_locator(plt.MaxNLocator(5))
        panel.xaxis.set_major_formatter("{x:,.0f}")
        panel.set_xlabel("posts per second, one core, median of rounds")
        panel.set_title(f"each answer {latency_ms} ms late" if latency_ms else "answers at once")
        panel.spines[["top", "right"]].set_visible(False)
    panels[0][0].legend(loc="center right", frameon=False)
    chart.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.savefig(path, dpi=120, metadata={"Software": None})
