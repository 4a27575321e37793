//! The files that make versions of a world, to compare worlds byte by byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use dataflows::store::World;

/// Every file that makes a version, with its bytes.
pub(crate) fn committed(world: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for folder in ["objects", "manifests"] {
        for entry in fs::read_dir(world.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap());
            files.insert(name, fs::read(path).unwrap());
        }
    }
    files
}

/// The files that the latest version names, and its manifest.
pub(crate) fn latest(world: &Path) -> BTreeMap<String, Vec<u8>> {
    let manifest = World::open(world).unwrap().latest().unwrap().manifest.unwrap();
    let mut named: Vec<String> =
        manifest.contents.all_objects().map(|it| format!("objects/{}", it.file_name())).collect();
    named.push(format!("manifests/{:020}.json", manifest.version));
    committed(world).into_iter().filter(|(name, _)| named.contains(name)).collect()
}

#[track_caller]
pub(crate) fn assert_same(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) {
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(one), names(other));
    for (name, bytes) in one {
        assert!(*bytes == other[name], "{name} differs");
    }
}
