//! Candidates in which the user leaves something out.

use schemas::{ArgumentSource, Draw, Operation, TaskKind, Value};

use crate::compose::fill::Draft;
use crate::compose::sketch::{Composer, Sketch};

impl<'e> Composer<'e> {
    /// A want of which the user says one or two things only when asked.
    pub(super) fn missing(&self, anchor: &'e Operation, draw: Draw) -> Option<Sketch> {
        let room =
            if draw.with("longer").happens(400) { self.plan.want_calls_max.min(3) } else { 1 };
        let path = self.walk(anchor, room, draw);
        let mut draft = Draft::new(self.world, &self.usage);
        self.follow(&mut draft, &path, draw)?;
        let mut golden = draft.calls;
        let candidates: Vec<(String, Value)> = golden
            .iter()
            .flat_map(|call| {
                let operation = self.world.operation(&call.name);
                call.sources.iter().filter_map(move |(name, source)| {
                    let field = operation?.input.iter().find(|field| field.name == *name)?;
                    let open = *source == ArgumentSource::User && field.required;
                    let value = call.arguments.get(name)?;
                    let sayable = !matches!(value, Value::Bool(_) | Value::Object(_));
                    (open && sayable).then(|| (name.clone(), value.clone()))
                })
            })
            .collect();
        let count = if 2 < candidates.len() && draw.with("two").happens(350) { 2 } else { 1 };
        let ranked = draw.with("facts").rank(&candidates, |(name, _)| name.as_bytes());
        let chosen: Vec<_> = ranked.into_iter().take(count).cloned().collect();
        if chosen.is_empty() {
            return None;
        }
        for call in &mut golden {
            let arguments = call.arguments.clone();
            for (name, source) in &mut call.sources {
                let held = arguments.get(name);
                if *source == ArgumentSource::User
                    && chosen.iter().any(|(it, value)| it == name && held == Some(value))
                {
                    *source = ArgumentSource::OnRequest;
                }
            }
        }
        let calls = (0..golden.len()).collect();
        self.told(TaskKind::MissingInformation, golden, &[calls], draw)
    }
}
