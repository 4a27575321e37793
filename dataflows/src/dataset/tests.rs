//! Rows there and back, and what happens to damaged files.

use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

use schemas::{
    ArgumentSource, Audit, Call, Digest, DomainId, Effect, FaultKind, GoldenCall, InjectedFault,
    Intent, JsonEncoding, Message, Persona, Scenario, Speaker, Stage, Task, TaskId, TaskKind,
    Trajectory, TrajectoryId, Value, Verdict,
};

use super::{
    BoundTool, Cells, DomainTools, Earlier, Laid, TaskRow, TrajectoryRow, Tries, read_tasks,
    read_trajectories, write_encoded, write_rejected, write_tasks, write_trajectories,
};

fn message(role: Speaker, content: &str) -> Message {
    Message {
        role,
        content: content.into(),
        reasoning: String::new(),
        calls: Vec::new(),
        name: String::new(),
        supervised: role == Speaker::Assistant,
    }
}

fn task(ordinal: u64) -> Task {
    let call = GoldenCall {
        name: "find_book".into(),
        arguments: Value::parse("{\"title\": \"Dune\", \"limit\": 2.5}").unwrap(),
        sources: vec![
            ("title".into(), ArgumentSource::User),
            ("limit".into(), ArgumentSource::Output(0, "/results/0".into())),
        ],
        observation: "{\"results\": []}".into(),
        effect: Effect::Write,
        failed: true,
    };
    Task {
        id: TaskId(ordinal),
        domain: DomainId(7),
        kind: TaskKind::Chain,
        offered: ["find_book".to_string(), "lend_book".to_string()].into(),
        part: Digest::of(b"part"),
        scenario: Scenario {
            instruction: "You want to find \"Dune\" 🏜.".into(),
            persona: Persona::Terse,
            intents: vec![Intent {
                request: "Dune?".into(),
                on_request: Vec::new(),
                calls: vec![0],
            }],
        },
        faults: vec![InjectedFault {
            operation: "find_book".into(),
            kind: FaultKind::LostReply,
            times: 1,
        }],
        golden: vec![call],
        initial_state: Digest::of(b"before"),
        golden_state: Digest::of(b"after"),
        audit: Audit { right_runs: 3, false_rejects: 1, wrong_runs: 4, false_accepts: 2 },
    }
}

fn tools() -> DomainTools {
    let tool = |source: &str| BoundTool {
        json: "{\"type\": \"function\"}".into(),
        effect: Effect::Write,
        revision: Digest::of(source.as_bytes()),
        source: source.into(),
        license: "MIT".into(),
    };
    [("find_book".to_string(), tool("library")), ("lend_book".to_string(), tool("desk"))].into()
}

fn row(ordinal: u64, arguments: Value, verdict: &Verdict) -> TrajectoryRow {
    let calling = Message {
        calls: vec![Call { name: "find_book".into(), arguments }],
        ..message(Speaker::Assistant, "")
    };
    let answer =
        Message { name: "find_book".into(), ..message(Speaker::Tool, "{\"error\": \"no\"}") };
    let trajectory = Trajectory {
        id: TrajectoryId(ordinal),
        task: TaskId(3),
        domain: DomainId(7),
        kind: TaskKind::Chain,
        trial: 0,
        agent: "built-in".into(),
        user: "built-in".into(),
        messages: vec![
            message(Speaker::System, "Help."),
            message(Speaker::User, "Dune, please\u{2028}\0"),
            calling,
            answer,
            message(Speaker::Assistant, "There is none."),
        ],
        ended: true,
        initial_state: Digest::of(b"before"),
        final_state: Digest::of(b"after"),
    };
    TrajectoryRow::new(trajectory, &task(3), "library", &tools(), verdict)
}

fn kept(count: u64) -> Vec<TrajectoryRow> {
    let arguments = Value::parse("{\"b\": 1, \"a\": null}").unwrap();
    (0..count).map(|ordinal| row(ordinal, arguments.clone(), &Verdict::kept())).collect()
}

#[test]
fn row_counts_what_was_done() {
    let row = &kept(1)[0];
    assert_eq!((row.n_calls, row.n_turns, row.n_writes, row.n_tool_errors), (1, 2, 1, 1));
    assert_eq!(row.sources, ["desk", "library"]);
    assert_eq!(row.licenses, ["MIT"]);
    assert_eq!(row.tool_revisions, [Digest::of(b"library"), Digest::of(b"desk")]);
}

/// At inference, templates show what was thought since the user last spoke, and nothing earlier.
#[test]
fn turn_comes_without_earlier_thoughts() {
    let mut row = kept(1).remove(0);
    let thought = |role, content: &str, reasoning: &str| Message {
        reasoning: reasoning.into(),
        ..message(role, content)
    };
    row.messages = vec![
        message(Speaker::User, "Dune?"),
        thought(Speaker::Assistant, "Which?", "first"),
        message(Speaker::User, "The first."),
        thought(Speaker::Assistant, "Looking.", "second"),
        message(Speaker::Tool, "{}"),
        thought(Speaker::Assistant, "Here.", "third"),
    ];
    row.messages[3].supervised = false;
    let turns: Vec<_> = row.turns().collect();
    let thoughts = |messages: &[Message]| -> Vec<String> {
        messages.iter().map(|it| it.reasoning.clone()).filter(|it| !it.is_empty()).collect()
    };
    assert_eq!(turns.iter().map(|turn| turn.turn).collect::<Vec<_>>(), [1, 5]);
    assert_eq!(
        (thoughts(&turns[0].prompt), turns[0].completion.reasoning.as_str()),
        (vec![], "first")
    );
    assert_eq!(thoughts(&turns[1].prompt), ["second"]);
    assert_eq!(turns[1].completion.reasoning, "third");
}

#[test]
fn rows_survive_their_file() {
    let mut rows = kept(1200);
    // Arguments that are no object are kept as the agent sent them.
    rows.push(row(1200, Value::text("{broken"), &Verdict::kept()));
    let bytes = write_trajectories(rows.clone()).unwrap();
    let read: Vec<_> = read_trajectories(Bytes::from(bytes)).unwrap().map(Result::unwrap).collect();
    assert!(read == rows);
}

#[test]
fn tasks_survive_their_file() {
    let tasks: Vec<_> = (0..70)
        .map(|id| TaskRow {
            task: task(id),
            domain: "library".into(),
            split: "train".into(),
            tries: Tries { trials: 4, passes: 3 },
        })
        .collect();
    let bytes = write_tasks(tasks.clone()).unwrap();
    let read: Vec<_> = read_tasks(Bytes::from(bytes)).unwrap().map(Result::unwrap).collect();
    assert!(read == tasks);
}

#[test]
fn empty_and_rejected_files_have_the_columns_of_full_ones() {
    assert_eq!(read_trajectories(Bytes::from(write_trajectories([]).unwrap())).unwrap().count(), 0);
    let refuted = Verdict::refuted(Stage::State, "loans: one row too many");
    let rows = [row(1, Value::Null, &refuted)];
    let read = read_trajectories(Bytes::from(write_rejected(rows.clone()).unwrap())).unwrap();
    assert_eq!(read.map(Result::unwrap).collect::<Vec<_>>(), rows);
}

#[test]
fn same_rows_give_the_same_bytes() {
    assert!(write_trajectories(kept(600)).unwrap() == write_trajectories(kept(600)).unwrap());
}

#[test]
fn file_is_laid_out_as_readers_expect() {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    let bytes = Bytes::from(write_trajectories(kept(5000)).unwrap());
    let file = SerializedFileReader::new(bytes).unwrap();
    let metadata = file.metadata();
    assert_eq!(metadata.file_metadata().created_by(), Some("agentscaler"));
    assert_eq!(metadata.num_row_groups(), 2);
    assert_eq!(metadata.row_group(0).num_rows(), 4096);
    let columns: Vec<_> = metadata
        .file_metadata()
        .schema()
        .get_fields()
        .iter()
        .map(|column| column.name().to_string())
        .collect();
    let expected = "trajectory_id task_id domain_id domain kind messages tools supervised n_calls \
                    n_turns n_writes n_tool_errors initial_state golden_state final_state verdict \
                    reason sources licenses tool_revisions agent user trial";
    assert_eq!(columns.join(" "), expected);
    assert!(metadata.row_group(0).column(0).offset_index_offset().is_some());
}

/// What repeats is small in a file and large in a reader's memory, which is what counts.
#[test]
fn row_groups_are_bounded_by_what_a_reader_unfolds() {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    let tool: std::sync::Arc<str> = format!("\"{}\"", "x".repeat(1 << 20)).into();
    let mut rows = kept(150);
    for row in &mut rows {
        row.tools = vec![std::sync::Arc::clone(&tool)];
    }
    let file = SerializedFileReader::new(Bytes::from(write_trajectories(rows).unwrap())).unwrap();
    let groups = file.metadata().row_groups().iter().map(|group| group.num_rows());
    assert_eq!(groups.collect::<Vec<_>>(), [64, 64, 22]);
}

#[test]
fn unsorted_rows_are_refused_by_writer_and_reader() {
    let mut rows = kept(2);
    rows.reverse();
    std::panic::catch_unwind(|| write_trajectories(rows)).unwrap_err();
    let twice = [kept(1), kept(1)].concat();
    std::panic::catch_unwind(|| write_trajectories(twice)).unwrap_err();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// A damaged file gives rows and then an error, never a panic.
    #[test]
    fn damage_is_an_error(
        cut in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        torn in any::<bool>(),
    ) {
        let mut bytes = write_trajectories(kept(40)).unwrap();
        for (place, byte) in flips {
            let place = place.index(bytes.len());
            bytes[place] ^= byte;
        }
        if torn {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(rows) = read_trajectories(Bytes::from(bytes)) {
            let rows: Vec<_> = rows.collect();
            prop_assert!(rows.iter().rev().skip(1).all(Result::is_ok));
        }
    }
}

#[test]
fn json_in_strings_is_the_same_rows_without_the_type() {
    let rows = kept(40);
    let has_type = |bytes: &[u8]| bytes.windows(10).any(|it| it == b"arrow.json");
    for (encoding, typed) in [(JsonEncoding::Json, true), (JsonEncoding::String, false)] {
        let bytes = write_encoded(rows.clone(), encoding).unwrap();
        let built = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes.clone())).unwrap();
        let tools = format!("{:?}", built.schema().field_with_name("tools").unwrap());
        assert_eq!((has_type(tools.as_bytes()), tools.contains("Utf8")), (typed, true), "{tools}");
        let read: Vec<TrajectoryRow> =
            read_trajectories(Bytes::from(bytes)).unwrap().map(Result::unwrap).collect();
        assert!(read == rows, "{encoding:?}");
    }
    let empty = write_encoded(Vec::<TrajectoryRow>::new(), JsonEncoding::String).unwrap();
    assert_eq!(read_trajectories(Bytes::from(empty)).unwrap().count(), 0);
}

/// A row of one of nine domains, three of them in a cell.
fn of_domain(ordinal: u64) -> TrajectoryRow {
    let arguments = Value::parse("{\"b\": 1, \"a\": null}").unwrap();
    TrajectoryRow {
        domain_id: DomainId(ordinal % 9 * 2),
        tools: vec!["\"one\"".into(); (ordinal % 5) as usize],
        ..row(ordinal, arguments, &Verdict::kept())
    }
}

fn cell(domain: DomainId) -> u64 {
    domain.0 / 6
}

/// The rows of each cell in which any is so.
fn cells(of: &[TrajectoryRow], is_so: impl Fn(DomainId) -> bool) -> Vec<Vec<TrajectoryRow>> {
    let of_cell = |it: u64| of.iter().filter(move |row| cell(row.domain_id) == it);
    let so = |it| of_cell(it).filter(|row| is_so(row.domain_id)).cloned().collect();
    (0..3).map(so).collect()
}

fn written(cells: Vec<Vec<TrajectoryRow>>, encoding: JsonEncoding) -> Vec<u8> {
    let mut file = Cells::new(encoding);
    cells.into_iter().for_each(|rows| file.write(rows, Laid::default()).unwrap());
    file.finish().unwrap().unwrap().0
}

/// Whatever stays of an earlier file, single rows or cells, is as if it were written anew.
#[test]
fn cells_beside_earlier_ones_are_written_as_if_all_were_new() {
    let all: Vec<TrajectoryRow> = (0..1_400).map(of_domain).collect();
    for encoding in [JsonEncoding::Json, JsonEncoding::String] {
        let whole = written(cells(&all, |_| true), encoding);
        let read: Vec<TrajectoryRow> =
            read_trajectories(Bytes::from(whole.clone())).unwrap().map(Result::unwrap).collect();
        assert!(read == cells(&all, |_| true).concat(), "{encoding:?}");
        // One domain was otherwise, one was not there, one is gone.
        for changed in [[16, 14, 17], [0, 8, 9], [6, 8, 7]] {
            let [other, missing, gone] = changed.map(DomainId);
            let mut before = all.clone();
            before.retain(|row| row.domain_id != missing);
            let edited = before.iter_mut().filter(|row| row.domain_id == other);
            edited.for_each(|row| row.reason = "otherwise".into());
            before.extend(
                (2_000..2_010).map(|it| TrajectoryRow { domain_id: gone, ..of_domain(it) }),
            );
            let earlier =
                Earlier::open(written(cells(&before, |_| true), encoding).into()).unwrap();
            let is_new = |domain| [other, missing].contains(&domain);
            let mut file = Cells::new(encoding);
            for (place, fresh) in (0..).zip(cells(&all, is_new)) {
                let groups = earlier.groups(|domain| cell(domain) == place);
                if fresh.is_empty() {
                    file.keep(&earlier, &groups).unwrap();
                } else {
                    let stays = |it| ![other, missing, gone].contains(&it);
                    file.write(fresh, earlier.rows(groups, stays).unwrap()).unwrap();
                }
            }
            let (bytes, count) = file.finish().unwrap().unwrap();
            assert_eq!((bytes == whole, count), (true, 1_400), "{encoding:?} {changed:?}");
        }
    }
}

#[test]
fn rows_of_other_columns_are_no_part_of_a_file() {
    let rows = Earlier::open(written(vec![kept(2)], JsonEncoding::Json).into()).unwrap();
    assert_eq!(rows.groups(|_| true), [0]);
    let mut file = Cells::new(JsonEncoding::Json);
    let task = TaskRow {
        task: task(1),
        domain: "library".into(),
        split: "train".into(),
        tries: Tries::default(),
    };
    file.write(vec![task.clone()], rows.rows(vec![0], |_| true).unwrap()).unwrap_err();
    file.write(vec![task], Laid::default()).unwrap();
    file.keep(&rows, &[0]).unwrap_err();
    Earlier::open(Bytes::from_static(b"PAR1 and no more")).err().unwrap();
}
