"""Domains for τ²-bench, exported by agentscaler.

`register()` adds them to τ²-bench's registry; `python -m agentscaler_tau2 run --domain …` does so and
hands over to its command line.
"""


def register():
    """Adds the exported domains to τ²-bench's registry; once."""
    from . import adapter

    adapter.register()
