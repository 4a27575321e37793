//! What is learned from and what is held out, out of the shards of a world.

use crate::error::LearnError;
use crate::examples::{Example, Shard, read, read_since};
use crate::packing::is_held_out;
use crate::rendering::Renderer;
use crate::training::Corpus;

/// The shards of one stage.
#[derive(Clone, Debug, Default)]
pub struct Lesson {
    /// Domains to learn from.
    pub train: Vec<Shard>,
    /// Domains that are never learned from.
    pub test: Vec<Shard>,
    /// The shards of an older version, to learn only from what is new since.
    pub since: Option<Vec<Shard>>,
    /// Tasks of the domains to learn from that are held out, in thousandths.
    pub held_out_permille: u32,
    /// The key by which they are chosen.
    pub seed: u64,
}

/// The rows of a lesson.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// What is learned from.
    pub learned: Vec<Example>,
    /// Held-out tasks of the same domains.
    pub tasks: Vec<Example>,
    /// Rows of held-out domains.
    pub domains: Vec<Example>,
}

impl Lesson {
    /// Reads the rows, and sets apart what is held out. A task is held out by a keyed hash of its
    /// id, so the same tasks are, in every version and every stage.
    ///
    /// # Errors
    ///
    /// Names the shard that cannot be read.
    pub fn rows(&self) -> Result<Rows, LearnError> {
        let all = match &self.since {
            None => read(&self.train)?,
            Some(older) => read_since(&self.train, older)?,
        };
        let is_held_out =
            |example: &Example| is_held_out(&example.task, self.seed, self.held_out_permille);
        let (tasks, learned) = all.into_iter().partition(is_held_out);
        Ok(Rows { learned, tasks, domains: read(&self.test)? })
    }
}

/// The documents of rows.
///
/// # Errors
///
/// Names the row that the template refuses.
pub fn corpus(renderer: &Renderer, rows: &[Example]) -> Result<Corpus, LearnError> {
    Ok(Corpus {
        ids: rows.iter().map(|row| row.id.clone()).collect(),
        documents: renderer.documents(rows)?,
    })
}
