//! The funnel: what went in at each stage, what came out, and what was turned away.

use std::collections::{BTreeMap, BTreeSet};

use operators::communities;
use schemas::{DomainId, Plan, Rule, Stage, ToolId};

use crate::corpus::Corpus;
use crate::run::Caught;

/// How many tools have each of some property.
pub fn tally(caught: &Caught, name: impl Fn(&schemas::Tool) -> String) -> BTreeMap<String, u64> {
    let mut tally = BTreeMap::new();
    for tool in caught.tools.values() {
        *tally.entry(name(tool)).or_default() += 1;
    }
    tally
}

/// What the tool graph measures.
pub fn measures(caught: &Caught, plan: &Plan) -> BTreeMap<String, f64> {
    let members: BTreeMap<DomainId, usize> =
        caught.domains.iter().map(|domain| (domain.id, domain.tools.len())).collect();
    let bounds = plan.graph.tools_min..=plan.graph.tools_max;
    let in_bounds = members.values().filter(|count| bounds.contains(count)).count();
    let in_bounds = u32::try_from(in_bounds).map_or(f64::MAX, f64::from);
    let modularity = communities::modularity(&caught.links, &caught.partition, 1.0);
    BTreeMap::from([("modularity".into(), modularity), ("domains_in_bounds".into(), in_bounds)])
}

/// The funnel: how many of each thing there are, how many each stage turned away, and what met
/// them on the way.
#[derive(Clone, Debug, Default)]
pub struct Funnel {
    /// How many of each thing there are.
    pub counts: BTreeMap<String, u64>,
    /// How many each stage turned away.
    pub rejected: BTreeMap<String, u64>,
    /// How many records each rule met, and how many documents.
    pub rules: BTreeMap<String, u64>,
}

impl Funnel {
    /// Counts what came out.
    pub fn of(caught: &Caught, corpus: &Corpus) -> Funnel {
        let mut rejected: BTreeMap<String, u64> = Stage::ALL
            .iter()
            .filter(|it| !it.needs_model())
            .map(|it| (it.name().into(), 0))
            .collect();
        let refuted = caught.verified.iter().filter_map(|it| it.verdict.stage);
        let of_domains = caught.of_domains.iter().map(|(_, it)| it.stage);
        let early = caught.rejections.iter().map(|it| it.stage);
        let withheld = caught.withheld.iter().map(|(_, it)| it.stage);
        for stage in early.chain(of_domains).chain(withheld).chain(refuted) {
            *rejected.entry(stage.name().into()).or_default() += 1;
        }
        let members: BTreeSet<ToolId> = caught
            .domains
            .iter()
            .flat_map(|domain| domain.tools.iter().map(|(tool, _)| *tool))
            .collect();
        let kept = caught.verified.iter().filter(|it| it.verdict.is_kept()).count();
        let counts = [
            ("documents", (corpus.files.len() + corpus.unreadable.len()) as u64),
            ("records", caught.records),
            ("tools", caught.tools.len() as u64),
            ("links", caught.links.len() as u64),
            ("domains", caught.domains.len() as u64),
            ("domain_tools", members.len() as u64),
            ("environments", caught.environments.len() as u64),
            ("tasks", caught.tasks.len() as u64),
            ("trajectories", caught.verified.len() as u64),
            ("kept", kept as u64),
        ];
        let counts = counts.into_iter().map(|(name, count)| (name.into(), count)).collect();
        let mut rules: BTreeMap<String, u64> = BTreeMap::new();
        // Folded records are among the rejections too, and count once.
        let folded = [Rule::Repeated, Rule::Superseded];
        let met = caught.provenance.iter().flat_map(|provenance| &provenance.rules);
        let met = met.filter(|rule| !folded.contains(rule));
        let turned_away = caught.rejections.iter().filter_map(|rejection| rejection.rule.as_ref());
        for rule in met.chain(turned_away) {
            *rules.entry(rule.name().into()).or_default() += 1;
        }
        Funnel { counts, rejected, rules }
    }

    /// Checks that every stage's input is its output and its rejections.
    ///
    /// # Errors
    ///
    /// Says which stage does not add up.
    pub fn check(&self) -> Result<(), String> {
        let stages = [
            ("records", vec!["tools"], vec!["refine"]),
            ("tools", vec!["domain_tools"], vec!["domain"]),
            ("trajectories", vec!["kept"], vec!["validity", "state", "exact_match"]),
        ];
        for (from, passed, turned_away) in stages {
            let out: u64 = passed.iter().map(|name| self.counts[*name]).sum::<u64>()
                + turned_away.iter().map(|name| self.rejected[*name]).sum::<u64>();
            if self.counts[from] != out {
                return Err(format!("{} {from} went in, {out} came out", self.counts[from]));
            }
        }
        Ok(())
    }
}
