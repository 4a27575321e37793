//! The built-in agent's and user's words.

use schemas::{Draw, Fact, Operation, Persona};

use crate::compose::words;

const ASK: [&str; 8] = [
    "Could you tell me the {labels}, please?",
    "Sure. What is the {labels}?",
    "I can help with that. Could you give me the {labels}?",
    "To go ahead I need the {labels}. Could you share that?",
    "Happy to help. May I have the {labels}?",
    "Before I do that, what's the {labels}?",
    "One thing is missing: the {labels}. Could you provide it?",
    "Which {labels} should I use?",
];

const ASK_SEVERAL: [&str; 5] = [
    "Could you tell me the {labels}, please?",
    "I can help with that. Could you give me the {labels}?",
    "To go ahead I need the {labels}. Could you share them?",
    "Happy to help. May I have the {labels}?",
    "A few things are missing: the {labels}. Could you provide them?",
];

const DECLINE: [&str; 8] = [
    "I'm sorry, but I can't do that: none of the tools I have here covers it.",
    "Unfortunately that is outside of what I can do with the tools available to me.",
    "I'm afraid I have no tool for that, so I can't help with this request.",
    "Sorry, that isn't something I'm able to do here.",
    "I can't take care of that, I'm afraid. My tools don't cover such a request.",
    "That goes beyond what I can do here, so I have to decline. I'm sorry about that.",
    "I wish I could help, but there's no tool here that does this.",
    "I don't have a way to do that with the tools I've been given, sorry.",
];

const INSTEAD: [&str; 5] = [
    " I can help you {verb} {noun} instead, if that's useful.",
    " What I can do here is, for example, {verb} {noun}.",
    " If you need to {verb} {noun}, I'm glad to help with that.",
    " Is there something else I can do for you?",
    "",
];

const ANYTHING: [&str; 16] = [
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    " Is there anything else?",
    " Let me know if you need anything else.",
    " Anything else I can do for you?",
    " What else can I do?",
    " Just tell me if there is more.",
    " I'm here if you need something else.",
    " Can I help with anything further?",
    " Feel free to ask for more.",
];

const PARTING: [&str; 6] = [
    "Sorry again, and have a good day.",
    "I'm sorry I couldn't do more. Goodbye.",
    "Thanks for understanding. Take care!",
    "I hope you find help with it elsewhere. Goodbye.",
    "Sorry about that. All the best!",
    "Thank you for your patience. Goodbye.",
];

const BYE: [&str; 8] = [
    "You're welcome! Have a good day.",
    "Glad I could help. Goodbye!",
    "You're welcome. Take care!",
    "My pleasure. Have a nice day!",
    "Any time. Goodbye!",
    "Happy to help. All the best!",
    "You're welcome!",
    "Thank you for reaching out. Goodbye!",
];

/// A question for facts the user holds back.
pub(super) fn ask(facts: &[&Fact], draw: Draw) -> String {
    let labels: Vec<String> = facts.iter().map(|fact| fact.label.clone()).collect();
    let list: &[&str] = if labels.len() == 1 { &ASK } else { &ASK_SEVERAL };
    draw.with("ask").from_list(list).replace("{labels}", &words::listed_with(&labels, "the "))
}

/// A polite refusal, with something offered that the tools can do.
pub(super) fn decline(offered: &[&Operation], draw: Draw) -> String {
    let draw = draw.with("decline");
    let mut said = (*draw.from_list(&DECLINE)).to_string();
    let usable: Vec<&&Operation> =
        offered.iter().filter(|it| !it.verb.is_empty() && !it.noun.is_empty()).collect();
    let able = draw.pick(usable, |it| it.name.as_bytes());
    let instead = draw.with("instead").from_list(&INSTEAD);
    match able {
        Some(able) => {
            let verb = match able.verb.to_lowercase().as_str() {
                "search" | "query" => "search for".into(),
                "get" | "list" | "retrieve" | "fetch" | "show" | "read" | "find" => {
                    "look up".into()
                }
                _ => able.verb.to_lowercase(),
            };
            let noun = words::plural(&able.noun);
            said.push_str(&instead.replace("{verb}", &verb).replace("{noun}", &noun));
        }
        None => said.push_str(INSTEAD[3]),
    }
    said
}

/// What the user says to a refusal.
pub(super) fn resigned(persona: Persona, draw: Draw) -> &'static str {
    let list: &[&'static str] = match persona {
        Persona::Terse => &["OK.", "Fine.", "Understood, bye.", "Alright."],
        Persona::Friendly => &[
            "No worries, thanks for telling me!",
            "Ah, too bad. Thanks anyway!",
            "Okay, I'll ask somewhere else. Thank you!",
            "Alright, thanks for being honest with me!",
        ],
        Persona::Formal => &[
            "I understand. Thank you for your time.",
            "Very well, thank you for letting me know.",
            "Understood. I shall look elsewhere. Goodbye.",
            "Thank you for the clear answer.",
        ],
        Persona::Hurried => &[
            "OK, never mind then, bye.",
            "Alright, I'll sort it out myself.",
            "Fine, thanks, gotta go.",
            "Okay, no time, thanks anyway.",
        ],
    };
    draw.with("resigned").from_list::<&str>(list)
}

/// How the user ends a conversation that went well.
pub(super) fn thanks(persona: Persona, draw: Draw) -> &'static str {
    let list: &[&'static str] = match persona {
        Persona::Terse => &["Thanks.", "That's all.", "Good, bye.", "OK, thanks.", "Done here."],
        Persona::Friendly => &[
            "Wonderful, thank you so much! That's everything.",
            "Thanks a lot, that's all I needed!",
            "Great, you've been very helpful. Bye!",
            "Perfect, thank you! Have a lovely day.",
            "That's all, thanks again!",
        ],
        Persona::Formal => &[
            "Thank you, that will be all.",
            "I appreciate your assistance. Goodbye.",
            "Thank you very much. I have no further requests.",
            "That settles the matter. Thank you.",
        ],
        Persona::Hurried => &[
            "Great, thanks, gotta run.",
            "Perfect, that's it, bye!",
            "Thanks, that's all I had time for.",
            "Good. Off I go, thanks!",
        ],
    };
    draw.with("thanks").from_list::<&str>(list)
}

/// How the user ends a conversation that got nowhere.
pub(super) const GIVES_UP: [&str; 4] = [
    "This isn't getting anywhere. I'll leave it.",
    "Never mind, I'll try again another time.",
    "I have to stop here. Goodbye.",
    "Let's leave it at that.",
];

/// The agent's last word where it could not help.
pub(super) fn parting(draw: Draw) -> &'static str {
    draw.with("parting").from_list::<&str>(&PARTING)
}

/// The agent's last word.
pub(super) fn goodbye(draw: Draw) -> &'static str {
    draw.with("bye").from_list::<&str>(&BYE)
}

/// Some more words after the last report of the want at this place of the conversation.
pub(super) fn anything(draw: Draw, place: usize) -> &'static str {
    draw.with("anything").in_turn::<&str>(&ANYTHING, place)
}
