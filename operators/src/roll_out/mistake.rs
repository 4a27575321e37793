//! What can go wrong in a conversation, so that the filter has something to catch.

use schemas::{ArgumentSource, Draw, Effect, Task, TaskKind};

/// Something the built-in agent does wrong, or merely differently.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub enum Mistake {
    /// An argument of the wrong type: the call fails and is made again, right. Harmless.
    WrongArgument,
    /// A key with a typing error: nothing is found, and the call is made again. Harmless.
    MistypedKey,
    /// A read that nobody asked for. Harmless.
    ExtraRead,
    /// Independent reads in another order. Harmless.
    Reordered,
    /// A default spelled out. Harmless.
    SpelledDefault,
    /// A write with a value the user did not say.
    WrongValue,
    /// A write left out, though reported as done.
    SkippedWrite,
    /// A write made twice.
    DoubledWrite,
    /// A write that nobody asked for.
    ExtraWrite,
    /// Another read than the one that was asked for.
    WrongRead,
    /// Arguments that are not JSON.
    MalformedArguments,
    /// A call of a tool that is not offered.
    UnknownTool,
    /// The same sentence over and over.
    Rambling,
    /// An end in the middle.
    Unfinished,
    /// A guess where a question was due.
    ActsWithoutAsking,
    /// A call where declining was due.
    ActsThoughInfeasible,
}

impl Mistake {
    /// Every mistake.
    pub const ALL: [Mistake; 16] = [
        Mistake::WrongArgument,
        Mistake::MistypedKey,
        Mistake::ExtraRead,
        Mistake::Reordered,
        Mistake::SpelledDefault,
        Mistake::WrongValue,
        Mistake::SkippedWrite,
        Mistake::DoubledWrite,
        Mistake::ExtraWrite,
        Mistake::WrongRead,
        Mistake::MalformedArguments,
        Mistake::UnknownTool,
        Mistake::Rambling,
        Mistake::Unfinished,
        Mistake::ActsWithoutAsking,
        Mistake::ActsThoughInfeasible,
    ];

    /// Whether the conversation still ends where it should.
    pub fn is_harmless(self) -> bool {
        matches!(
            self,
            Mistake::WrongArgument
                | Mistake::MistypedKey
                | Mistake::ExtraRead
                | Mistake::Reordered
                | Mistake::SpelledDefault
        )
    }

    /// The mistake's name, which the draws are keyed by.
    pub fn name(self) -> &'static str {
        match self {
            Mistake::WrongArgument => "wrong_argument",
            Mistake::MistypedKey => "mistyped_key",
            Mistake::ExtraRead => "extra_read",
            Mistake::Reordered => "reordered",
            Mistake::SpelledDefault => "spelled_default",
            Mistake::WrongValue => "wrong_value",
            Mistake::SkippedWrite => "skipped_write",
            Mistake::DoubledWrite => "doubled_write",
            Mistake::ExtraWrite => "extra_write",
            Mistake::WrongRead => "wrong_read",
            Mistake::MalformedArguments => "malformed_arguments",
            Mistake::UnknownTool => "unknown_tool",
            Mistake::Rambling => "rambling",
            Mistake::Unfinished => "unfinished",
            Mistake::ActsWithoutAsking => "acts_without_asking",
            Mistake::ActsThoughInfeasible => "acts_though_infeasible",
        }
    }

    /// Whether the task leaves room for the mistake.
    pub fn applies(self, task: &Task) -> bool {
        let writes = task.golden.iter().any(|call| call.effect == Effect::Write);
        let calls = !task.golden.is_empty();
        match self {
            Mistake::WrongArgument | Mistake::MalformedArguments => {
                task.golden.iter().any(|call| !call.sources.is_empty())
            }
            Mistake::MistypedKey => task.golden.iter().any(|call| typed_key(call).is_some()),
            Mistake::Reordered => reorderable(task).is_some(),
            Mistake::WrongValue => task.golden.iter().any(|call| {
                call.effect == Effect::Write
                    && call.sources.iter().any(|(_, source)| *source == ArgumentSource::User)
            }),
            Mistake::SkippedWrite | Mistake::DoubledWrite => writes,
            Mistake::ExtraRead | Mistake::SpelledDefault | Mistake::UnknownTool => calls,
            Mistake::ExtraWrite => calls,
            Mistake::WrongRead => calls && !writes,
            Mistake::Rambling => true,
            Mistake::Unfinished => calls,
            Mistake::ActsWithoutAsking => task.kind == TaskKind::MissingInformation,
            Mistake::ActsThoughInfeasible => task.kind == TaskKind::Infeasible,
        }
    }
}

/// An argument of a call that a person might mistype: a text with digits in it.
pub(super) fn typed_key(call: &schemas::GoldenCall) -> Option<&str> {
    call.sources
        .iter()
        .find(|(name, source)| {
            let text = call.arguments.get(name).and_then(schemas::Value::as_text);
            *source == ArgumentSource::User
                && text.is_some_and(|it| {
                    5 < it.len() && it.contains(|digit: char| digit.is_ascii_digit())
                })
        })
        .map(|(name, _)| name.as_str())
}

/// Two neighbouring reads of one want, neither of which feeds the other.
pub(super) fn reorderable(task: &Task) -> Option<usize> {
    (1..task.golden.len()).find(|place| {
        let (one, other) = (&task.golden[place - 1], &task.golden[*place]);
        let fed = other.fed_by().any(|from| from + 1 == *place);
        let together = task
            .scenario
            .intents
            .iter()
            .any(|intent| intent.calls.contains(place) && intent.calls.contains(&(place - 1)));
        one.effect == Effect::Read && other.effect == Effect::Read && !fed && together
    })
}

/// The mistake of this attempt, if it has one.
pub(super) fn drawn(task: &Task, permille: u32, draw: Draw) -> Option<Mistake> {
    if !draw.with("mistaken").happens(permille) {
        return None;
    }
    let open: Vec<Mistake> = Mistake::ALL.into_iter().filter(|it| it.applies(task)).collect();
    draw.pick(&open, |it| it.name().as_bytes()).copied()
}
