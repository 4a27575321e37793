//! `agentscaler`: API descriptions in, verified trajectories out.

use std::process::ExitCode;

fn main() -> ExitCode {
    dataflows::cli::main()
}
