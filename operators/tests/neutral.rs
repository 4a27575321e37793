//! No text of a tool can steer a chat template, a terminal or a reader.
//!
//! Method: the special tokens of the tokenizers in use are planted everywhere in records, whole
//! and with tricks, and the tool that comes out is searched for any of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use proptest::prelude::*;

use operators::refine;
use schemas::{CorpusPlan, Origin, Record, Tool, Value};

/// Special tokens of Qwen, Llama 2 to 4, Mistral, Gemma, `DeepSeek`, Phi, GPT-OSS (harmony), GLM,
/// Kimi, Granite, Command, EXAONE, `MiniMax`, Seed, `StarCoder`, T5 and BERT.
const TOKENS: [&str; 96] = [
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<|fim_prefix|>",
    "<|vision_start|>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>",
    "<tools>",
    "</tools>",
    "<function=",
    "<parameter=",
    "<s>",
    "</s>",
    "<unk>",
    "[INST]",
    "[/INST]",
    "<<SYS>>",
    "<</SYS>>",
    "<|begin_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|python_tag|>",
    "<|header_start|>",
    "[TOOL_CALLS]",
    "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]",
    "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]",
    "[TOOL_CONTENT]",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "[ARGS]",
    "[CALL_ID]",
    "[THINK]",
    "[/THINK]",
    "[IMG]",
    "[IMG_BREAK]",
    "[IMG_END]",
    "[PREFIX]",
    "[MIDDLE]",
    "[SUFFIX]",
    "[AUDIO]",
    "[BEGIN_AUDIO]",
    "<start_of_turn>",
    "<end_of_turn>",
    "<bos>",
    "<eos>",
    "<pad>",
    "<mask>",
    "<unused12>",
    "<start_of_image>",
    "<image_soft_token>",
    "[multimodal]",
    "<｜begin▁of▁sentence｜>",
    "<｜User｜>",
    "<｜Assistant｜>",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁sep｜>",
    "<｜end▁of▁sentence｜>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|end|>",
    "<|start|>",
    "<|message|>",
    "<|channel|>",
    "<|constrain|>",
    "<|return|>",
    "<|call|>",
    "[gMASK]",
    "<sop>",
    "<|observation|>",
    "<arg_key>",
    "</arg_value>",
    "<|tool_calls_section_begin|>",
    "<|start_of_role|>",
    "<|START_OF_TURN_TOKEN|>",
    "<BOS_TOKEN>",
    "[|system|]",
    "[|endofturn|]",
    "]~b]",
    "[e~[",
    "<minimax:tool_call>",
    "<seed:think>",
    "<fim_prefix>",
    "<file_sep>",
    "<extra_id_1>",
    "<reserved_106>",
    "<TOOLCALL>",
    "[CLS]",
];

/// What hides a token until something takes the trick away.
fn tricked() -> impl Strategy<Value = String> {
    let token = || prop::sample::select(TOKENS.as_slice());
    let inside = (token(), token(), any::<prop::sample::Index>()).prop_map(|(outer, inner, at)| {
        let places: Vec<usize> = outer.char_indices().map(|(place, _)| place).collect();
        let (before, after) = outer.split_at(places[at.index(places.len())]);
        format!("{before}{inner}{after}")
    });
    let between = |joint: &'static str| {
        token()
            .prop_map(move |token| token.chars().map(String::from).collect::<Vec<_>>().join(joint))
    };
    let spelled = |written: fn(char) -> String| {
        token().prop_map(move |token| token.chars().map(written).collect())
    };
    prop_oneof![
        4 => token().prop_map(String::from),
        4 => inside.clone(),
        2 => (inside, token()).prop_map(|(nested, token)| token.replace('_', &nested)),
        1 => between("\u{200b}"),
        1 => between("\u{e0041}"),
        1 => between("\u{fe0f}"),
        1 => between("\u{7}"),
        1 => between("<b></b>"),
        1 => between("<!-- -->"),
        1 => between("[](x)"),
        1 => spelled(|c| match c {
            '<' => "&lt;".into(), '>' => "&gt;".into(), '|' => "&#124;".into(), c => c.into(),
        }),
        1 => spelled(|c| match c {
            '<' => "&amp;lt;".into(), '>' => "&amp;gt;".into(), c => c.into(),
        }),
        1 => spelled(|c| match c {
            '<' => '＜', '>' => '＞', '|' => '｜', '[' => '［', ']' => '］', c => c,
        }.into()),
        1 => spelled(|c| format!("&#x{:x};", u32::from(c))),
        1 => spelled(|c| format!("%{:02X}", u32::from(c))),
    ]
}

fn hostile() -> impl Strategy<Value = String> {
    let noise = prop::sample::select(
        [
            "",
            " ",
            "\u{200d}",
            "\u{202e}",
            "\u{e0020}",
            "text",
            "\u{1b}[2J",
            "❤️",
            "中文",
            "<",
            "[",
            "|",
        ]
        .as_slice(),
    );
    prop::collection::vec((noise, tricked()), 1..4)
        .prop_map(|parts| parts.into_iter().map(|(sign, token)| format!("{sign}{token}")).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_text_of_a_tool_holds_a_token(
        texts in prop::collection::vec(hostile(), 12),
        quarantine in any::<bool>(),
    ) {
        let plan = CorpusPlan { quarantine, ..CorpusPlan::default() };
        match refine(&planted(&texts), &plan) {
            Ok(tool) => every_text(&tool, &mut |text| {
                for token in TOKENS {
                    // Wide signs are made narrow by some tokenizers.
                    let narrow = text.replace('＜', "<").replace('＞', ">").replace('｜', "|");
                    let narrow = narrow.replace('［', "[").replace('］', "]");
                    assert!(!text.contains(token), "{token} in {text:?} of {texts:?}");
                    assert!(!narrow.contains(token), "{token} in {text:?} of {texts:?}");
                }
                assert_harmless(text);
            }),
            Err(rejection) => {
                assert_harmless(&rejection.reason);
                assert_harmless(&rejection.subject);
            }
        }
    }
}

#[track_caller]
fn assert_harmless(text: &str) {
    let steers = |c: char| {
        c.is_control()
            || matches!(
                c,
                '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}'
            )
    };
    assert!(!text.chars().any(steers), "{text:?}");
}

/// A record with a hostile text wherever one goes.
fn planted(texts: &[String]) -> Record {
    let text = |ordinal: usize| Value::text(&texts[ordinal]);
    let object = |entries: Vec<(&str, Value)>| {
        let entries = entries.into_iter().map(|(name, value)| (name.to_string(), value));
        Value::Object(entries.collect())
    };
    let nested = object(vec![("default", object(vec![(&texts[3], Value::List(vec![text(4)]))]))]);
    let properties = object(vec![
        (
            &texts[0],
            object(vec![
                ("type", Value::text("string")),
                ("description", text(1)),
                ("default", text(2)),
                ("pattern", text(5)),
                ("format", text(6)),
                ("x-in", text(7)),
            ]),
        ),
        ("choice", object(vec![("enum", Value::List(vec![text(8), text(9)]))])),
        ("constant", object(vec![("const", text(10))])),
        ("anything", nested),
    ]);
    Record {
        identity: texts[11].clone(),
        name: texts[0].clone(),
        description: texts[1].clone(),
        parameters: object(vec![("properties", properties.clone())]),
        returns: object(vec![("type", Value::text("object")), ("properties", properties)]),
        example: text(3),
        method: Some("GET".into()),
        path: Some(format!("/{}", texts[2])),
        origin: Origin {
            source: texts[4].clone(),
            provider: texts[5].clone(),
            service: texts[6].clone(),
            category: texts[7].clone(),
            license: texts[8].clone(),
            version: texts[9].clone(),
            file: "tools.json".into(),
            pointer: "/1".into(),
        },
    }
}

/// Every text of a tool, whatever it is called: keys and values of its JSON.
fn every_text(tool: &Tool, see: &mut impl FnMut(&str)) {
    let json = serde_json::to_string(tool).unwrap();
    walk(&Value::parse(&json).unwrap(), see);
}

fn walk(value: &Value, see: &mut impl FnMut(&str)) {
    match value {
        Value::Text(text) => see(text),
        Value::List(items) => items.iter().for_each(|item| walk(item, see)),
        Value::Object(entries) => {
            for (name, part) in entries {
                see(name);
                walk(part, see);
            }
        }
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Number(_) => {}
    }
}

/// Joiners that letters and emoji need stay; the same characters elsewhere go.
#[test]
fn joiners_stay_where_a_script_needs_them() {
    let described = |text: &str| {
        let record = Record {
            identity: "a".into(),
            name: "find_seat".into(),
            description: text.into(),
            ..Record::default()
        };
        refine(&record, &CorpusPlan::default()).unwrap().description
    };
    for kept in [
        "می\u{200c}خواهم",
        "क्\u{200d}ष",
        "👩\u{200d}💻 ok",
        "❤\u{fe0f} ok",
        "🏳\u{fe0f}\u{200d}🌈 ok",
    ] {
        assert_eq!(described(kept), kept);
    }
    assert_eq!(described("se\u{200d}at a\u{200c}b x\u{fe0f} 😀\u{200d}"), "seat ab x 😀");
    assert_eq!(described("می\u{200c}\u{200c}\u{200c}خواهم"), "می\u{200c}خواهم");
}
