"""Scores domains against labels that nobody used to make them: adjusted mutual information."""

import sys
from collections import Counter

from sklearn.metrics import adjusted_mutual_info_score

# Sources whose `category` files a tool under a topic.
FILED = ("stabletoolbench", "toucan", "livemcp", "docker_mcp", "seal_tools", "acebench")


def score(rows, label):
    """Two scores: of the tools that have a domain, and of all, those without one alone."""
    homed = [row for row in rows if row["domain"]]
    scores = []
    for some in (homed, rows):
        domains = [row["domain"] or row["id"] for row in some]
        scores.append(adjusted_mutual_info_score([label(row) for row in some], domains))
    return f"{scores[0]:.4f} of {len(homed)} homed, {scores[1]:.4f} of all {len(rows)}"


def main(path):
    names = ("id", "provider", "service", "category", "source", "domain")
    with open(path, encoding="utf-8") as lines:
        rows = [dict(zip(names, line.rstrip("\n").split("\t"))) for line in lines]

    def offered(row):
        return row["provider"] + ("/" + row["service"] if row["service"] else "")

    print("AMI provider/service:", score(rows, offered))
    print("AMI provider:", score(rows, lambda row: row["provider"]))
    sources = sorted({row["source"] for row in rows})
    for half in (0, 1):
        kept = set(sources[half::2])
        print(f"AMI provider/service, half {half}:", score([r for r in rows if r["source"] in kept], offered))
    filed = [r for r in rows if r["category"] and r["source"].startswith(FILED)]
    print("AMI category of filing sources:", score(filed, lambda row: row["category"]))
    for source in sources:
        some = [r for r in filed if r["source"] == source]
        if some:
            print(f"  {source}:", score(some, lambda row: row["category"]))
    sizes = sorted(Counter(row["domain"] for row in rows if row["domain"]).values())
    within = sum(5 <= size <= 60 for size in sizes)
    tenths = [sizes[len(sizes) * tenth // 10] for tenth in range(1, 10)]
    print(f"{len(sizes)} domains, {within} of 5 to 60 tools, {sum(sizes) / len(rows):.4f} covered")
    print("sizes by tenths:", sizes[0], *tenths, sizes[-1])


main(sys.argv[1])
