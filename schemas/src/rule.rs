//! The named rules of reading and refining, each small, each counted in the funnel.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident = $name:literal,)*) => {
        /// One rule that a document, a record or a tool met.
        #[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
        pub enum Rule {
            $($(#[$doc])* #[serde(rename = $name)] $rule,)*
        }

        impl Rule {
            /// Every rule, in the order in which a record meets them.
            pub const ALL: &'static [Rule] = &[$(Rule::$rule,)*];

            /// The name used in files and on the command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Rule::$rule => $name,)*
                }
            }
        }
    };
}

rules! {
    /// A file or a folder that cannot be opened, or lies outside the corpus.
    Unreachable = "unreachable",
    /// A document of another kind: no API description, or one that lists no tool.
    NotADescription = "not_a_description",
    /// Text that is not what its format demands.
    Malformed = "malformed",
    /// A document, a line or what they unfold to is longer than the plan allows.
    TooLarge = "too_large",
    /// A reference leads to nothing that may be read.
    Dangling = "dangling",

    /// The plan selects other sources or licences.
    NotSelected = "not_selected",
    /// The name holds neither letters nor digits.
    NameUnusable = "name_unusable",
    /// The tool takes more arguments than the plan allows.
    TooManyArguments = "too_many_arguments",
    /// A move of an agent framework and no API.
    FrameworkMove = "framework_move",
    /// Nothing in the record says what the tool does.
    TooPoor = "too_poor",
    /// Held back: text hidden in characters that nobody can see.
    QuarantineHidden = "quarantine_hidden",
    /// Held back: tells the model to disregard its instructions.
    QuarantineOverride = "quarantine_override",
    /// Held back: tells the model to keep something from the user.
    QuarantineSecrecy = "quarantine_secrecy",
    /// Held back: tells the model to fetch secrets and pass them on.
    QuarantineExfiltration = "quarantine_exfiltration",
    /// Held back: speaks as the system, or gives the model another role.
    QuarantineImpersonation = "quarantine_impersonation",
    /// Held back: tells the model how to use tools that are not its own.
    QuarantineCrossTool = "quarantine_cross_tool",
    /// Says the same as another record.
    Repeated = "repeated",
    /// Another version or another wording of the same operation is kept.
    Superseded = "superseded",

    /// The name was spelled with the letters that providers of models accept.
    NameSpelled = "name_spelled",
    /// The description was cleaned of markup, hidden characters or control tokens.
    DescriptionCleaned = "description_cleaned",
    /// The description was cut at a word.
    DescriptionCut = "description_cut",
    /// The description said nothing and was emptied.
    DescriptionEmptied = "description_emptied",
    /// An argument of transport or a credential was taken away.
    TransportDropped = "transport_dropped",
    /// An argument that only repeats the tool's name was taken away.
    EchoDropped = "echo_dropped",
    /// The name of an argument was spelled anew.
    ArgumentSpelled = "argument_spelled",
    /// The input schema was cut at a limit of the plan.
    SchemaCut = "schema_cut",
    /// The output specification is the source's.
    OutputDeclared = "output_declared",
    /// The output specification is the shape of an example.
    OutputExampled = "output_exampled",
    /// The output specification is inferred.
    OutputInferred = "output_inferred",
    /// Another tool has the same identity; this one's got a suffix.
    NamedApart = "named_apart",

    /// A tool takes so many arguments, or such long ones, that no model is asked about it.
    QuestionTooLong = "question_too_long",
    /// A model's answer was declined by the model or its endpoint.
    AnswerDeclined = "answer_declined",
    /// A model's answer was cut off at the limit of tokens.
    AnswerCutOff = "answer_cut_off",
    /// A model's answer is not the JSON that was asked for.
    AnswerMalformed = "answer_malformed",
    /// A model's answer is about another tool, other arguments or other types.
    AnswerChangesInterface = "answer_changes_interface",
    /// A model's answer is longer than the plan allows.
    AnswerTooLong = "answer_too_long",
    /// A model's answer holds markup, hidden characters or control tokens.
    AnswerUnclean = "answer_unclean",
    /// A model's answer leaves out a number, a name or a quotation that the source states.
    AnswerLosesFacts = "answer_loses_facts",
    /// A model's answer says no more than the source does.
    AnswerPoor = "answer_poor",
    /// What a model gave for a tool is no point: not numbers, or without a direction.
    VectorUnusable = "vector_unusable",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
