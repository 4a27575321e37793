//! The meter: how long each verb of the dataflow was busy.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use timely::logging::{StartStop, TimelyEvent, TimelyEventBuilder};
use timely::worker::Worker;

/// Busy time by verb, the most of any worker.
pub type Busy = Arc<Mutex<BTreeMap<&'static str, Duration>>>;

/// Listens to one worker's schedule and adds up the time of the operators of each verb.
///
/// Time is measured here and nowhere in the operators, so that no clock can leak into a result.
pub struct Meter {
    /// Verbs by the identifier of their first operator.
    verbs: Rc<RefCell<BTreeMap<usize, &'static str>>>,
    spent: Rc<RefCell<BTreeMap<usize, Duration>>>,
}

impl Meter {
    /// Begins to listen. Must come before the dataflow is built.
    pub fn listen(worker: &Worker) -> Meter {
        let verbs = Rc::new(RefCell::new(BTreeMap::new()));
        let spent: Rc<RefCell<BTreeMap<usize, Duration>>> = Rc::default();
        let sums = Rc::clone(&spent);
        // Only operators directly in the dataflow count: a region's time holds its parts' time.
        let mut outermost = BTreeMap::new();
        let mut started = BTreeMap::new();
        if let Some(mut register) = worker.log_register() {
            register.insert::<TimelyEventBuilder, _>("timely", move |_time, events| {
                for (at, event) in events.iter().flatten() {
                    match event {
                        TimelyEvent::Operates(it) if it.addr.len() == 2 => {
                            outermost.insert(it.id, ());
                        }
                        TimelyEvent::Schedule(it) if outermost.contains_key(&it.id) => {
                            match it.start_stop {
                                StartStop::Start => drop(started.insert(it.id, *at)),
                                StartStop::Stop => {
                                    if let Some(start) = started.remove(&it.id) {
                                        *sums.borrow_mut().entry(it.id).or_default() +=
                                            at.saturating_sub(start);
                                    }
                                }
                            }
                        }
                        _ => {}
                    }
                }
            });
        }
        Meter { verbs, spent }
    }

    /// Says that operators from this identifier on belong to `verb`.
    pub fn begin(&self, verb: &'static str, identifier: usize) {
        self.verbs.borrow_mut().insert(identifier, verb);
    }

    /// Adds this worker's times to the totals.
    ///
    /// # Panics
    ///
    /// Panics if another worker panicked while adding its own.
    pub fn report(&self, worker: &Worker, busy: &Busy) {
        if let Some(mut register) = worker.log_register() {
            register.flush();
        }
        let verbs = self.verbs.borrow();
        let mut mine: BTreeMap<&'static str, Duration> = BTreeMap::new();
        for (identifier, spent) in self.spent.borrow().iter() {
            if let Some((_, verb)) = verbs.range(..=identifier).next_back() {
                *mine.entry(verb).or_default() += *spent;
            }
        }
        let mut busy = busy.lock().expect("no holder panics");
        for (verb, spent) in mine {
            let most = busy.entry(verb).or_default();
            *most = spent.max(*most);
        }
    }
}
