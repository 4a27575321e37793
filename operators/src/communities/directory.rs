//! Where tools are in a list of all, found in about one step.

use schemas::ToolId;

use super::graph::index;

/// Tools in order, with the place where each stretch of ids begins.
///
/// Ids are digests, so stretches of one length hold about as many tools each, and a link's ends are
/// found without the way through a tree. Where ids are not so spread, it is a binary search.
#[derive(Debug)]
pub(super) struct Directory {
    tools: Vec<ToolId>,
    /// By stretch: the place of its first tool; one more at the end.
    firsts: Vec<u32>,
    /// An id less so many bits is the number of its stretch.
    shift: u32,
}

impl Directory {
    /// Makes a directory of tools, which ascend.
    pub(super) fn new(tools: Vec<ToolId>) -> Directory {
        let bits = tools.len().next_power_of_two().ilog2().max(1);
        let shift = u64::BITS - bits;
        let mut firsts = vec![0_u32; (1 << bits) + 1];
        for tool in &tools {
            firsts[stretch(*tool, shift) + 1] += 1;
        }
        for place in 1..firsts.len() {
            firsts[place] += firsts[place - 1];
        }
        debug_assert_eq!(firsts.last(), Some(&index(tools.len())), "every tool is in a stretch");
        Directory { tools, firsts, shift }
    }

    /// The place of a tool in the order of all.
    pub(super) fn place(&self, tool: ToolId) -> Option<usize> {
        let stretch = stretch(tool, self.shift);
        let first = self.firsts[stretch] as usize;
        let within = &self.tools[first..self.firsts[stretch + 1] as usize];
        within.binary_search(&tool).ok().map(|place| first + place)
    }
}

fn stretch(tool: ToolId, shift: u32) -> usize {
    usize::try_from(tool.0 >> shift).expect("there are fewer stretches than bytes of memory")
}

#[cfg(test)]
mod tests {
    use schemas::ToolId;

    use super::Directory;

    /// Goal: spread or not, at either end or in between, who is there is found and nobody else.
    #[test]
    fn who_is_there_is_found() {
        let spread = (0..1000).map(|place: u64| place.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let lists: [Vec<u64>; 5] =
            [vec![], vec![7], vec![0, u64::MAX], (0..100).collect(), spread.collect()];
        for mut ids in lists {
            ids.sort_unstable();
            let directory = Directory::new(ids.iter().copied().map(ToolId).collect());
            for id in ids.iter().flat_map(|id| [id.wrapping_sub(1), *id, id.wrapping_add(1)]) {
                assert_eq!(directory.place(ToolId(id)), ids.binary_search(&id).ok());
            }
            assert_eq!(directory.place(ToolId(5)), ids.binary_search(&5).ok());
        }
    }
}
