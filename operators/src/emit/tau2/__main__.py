"""`tau2`, with the exported domains among its own.

    python -m agentscaler_tau2 run --domain books_1418e2f8 --agent-llm … --user-llm …
    python -m agentscaler_tau2 domains        # what there is: domain, tools, tasks
"""

import sys

from .index import index


def main():
    """Registers, then does what `tau2` does."""
    if sys.argv[1:2] == ["domains"]:
        for entry in index():
            print(entry["name"], entry["tools"], entry["tasks"], sep="\t")
        return 0
    from tau2.cli import main as tau2

    from .adapter import register

    register()
    return tau2()


if __name__ == "__main__":
    sys.exit(main())
