//! `agentscaler verify`.

use std::io::{self, Write as _};

use super::progress::grouped;
use super::{Outcome, VerifyArgs};
use crate::prove::prove;
use crate::store::World;

pub(super) fn run(args: &VerifyArgs) -> anyhow::Result<Outcome> {
    let world = World::open(&args.world)?;
    let proof = prove(&world, args.workers.get())?;
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&proof)?)?;
    } else {
        for fault in &proof.faults {
            writeln!(out, "{} in {}: {}", fault.subject, fault.file, fault.reason)?;
        }
        let (rows, calls) = (grouped(proof.rows), grouped(proof.calls));
        match proof.faults.len() {
            0 => writeln!(
                out,
                "version {} holds: {rows} kept rows replayed with {calls} calls, {} objects as \
                 they were committed",
                proof.version, proof.objects
            )?,
            faults => writeln!(
                out,
                "version {} does not hold: {faults} faults in {rows} kept rows and {} objects",
                proof.version, proof.objects
            )?,
        }
    }
    Ok(if proof.holds() { Outcome::Done } else { Outcome::DoesNotHold })
}
