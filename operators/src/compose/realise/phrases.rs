//! The frames and words the realiser draws from. Lists are part of the program: none shifts.

use schemas::Persona;

/// Wants of everyday life that hardly any tool serves, with the words that would show that one
/// does.
pub(crate) const EVERYDAY: [(&str, &[&str]); 16] = [
    ("renew my passport", &["passport", "visa"]),
    ("walk my dog this afternoon", &["dog", "pet"]),
    ("water the plants on my balcony", &["plant", "garden"]),
    ("get a second set of keys cut for my flat", &["locksmith", "cut"]),
    ("have my winter coat dry-cleaned", &["laundry", "clean"]),
    ("fix the leaking tap in my kitchen", &["plumb", "repair", "maintenance"]),
    ("get my piano tuned before Sunday", &["piano", "tune"]),
    ("sharpen my kitchen knives", &["knife", "knives", "sharpen"]),
    ("cut my hair on Friday morning", &["hair", "salon"]),
    ("teach my daughter to ride a bicycle", &["bicycle", "bike", "cycling"]),
    ("get the chimney swept before winter", &["chimney", "sweep"]),
    ("have my watch battery replaced", &["watch", "battery"]),
    ("shovel the snow off my driveway", &["snow", "driveway"]),
    ("knit a scarf for my brother", &["knit", "scarf", "craft"]),
    ("return my neighbour's ladder", &["ladder", "neighbour"]),
    ("frame the painting in my hallway", &["painting", "art", "gallery"]),
];

pub(super) const ANSWERS: [&str; 8] = [
    "The {label} is {said}.",
    "Sure, the {label} is {said}.",
    "It's {said}.",
    "Oh right, the {label} is {said}.",
    "That would be {said}.",
    "Here it is: {said}.",
    "{label}: {said}.",
    "Of course. The {label} is {said}.",
];

pub(super) const DETAILS: [&str; 5] = [
    "Here are the details: ",
    "The details: ",
    "Details are as follows: ",
    "For that, use ",
    "Please note: ",
];

pub(super) const NEXT: [&str; 8] = [
    "Then {want}.",
    "After that, please {want}.",
    "Next, {want}.",
    "Once that's done, {want}.",
    "And then {want}.",
    "With that, {want}.",
    "Please also {want}.",
    "From there, {want}.",
];

pub(super) const LAST: [&str; 5] = [
    "Finally, {want}.",
    "Lastly, {want}.",
    "At the end, please {want}.",
    "And to finish, {want}.",
    "As a last step, {want}.",
];

/// How a conversation may open; empty for none.
pub(super) fn openings(persona: Persona) -> &'static [&'static str] {
    match persona {
        Persona::Terse => &["", "", "", "Hi.", "Hello.", "Request:", "Hey.", "OK.", "Task:"],
        Persona::Friendly => &[
            "Hi there!",
            "Hello!",
            "Hey, hope you're doing well!",
            "Good morning!",
            "Hi! I could use a hand.",
            "Hello, thanks for being here!",
            "Hey there, quick favour.",
            "Hi, nice to meet you!",
            "Good afternoon!",
            "Hello again!",
        ],
        Persona::Formal => &[
            "Good day.",
            "Dear support team,",
            "Good afternoon.",
            "Hello.",
            "Good morning.",
            "To whom it may concern,",
            "Greetings.",
            "Good evening.",
            "I am writing with a request.",
        ],
        Persona::Hurried => &[
            "Quick one —",
            "Sorry, in a rush —",
            "Hey, between meetings here —",
            "About to board,",
            "No time to explain,",
            "Hi, just quickly:",
            "On my way out —",
            "Real quick:",
            "Got two minutes —",
        ],
    }
}

/// Sentences that carry a want, an infinitive without `to`.
pub(super) fn frames(persona: Persona) -> &'static [&'static str] {
    match persona {
        Persona::Terse => &[
            "{want}.",
            "Please {want}.",
            "Need to {want}.",
            "I need to {want}.",
            "I want to {want}.",
            "{want}, please.",
            "Have to {want}.",
            "Can you {want}?",
        ],
        Persona::Friendly => &[
            "I'd like to {want}.",
            "Could you {want} for me?",
            "Can you help me {want}?",
            "I was hoping you could {want}.",
            "Would you mind helping me {want}?",
            "It would be great if you could {want}.",
            "I'm trying to {want}.",
            "If you have a moment, please {want}.",
            "Do you think you could {want}?",
            "I'd love it if you could {want}.",
        ],
        Persona::Formal => &[
            "I would like to {want}.",
            "Could you please {want}?",
            "I would be grateful if you could {want}.",
            "I need to {want}.",
            "Kindly {want}.",
            "I would appreciate your help; I need to {want}.",
            "May I ask you to {want}?",
            "My request is to {want}.",
            "I should like you to {want}.",
        ],
        Persona::Hurried => &[
            "Can you {want}?",
            "I need to {want}.",
            "Please {want}.",
            "Could you just {want}?",
            "I have to {want} right away.",
            "I need you to {want}.",
            "Just {want}, please.",
            "Could you {want} real quick?",
            "Can you go ahead and {want}?",
        ],
    }
}

/// How a later want is brought up.
pub(super) fn links(persona: Persona) -> &'static [&'static str] {
    match persona {
        Persona::Terse => &[
            "Next.",
            "Also:",
            "One more.",
            "And:",
            "Another thing.",
            "Then:",
            "Further:",
            "Next request.",
            "OK.",
        ],
        Persona::Friendly => &[
            "Great, thank you! One more thing.",
            "Perfect! While I have you,",
            "Lovely, thanks. There's something else.",
            "Wonderful. Next up,",
            "Thanks so much! Also,",
            "You're a star. Now,",
            "That's a big help! The next one:",
            "Super. If you don't mind,",
            "Nice, thank you. And here's another one.",
            "Brilliant. Moving on,",
        ],
        Persona::Formal => &[
            "Thank you. I have a further request.",
            "Thank you. In addition,",
            "Very good. There is another matter.",
            "I appreciate it. Furthermore,",
            "Noted, thank you. Next,",
            "Much obliged. A further point:",
            "That is clear. I have one more question.",
            "Thank you for that. Additionally,",
            "Excellent. Allow me to continue.",
            "Understood. On another note,",
        ],
        Persona::Hurried => &[
            "OK good, next thing —",
            "Got it. Also,",
            "Fine. One more before I go:",
            "Thanks, moving on.",
            "Cool. And",
            "Right, next:",
            "Quickly, one more.",
            "Great. Now",
            "Perfect. Then",
            "OK. While you're at it,",
        ],
    }
}

/// A frame with its slots filled.
pub(super) fn fill(frame: &str, slots: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    let mut rest = frame;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, behind)) = after.split_once('}') else { break };
        let said = slots.iter().find(|(slot, _)| *slot == name).map_or("", |(_, said)| *said);
        filled.push_str(said);
        rest = behind;
    }
    filled.push_str(rest);
    crate::compose::words::capitalised(&filled)
}
