//! Decontaminating, lifted: after every epoch the collections equal what plain loops over everything
//! there is give, whatever tools, tasks, domains and benchmarks came and went, on one to three
//! workers.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use differential_dataflow::ExchangeData;
use differential_dataflow::input::Input;
use proptest::prelude::*;
use timely::dataflow::ProbeHandle;

use operators::compose::compose;
use operators::decontaminate::{
    Compared, Found, Named, fingerprint, key, of_domain, of_task, of_tool, read,
};
use operators::engine::{World, example};
use operators::{Decontaminate, Forgetful, MemoryDepot, Recall, get_record, put_record};
use schemas::{
    Basis, CorpusPlan, DecontaminatePlan, Digest, Domain, DomainId, Environment, EnvironmentRef,
    Field, FingerprintInput, Output, Overlap, Rejection, Shape, Sketch, Stage, Task, TaskPlan,
    TaskRef, Tool, ToolId, Value,
};

const EPOCHS: usize = 4;

struct Stage0 {
    depot: Arc<MemoryDepot>,
    environments: Vec<EnvironmentRef>,
    domains: Vec<Domain>,
    tools: Vec<Arc<Tool>>,
    tasks: Vec<TaskRef>,
    benchmarks: Vec<Arc<Sketch>>,
}

fn field(name: &str) -> Field {
    Field {
        name: name.into(),
        shape: Shape::text(),
        required: true,
        place: String::new(),
        description: String::new(),
        default: Value::Null,
        example: Value::Null,
    }
}

fn tool(id: ToolId, name: &str, description: &str, parameters: &[&str]) -> Tool {
    Tool {
        id,
        revision: Digest::of(description.as_bytes()),
        identity: name.into(),
        name: name.into(),
        description: description.into(),
        source: String::new(),
        provider: String::new(),
        service: String::new(),
        category: String::new(),
        license: String::new(),
        method: None,
        path: None,
        input: parameters.iter().map(|one| field(one)).collect(),
        output: Output { shape: Shape::Any, basis: Basis::Inferred },
    }
}

fn benchmark(name: &str, tools: Vec<Named>, texts: Vec<String>) -> Arc<Sketch> {
    let input = FingerprintInput {
        digest: Digest::of(name.as_bytes()),
        bytes: 1,
        tools: tools.len() as u64,
        texts: texts.len() as u64,
    };
    Arc::new(fingerprint(name, &[(input, Found { tools, texts })]).sketch(5).unwrap())
}

fn named(tool: &Tool) -> Named {
    Named {
        name: tool.name.clone(),
        description: tool.description.clone(),
        parameters: tool.input.iter().map(|field| field.name.clone()).collect(),
    }
}

/// Two worlds with their tools and tasks, and benchmarks that overlap with some of each.
static STAGE: LazyLock<Stage0> = LazyLock::new(|| {
    let depot = Arc::new(MemoryDepot::default());
    let worlds: Vec<Environment> = vec![example::library(), example::help_desk()];
    let reference = |environment: &Environment| EnvironmentRef {
        domain: environment.domain,
        name: environment.name.clone(),
        payload: put_record(&*depot, environment),
        tables: 3,
        reads: 4,
        writes: 4,
    };
    let tools: Vec<Arc<Tool>> = worlds
        .iter()
        .flat_map(|world| &world.operations)
        .map(|operation| {
            let parameters: Vec<&str> =
                operation.input.iter().map(|field| field.name.as_str()).collect();
            let description = format!("{} as the people at the desk do it.", operation.description);
            Arc::new(tool(operation.tool, &operation.name, &description, &parameters))
        })
        .collect();
    let domain = |world: &Environment| Domain {
        id: world.domain,
        name: world.name.clone(),
        tools: world.operations.iter().map(|it| (it.tool, it.revision)).collect(),
    };
    let composed: Vec<Task> = worlds
        .iter()
        .flat_map(|world| {
            let engine = World::new(world.clone()).unwrap();
            compose(world, &engine, &TaskPlan::default(), 11).tasks
        })
        .collect();
    let tasks = composed.iter().map(|task| TaskRef {
        id: task.id,
        domain: task.domain,
        payload: put_record(&*depot, task),
        kind: task.kind,
        calls: 0,
        writes: 0,
    });
    // Long texts, since chance decides in short ones.
    let mut said: Vec<String> = composed.iter().map(|it| it.scenario.instruction.clone()).collect();
    said.sort_by_key(|text| std::cmp::Reverse((text.split(' ').count(), text.clone())));
    let renamed = Named { name: "unlike".into(), ..named(&tools[1]) };
    Stage0 {
        environments: worlds.iter().map(reference).collect(),
        domains: worlds.iter().map(domain).collect(),
        tasks: tasks.collect(),
        benchmarks: vec![
            benchmark("tools", vec![named(&tools[0]), renamed], Vec::new()),
            benchmark("texts", Vec::new(), vec![said[0].clone(), said[1].clone()]),
            benchmark(
                "both",
                tools.iter().map(|tool| named(tool)).collect(),
                vec![said[0].clone()],
            ),
            benchmark("strange", Vec::new(), vec!["Nobody here would ever say a thing so".into()]),
        ],
        tools,
        depot,
    }
});

/// What there is at one epoch.
#[derive(Clone, Debug, Default)]
struct Present {
    tools: Vec<Arc<Tool>>,
    domains: Vec<Domain>,
    environments: Vec<EnvironmentRef>,
    tasks: Vec<TaskRef>,
    benchmarks: Vec<Arc<Sketch>>,
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Said {
    clean: BTreeMap<TaskRef, isize>,
    withheld: BTreeMap<(TaskRef, Rejection), isize>,
    tools: BTreeMap<(ToolId, Overlap), isize>,
    domains: BTreeMap<(DomainId, Overlap), isize>,
}

/// The twin: every tool and task with every benchmark, one after the other.
fn obvious(there: &Present, plan: &DecontaminatePlan) -> Said {
    let mut said = Said::default();
    let mut flagged: BTreeMap<ToolId, Overlap> = BTreeMap::new();
    for tool in &there.tools {
        let all = there.benchmarks.iter().filter_map(|it| of_tool(tool, it, plan));
        if let Some(most) = all.max() {
            flagged.insert(tool.id, most.clone());
            said.tools.insert((tool.id, most), 1);
        }
    }
    for domain in &there.domains {
        let of = domain.tools.iter().filter_map(|(tool, _)| flagged.get(tool));
        if let Some(overlap) = of_domain(domain.tools.len(), of, plan) {
            said.domains.insert((domain.id, overlap), 1);
        }
    }
    for reference in &there.tasks {
        let task: Task = get_record(&*STAGE.depot, &reference.payload);
        let by_words = there.benchmarks.iter().filter_map(|it| of_task(&task, it, plan)).max();
        let by_tool = by_tool(&task, there, &flagged, plan);
        match by_words.max(by_tool) {
            None => drop(said.clean.insert(reference.clone(), 1)),
            Some(Overlap { permille, benchmark, what }) => {
                let rejection = Rejection {
                    stage: Stage::Contaminated,
                    subject: reference.id.to_string(),
                    rule: None,
                    reason: format!("overlaps with {benchmark} by {permille} permille: {what}"),
                    file: String::new(),
                    pointer: String::new(),
                };
                said.withheld.insert((reference.clone(), rejection), 1);
            }
        }
    }
    said
}

fn by_tool(
    task: &Task,
    there: &Present,
    flagged: &BTreeMap<ToolId, Overlap>,
    plan: &DecontaminatePlan,
) -> Option<Overlap> {
    let environment = there.environments.iter().find(|it| it.domain == task.domain)?;
    let environment: Environment = get_record(&*STAGE.depot, &environment.payload);
    let domain = there.domains.iter().find(|it| it.id == task.domain)?;
    let calls = task.golden.iter().map(|call| &call.name);
    for name in calls.chain(task.offered.iter().filter(|_| plan.offered)) {
        let tool = environment.operation(name).unwrap().tool;
        if domain.tools.iter().any(|(member, _)| *member == tool)
            && let Some(overlap) = flagged.get(&tool)
        {
            let what = format!("its tool {name}, by {}", overlap.what);
            return Some(Overlap { what, ..overlap.clone() });
        }
    }
    None
}

/// What is remembered of all tasks and benchmarks: the truth.
struct Everything(BTreeMap<Digest, Option<Overlap>>);

impl Everything {
    fn under(plan: &DecontaminatePlan) -> Everything {
        let mut all = BTreeMap::new();
        for reference in &STAGE.tasks {
            let task: Task = get_record(&*STAGE.depot, &reference.payload);
            for it in &STAGE.benchmarks {
                all.insert(key(&reference.payload, &it.digest, plan), of_task(&task, it, plan));
            }
        }
        Everything(all)
    }
}

impl Recall<Option<Overlap>> for Everything {
    fn recall(&self, wanted: &Digest) -> Option<Option<Overlap>> {
        self.0.get(wanted).cloned()
    }
}

type Heard<D> = Arc<Mutex<Vec<(D, u64, isize)>>>;

fn present<D: Ord + Clone>(heard: &Heard<D>, epoch: u64) -> BTreeMap<D, isize> {
    let mut counts: BTreeMap<D, isize> = BTreeMap::new();
    for (record, time, difference) in heard.lock().unwrap().iter() {
        if *time <= epoch {
            *counts.entry(record.clone()).or_default() += difference;
        }
    }
    counts.retain(|_, count| *count != 0);
    counts
}

/// Runs all epochs in one dataflow, and says what was there after each.
fn lifted(
    epochs: &[Present],
    plan: &DecontaminatePlan,
    remembers: bool,
    workers: usize,
) -> Vec<Said> {
    let heard: (Heard<_>, Heard<_>, Heard<_>, Heard<_>) = Default::default();
    let inside = heard.clone();
    let (all, plan) = (epochs.to_vec(), plan.clone());
    timely::execute(timely::Config::process(workers), move |worker| {
        let mut probe = ProbeHandle::new();
        let mut inputs = worker.dataflow(|scope| {
            let (tools, of_tools) = scope.new_collection();
            let (domains, of_domains) = scope.new_collection();
            let (environments, of_environments) = scope.new_collection();
            let (benchmarks, of_benchmarks) = scope.new_collection();
            let (tasks, of_tasks) = scope.new_collection::<TaskRef, isize>();
            let compared = Compared {
                tools: of_tools,
                domains: of_domains,
                environments: of_environments,
                benchmarks: of_benchmarks,
            };
            let recall: Arc<dyn Recall<Option<Overlap>>> = match remembers {
                true => Arc::new(Everything::under(&plan)),
                false => Arc::new(Forgetful),
            };
            let depot = Arc::clone(&STAGE.depot) as _;
            let out = of_tasks.decontaminate(compared, &plan, depot, recall);
            macro_rules! hear {
                ($collection:expr, $heard:expr) => {
                    let heard = Arc::clone(&$heard);
                    $collection
                        .inspect(move |update| heard.lock().unwrap().push(update.clone()))
                        .probe_with(&mut probe);
                };
            }
            hear!(out.clean, inside.0);
            hear!(out.withheld, inside.1);
            hear!(out.tools, inside.2);
            hear!(out.domains, inside.3);
            (tools, domains, environments, benchmarks, tasks)
        });
        fn step<D: ExchangeData>(
            input: &mut differential_dataflow::input::InputSession<u64, D, isize>,
            (before, now, is_mine): (&[D], &[D], bool),
        ) {
            for (records, difference) in [(before, -1), (now, 1)] {
                for record in records.iter().filter(|_| is_mine) {
                    input.update(record.clone(), difference);
                }
            }
            input.advance_to(input.time() + 1);
            input.flush();
        }
        let mut before = Present::default();
        let is_mine = worker.index() == 0;
        for (epoch, now) in all.iter().enumerate() {
            step(&mut inputs.0, (&before.tools, &now.tools, is_mine));
            step(&mut inputs.1, (&before.domains, &now.domains, is_mine));
            step(&mut inputs.2, (&before.environments, &now.environments, is_mine));
            step(&mut inputs.3, (&before.benchmarks, &now.benchmarks, is_mine));
            step(&mut inputs.4, (&before.tasks, &now.tasks, is_mine));
            before = now.clone();
            worker.step_while(|| probe.less_than(&(epoch as u64 + 1)));
        }
    })
    .unwrap();
    (0..epochs.len() as u64)
        .map(|epoch| Said {
            clean: present(&heard.0, epoch),
            withheld: present(&heard.1, epoch),
            tools: present(&heard.2, epoch),
            domains: present(&heard.3, epoch),
        })
        .collect()
}

/// Some of everything, at each epoch: a bit for each.
fn history() -> impl Strategy<Value = Vec<Present>> {
    fn some<D: Clone>(all: &[D], bits: u64) -> Vec<D> {
        let is_in = |place: usize| bits >> (place % 64) & 1 == 1;
        all.iter()
            .enumerate()
            .filter(|(place, _)| is_in(*place))
            .map(|(_, it)| it.clone())
            .collect()
    }
    let one = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>());
    let one = one.prop_map(|(tools, domains, environments, tasks, benchmarks)| Present {
        tools: some(&STAGE.tools, tools | tools << 1),
        domains: some(&STAGE.domains, domains | domains >> 1),
        environments: some(&STAGE.environments, environments | environments >> 1),
        tasks: some(&STAGE.tasks, tasks | tasks >> 1),
        benchmarks: some(&STAGE.benchmarks, benchmarks),
    });
    prop::collection::vec(one, EPOCHS)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Goal: whatever came and went, what is flagged and withheld is what plain loops say.
    #[test]
    fn decontaminated_equals_all_pairs(
        epochs in history(), workers in 1..4_usize, offered in any::<bool>(),
        remembers in any::<bool>(), permille in 1..1_001_u32,
    ) {
        let plan = DecontaminatePlan {
            offered, schema_permille: permille, ..DecontaminatePlan::default()
        };
        let said = lifted(&epochs, &plan, remembers, workers);
        for (epoch, there) in epochs.iter().enumerate() {
            prop_assert_eq!(&said[epoch], &obvious(there, &plan), "epoch {}", epoch);
        }
    }
}

/// Goal: the stage has something of every kind, so that the twin above compares something.
#[test]
fn benchmark_takes_what_it_hits_and_gives_it_back() {
    let all = Present {
        tools: STAGE.tools.clone(),
        domains: STAGE.domains.clone(),
        environments: STAGE.environments.clone(),
        tasks: STAGE.tasks.clone(),
        benchmarks: Vec::new(),
    };
    let with = |places: &[usize]| Present {
        benchmarks: places.iter().map(|place| Arc::clone(&STAGE.benchmarks[*place])).collect(),
        ..all.clone()
    };
    let plan = DecontaminatePlan::default();
    let said =
        lifted(&[with(&[]), with(&[1]), with(&[0, 1]), with(&[]), with(&[3])], &plan, false, 2);
    let withheld = |epoch: usize| said[epoch].withheld.len();
    assert_eq!(said[0].clean.len(), STAGE.tasks.len());
    assert!(2 <= withheld(1) && withheld(1) < withheld(2) && withheld(2) < STAGE.tasks.len());
    assert_eq!(said[2].tools.len(), 2, "one by name and parameters, one by its description");
    assert_eq!(said[3], said[0], "what it took comes back");
    assert_eq!(said[4], said[0], "a benchmark of strangers hits nothing");
}

#[test]
fn files_of_benchmarks_are_read() {
    let plan = CorpusPlan::default();
    let source = r#"
class Desk(ToolKit):
    @is_tool(ToolType.WRITE)
    def lend_item(self, item_id: str, days: int = 3, tags: dict[str, int] = {"a": 1}) -> str:
        """Lend an item to a member of the club.

        Args:
            item_id: which
        """
        return "done"

    def helper(self, x): ...

class TellWeather(Tool):
    @staticmethod
    def get_info() -> dict:
        return {"type": "function", "function": {
            "name": "tell_weather", "description": "Tells what the sky does today.",
            "parameters": {"type": "object", "properties": {"town": {"type": "string"}}},
        }}

tasks = [Task(user_id="u", instruction="You want to lend the blue " "kayak for a week.")]
"#;
    let found = read("desk.py", source.as_bytes(), &plan).unwrap();
    let tools: Vec<(&str, usize)> =
        found.tools.iter().map(|it| (it.name.as_str(), it.parameters.len())).collect();
    assert_eq!(tools, [("lend_item", 3), ("tell_weather", 1)]);
    assert_eq!(found.tools[0].parameters, ["item_id", "days", "tags"]);
    assert_eq!(found.tools[0].description, "Lend an item to a member of the club.");
    assert_eq!(found.texts, ["You want to lend the blue kayak for a week."]);

    let lines = concat!(
        r#"{"id": "1", "question": [[{"role": "user", "content": "Lend me a kayak"}]], "#,
        r#""function": [{"name": "lend", "description": "Lends.", "parameters": {"type": "dict", "#,
        r#""properties": {"query": {"type": "string", "description": "no text of a task"}}}}]}"#,
        "\n",
        r#"{"id": "2", "question": "user: And a boat?\nsystem: Which?\nuser: The red one.\n", "#,
        r#""function": []}"#,
    );
    let rows = read("rows.json", lines.as_bytes(), &plan).unwrap();
    assert_eq!(rows.tools.len(), 1);
    assert_eq!(rows.texts, ["Lend me a kayak", "And a boat?", "The red one."]);

    let tasks = r#"[{"id": "0", "user_scenario": {"instructions": {"reason_for_call":
        "You lost a paddle.", "known_info": "You are Ada.", "task_instructions": null}},
        "evaluation_criteria": {"actions": [{"name": "find", "arguments": {"note": "not said"}}]}}]"#;
    let told = read("tasks.json", tasks.as_bytes(), &plan).unwrap();
    assert_eq!(told.texts, ["You lost a paddle.", "You are Ada."]);
}

#[test]
fn fingerprint_holds_no_text() {
    let tools = vec![Named {
        name: "paddle_upstream".into(),
        description: "Paddles a kayak upstream until the next mooring is reached".into(),
        parameters: vec!["mooring_name".into()],
    }];
    let texts = vec!["Would you paddle me to the old mooring by the mill?".into()];
    let input = FingerprintInput { digest: Digest::of(b"x"), bytes: 1, tools: 1, texts: 1 };
    let made = fingerprint("river", &[(input, Found { tools, texts })]);
    let text = serde_json::to_string(&made).unwrap();
    for word in ["paddle", "kayak", "mooring", "mill", "upstream"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
    let back: schemas::Fingerprint = serde_json::from_str(&text).unwrap();
    assert_eq!((back, made.tools, made.texts), (made.clone(), 1, 1));
    assert!(made.sketch(6).is_none(), "there are no hashes of six words");
}
