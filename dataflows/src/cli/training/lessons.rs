//! The shards of a world as the learner takes them.

use std::path::Path;

use learner::error::LearnError;
use learner::examples::Shard;
use learner::lesson::Lesson;

use super::super::warn_of_damage;
use super::{DeviceKind, TrainStage};
use crate::store::{Manifest, StoreError, World};

impl TrainStage {
    /// The configuration of the dataset.
    pub(super) fn config(self) -> &'static str {
        match self {
            TrainStage::General => "general",
            TrainStage::Vertical => "vertical",
        }
    }
}

impl DeviceKind {
    /// The device.
    pub(super) fn open(self) -> Result<learner::Device, LearnError> {
        learner::devices::device(match self {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Wgpu => "wgpu",
            DeviceKind::Cuda => "cuda",
        })
    }
}

/// What a world's latest version has to teach in a stage.
pub(super) fn lesson(
    path: &Path,
    stage: TrainStage,
    since: Option<u64>,
    (held_out_permille, seed): (u32, u64),
    quiet: bool,
) -> anyhow::Result<Lesson> {
    let world = World::open(path)?;
    let latest = world.latest()?;
    warn_of_damage(&latest, quiet);
    let manifest = latest.manifest.ok_or_else(|| StoreError::NoWorld { path: path.into() })?;
    let config = stage.config();
    let since = since.map(|version| world.manifest(version)).transpose()?;
    let train = shards(&world, &manifest, config, "train");
    anyhow::ensure!(
        !train.is_empty(),
        "version {} has no rows to learn from in \"{config}\"{}",
        manifest.version,
        match stage {
            TrainStage::General => "",
            TrainStage::Vertical =>
                "; choose its domains with `agentscaler build --vertical WORD`, by a word of \
                 their names",
        }
    );
    Ok(Lesson {
        train,
        test: shards(&world, &manifest, config, "test"),
        since: since.map(|older| shards(&world, &older, config, "train")),
        held_out_permille,
        seed,
    })
}

fn shards(world: &World, manifest: &Manifest, config: &str, split: &str) -> Vec<Shard> {
    let all = manifest.contents.shards();
    let shards = all.get(&(config, split)).into_iter().flat_map(|shards| shards.values());
    shards
        .map(|object| Shard {
            path: world.object_path(object),
            digest: object.digest,
            rows: object.rows,
        })
        .collect()
}
