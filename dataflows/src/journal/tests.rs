//! The journal, cut at every byte, damaged at every byte, and failing at every step.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use schemas::{Answer, Finish, Prompt, PromptRole, Purpose, Request, ResponseFormat, Sampling};
use tempfile::TempDir;

use super::{Asked, Exchange, Journal, Recorded};
use crate::store::disk::faults::{self, Mode};
use crate::store::{Locked, StoreError, World};

fn exchange(said: &str) -> Exchange {
    let request = Request {
        purpose: Purpose::Describe,
        model: "small".into(),
        messages: vec![Prompt::said(PromptRole::User, said)],
        sampling: Sampling { temperature_permille: 0, tokens_max: 9 },
        format: ResponseFormat::Text,
        trial: 0,
        tools: Vec::new(),
    };
    let answer = Answer {
        request: request.id(),
        text: format!("{said}, indeed \u{2028}\n\"é\""),
        finish: Finish::Stop,
        tokens_in: 3,
        tokens_out: 4,
    };
    Exchange { request: Asked::Whole(request), answer }
}

struct Stage {
    _folder: TempDir,
    world: World,
}

impl Stage {
    fn set() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let world = World::create(folder.path().join("world")).unwrap();
        Stage { _folder: folder, world }
    }

    fn lock(&self) -> Arc<Locked> {
        Arc::new(self.world.lock().unwrap())
    }

    fn segment(&self) -> PathBuf {
        self.world.journal().join(format!("{:020}.log", 1))
    }

    #[track_caller]
    fn assert_answers(&self, present: &[Exchange], absent: &[Exchange]) {
        let recorded = Recorded::read(&self.world).unwrap();
        assert_eq!(recorded.len(), present.len());
        for exchange in present {
            let found = recorded.answer(exchange.answer.request).unwrap();
            assert_eq!(found.as_ref(), Some(&exchange.answer));
        }
        for exchange in absent {
            assert_eq!(recorded.answer(exchange.answer.request).unwrap(), None);
        }
    }
}

#[test]
fn answers_survive_the_process() {
    let stage = Stage::set();
    let asked = ["a", "b", "c", "d"].map(exchange);
    let mut journal = Journal::open(stage.lock()).unwrap();
    assert!(journal.recorded().is_empty());
    journal.append(&asked[..2]).unwrap();
    journal.append(&asked[2..3]).unwrap();
    assert_eq!(
        journal.recorded().answer(asked[1].answer.request).unwrap().as_ref(),
        Some(&asked[1].answer)
    );
    drop(journal);
    let mut again = Journal::open(stage.lock()).unwrap();
    assert_eq!((again.recorded().len(), again.repair()), (3, None));
    again.append(&asked[3..]).unwrap();
    drop(again);
    stage.assert_answers(&asked, &[exchange("e")]);
    assert_eq!(fs::read_dir(stage.world.journal()).unwrap().count(), 1, "one segment");
}

#[test]
fn first_answer_to_a_request_stands() {
    let stage = Stage::set();
    let first = exchange("a");
    let mut second = first.clone();
    second.answer.text = "no".into();
    let mut journal = Journal::open(stage.lock()).unwrap();
    journal.append(std::slice::from_ref(&first)).unwrap();
    journal.append(&[second]).unwrap();
    drop(journal);
    stage.assert_answers(&[first], &[]);
}

/// Whatever the moment of a crash, what was written before is there, and the next entry fits on.
#[test]
fn journal_cut_at_any_byte_goes_on() {
    let stage = Stage::set();
    let asked = ["a", "b", "c"].map(exchange);
    let mut journal = Journal::open(stage.lock()).unwrap();
    journal.append(&asked[..1]).unwrap();
    let first = fs::metadata(stage.segment()).unwrap().len();
    journal.append(&asked[1..2]).unwrap();
    drop(journal);
    let whole = fs::read(stage.segment()).unwrap();
    for length in 0..=whole.len() {
        fs::write(stage.segment(), &whole[..length]).unwrap();
        let kept = match length as u64 {
            length if length < first => 0,
            length if length < whole.len() as u64 => 1,
            _ => 2,
        };
        stage.assert_answers(&asked[..kept], &asked[kept..]);
        let mut again = Journal::open(stage.lock()).unwrap();
        let is_cut = ![0, first, whole.len() as u64].contains(&(length as u64))
            && length != super::HEADER.len();
        assert_eq!(again.repair().is_some(), is_cut, "cut at {length}");
        again.append(&asked[2..]).unwrap();
        drop(again);
        let after: Vec<_> = asked[..kept].iter().chain(&asked[2..]).cloned().collect();
        stage.assert_answers(&after, &asked[kept..2]);
    }
}

/// Bytes that a crash left at the end, of whatever kind, are no entry.
#[test]
fn garbage_at_the_end_is_cut_off() {
    let stage = Stage::set();
    let asked = ["a", "b"].map(exchange);
    Journal::open(stage.lock()).unwrap().append(&asked[..1]).unwrap();
    let whole = fs::read(stage.segment()).unwrap();
    for garbage in [&[0_u8; 300][..], b"\n\n\n", b"{}\n[]\n", &whole[22..whole.len() - 9]] {
        fs::write(stage.segment(), [&whole, garbage].concat()).unwrap();
        let mut journal = Journal::open(stage.lock()).unwrap();
        assert!(journal.repair().unwrap().contains(&garbage.len().to_string()));
        journal.append(&asked[1..]).unwrap();
        drop(journal);
        stage.assert_answers(&asked, &[]);
    }
}

/// An answer that was paid for is not forgotten in silence.
#[test]
fn damage_before_the_end_is_an_error_at_any_byte() {
    let stage = Stage::set();
    let asked = ["a", "b"].map(exchange);
    let mut journal = Journal::open(stage.lock()).unwrap();
    journal.append(&asked[..1]).unwrap();
    let first = usize::try_from(fs::metadata(stage.segment()).unwrap().len()).unwrap();
    journal.append(&asked[1..]).unwrap();
    drop(journal);
    let whole = fs::read(stage.segment()).unwrap();
    for place in 0..first {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        fs::write(stage.segment(), damaged).unwrap();
        let error = Recorded::read(&stage.world).unwrap_err();
        let expected = matches!(error, StoreError::Damaged { .. } | StoreError::Newer { .. });
        assert!(expected, "byte {place}: {error}");
        assert!(Journal::open(stage.lock()).is_err());
    }
}

#[test]
fn unfinished_entry_of_an_earlier_segment_is_damage() {
    let stage = Stage::set();
    Journal::open(stage.lock()).unwrap().append(&[exchange("a")]).unwrap();
    let whole = fs::read(stage.segment()).unwrap();
    fs::write(stage.world.journal().join(format!("{:020}.log", 2)), &whole).unwrap();
    stage.assert_answers(&[exchange("a")], &[]);
    fs::write(stage.segment(), &whole[..whole.len() - 1]).unwrap();
    let error = Recorded::read(&stage.world).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[test]
fn journal_of_a_newer_program_is_left_alone() {
    let stage = Stage::set();
    fs::write(stage.segment(), "agentscaler journal 2\nsomething else\n").unwrap();
    let error = Journal::open(stage.lock()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { format: 2, .. }), "{error}");
    assert!(fs::read_to_string(stage.segment()).unwrap().ends_with("something else\n"));
}

/// A journal of the first format, as it was written: every later version must read it.
#[test]
fn journal_of_the_first_format_is_read() {
    let text = concat!(
        "[{\"request\":{\"purpose\":\"describe\",\"model\":\"m\",\"messages\":[{\"role\":\"system\",",
        "\"content\":\"x\"}],\"sampling\":{\"temperature_permille\":0,\"tokens_max\":5},",
        "\"format\":\"json_object\",\"trial\":0},\"answer\":{\"request\":",
        "\"1111111111111111111111111111111111111111111111111111111111111111\",",
        "\"text\":\"{}\",\"finish\":\"declined\",\"tokens_in\":1,\"tokens_out\":2}}]"
    );
    let checksum = "4234d566a121c1cac1f078ad6447fe27fc4ec46db89a593e09d738c29645c53f";
    let stage = Stage::set();
    let segment = format!("agentscaler journal 1\n{checksum} {text}\n");
    fs::write(stage.segment(), segment).unwrap();
    let recorded = Recorded::read(&stage.world).unwrap();
    let id = "1".repeat(64).parse().unwrap();
    let answer = recorded.answer(id).unwrap().unwrap();
    assert_eq!((answer.finish, answer.tokens_out), (Finish::Declined, 2));
}

/// Every step on the disk fails once: no answer is reported durable that is not, and what was
/// durable stays.
#[test]
fn failing_disk_loses_nothing_that_was_promised() {
    let mut steps = 0;
    loop {
        let stage = Stage::set();
        let asked = ["a", "b"].map(exchange);
        let store = stage.lock();
        let folder = stage.world.root().to_path_buf();
        let ((promised, refused), seen) = faults::after(&folder, Mode::Once, steps, || {
            let mut promised = Vec::new();
            let Ok(mut journal) = Journal::open(store) else { return (promised, true) };
            let mut refused = false;
            for one in &asked {
                match journal.append(std::slice::from_ref(one)) {
                    Ok(()) => {
                        assert!(!refused, "nothing is written after a failure");
                        promised.push(one.clone());
                    }
                    Err(_) => refused = true,
                }
            }
            (promised, refused)
        });
        if seen.struck.is_none() {
            assert_eq!(promised.len(), 2);
            break;
        }
        assert!(refused, "step {steps}");
        let mut journal = Journal::open(stage.lock()).unwrap();
        for one in &promised {
            assert!(journal.recorded().answer(one.answer.request).unwrap().is_some());
        }
        journal.append(&asked).unwrap();
        drop(journal);
        stage.assert_answers(&asked, &[]);
        steps += 1;
    }
    assert!(5 < steps, "{steps} steps");
}
