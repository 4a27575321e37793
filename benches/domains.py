"""The other side of benches/domains.rs: Leiden and Louvain of NetworKit and igraph on the same links.

Usage: domains.py LINKS FOLDER/COUNT, with LINKS as little-endian (u32, u32, u32) and COUNT nodes.
"""

import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"
import igraph
import networkit
import numpy

networkit.setNumberOfThreads(1)
links = numpy.fromfile(sys.argv[1], dtype="<u4").reshape(-1, 3)
count = int(os.path.basename(sys.argv[2]))
source, target = links[:, 0].astype(numpy.int64), links[:, 1].astype(numpy.int64)
weight = links[:, 2] / 1e6


def modularity(labels, resolution):
    """The usual measure, computed the same way for every method."""
    total = 2 * weight.sum()
    within = 2 * weight[labels[source] == labels[target]].sum()
    strength = numpy.zeros(labels.max() + 1)
    numpy.add.at(strength, labels[source], weight)
    numpy.add.at(strength, labels[target], weight)
    return within / total - resolution * ((strength / total) ** 2).sum()


def report(name, resolution, run, repeats=3):
    spent = []
    for _ in range(repeats):
        before = time.process_time()
        labels = numpy.asarray(run())
        spent.append(time.process_time() - before)
    broken = disconnected(labels)
    print(
        f"{resolution:>10}  {name:<28} {modularity(labels, resolution):>10.5f} {len(set(labels.tolist())):>8}"
        f"  {sorted(spent)[len(spent) // 2]:>7.3f} s, {broken} disconnected"
    )


def disconnected(labels):
    within = labels[source] == labels[target]
    graph = igraph.Graph(n=count, edges=numpy.stack([source[within], target[within]], 1))
    pieces = numpy.asarray(graph.connected_components().membership)
    return len(set(zip(labels.tolist(), pieces.tolist()))) - len(set(labels.tolist()))


graph = networkit.Graph(count, weighted=True)
before = time.process_time()
graph = networkit.GraphFromCoo((weight, (source.astype(numpy.uint64), target.astype(numpy.uint64))), n=count, weighted=True)
print(f"NetworKit's graph is built in {time.process_time() - before:.3f} s", flush=True)
before = time.process_time()
whole = igraph.Graph(n=count, edges=numpy.stack([source, target], 1))
whole.es["weight"] = weight
print(f"igraph's graph is built in {time.process_time() - before:.3f} s", flush=True)
for resolution in (1, 20, 100):
    report("NetworKit ParallelLeiden", resolution, lambda: networkit.community.ParallelLeiden(graph, randomize=False, gamma=resolution).run().getPartition().getVector())
    report("NetworKit PLM", resolution, lambda: networkit.community.PLM(graph, refine=False, gamma=resolution).run().getPartition().getVector())
    for rounds, said in ((2, "igraph Leiden, 2 rounds"), (-1, "igraph Leiden, converged")):
        report(said, resolution, lambda: whole.community_leiden("modularity", weights="weight", resolution=resolution, n_iterations=rounds).membership, 1)
