//! Families of tools that say by a word what kind of answer they give.

use crate::materialize::words::singular;

/// What a part of an answer holds.
pub(super) enum Holds {
    /// What its name says.
    Text,
    /// One of these texts.
    Said(&'static [&'static str]),
    /// Several of these.
    Several(&'static [&'static str]),
    /// One of a few words, no others.
    One(&'static [&'static str]),
    /// A whole number between these.
    Whole(i64, i64),
    /// From none to all.
    Share,
}

/// The parts of an answer.
pub(super) type Answer = &'static [(&'static str, Holds)];

/// The answer of the topic that a word of the name, or of what is told of the tool, is of.
pub(super) fn topic(name: &[String], told: &[String]) -> Option<Answer> {
    of(&FAMILIES[..TOPICS], name).or_else(|| of(&FAMILIES[..TOPICS], told))
}

/// The answer of the first family that a word of the name belongs to, or else the first word of
/// what is told of the tool. A tool that looks something up does nothing, whatever its other words
/// are.
pub(super) fn family(name: &[String], told: &[String], looks: bool) -> Option<Answer> {
    let known = if looks { &FAMILIES[..DEEDS] } else { &FAMILIES };
    of(known, name).or_else(|| of(known, &told[..told.len().min(1)]))
}

fn of(families: &[(&[&str], Answer)], split: &[String]) -> Option<Answer> {
    let says = |known: &&str| split.iter().any(|word| word == known || singular(word) == *known);
    families.iter().find(|(words, _)| words.iter().any(says)).map(|(_, answer)| *answer)
}

/// What is told of a deed.
pub(super) const DEED: Answer = &[
    ("status", Holds::One(&["completed", "completed with warnings"])),
    ("duration_ms", Holds::Whole(12, 4_800)),
];

/// Whether a word says that something is looked up.
pub(super) fn is_look(word: &str) -> bool {
    [
        "get",
        "gets",
        "fetch",
        "fetches",
        "retrieve",
        "retrieves",
        "read",
        "show",
        "shows",
        "lookup",
        "looksup",
        "return",
        "returns",
        "provides",
        "describe",
        "view",
        "load",
        "info",
        "details",
        "detail",
        "data",
        "locate",
    ]
    .contains(&word)
}

/// How many families are about a topic.
const TOPICS: usize = 8;

/// Where the families of tools begin that do something.
const DEEDS: usize = 14;

/// Words, the most telling families first, and what such a tool answers.
const FAMILIES: [(&[&str], Answer); 16] = [
    (&["news", "headline", "article"], &[("headlines", Holds::Several(&HEADLINES))]),
    (
        &["weather", "climate", "meteorology"],
        &[
            (
                "condition",
                Holds::One(&["sunny", "partly cloudy", "overcast", "light rain", "windy", "foggy"]),
            ),
            ("temperature", Holds::Whole(-5, 34)),
            ("humidity", Holds::Whole(25, 95)),
        ],
    ),
    (&["joke", "pun"], &[("joke", Holds::Said(&JOKES))]),
    (&["advice", "tip", "fortune"], &[("advice", Holds::Said(&ADVICE))]),
    (&["fact", "trivia"], &[("fact", Holds::Said(&FACTS))]),
    (&["greet", "greeting", "hello", "welcome"], &[("greeting", Holds::Said(&GREETINGS))]),
    (&["recipe", "meal", "menu", "cuisine", "dish"], &[("dishes", Holds::Several(&DISHES))]),
    (
        &["health", "ping", "heartbeat", "alive", "connectivity", "liveness", "readiness"],
        &[
            ("status", Holds::One(&["ok", "degraded"])),
            ("uptime_seconds", Holds::Whole(4_000, 900_000)),
        ],
    ),
    (
        &["image", "gif", "img", "picture", "wallpaper", "plot", "chart", "diagram", "draw"],
        &[("url", Holds::Text)],
    ),
    (
        &[
            "planner",
            "plan",
            "itinerary",
            "scheduler",
            "schedule",
            "scheduling",
            "roadmap",
            "routine",
            "curriculum",
            "workflow",
        ],
        &[("plan", Holds::Several(&STEPS)), ("days", Holds::Whole(1, 14))],
    ),
    (
        &[
            "optimizer",
            "optimize",
            "optimizes",
            "enhancer",
            "enhance",
            "improve",
            "advisor",
            "advise",
            "consultant",
            "coach",
            "strategy",
            "strategist",
            "recommendation",
            "recommender",
            "recommends",
            "suggestion",
            "guide",
            "guidance",
            "assistant",
            "assist",
            "assists",
            "help",
            "configurator",
            "designer",
            "management",
        ],
        &[("recommendations", Holds::Several(&MEASURES)), ("score", Holds::Whole(35, 98))],
    ),
    (
        &["compare", "compares", "comparator", "comparison", "versus", "diff", "similarity"],
        &[("similarity", Holds::Share), ("summary", Holds::Said(&COMPARISONS))],
    ),
    (
        &[
            "simulate",
            "simulates",
            "simulator",
            "simulation",
            "forecast",
            "predictor",
            "projection",
            "trend",
            "outlook",
        ],
        &[("outlook", Holds::One(&["rising", "stable", "falling"])), ("confidence", Holds::Share)],
    ),
    (
        &[
            "analyzer",
            "analyzes",
            "analyser",
            "profiler",
            "assessment",
            "assess",
            "assessor",
            "evaluator",
            "evaluates",
            "evaluation",
            "audit",
            "inspect",
            "inspection",
            "diagnose",
            "diagnostic",
            "troubleshoot",
            "review",
            "monitor",
            "monitoring",
            "tracker",
            "tracks",
            "impact",
            "checker",
            "checks",
            "check",
            "quality",
            "report",
            "insight",
            "identifier",
            "identify",
            "identifies",
            "compliance",
            "risk",
        ],
        &[
            ("rating", Holds::One(&["low", "moderate", "high"])),
            ("score", Holds::Whole(5, 98)),
            ("summary", Holds::Said(&FINDINGS)),
        ],
    ),
    (
        &["batch", "crawl", "job", "train", "training", "scrape", "deploy", "pipeline", "backup"],
        &[("job_id", Holds::Text), ("status", Holds::One(&["queued", "running", "completed"]))],
    ),
    (
        &[
            "click",
            "press",
            "scroll",
            "type",
            "fill",
            "hover",
            "drag",
            "drop",
            "wait",
            "navigate",
            "navigates",
            "go",
            "close",
            "open",
            "run",
            "execute",
            "executes",
            "invoke",
            "call",
            "trigger",
            "set",
            "sets",
            "select",
            "selects",
            "play",
            "pause",
            "stop",
            "start",
            "starts",
            "restart",
            "resume",
            "turn",
            "toggle",
            "switch",
            "move",
            "resize",
            "rotate",
            "zoom",
            "tap",
            "swipe",
            "focus",
            "connect",
            "disconnect",
            "install",
            "modify",
            "modifies",
            "configure",
            "apply",
            "enable",
            "disable",
            "activate",
            "lock",
            "unlock",
            "clear",
            "reset",
            "refresh",
            "sync",
            "transfer",
            "notify",
            "operate",
            "initiate",
            "login",
            "logout",
            "sign",
            "control",
            "adjust",
            "speak",
            "mute",
            "build",
            "compile",
            "submit",
            "process",
            "processes",
            "split",
            "authenticate",
            "authentication",
            "upload",
            "send",
            "make",
            "push",
            "compress",
        ],
        DEED,
    ),
];

/// What somebody found who looked into it.
pub(super) const FINDINGS: [&str; 14] = [
    "Everything is within the expected range.",
    "Two points need attention before the next step.",
    "Results are better than the average of comparable cases.",
    "The main figures are stable, with one exception.",
    "There is room to improve, mostly in the first part.",
    "No problems were found.",
    "One value is higher than usual and should be checked again.",
    "The overall picture is positive.",
    "The data is too sparse for a firm conclusion.",
    "Most of the difference comes from a single factor.",
    "The result is close to the limit.",
    "Small changes at the start would have the largest effect.",
    "Quality is good, consistency is not.",
    "The pattern is the same as in earlier cases.",
];

const COMPARISONS: [&str; 8] = [
    "They differ mainly in price.",
    "The first one is the safer choice.",
    "Both are suitable, the second one is simpler.",
    "They have most features in common.",
    "The second one is stronger in the details.",
    "There is no clear winner.",
    "The first one offers more for the same effort.",
    "They serve different purposes.",
];

const MEASURES: [&str; 14] = [
    "a smaller first step",
    "a weekly review",
    "a clear limit for spending",
    "fewer options at the start",
    "a longer trial period",
    "an early check with an expert",
    "a reserve of ten percent",
    "a simpler layout",
    "better lighting",
    "regular breaks",
    "a fixed daily slot",
    "a written checklist",
    "a second opinion before large changes",
    "a gradual increase over four weeks",
];

const STEPS: [&str; 14] = [
    "a short warm-up",
    "a kick-off meeting",
    "a review of what is there",
    "a first draft",
    "a round of feedback",
    "a test with a small group",
    "a break for lunch",
    "the main session",
    "a walk through the centre",
    "the preparation of materials",
    "a visit to the local market",
    "a check of the results",
    "a final summary",
    "an early start",
];

const HEADLINES: [&str; 10] = [
    "City council approves new bus lanes",
    "Small firms report a strong quarter",
    "Library extends its opening hours",
    "Researchers test a cheaper battery",
    "Harbour reopens after repairs",
    "Local team wins in the last minute",
    "Rail link to open a month early",
    "Farmers expect a good harvest",
    "Museum shows lost photographs",
    "Energy prices fall for a third week",
];

const DISHES: [&str; 12] = [
    "lentil soup",
    "baked salmon with dill",
    "mushroom risotto",
    "chickpea curry",
    "tomato and basil salad",
    "roast chicken with lemon",
    "vegetable stir-fry",
    "spinach omelette",
    "bean chili",
    "potato gratin",
    "rice with peas",
    "apple crumble",
];

const JOKES: [&str; 8] = [
    "I bought a ceiling fan last week. It is a great supporter of ceilings.",
    "My calendar is worried: its days are numbered.",
    "I would tell a joke about paper, but it is tearable.",
    "The scarecrow got a prize for being outstanding in its field.",
    "Parallel lines have so much in common. A shame that they never meet.",
    "I used to be a baker, but I could not make enough dough.",
    "The clock in the canteen is slow: it always goes back for seconds.",
    "I have a joke about stairs. It is one step above the others.",
];

const ADVICE: [&str; 8] = [
    "Sleep on it before you decide.",
    "Ask one more question than feels polite.",
    "Write it down while you still remember it.",
    "Start with the part you like least.",
    "Keep a copy somewhere else.",
    "Measure first, then change one thing at a time.",
    "Say thank you early and often.",
    "Leave ten minutes earlier than you need to.",
];

const FACTS: [&str; 8] = [
    "An octopus has three hearts.",
    "Light from the Sun takes about eight minutes to reach the Earth.",
    "Bananas are berries in the botanical sense, strawberries are not.",
    "Honey keeps for years when it is closed well.",
    "The Pacific is the largest ocean.",
    "A leap year has 366 days.",
    "Sound travels faster in water than in air.",
    "Venus turns more slowly than it goes round the Sun.",
];

const GREETINGS: [&str; 5] = [
    "Hello and welcome!",
    "Good to see you!",
    "Hi there, how can I help?",
    "Welcome back!",
    "Greetings from the whole team!",
];
