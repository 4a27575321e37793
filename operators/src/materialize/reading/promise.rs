//! What a tool says it does, before anything is known of how it could.

use schemas::Tool;

use crate::materialize::lexicon::Act;
use crate::materialize::reading::phrase::{own_part, phrase};
use crate::materialize::words::words;

/// Whether a tool says, by its method or by its name, that it changes or removes something.
pub(in crate::materialize) fn promises_change(tool: &Tool) -> bool {
    match tool.method.as_deref() {
        Some("PUT" | "PATCH" | "DELETE") => true,
        Some("POST") | None => {
            let said = phrase(&words(own_part(&tool.name))).act;
            matches!(said, Some(Act::Update | Act::Delete))
        }
        Some(_) => false,
    }
}
