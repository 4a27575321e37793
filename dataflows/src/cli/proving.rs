//! `agentscaler verify`.

use std::io::{self, Write as _};

use super::progress::{Counting, grouped};
use super::{Outcome, VerifyArgs, is_watched, plain};
use crate::prove::prove_aloud;
use crate::store::World;

pub(super) fn run(args: &VerifyArgs, quiet: bool) -> anyhow::Result<Outcome> {
    let world = World::open(&args.world)?;
    let progress = Counting::new(quiet, is_watched());
    let outcome = prove_aloud(&world, args.workers.into(), &|proved, shards| {
        progress.show(&format!("verify: {proved} of {shards} shards"));
    });
    progress.end();
    let proof = outcome?;
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&proof)?)?;
    } else {
        for fault in &proof.faults {
            let line = format!("{} in {}: {}", fault.subject, fault.file, fault.reason);
            writeln!(out, "{}", plain(&line))?;
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
                "version {} does not hold: {faults} faults in {rows} kept rows and {} objects\n  \
                 remove the damaged files and build again: what depended on them is made anew from \
                 the corpus",
                proof.version, proof.objects
            )?,
        }
    }
    Ok(if proof.holds() { Outcome::Done } else { Outcome::DoesNotHold })
}
