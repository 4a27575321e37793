"""The other side of the bench `neighbours`: all pairs by sparse_dot_topn.

Reads vectors as compressed rows, little-endian: rows and entries (u64), row starts (u64), columns
(u32), values (f32). Writes, for every row, how many neighbours it has (u32), then their rows (u32),
then their cosines (f32), itself left out. Prints the seconds of processor time.
"""

import sys
import time

import numpy as np
import scipy.sparse as sp
from sparse_dot_topn import sp_matmul_topn


def main():
    source, target, topn, threshold = sys.argv[1:5]
    data = open(source, "rb").read()
    rows, entries = (int(n) for n in np.frombuffer(data, "<u8", 2))
    starts = np.frombuffer(data, "<u8", rows + 1, 16).astype(np.int32)
    at = 16 + 8 * (rows + 1)
    columns = np.frombuffer(data, "<u4", entries, at).astype(np.int32)
    values = np.frombuffer(data, "<f4", entries, at + 4 * entries).astype(np.float32)
    vectors = sp.csr_matrix((values, columns, starts), shape=(rows, int(columns.max()) + 1))
    seconds = []
    for _ in range(3):
        before = time.process_time()
        near = sp_matmul_topn(
            vectors, vectors.T, top_n=int(topn), threshold=float(threshold), n_threads=1
        )
        seconds.append(time.process_time() - before)
    near = near.tocsr()
    row = np.repeat(np.arange(rows), np.diff(near.indptr))
    others = near.indices != row
    counts = np.bincount(row[others], minlength=rows)
    with open(target, "wb") as file:
        file.write(counts.astype("<u4").tobytes())
        file.write(near.indices[others].astype("<u4").tobytes())
        file.write(near.data[others].astype("<f4").tobytes())
    print(sorted(seconds)[1])


main()
