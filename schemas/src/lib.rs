//! The nouns: every record that crosses a stage boundary.
//!
//! Plain data with a total order and one spelling in JSON. This crate knows no dataflow, no disk
//! and no clock. In the order in which the product makes them:
//!
//! [`Document`] → [`Record`] → [`Tool`] → [`Link`] → [`Membership`] → [`Domain`] → [`Environment`]
//! → [`Task`] → [`Trajectory`] → [`Verdict`], and beside them [`Rejection`], [`Request`],
//! [`Answer`] and [`Proposal`].

pub use crate::attempt::{Attempt, Transcript};
pub use crate::benchmark::{
    Fingerprint, FingerprintInput, Hashes, Overlap, SEQUENCE_WORDS, Sketch,
};
pub use crate::draw::Draw;
pub use crate::environment::{
    Column, Effect, Environment, KeyStyle, Kind, Operation, Role, Row, Table,
};
pub use crate::graph::{Lineage, Link, Membership, Partition, Placement, Vector, Weights};
pub use crate::identity::{Digest, DomainId, MalformedId, TaskId, ToolId, TrajectoryId};
pub use crate::plan::{
    CorpusPlan, DatasetPlan, DecontaminatePlan, DescribePlan, Encoder, EnvironmentPlan, FilterPlan,
    GraphPlan, JsonEncoding, LinkRule, Method, Plan, Poverty, Profile, ProposePlan, RolloutPlan,
    TaskPlan, ToolFormat,
};
pub use crate::program::{
    Arithmetic, Comparison, Condition, Direction, Expression, Filter, LANGUAGE, Program, Reply,
    Span, Step,
};
pub use crate::proposal::{Proposal, ProposedColumn, ProposedProgram, ProposedTable};
pub use crate::record::{Document, Origin, Record};
pub use crate::reference::{Domain, EnvironmentRef, TaskRef, TrajectoryRef, Verified};
pub use crate::rejection::{Rejection, Stage};
pub use crate::request::{
    Answer, Finish, Prompt, PromptCall, PromptRole, Purpose, Request, RequestId, ResponseFormat,
    Sampling,
};
pub use crate::rule::Rule;
pub use crate::task::{
    ArgumentSource, Audit, Fact, FaultKind, GoldenCall, InjectedFault, Intent, LONG_HORIZON_MIN,
    Persona, Scenario, Task, TaskKind,
};
pub use crate::tool::{Basis, Field, Output, Provenance, Shape, Tool, object_schema};
pub use crate::trajectory::{Call, Message, Speaker, Trajectory, Verdict};
pub use crate::value::{Finite, Value};

mod identity;
mod draw;
mod value;
mod plan;
mod record;
mod rule;
mod rejection;
mod tool;
mod request;
mod graph;
mod environment;
mod program;
mod proposal;
mod task;
mod benchmark;
mod trajectory;
mod reference;
mod attempt;
