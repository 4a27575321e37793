//! `agentscaler endpoint replay`, until the test ends.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A replay of a world's journal, as a process of its own.
pub(crate) struct Replayed {
    child: Child,
    pub(crate) url: String,
}

impl Replayed {
    pub(crate) fn start(world: &Path) -> Replayed {
        let mut child = Command::new(env!("CARGO_BIN_EXE_agentscaler"))
            .args(["endpoint", "replay", "--port", "0", "--quiet", "--world"])
            .arg(world)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Replayed { child, url: url.trim().into() }
    }
}

impl Drop for Replayed {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
