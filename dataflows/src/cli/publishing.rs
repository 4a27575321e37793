//! `agentscaler publish`.

use std::io::{self, Write as _};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::progress::{Counting, grouped, say};
use super::{Outcome, is_watched, plain, plain_json, variables, warn_of_damage};
use crate::publish::{Place, Published, publish};
use crate::store::{StoreError, World};
use crate::summary::SCHEMA_VERSION;

/// Publish the dataset to an S3-compatible object store, or to a folder.
///
/// The latest version's files are put below `PREFIX/versions/`, in a folder of their own, in Hugging
/// Face layout. When all are there, `PREFIX/manifests/` gets a page for the version, on the condition
/// that there is none, and `PREFIX/latest.json` is moved to it: whoever starts from there sees the
/// version before or this one, whole, and what was read stays where it is. Of two publishers of the
/// same number one wins, and the other exits with 2 and is told of it.
///
/// Only what is not there is sent: files of the version before are copied by the store, and a
/// publication that was broken off goes on where it was, by the same command. A version that is there
/// is not published again.
///
/// Credentials and the address of the service come from the environment alone: `AWS_ACCESS_KEY_ID`,
/// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, and `AWS_ENDPOINT_URL` for services other
/// than Amazon's. The service must know conditional puts (`If-None-Match`), as S3, R2, `MinIO` and Ceph
/// do.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: agentscaler publish --world world --to s3://bucket/tools")]
pub(super) struct PublishArgs {
    /// The world's folder.
    #[arg(long, value_name = "DIR", env = "AGENTSCALER_WORLD")]
    world: PathBuf,
    /// Where to: `s3://BUCKET/PREFIX`, or `file:///FOLDER`.
    #[arg(long, value_name = "URL")]
    to: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &PublishArgs, quiet: bool) -> anyhow::Result<Outcome> {
    let world = World::open(&args.world)?;
    let latest = world.latest()?;
    warn_of_damage(&latest, quiet);
    let manifest =
        latest.manifest.ok_or_else(|| StoreError::NoWorld { path: args.world.clone() })?;
    let place = Place::open(&args.to, &variables())?;
    let counting = Counting::new(quiet, is_watched());
    let made = publish(&world, &manifest, &place, &mut |made| counting.show(&progress(made)));
    counting.end();
    let made = made?;
    if args.json {
        let mut row = json!({"schema_version": SCHEMA_VERSION, "to": place.name()});
        if let (Value::Object(into), Value::Object(more)) = (&mut row, serde_json::to_value(&made)?)
        {
            into.extend(more);
        }
        writeln!(io::stdout(), "{}", plain_json(&row))?;
    } else if !quiet {
        tell(&made, place.name());
    }
    Ok(Outcome::Done)
}

fn progress(made: &Published) -> String {
    let arrived = made.uploaded.files + made.copied.files + made.found.files;
    format!(
        "publish: {} of {} files, {} bytes sent",
        grouped(arrived),
        grouped(made.files.files),
        grouped(made.uploaded.bytes)
    )
}

fn tell(made: &Published, to: &str) {
    let place = plain(&format!("{to}/{}", made.dataset));
    if !made.changed {
        say(&format!("version {} is in {place} already", made.version));
        return;
    }
    say(&format!(
        "version {} is in {place}: {} files sent ({} bytes), {} copied there, {} found",
        made.version,
        grouped(made.uploaded.files),
        grouped(made.uploaded.bytes),
        grouped(made.copied.files),
        grouped(made.found.files)
    ));
}
