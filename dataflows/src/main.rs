//! `agentscaler`: API descriptions in, verified trajectories out.

use std::process::ExitCode;

/// Payloads are many small trees of values, made and dropped: with the system's allocator 40 % of a
/// build went into allocating.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    dataflows::cli::main()
}
