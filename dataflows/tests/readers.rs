//! Libraries that people read datasets with, on worlds that the program built: `tests/python/readers.py`.
//!
//! Without Python or a package index, it says SKIPPED. `AGENTSCALER_READERS=all` in the environment
//! asks for every library, which brings gigabytes of frameworks; otherwise it is those that are small.

#![expect(clippy::disallowed_methods, reason = "a variable says which libraries are asked for")]

use std::path::PathBuf;
use std::process::Command;

const SMALL: [&str; 4] = ["datasets 5", "pyarrow", "polars", "duckdb"];

#[test]
fn readers_read_what_was_written() {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/python/readers.py");
    let mut command = Command::new("python3");
    command.arg(script).args(["--agentscaler", env!("CARGO_BIN_EXE_agentscaler")]);
    if std::env::var_os("AGENTSCALER_READERS").is_none() {
        command.args(SMALL.iter().flat_map(|name| ["--only", name]));
    }
    let ran = match command.output() {
        Ok(ran) => ran,
        Err(error) => {
            eprintln!("SKIPPED the readers of datasets: python3: {error}");
            return;
        }
    };
    let (told, said) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    println!("{told}");
    eprintln!("{said}");
    // 2: there was no library to read with, which the lines above say.
    let is_skipped = ran.status.code() == Some(2) && said.contains("SKIPPED");
    assert!(ran.status.success() || is_skipped, "{told}{said}");
}
